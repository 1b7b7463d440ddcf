package httpcache

import (
	"net/http"
	"net/textproto"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// lines is a request's field lines, as a front has them.
type lines struct {
	of        []string // "Name: value"
	unsettled string
}

func (l *lines) Line(name string, at int) ([]byte, int) {
	for i, line := range l.of[at:] {
		n, value, _ := strings.Cut(line, ": ")
		if strings.EqualFold(n, name) {
			return []byte(value), at + i + 1
		}
	}
	return nil, 0
}

func (l *lines) Settled(name string) bool { return name != l.unsettled }

// header is what the standard server makes of the lines.
func (l *lines) header() http.Header {
	h := http.Header{}
	for _, line := range l.of {
		name, value, _ := strings.Cut(line, ": ")
		name = textproto.CanonicalMIMEHeaderKey(name)
		h[name] = append(h[name], value)
	}
	return h
}

var askedLines = rapid.Custom(func(t *rapid.T) string {
	switch name := rapid.SampledFrom([]string{"accept", "ACCEPT-LANGUAGE", "accept-encoding", "theme", "if-none-match", "if-modified-since"}).Draw(t, "name"); name {
	case "if-none-match":
		return name + ": " + rapid.StringOfN(rapid.SampledFrom([]rune(`"abW/*, `+"\t")), 0, 12, -1).Draw(t, "tags")
	case "if-modified-since":
		return name + ": " + rapid.SampledFrom([]string{
			"Sun, 01 Jun 2025 11:00:00 GMT", "Sun, 01 Jun 2025 10:59:59 GMT", "sunday, 01-jun-25 11:00:00 gmt", "Sun Jun  1 11:00:01 2025", "Sun, 01 Jun 2025 11:00:00 CET", "",
		}).Draw(t, "since")
	default:
		return name + ": " + rapid.StringOfN(rapid.SampledFrom([]rune(`abAB,;=q " é`+"\t")), 0, 12, -1).Draw(t, "value")
	}
})

// Both ways select the same responses, and see the same 304s.
func TestTheShortWaySelectsAsTheLongOne(t *testing.T) {
	names := []string{"Accept", "Accept-Encoding", "Accept-Language", "Theme"}
	rapid.Check(t, func(t *rapid.T) {
		some := func(what string) *lines {
			return &lines{of: rapid.SliceOfN(askedLines, 0, 5).Draw(t, what)}
		}
		vary := slices.Compact(slices.Sorted(slices.Values(rapid.SliceOfN(rapid.SampledFrom(names), 1, 3).Draw(t, "vary"))))
		first, next := some("first"), some("next")
		h := &head{
			status: rapid.SampledFrom([]int{200, 203, 404}).Draw(t, "status"), vary: vary, variant: variantOf(vary, first.header()),
			etag: rapid.SampledFrom([]string{"", `"a"`, `W/"b"`}).Draw(t, "etag"), lastModified: time.Date(2025, 6, 1, 11, 0, 0, 0, time.UTC),
		}
		for _, l := range []*lines{first, next} {
			want := variantOf(vary, l.header()) == h.variant
			if got, usual := h.selectedBy(l); !usual || got != want {
				t.Fatalf("selected by %q: %v, %v, want %v", l.of, got, usual, want)
			}
			r := &http.Request{Method: "GET", Header: l.header()}
			if got, usual := (Found{e: &entry{head: h}}).NotModified(l); !usual || got != notModified(r, h) {
				t.Fatalf("%q: not modified: %v, %v, want %v", l.of, got, usual, !got)
			}
		}
	})
}

func TestWhatTheShortWayLeavesToTheLongOne(t *testing.T) {
	long := strings.Repeat("x", maxAsked-variantMarks)
	h := func(vary ...string) *head { return &head{status: 200, vary: vary, etag: `"a"`} }
	for _, tc := range []struct {
		name  string
		vary  []string
		asked lines
		usual bool
	}{
		{"as long as there is room", []string{"Theme"}, lines{of: []string{"theme: " + long}}, true},
		{"longer", []string{"Theme"}, lines{of: []string{"theme: " + long + "x"}}, false},
		{"several lines that fill the room", []string{"Theme"}, lines{of: []string{"theme: " + long[4:], "theme: xx"}}, true},
		{"… and one more", []string{"Theme"}, lines{of: []string{"theme: " + long[4:], "theme: xxx"}}, false},
		{"too long together", []string{"Theme", "Time"}, lines{of: []string{"theme: " + long[1:], "time: x"}}, false},
		{"another name is no matter", []string{"Theme"}, lines{of: []string{"time: " + long + long}}, true},
		{"one cookie", []string{"Cookie"}, lines{of: []string{"cookie: a"}}, true},
		{"cookies are joined otherwise", []string{"Cookie"}, lines{of: []string{"cookie: a", "cookie: b"}}, false},
		{"what belongs to a connection", []string{"Proxy-Authorization"}, lines{of: []string{"proxy-authorization: a"}}, false},
		{"what changes on the long way", []string{"Theme"}, lines{unsettled: "Theme"}, false},
	} {
		if _, usual := h(tc.vary...).selectedBy(&tc.asked); usual != tc.usual {
			t.Errorf("%s: usual: %v", tc.name, usual)
		}
	}
	for _, tc := range []struct {
		name  string
		asked lines
		usual bool
	}{
		{"as long as there is room", lines{of: []string{"if-none-match: " + long + "xx"}}, true},
		{"longer", lines{of: []string{"if-none-match: " + long + "xxx"}}, false},
		{"tags that change", lines{unsettled: "If-None-Match"}, false},
		{"a date that changes", lines{unsettled: "If-Modified-Since"}, false},
	} {
		if _, usual := (Found{e: &entry{head: h()}}).NotModified(&tc.asked); usual != tc.usual {
			t.Errorf("%s: usual: %v", tc.name, usual)
		}
	}
}

func TestFindSelectsTheVariant(t *testing.T) { // RFC 9111 §4.1
	g := newRig(t, nil)
	for _, l := range []string{"de", "fr"} {
		g.origin.says(200, l, "Cache-Control: max-age=300", "Vary: Accept-Language")
		g.get("/a", "Accept-Language: "+l)
	}
	key := []byte("shop.test/a")
	for _, tc := range []struct {
		name, want string // "": it is not found
		asked      lines
	}{
		{"the one", "de", lines{of: []string{"accept-language: DE ,"}}},
		{"the other", "fr", lines{of: []string{"accept-language: ", "accept-language: fr"}}},
		{"neither", "", lines{of: []string{"accept-language: it"}}},
		{"none", "", lines{}},
		{"who knows", "", lines{of: []string{"accept-language: de"}, unsettled: "Accept-Language"}},
	} {
		f, ok := g.find(key, &tc.asked)
		if ok != (tc.want != "") || ok && string(f.Body()) != tc.want {
			t.Errorf("%s: %v, %q is not found", tc.name, ok, tc.want)
		}
	}
	if _, ok := g.Find(key, nil); ok {
		t.Error("found for who says nothing of the request")
	}
	// One without Vary yields to those with it: see the long way's test.
	g.pass(time.Second)
	g.origin.says(200, "default", "Cache-Control: max-age=300")
	g.get("/a", "Accept-Language: it")
	for lang, want := range map[string]string{"it": "default", "de": "de"} {
		if f, ok := g.find(key, &lines{of: []string{"accept-language: " + lang}}); !ok || string(f.Body()) != want {
			t.Errorf("%s: %v, want %q", lang, ok, want)
		}
	}
	if _, ok := g.Find(key, &lines{unsettled: "Accept-Language"}); ok {
		t.Error("the default was found though another may be meant")
	}
	g.pass(299 * time.Second)
	if _, ok := g.Find(key, &lines{of: []string{"accept-language: de"}}); ok {
		t.Error("found though it is stale")
	}
}

func TestFindGivesTheFieldsOfThe304(t *testing.T) { // RFC 9110 §15.4.5
	g := newRig(t, nil)
	g.origin.says(200, "body", "Cache-Control: max-age=300", `ETag: "a"`, "Last-Modified: Sun, 01 Jun 2025 11:00:00 GMT", "X-Of: origin")
	g.get("/a")
	g.pass(9 * time.Second)
	want := g.get("/a", `If-None-Match: "a"`)
	f, _ := g.find([]byte("shop.test/a"), nil)
	got := f.FieldsNotModified()
	if want.Code != 304 || len(got) != len(want.Header()) {
		t.Fatalf("%v, want %d %v", got, want.Code, want.Header())
	}
	for name, values := range want.Header() {
		if !slices.Equal(got[name], values) {
			t.Errorf("%s: %q, want %q", name, got[name], values)
		}
	}
}

// Both ways read what a client sends in the same way, and none fails.
func FuzzAsked(f *testing.F) {
	f.Add("Accept-Encoding", "gzip ; q=1,,BR", "", `"a"`, `W/"b", *`, "Sun, 01 Jun 2025 11:00:00 GMT")
	f.Add("Accept", `a/b;v=" ,"`, "x", "*", "", "Sunday, 01-Jun-25 11:00:00 gmt")
	f.Add("Theme", "é\x80", ",", `W/"`, `""`, "")
	f.Fuzz(func(t *testing.T, name, one, two, tags, more, since string) {
		if !isToken(name) || strings.EqualFold(name, "Cookie") {
			return
		}
		l := &lines{of: []string{name + ": " + one, name + ": " + two, "If-None-Match: " + tags, "If-None-Match: " + more, "If-Modified-Since: " + since}}
		vary, _ := parseVary([]string{name})
		h := &head{status: 200, vary: vary, variant: variantOf(vary, l.header()), etag: `W/"a"`, lastModified: time.Date(2025, 6, 1, 11, 0, 0, 0, time.UTC)}
		if selected, usual := h.selectedBy(l); selected != usual {
			t.Errorf("%q does not select what it fetched", l.of)
		}
		for _, l := range []*lines{l, {of: l.of[4:]}} {
			r := &http.Request{Method: "GET", Header: l.header()}
			if got, usual := (Found{e: &entry{head: h}}).NotModified(l); usual && got != notModified(r, h) {
				t.Errorf("%q: not modified: %v, want %v", l.of, got, !got)
			}
		}
	})
}
