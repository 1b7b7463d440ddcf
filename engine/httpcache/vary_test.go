package httpcache

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestVariantsOfTheSameMeaning(t *testing.T) {
	for _, tc := range []struct {
		name, field string
		a, b        []string
		same        bool
	}{
		{"RFC 9110 §5.3: lines are joined", "Foo", []string{"1", "2"}, []string{"1, 2"}, true},
		{"RFC 9111 §4.1: an unknown field is left as it is", "Foo", []string{"1,2"}, []string{"1, 2"}, false},
		{"RFC 9111 §4.1: its order counts", "Foo", []string{"1, 2"}, []string{"2, 1"}, false},
		{"RFC 9111 §4.1: its case counts", "Foo", []string{"a"}, []string{"A"}, false},
		{"RFC 9111 §4.1: absent is not empty", "Foo", nil, []string{""}, false},
		{"RFC 9111 §4.1: absent is absent", "Foo", nil, []string{}, true},
		{"RFC 9111 §4.1: absent is not empty, of a list", "Accept-Language", nil, []string{","}, false},
		{"RFC 9111 §4.1: space", "Accept-Language", []string{"en ; q=0.5,de"}, []string{" en;q=0.5 ,\tde "}, true},
		{"RFC 9110 §5.6.1: empty members", "Accept-Language", []string{"en,,de,"}, []string{"en, de"}, true},
		{"RFC 4647 §2: languages ignore case", "Accept-Language", []string{"en-GB"}, []string{"EN-gb"}, true},
		{"RFC 9110 §12.5.4: their order may count", "Accept-Language", []string{"en, de"}, []string{"de, en"}, false},
		{"RFC 9110 §12.5.4: their weights count", "Accept-Language", []string{"en;q=0.5"}, []string{"en"}, false},
		{"RFC 9110 §12.5.3: codings ignore case and order", "Accept-Encoding", []string{"gzip, BR;q=1"}, []string{"br;q=1", "GZip"}, true},
		{"RFC 9110 §12.5.3: another coding", "Accept-Encoding", []string{"gzip, br"}, []string{"gzip, zstd"}, false},
		{"RFC 9110 §8.4.1: twice is once", "Accept-Encoding", []string{"gzip, gzip"}, []string{"gzip"}, true},
		{"RFC 9110 §12.5.1: space", "Accept", []string{"text/html; level=1,*/*"}, []string{"text/html;level=1, */*"}, true},
		{"RFC 9110 §8.3.1: a parameter's case may count", "Accept", []string{"a/b;v=X"}, []string{"a/b;v=x"}, false},
		{"RFC 9110 §5.6.4: strings are left as they are", "Accept", []string{`a/b;v=" ,"`}, []string{`a/b;v=","`}, false},
		{"inner space parts", "Accept-Language", []string{"en us"}, []string{"enus"}, false},
	} {
		of := func(values []string) string {
			return variantOf([]string{tc.field}, http.Header{tc.field: values})
		}
		if same := of(tc.a) == of(tc.b); same != tc.same {
			t.Errorf("%s: %q and %q are the same: %v, want %v", tc.name, tc.a, tc.b, same, tc.same)
		}
	}
}

func TestFieldsOfAVariantDoNotRunTogether(t *testing.T) { // RFC 9111 §4.1
	vary := []string{"A", "B"}
	if variantOf(vary, http.Header{"A": {"x"}}) == variantOf(vary, http.Header{"B": {"x"}}) {
		t.Error("one field's value is taken for another's")
	}
}

func TestANormalisedVariantIsServed(t *testing.T) { // RFC 9111 §4.1
	g := newRig(t, nil)
	g.origin.says(200, "cake", "Cache-Control: max-age=300", "Vary: Accept-Encoding")
	g.get("/a", "Accept-Encoding: gzip, br")
	g.expect(g.get("/a", "Accept-Encoding: br", "Accept-Encoding: GZIP"), 200, "cake", "edge-iad; hit; ttl=300")
}

// RFC 9111 §4.1: each response is selected by its own Vary, the newest by Date wins.
func TestResponsesUnderDifferentVarySideBySide(t *testing.T) {
	g := newRig(t, nil)
	say := func(body, date, vary string) {
		g.origin.says(200, body, "Cache-Control: max-age=300", "Date: Sun, 01 Jun 2025 12:00:"+date+" GMT", "Vary: "+vary)
	}
	g.pass(30 * time.Second)
	say("german", "00", "Accept-Language")
	g.get("/a", "Accept-Language: de")
	say("dark", "10", "Theme")
	g.get("/a", "Theme: dark")
	g.origin.says(500, "")
	for _, tc := range []struct {
		name, want string
		fields     []string
	}{
		{"selected by the first", "german", []string{"Accept-Language: de"}},
		{"selected by the second", "dark", []string{"Theme: dark"}},
		{"selected by both: the newest", "dark", []string{"Accept-Language: de", "Theme: dark"}},
	} {
		if r := g.get("/a", tc.fields...); r.Body.String() != tc.want {
			t.Errorf("%s: %q %s", tc.name, r.Body, r.status())
		}
	}
	if r := g.get("/a", "Accept-Language: fr", "Theme: light"); !strings.Contains(r.status(), "fwd=vary-miss") {
		t.Errorf("selected by none: %s", r.status())
	}
}

// A resource may forget Vary on its default response (RFC 9111 §4.1).
func TestAResponseWithoutVaryYields(t *testing.T) {
	g := newRig(t, nil)
	g.origin.set(func(r *http.Request) (*http.Response, error) {
		lang := r.Header.Get("Accept-Language")
		if lang == "" {
			return answer(200, "default", "Cache-Control: max-age=300"), nil
		}
		return answer(200, lang, "Cache-Control: max-age=300", "Vary: Accept-Language"), nil
	})
	get := func(want, status string, fields ...string) {
		t.Helper()
		g.pass(time.Second)
		if r := g.get("/a", fields...); r.Body.String() != want || !strings.Contains(r.status(), status) {
			t.Errorf("%v: %q %s", fields, r.Body, r.status())
		}
	}
	get("default", "fwd=uri-miss")
	get("default", "hit", "Accept-Language: de")
	g.Purge(Purge{Keys: []string{"shop.test/a"}})
	get("de", "fwd=uri-miss", "Accept-Language: de")
	get("default", "fwd=vary-miss")
	get("de", "hit", "Accept-Language: de")
	get("default", "hit")
	get("default", "hit", "Accept-Language: fr") // nothing newer varies
	get("default", "hit", "Accept-Language: it")
}

func TestAVaryThatCannotBeReadMatchesNothing(t *testing.T) { // RFC 9110 §12.5.5
	for _, field := range []string{"Accept Language", "a, b;c", "\"Accept\""} {
		if _, all := parseVary([]string{field}); !all {
			t.Errorf("%q is taken for names", field)
		}
	}
}

func FuzzVary(f *testing.F) {
	for _, s := range []string{"Accept, accept-encoding", "*", ", ,", "a b", "é"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		names, all := parseVary([]string{s})
		if all && names != nil {
			t.Errorf("%q: all and %q", s, names)
		}
		again, all := parseVary([]string{strings.Join(names, ",")})
		if all || !slices.Equal(again, names) {
			t.Errorf("%q is read as %q, and that as %q", s, names, again)
		}
	})
}

func FuzzVariant(f *testing.F) {
	for _, s := range []string{"gzip, br", "en ; q=0.5,,de", `a/b;v=","`, " ,", ""} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		for _, name := range []string{"Accept", "Accept-Encoding", "Accept-Language"} {
			once := variantOf([]string{name}, http.Header{name: {s}})
			if again := variantOf([]string{name}, http.Header{name: {once[1 : len(once)-1]}}); again != once {
				t.Errorf("%s: %q becomes %q, and that %q", name, s, once, again)
			}
		}
	})
}
