package openapi

import "errors"

// errDepth is the fault of content that is nested too deep.
var errDepth = errors.New("too many arrays and objects within one another")

// deeper reports whether JSON has more than most arrays and objects within one
// another. It reads no further than it must and believes nothing else of the text:
// who parses it does.
func deeper(text []byte, most int) bool {
	depth, quoted := 0, false
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case quoted && c == '\\':
			i++ // what it escapes ends no string
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '[' || c == '{':
			if depth++; depth > most {
				return true
			}
		case c == ']' || c == '}':
			depth--
		}
	}
	return false
}
