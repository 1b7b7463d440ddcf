package arch

import (
	"bytes"
	"fmt"
	"io/fs"
	"regexp"
	"unicode/utf8"
)

// word is a text that no file of the project may hold.
type word struct {
	what    string
	pattern *regexp.Regexp
}

// foreignWords keeps the project speaking of itself alone: not of the machine
// it was once built on, not of the shop that its libraries came from, not of
// who typed it. Each pattern is written so that this file does not match.
var foreignWords = []word{
	{"a path of one machine", regexp.MustCompile(`(^|[^\w.])/(work/(main|shared|tmp)|root/go)\b`)},
	{"a package registry's host", regexp.MustCompile(`\b((proxy|sum)[.]golang[.]org|registry[.]npmjs[.]org|pypi[.]org)\b`)},
	{"a writing tool", regexp.MustCompile(`(?i)\b(clau[d]e|anthro[p]ic|chat[g]pt|co[p]ilot)\b`)},
}

// maxText is the longest file that is searched; longer ones are data.
const maxText = 4 << 20

// checkWords searches every text file.
func checkWords(t *Tree) []Finding {
	var out []Finding
	for _, p := range t.Paths {
		info, err := fs.Stat(t.FS, p)
		if err != nil || info.Size() > maxText {
			continue // gone while the tree was read, or data
		}
		text, err := fs.ReadFile(t.FS, p)
		if err != nil || !utf8.Valid(text) || bytes.IndexByte(text, 0) >= 0 {
			continue // not text
		}
		for _, w := range foreignWords {
			if at := w.pattern.FindIndex(text); at != nil {
				line := 1 + bytes.Count(text[:at[1]-1], []byte("\n"))
				out = append(out, Finding{fmt.Sprintf("%s:%d", p, line),
					fmt.Sprintf("names %s (%q)", w.what, bytes.TrimSpace(text[at[0]:at[1]])),
					"the project speaks of itself alone", "say it without"})
			}
		}
	}
	return out
}
