package i18n_test

import (
	"os"
	"testing"

	"meridian/platform/i18n"
	"meridian/world"
)

// Every locale that ships writes an address as its country's post does.
func TestShippedLocalesWriteAddresses(t *testing.T) {
	texts, err := i18n.Load(os.DirFS("../../data/locales"))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		tag  string
		of   world.Contact
		want string
	}{
		{"en-US", world.Contact{Name: "Ann Lee", Line1: "1 Main St", Line2: "Apt 2", City: "Fresno", State: "CA", PostalCode: "93650"}, "Ann Lee\n1 Main St\nApt 2\nFresno, CA 93650"},
		{"en-US", world.Contact{Name: "Ann Lee", City: "Fresno"}, "Ann Lee\nFresno"},
		{"en-GB", world.Contact{Name: "Priya Clarke", Line1: "221b Baker Street", City: "London", PostalCode: "NW1 6XE"}, "Priya Clarke\n221b Baker Street\nLondon\nNW1 6XE"},
		{"de-DE", world.Contact{Name: "Jürgen Weiß", Line1: "Weg 1", City: "Köln", PostalCode: "50667"}, "Jürgen Weiß\nWeg 1\n50667 Köln"},
		{"ja-JP", world.Contact{Name: "山田 花子", Line1: "丸の内1-9-1", City: "千代田区", State: "東京都", PostalCode: "100-0005"}, "〒100-0005\n東京都千代田区丸の内1-9-1\n山田 花子 様"},
		{"ja-JP", world.Contact{Name: "山田 花子", Line1: "丸の内1-9-1"}, "丸の内1-9-1\n山田 花子 様"},
		{"en-IN", world.Contact{Name: "Aarav Sharma", Line1: "14 Sea View", City: "Mumbai", State: "Maharashtra", PostalCode: "400020"}, "Aarav Sharma\n14 Sea View\nMumbai 400020\nMaharashtra"},
		{"hi-IN", world.Contact{Name: "{city}", City: "मुंबई"}, "{city}\nमुंबई"}, // what was typed is not a form
	} {
		if got := texts.Locale(c.tag).Address(c.of); got != c.want {
			t.Errorf("%s: %q, want %q", c.tag, got, c.want)
		}
	}
}
