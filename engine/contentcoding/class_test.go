package contentcoding

import (
	"slices"
	"strings"
	"testing"
)

// RFC 9110 §12.5.3.
func TestClass(t *testing.T) {
	cases := []struct {
		lines string // parted by "|"; "-" is no field
		want  Class
	}{
		{"-", Identity}, {"", Identity}, {"identity", Identity},
		{"gzip, deflate", Gzip}, {"gzip, deflate, br, zstd", Brotli}, {"gzip, zstd", Zstd},
		{"GZIP", Gzip}, {"x-gzip", Gzip}, {"Br", Brotli}, {"deflate, compress", Identity},
		{"gzip;q=1.0, br;q=0.5", Gzip}, {"gzip;q=0.5,br;q=0.500", Brotli}, {"br;q=0.001", Brotli},
		{"br;q=0, gzip", Gzip}, {"br;q=0.000", Identity}, {"gzip;q=0", Identity},
		{"*", Brotli}, {"*;q=0", Identity}, {"*;q=0, gzip", Gzip}, {"br;q=0, *", Zstd}, {"gzip;q=0.9, *;q=0.1", Gzip},
		{"identity;q=0, gzip;q=0.1", Gzip}, {"identity;q=0", Identity}, {"identity;q=0.5, gzip;q=0.4", Identity},
		{"identity, gzip", Gzip}, {"identity;q=1, br;q=0.9", Identity}, {"identity;q=0.5, *;q=0.1", Identity},
		{" gzip ;\tq=0.5 , ,, br ; q=0.4", Gzip}, {"gzip|br", Brotli}, {"br|br;q=0", Identity},
		{"br;q=2, gzip", Gzip}, {"br;q=1.001", Identity}, {"br;q=0.1234", Identity}, {"br;q", Identity}, {"br;q=", Identity},
		{"br;Q=1", Brotli}, {"br;level=5", Identity}, {"br;q=1.", Brotli}, {"br;q=-1", Identity}, {"brx, xbr, gzi", Identity},
		{strings.Repeat(" ", MaxAcceptEncoding-2) + "br", Brotli}, {strings.Repeat(" ", MaxAcceptEncoding-1) + "br", Identity},
	}
	for _, c := range cases {
		lines := strings.Split(c.lines, "|")
		if c.lines == "-" {
			lines = nil
		}
		if got := Of(lines); got != c.want {
			t.Errorf("%q: %s, want %s", c.lines, got, c.want)
		}
	}
}

func TestClassesHaveTheirRegisteredNames(t *testing.T) {
	for _, c := range Classes() {
		if Of([]string{c.String()}) != c {
			t.Errorf("a tier that is told %q reads %s", c, Of([]string{c.String()}))
		}
	}
}

func TestOnlyWhatCompressesHasAClass(t *testing.T) {
	for path, want := range map[string]Class{
		"/": Brotli, "/p/brezel": Brotli, "/assets/ab/site.css": Brotli, "/a.png/": Brotli, "/v1.2/p": Brotli, "": Brotli,
		"/a.PNG": Identity, "/a.woff2": Identity, "/a.svg": Brotli, "/.png": Identity, "/a.apngg": Brotli, "png": Brotli, "/a.b.zip": Identity,
	} {
		if got := ForPath(path, Brotli); got != want {
			t.Errorf("%s: %s", path, got)
		}
		if got := ForPath([]byte(path), Identity); got != Identity {
			t.Errorf("%s: %s", path, got)
		}
	}
}

func TestOneResourceIsFoundUnderEachClass(t *testing.T) {
	want := []string{"page de /p", "page de /p\x00gzip", "page de /p\x00zstd", "page de /p\x00br"}
	for _, key := range want {
		if got := AllKeys(key); !slices.Equal(got, want) {
			t.Errorf("%q: %q", key, got)
		}
	}
}

// The hit path asks for each request.
func TestClassAllocatesNothing(t *testing.T) {
	path, accept := []byte("/p/brezel"), []byte("gzip, deflate, br;q=0.9, zstd")
	var got Class
	n := testing.AllocsPerRun(100, func() {
		var p Preference
		Add(&p, accept)
		got = ForPath(path, p.Class())
	})
	if n != 0 || got != Zstd {
		t.Errorf("%v allocations, %s", n, got)
	}
}

// Both readers agree, and no input gets a class that it has forbidden.
func FuzzAcceptEncoding(f *testing.F) {
	for _, s := range []string{"gzip, deflate, br, zstd", "br;q=0.5,*;q=0", "identity;q=0", ";,;q=1", "gzip;q=1.0000", "\x00,br"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		var p, q Preference
		Add(&p, s)
		Add(&q, []byte(s))
		if p != q {
			t.Fatalf("%+v and %+v", p, q)
		}
		c := p.Class()
		if c >= classes {
			t.Fatal(c)
		}
		if c == Identity {
			return
		}
		if lower := strings.ToLower(s); !strings.Contains(lower, c.String()) && !strings.Contains(s, "*") {
			t.Fatalf("%q: %s, which was not named", s, c)
		}
		Add(&p, c.String()+";q=0")
		if len(s) < MaxAcceptEncoding && p.Class() == c {
			t.Fatalf("%q: %s although it is forbidden", s, c)
		}
	})
}
