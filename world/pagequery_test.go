package world

import (
	"net/url"
	"strings"
	"testing"
)

func TestPageQuery(t *testing.T) {
	for _, c := range []struct{ path, raw, want string }{
		{"/", "utm=1", ""},
		{"/", "after=MC8x&utm=1", "after=MC8x"},
		{"/", "after=a.b", ""},
		{"/", "after=" + strings.Repeat("a", 128), "after=" + strings.Repeat("a", 128)},
		{"/", "after=" + strings.Repeat("a", 129), ""},
		{"/", "q=cake", ""},
		{"/hi-in/", "after=x", "after=x"},
		{"/c/cakes", "after=x&q=1", "after=x"},
		{"/hi-in/c/cakes", "after=x", "after=x"},
		{"/p/cake", "after=x", ""},
		{"/search", "after=x", ""}, // nothing is looked for
		{"/search", "utm=1&q=+plum%20%20cake&after=x", "after=x&q=plum+cake"},
		{"/hi-in/search", "q=%E0%A4%95%E0%A5%87%E0%A4%95", "q=%E0%A4%95%E0%A5%87%E0%A4%95"},
		{"/search", "q=%zz&q=cake", "q=cake"},
		{"/search", "q=" + strings.Repeat("a", 2047), ""},
		{"/search/more", "q=cake", ""},
		{"/cart", "q=cake", ""},
		{"/api/v1/products", "limit=5&utm=1&after=a.b&q=+plum++cake&category=cakes", "after=a.b&category=cakes&limit=5&q=plum+cake"},
		{"/hi-in/api/v1/products", "limit=&after=x&q=", "after=x"},
		{"/api/v1/products", "after=" + strings.Repeat("a", 500), "after=" + strings.Repeat("a", 129)},
		{"/api/v1/products", "q=" + strings.Repeat("%E3%81%84", 80), "q=" + strings.Repeat("%E3%81%84", 80)},
		{"/api/v1/products/brezel", "q=cake", ""},
		{"/api/v1/slots", "kind=pickup&from=2026-11-23&q=1", "from=2026-11-23&kind=pickup"},
		{"/api/v1/market", "utm=1", ""},
		{"/api", "q=cake", ""},
	} {
		if got := PageQuery(c.path, c.raw); got != c.want {
			t.Errorf("%s?%s: %q, want %q", c.path, c.raw, got, c.want)
		}
	}
}

func FuzzPageQuery(f *testing.F) {
	f.Add("/search", "q=plum+cake&after=x")
	f.Add("/hi-in/c/x", "after=%00")
	f.Add("/hi-in/api/v1/products", "limit=%ff&q=a%00b")
	f.Fuzz(func(t *testing.T, path, raw string) {
		got := PageQuery(path, raw)
		if PageQuery(path, got) != got {
			t.Errorf("%s?%s: %q is not settled", path, raw, got)
		}
		if _, err := url.ParseQuery(got); err != nil {
			t.Errorf("%q: %v", got, err)
		}
	})
}
