package world

import (
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// Whatever is asked for, its parts name it all and each fits into an event.
func TestPartsNameEverythingWithinTheLimits(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		name := func(most int) *rapid.Generator[string] {
			return rapid.StringMatching(`[!-~]{1,12}`).Filter(func(s string) bool { return len(s) <= most })
		}
		p := Purge{ID: "x", Soft: rapid.Bool().Draw(t, "soft")}
		p.Groups = rapid.SliceOfN(name(MaxGroup), 0, 3*MaxPurgeNames/2).Draw(t, "groups")
		p.URLs = rapid.SliceOfN(name(MaxPurgeURL), 0, 50).Draw(t, "urls")
		if rapid.Bool().Draw(t, "long") {
			for range 40 {
				p.URLs = append(p.URLs, strings.Repeat("u", MaxPurgeURL))
			}
		}
		var groups, urls []string
		for _, q := range p.Parts() {
			bytes := 0
			for _, n := range slices.Concat(q.Groups, q.URLs) {
				bytes += len(n)
			}
			if n := len(q.Groups) + len(q.URLs); n > MaxPurgeNames || n == 0 || bytes > MaxPurgeBytes {
				t.Fatalf("a part of %d names, %d bytes", n, bytes)
			}
			if q.ID != p.ID || q.Soft != p.Soft || q.All {
				t.Fatalf("a part is %+v", q)
			}
			groups, urls = append(groups, q.Groups...), append(urls, q.URLs...)
		}
		if !slices.Equal(groups, p.Groups) || !slices.Equal(urls, p.URLs) {
			t.Fatal("the parts do not name what was asked for")
		}
	})
}

func TestWhatCannotBeNamedIsPurgedWithEverything(t *testing.T) {
	for name, p := range map[string]Purge{
		"group too long": {Groups: []string{"a", strings.Repeat("g", MaxGroup+1)}}, "odd group": {Groups: []string{"a b"}},
		"empty group": {Groups: []string{""}}, "URL too long": {URLs: []string{strings.Repeat("u", MaxPurgeURL+1)}}, "odd URL": {URLs: []string{"h/\n"}},
		"all": {All: true, Groups: []string{"a"}},
	} {
		p.ID, p.Soft = "id", true
		if got := p.Parts(); len(got) != 1 || !got[0].All || got[0].Groups != nil || got[0].ID != "id" || !got[0].Soft {
			t.Errorf("%s: %+v", name, got)
		}
	}
	if got := (Purge{ID: "x"}).Parts(); got != nil {
		t.Errorf("nothing became %+v", got)
	}
}

func TestParsePurgeURL(t *testing.T) {
	for in, want := range map[string]string{
		"https://de.example/p/brot":             "https://de.example/p/brot",
		"de.example:8080/p/brot?utm=1#top":      "http://de.example:8080/p/brot",
		"de.example/search?utm=1&q=plum%20cake": "http://de.example/search?q=plum+cake",
		"de.example":                            "http://de.example/",
		"de.example/p%2Fbrot":                   "http://de.example/p%2Fbrot",
		"http://[::1]:80/img/x":                 "http://[::1]:80/img/x",
		"/p/brot":                               "",
		"ftp://de.example/x":                    "",
		"https://user:pw@de.example/":           "",
		"https:///x":                            "",
		"":                                      "",
		"de.example/a b":                        "",
		"de.example/%zz":                        "",
		"h/" + strings.Repeat("x", MaxPurgeURL): "",
	} {
		u, err := ParsePurgeURL(in)
		if want == "" {
			if !Is(err, CodeInvalid) {
				t.Errorf("%.40q: %v, %v", in, u, err)
			}
			continue
		}
		if err != nil || u.String() != want {
			t.Errorf("%.40q: %v, %v; want %s", in, u, err, want)
		}
	}
}

func FuzzParsePurgeURL(f *testing.F) {
	for _, s := range []string{"https://de.example/p/brot?x", "de.example", "http://[::1]:1/%2F", "//x", "a://b@c/d"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		u, err := ParsePurgeURL(s)
		if err != nil {
			return
		}
		again, err := ParsePurgeURL(u.String())
		if u.Host == "" || u.Path == "" || u.RawQuery != "" || err == nil && again.String() != u.String() {
			t.Fatalf("%q became %q, then %v, %v", s, u, again, err)
		}
	})
}
