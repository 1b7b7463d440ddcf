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
	for _, f := range []string{"authorization", "cache-control", "pragma", "if-match", "if-none-match", "if-modified-since",
		"if-unmodified-since", "if-range", "range", "expect", "upgrade", "content-length", "transfer-encoding"} {
		if ask("GET", "/", "a", "accept", f) {
			t.Errorf("with %s a request is for hits", f)
		}
	}
}
