package httpcache

import (
	"net/http"
	"testing"
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
