package i18n

import (
	"regexp"
	"strings"

	"meridian/world"
)

// AddressKey is the text that says how a locale writes a postal address: lines
// of {name}, {line1}, {line2}, {city}, {state} and {postal_code}.
const AddressKey = "address.format"

var addressPart = regexp.MustCompile(`\{[a-z0-9_]+\}`)

// Address writes an address as the post of the locale's country has it, a line
// each. A line none of whose parts is given is left out, and so are the
// commas and blanks around a part that is not.
func (l Locale) Address(c world.Contact) string {
	parts := map[string]string{"{name}": c.Name, "{line1}": c.Line1, "{line2}": c.Line2,
		"{city}": c.City, "{state}": c.State, "{postal_code}": c.PostalCode}
	var lines []string
	for line := range strings.SplitSeq(l.Text(AddressKey), "\n") {
		given := false
		line = addressPart.ReplaceAllStringFunc(line, func(part string) string {
			given = given || parts[part] != ""
			return parts[part]
		})
		if given {
			lines = append(lines, strings.Trim(line, " ,"))
		}
	}
	return strings.Join(lines, "\n")
}
