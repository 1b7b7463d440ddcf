package yaml

import (
	"errors"
	"strings"
	"testing"

	"meridian"
	"meridian/world"
)

func TestShippedWorldIsGood(t *testing.T) {
	w, err := World("world.yaml", strings.NewReader(string(meridian.WorldFile)))
	if err != nil {
		t.Fatal(err)
	}
	if len(w.Markets) != 5 || len(w.Regions) != 3 || len(w.PoPs) != 6 {
		t.Errorf("%d markets, %d regions, %d PoPs", len(w.Markets), len(w.Regions), len(w.PoPs))
	}
}

// TestBadWorlds changes one thing in the shipped file and wants to be told its
// line, its field and the fix.
func TestBadWorlds(t *testing.T) {
	cases := []struct{ name, from, to, field, what, fix string }{
		{"unknown field", "main_region: us-east", "main_region: us-east\nmotto: cake", "motto", "no such field", "remove it"},
		{"unknown region", "home_region: eu-central", "home_region: eu-west", "markets[1].home_region", `"eu-west" is not one of the regions`, "us-east, eu-central, ap-southeast"},
		{"wrong type", "number: 1}", "number: one}", "one", "a str stands where a number belongs", "write a number"},
		{"number twice", "number: 2}", "number: 1}", "regions[1].number", "1 is there twice", "its own number"},
		{"bad currency", "currency: EUR", "currency: Euro", "markets[2].currency", "not well formed", "such as EUR"},
		{"bad rtt", "[virginia, london], ms: 80", "[virginia, london], ms: -80", "rtt[1].ms", "not a round-trip time", "between 0 and"},
		{"missing rtt", "  - {between: [singapore, tokyo], ms: 74}\n", "", "pops[5].site", "no round-trip time from tokyo to singapore", "add {between"},
		{"pattern", "example: '10115'", "example: 'D-10115'", "markets[2].postal.example", "does not fit", "write an example that does"},
		{"time zone", "Europe/Berlin", "Europe/Bonn", "markets[2].time_zone", "not a time zone", "IANA"},
		{"two documents", "main_region: us-east", "main_region: us-east\n---\nname: other", "file", "more than one document", "remove"},
		{"field twice", "main_region: us-east", "main_region: us-east\nmain_region: us-east", "main_region", "twice", "keep one"},
		{"long id", "id: iad,", "id: " + strings.Repeat("i", world.MaxPlaceID+1) + ",", "pops[0].id", "is too long", "at most 24"},
		{"long locale", "locales: [de-DE]", "locales: [de-Latn-DE-xx]", "markets[2].locales[0]", "is too long", "at most 12"},
		{"nowhere delivered to", "    delivery: [{name: Deutschland, tax: DE}]\n", "", "markets[2].delivery", "is empty", "{name: Deutschland, tax: DE}"},
		{"an area abroad", "{name: Deutschland, tax: DE}", "{name: Wien, tax: AT}", "markets[2].delivery[0].tax", `"AT" is not in DE`, "within the market's country"},
		{"a tax place", "tax: US-TX-AUSTIN,", "tax: Austin,", "markets[0].delivery[4].tax", "not well formed", "US-NY-NYC"},
		{"an area's pattern", "'787(0", "'787((0", "markets[0].delivery[4].postal[0]", "not a regular expression", "RE2"},
		{"an area that hides others", "tax: US-CA-LA, postal: ['900(1[2-7]|2[1678]|3[68]|57|71).*']", "tax: US-CA-LA", "markets[0].delivery[1].postal", "no area after it", "put it last"},
		{"an area twice", "name: Karnataka", "name: Maharashtra", "markets[4].delivery[1].name", "twice", "its own name"},
		{"the example elsewhere", "example: '10001'", "example: '94103'", "markets[0].delivery[0].postal", `"94103"`, "of the example first"},
		{"host twice", "host: gb.localhost", "host: us.localhost", "markets[1].host", "twice", "own host"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			text := strings.Replace(string(meridian.WorldFile), c.from, c.to, 1)
			if text == string(meridian.WorldFile) {
				t.Fatalf("%q is not in the shipped file", c.from)
			}
			_, err := World("w.yaml", strings.NewReader(text))
			var fe *FileError
			if !errors.As(err, &fe) || !world.Is(err, world.CodeInvalid) {
				t.Fatalf("got %v", err)
			}
			for _, p := range fe.Problems {
				if p.Path == c.field && strings.Contains(p.What, c.what) && strings.Contains(p.Fix, c.fix) && p.Line > 0 {
					return
				}
			}
			t.Errorf("no problem of %s saying %q and %q in:\n%v", c.field, c.what, c.fix, fe)
		})
	}
}

func TestLineIsTheFieldsOwn(t *testing.T) {
	text := strings.Replace(string(meridian.WorldFile), "currency: JPY", "currency: yen", 1)
	want := 1 + strings.Count(text[:strings.Index(text, "currency: yen")], "\n")
	_, err := World("w.yaml", strings.NewReader(text))
	var fe *FileError
	if !errors.As(err, &fe) || len(fe.Problems) != 1 || fe.Problems[0].Line != want {
		t.Errorf("want line %d: %v", want, err)
	}
}

func TestFileSizeLimit(t *testing.T) {
	pad := func(n int) string {
		s := "name: x\n#"
		return s + strings.Repeat("x", n-len(s))
	}
	var into struct {
		Name string `yaml:"name"`
	}
	if err := Decode("f", strings.NewReader(pad(MaxFileBytes)), &into); err != nil {
		t.Errorf("a file of the limit: %v", err)
	}
	if err := Decode("f", strings.NewReader(pad(MaxFileBytes+1)), &into); err == nil {
		t.Error("a larger file was taken")
	}
}

func FuzzWorld(f *testing.F) {
	f.Add(string(meridian.WorldFile))
	f.Add("")
	f.Add("name: [")
	f.Add("regions: 3\nmarkets: {a: b}")
	f.Add("a: &a [*a]")
	f.Fuzz(func(t *testing.T, text string) {
		w, err := World("f", strings.NewReader(text))
		if (w == nil) == (err == nil) {
			t.Fatal("neither a world nor an error")
		}
		if err != nil && !world.Is(err, world.CodeInvalid) {
			t.Fatalf("not ours: %v", err)
		}
		if w != nil && len(w.Validate()) != 0 {
			t.Fatal("a world with problems was let through")
		}
	})
}
