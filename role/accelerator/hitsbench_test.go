package accelerator

import (
	"net/http"
	"testing"
)

// BenchmarkHit is what the short way does of a hit before it is sent.
func BenchmarkHit(b *testing.B) {
	browser := []string{
		"User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0", "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
		"Accept-Language: de-DE,de;q=0.9,en;q=0.5", "Accept-Encoding: gzip, deflate, br, zstd", "Sec-Fetch-Dest: document", "Sec-Fetch-Mode: navigate", "Sec-Fetch-Site: none", "Priority: u=0, i",
	}
	for _, c := range []struct{ name, vary, more string }{
		{"plain", "Accept-Encoding", ""},
		{"varies", "Accept-Encoding, Accept-Language", ""},
		{"by tag", "Accept-Encoding", `If-None-Match: "0123456789abcdef"`},
		{"by date", "Accept-Encoding", "If-Modified-Since: Sun, 22 Nov 2026 11:00:00 GMT"},
	} {
		b.Run(c.name, func(b *testing.B) {
			g := newRig(b, nil)
			g.origin.header = http.Header{"Cache-Control": {"max-age=60"}, "Vary": {c.vary}, "Etag": {`"0123456789abcdef"`}, "Last-Modified": {"Sun, 22 Nov 2026 11:00:00 GMT"}}
			g.ask("GET http://a.example/", browser...)
			fields := browser
			if c.more != "" {
				fields = append(fields[:len(fields):len(fields)], c.more)
			}
			r := asFront("GET", "/", fields...)
			b.ReportAllocs()
			for b.Loop() {
				if _, ok := g.Hit(r); !ok {
					b.Fatal("no hit")
				}
			}
		})
	}
}
