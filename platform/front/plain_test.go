package front

import "testing"

func TestOnlyPlainRequestsAreForHits(t *testing.T) {
	ask := func(method, target, host string, fields ...string) bool {
		r := Request{Method: method, Target: []byte(target), Host: []byte(host)}
		for _, f := range fields {
			r.Fields = append(r.Fields, Field{Name: []byte(f), Value: []byte("x")})
		}
		return r.plain()
	}
	for _, ok := range []bool{
		ask("GET", "/", "a"), ask("HEAD", "/a?b", "a"), ask("GET", "/", "a", "accept", "cookie", "user-agent", "accept-encoding"),
	} {
		if !ok {
			t.Error("a plain request is not for hits")
		}
	}
	for _, ok := range []bool{ask("POST", "/", "a"), ask("get", "/", "a"), ask("GET", "*", "a"), ask("GET", "http://a/", "a"), ask("GET", "", "a"), ask("GET", "/", "")} {
		if ok {
			t.Error("an unusual request is for hits")
		}
	}
	for _, f := range []string{"authorization", "cache-control", "pragma", "if-match",
		"if-unmodified-since", "if-range", "range", "expect", "upgrade", "content-length", "transfer-encoding"} {
		if ask("GET", "/", "a", "accept", f) {
			t.Errorf("with %s a request is for hits", f)
		}
	}
	r := Request{Method: "GET", Target: []byte("/"), Host: []byte("a"), Fields: []Field{{Name: []byte("accept")}, {}}}
	for name, conditional := range map[string]bool{"if-none-match": true, "if-modified-since": true, "if-matches": false} {
		r.Fields[1].Name = []byte(name)
		if !r.plain() || r.Conditional != conditional {
			t.Errorf("%s: conditional: %v", name, r.Conditional)
		}
	}
}

func TestLinesOfARequest(t *testing.T) {
	r := Request{Fields: []Field{{[]byte("a-b"), []byte("1")}, {[]byte("c"), []byte("2")}, {[]byte("a-b"), []byte("3")}}}
	var got string
	for v, next := r.Line("A-B", 0); next > 0; v, next = r.Line("A-B", next) {
		got += string(v)
	}
	if got != "13" {
		t.Errorf("lines %q, want 13", got)
	}
	for _, name := range []string{"", "a", "A_B", "A-Bc"} {
		if _, next := r.Line(name, 0); next != 0 {
			t.Errorf("%q has a line", name)
		}
	}
}
