package httpcache

import (
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
)

func TestSeveralRanges(t *testing.T) {
	for _, tc := range []struct {
		name, field string
		want        []span
		kind        rangeVerdict
	}{
		{"RFC 9110 §14.2: two", "bytes=0-9,500-509", []span{{0, 10}, {500, 510}}, severalParts},
		{"RFC 9110 §15.3.7.2: in ascending order", "bytes=-10, 0-9", []span{{0, 10}, {990, 1000}}, severalParts},
		{"RFC 9110 §15.3.7.2: overlapping", "bytes=0-99,50-149,500-", []span{{0, 150}, {500, 1000}}, severalParts},
		{"RFC 9110 §15.3.7.2: one within another", "bytes=0-99,50-60", []span{{0, 100}}, partOfContent},
		{"RFC 9110 §15.3.7.2: a gap of 79", "bytes=0-9,89-99", []span{{0, 100}}, partOfContent},
		{"RFC 9110 §15.3.7.2: a gap of 80", "bytes=0-9,90-99", []span{{0, 10}, {90, 100}}, severalParts},
		{"RFC 9110 §15.3.7: one that can be satisfied", "bytes=0-9,5000-", []span{{0, 10}}, partOfContent},
		{"RFC 9110 §15.5.17: none that can", "bytes=5000-,6000-", nil, noSuchPart},
		{"RFC 9110 §14.2: one malformed", "bytes=0-9,x", nil, wholeContent},
		{"RFC 9110 §14.2: one backwards", "bytes=0-9,9-0", nil, wholeContent},
		{"RFC 9110 §14.2: another unit", "items=0-9,500-509", nil, wholeContent},
		{"RFC 9110 §5.6.1: empty members", "bytes=,0-9,", []span{{0, 10}}, partOfContent},
		{"nothing but empty members", "bytes=,", nil, wholeContent},
		{"RFC 9110 §17.15: at the limit", "bytes=0-9,200-209,400-409,600-609", []span{{0, 10}, {200, 210}, {400, 410}, {600, 610}}, severalParts},
		{"RFC 9110 §17.15: over it", "bytes=0-9,200-209,400-409,600-609,800-", nil, wholeContent},
	} {
		if got, kind := parseRanges(tc.field, 1000, 4); !slices.Equal(got, tc.want) || kind != tc.kind {
			t.Errorf("%s: %v %v, want %v %v", tc.name, got, kind, tc.want, tc.kind)
		}
	}
}

// parts reads a multipart/byteranges body: its Content-Ranges with their content.
func parts(t *testing.T, r result) (out []string) {
	t.Helper()
	kind, parameters, err := mime.ParseMediaType(r.Header().Get("Content-Type"))
	if err != nil || kind != "multipart/byteranges" || r.Header().Get("Content-Range") != "" {
		t.Fatalf("fields: %v", r.Header())
	}
	if got := strconv.Itoa(r.Body.Len()); got != r.Header().Get("Content-Length") {
		t.Errorf("%s bytes, said to be %s", got, r.Header().Get("Content-Length"))
	}
	in := multipart.NewReader(r.Body, parameters["boundary"])
	for {
		p, err := in.NextPart()
		if err == io.EOF {
			return out
		}
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(p)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, p.Header.Get("Content-Type")+" "+p.Header.Get("Content-Range")+" "+string(b))
	}
}

func TestSeveralRangesAreServedInParts(t *testing.T) { // RFC 9110 §14.6, §15.3.7.2
	body := strings.Repeat("0123456789", 100)
	want := []string{"text/plain bytes 0-2/1000 012", "text/plain bytes 994-999/1000 456789"}
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t, nil)
		in, feed := io.Pipe()
		g.origin.set(func(*http.Request) (*http.Response, error) {
			return streamed(in, int64(len(body)), "Cache-Control: max-age=300", "Content-Type: text/plain", `ETag: "v1"`), nil
		})
		wait := g.crowd(2, "/a", "Range: bytes=0-2,-6")
		_, _ = io.WriteString(feed, body[:500]) // the second part is still to come
		synctest.Wait()
		_, _ = io.WriteString(feed, body[500:])
		feed.Close()
		answers := append(wait(), g.get("/a", "Range: bytes=-6,0-2", `If-Range: "v1"`))
		for i, r := range answers {
			if got := parts(t, r); r.Code != 206 || !slices.Equal(got, want) {
				t.Errorf("%d: %d %q", i, r.Code, got)
			}
		}
		if g.origin.reads() != 1 {
			t.Errorf("%d upstream reads, want 1", g.origin.reads())
		}
		r := g.get("/a", "Range: bytes=0-2,-6", `If-Range: "v0"`) // RFC 9110 §13.1.5
		g.expect(r, 200, body, "edge-iad; hit; ttl=300")
		if r := g.get("/a", "Range: bytes=2000-,3000-"); r.Code != 416 {
			t.Errorf("RFC 9110 §15.5.17: %d", r.Code)
		}
	})
}
