package hotlink_test

import (
	"strings"
	"testing"

	"pgregory.net/rapid"

	"meridian/engine/hotlink"
	"meridian/world"
)

func set(t testing.TB, p ...hotlink.Policy) hotlink.Set {
	t.Helper()
	s, err := hotlink.New(p)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

var cakes = hotlink.Policy{App: "cakes", Hosts: []string{"example.org", "*.friends.example"}}

func TestWhoMayShowPictures(t *testing.T) {
	strict := cakes
	strict.Unnamed = "refuse"
	open, closed := set(t, cakes), set(t, strict)
	for name, c := range map[string]struct {
		asked              hotlink.Asked
		open, whereRefused bool
	}{
		"says nothing":            {hotlink.Asked{}, true, false},
		"own page, old browser":   {hotlink.Asked{Referer: "http://de.localhost:8080/p/torte"}, true, true},
		"own page, other case":    {hotlink.Asked{Referer: "http://DE.localhost./"}, true, true},
		"own page":                {hotlink.Asked{FetchSite: "same-origin"}, true, true},
		"by hand":                 {hotlink.Asked{FetchSite: "none"}, true, true},
		"other page":              {hotlink.Asked{FetchSite: "cross-site", Referer: "https://leech.example/x"}, false, false},
		"other page, old browser": {hotlink.Asked{Referer: "https://leech.example/x"}, false, false},
		"other page, by Origin":   {hotlink.Asked{FetchSite: "cross-site", Origin: "https://leech.example"}, false, false},
		"Origin before Referer":   {hotlink.Asked{Origin: "https://leech.example", Referer: "https://example.org/"}, false, false},
		"hidden page":             {hotlink.Asked{FetchSite: "cross-site"}, true, false},
		"hidden origin":           {hotlink.Asked{FetchSite: "cross-site", Origin: "null", Referer: "https://example.org/"}, true, true},
		"in the list":             {hotlink.Asked{FetchSite: "cross-site", Referer: "https://example.org/a?b"}, true, true},
		"in the list, with port":  {hotlink.Asked{FetchSite: "cross-site", Origin: "http://example.org:81"}, true, true},
		"below one in the list":   {hotlink.Asked{Referer: "https://www.example.org/"}, false, false},
		"below a star":            {hotlink.Asked{Referer: "https://a.b.friends.example/"}, true, true},
		"the star itself":         {hotlink.Asked{Referer: "https://friends.example/"}, false, false},
		"looks like the star":     {hotlink.Asked{Referer: "https://notfriends.example/"}, false, false},
		"looks like the own host": {hotlink.Asked{Referer: "https://de.localhost.leech.example/"}, false, false},
		"user named like a host":  {hotlink.Asked{Referer: "https://example.org@leech.example/"}, false, false},
		"same site, other host":   {hotlink.Asked{FetchSite: "same-site", Referer: "https://gb.localhost/"}, false, false},
		"no address":              {hotlink.Asked{Referer: "leech.example"}, true, false},
		"other scheme":            {hotlink.Asked{Referer: "android-app://com.example"}, true, false},
		"long":                    {hotlink.Asked{Referer: "https://leech.example/" + strings.Repeat("x", hotlink.MaxField)}, true, false},
	} {
		c.asked.Host = "de.localhost:8080"
		if got := open.Allows("cakes", c.asked); got != c.open {
			t.Errorf("%s: %v", name, got)
		}
		if got := closed.Allows("cakes", c.asked); got != c.whereRefused {
			t.Errorf("%s, unnamed refused: %v", name, got)
		}
		if !open.Allows("other", c.asked) || !hotlink.Set(nil).Allows("cakes", c.asked) {
			t.Errorf("%s: an app without a policy is ruled", name)
		}
	}
}

func TestPoliciesAreChecked(t *testing.T) {
	many := make([]string, hotlink.MaxHosts)
	for i := range many {
		many[i] = "example.org"
	}
	set(t, hotlink.Policy{App: "a", Hosts: many, Unnamed: "allow"}, hotlink.Policy{App: "b", Hosts: []string{strings.Repeat("a", 253)}})
	for name, p := range map[string][]hotlink.Policy{
		"no app": {{}}, "twice": {{App: "a"}, {App: "a"}}, "too many": {{App: "a", Hosts: append(many, "example.org")}},
		"odd": {{App: "a", Unnamed: "maybe"}}, "port": {{App: "a", Hosts: []string{"a:80"}}}, "upper": {{App: "a", Hosts: []string{"A"}}},
		"star": {{App: "a", Hosts: []string{"*"}}}, "star inside": {{App: "a", Hosts: []string{"a.*.b"}}}, "empty": {{App: "a", Hosts: []string{""}}},
		"dot": {{App: "a", Hosts: []string{"a."}}}, "long": {{App: "a", Hosts: []string{strings.Repeat("a", 254)}}},
	} {
		if _, err := hotlink.New(p); !world.Is(err, world.CodeInvalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A page that is named is let in only if it is the own host, in the list or
// below a star: whatever its address looks like.
func TestANamedPageIsOneOfThose(t *testing.T) {
	s := set(t, cakes)
	label := rapid.StringMatching(`[a-z0-9]{1,6}(-[a-z0-9]{1,3})?`)
	host := rapid.Custom(func(t *rapid.T) string {
		return strings.Join(rapid.SliceOfN(rapid.OneOf(label, rapid.SampledFrom([]string{"example", "org", "friends", "localhost", "de"})), 1, 4).Draw(t, "labels"), ".")
	})
	rapid.Check(t, func(t *rapid.T) {
		h := host.Draw(t, "host")
		want := h == "de.localhost" || h == "example.org" || strings.HasSuffix(h, ".friends.example")
		if got := s.Allows("cakes", hotlink.Asked{Host: "de.localhost", Referer: "https://" + h + "/example.org"}); got != want {
			t.Fatalf("%s: %v", h, got)
		}
	})
}

func FuzzAllows(f *testing.F) {
	s := set(f, hotlink.Policy{App: "cakes", Hosts: []string{"example.org"}, Unnamed: "refuse"})
	for _, a := range []string{"", "null", "https://example.org", "https://[::1]:80/", "https://a%2fexample.org", "//example.org", "https://example.org:x/", "http://@example.org", "https:example.org"} {
		f.Add(a, a)
	}
	f.Fuzz(func(t *testing.T, origin, referer string) {
		got := s.Allows("cakes", hotlink.Asked{Host: "shop.example", Origin: origin, Referer: referer})
		if got && !strings.Contains(strings.ToLower(origin+" "+referer), "example") {
			t.Fatalf("let in: %q %q", origin, referer)
		}
	})
}
