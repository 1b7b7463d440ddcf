package web

import (
	"html/template"
	"strings"
)

// Emphasised is a list of ingredients with what stands between asterisks set off
// from the rest (Regulation (EU) No 1169/2011, article 21).
func Emphasised(text string) template.HTML {
	var b strings.Builder
	for i, part := range strings.Split(text, "*") {
		if i%2 == 1 {
			b.WriteString("<strong>" + template.HTMLEscapeString(part) + "</strong>")
		} else {
			b.WriteString(template.HTMLEscapeString(part))
		}
	}
	return template.HTML(b.String())
}
