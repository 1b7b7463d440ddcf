package httpcache

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// servesRanges makes the origin answer as a file server does, with ranges and
// If-Range; fields are added to each answer.
func (o *origin) servesRanges(content string, fields ...string) {
	o.set(func(r *http.Request) (*http.Response, error) {
		w := httptest.NewRecorder()
		for name, values := range header(fields...) {
			w.Header()[name] = values
		}
		in := r.Clone(r.Context())
		http.ServeContent(w, in, "x.txt", time.Time{}, strings.NewReader(content))
		res := w.Result()
		res.ContentLength = int64(w.Body.Len())
		return res, nil
	})
}

// ranges are what upstream was asked for, in order.
func (o *origin) ranges() []string {
	o.mu.Lock()
	defer o.mu.Unlock()
	var out []string
	for _, r := range o.asked {
		out = append(out, strings.TrimSpace(r.Header.Get("Range")+" "+r.Header.Get("If-Range")))
	}
	return out
}

func partRig(t *testing.T, block int64) *rig {
	g := newRig(t, func(c *Config) { c.Ranges, c.BlockBytes, c.MaxObjectBytes = RangesAsked, block, 1000 })
	g.origin.servesRanges("0123456789", "Cache-Control: max-age=60", `ETag: "v1"`)
	return g
}

func (g *rig) expectRange(field string, status int, body, verdict string) {
	g.t.Helper()
	r := g.get("/a", "Range: "+field)
	if r.Code != status || r.Body.String() != body || !strings.Contains(r.status(), verdict) {
		g.t.Errorf("%s: %d %q %s; want %d %q %s", field, r.Code, r.Body, r.status(), status, body, verdict)
	}
}

func TestPartsAreStoredAndServed(t *testing.T) { // RFC 9111 §3.3, §3.4
	g := partRig(t, -1)
	g.expectRange("bytes=4-6", 206, "456", "fwd=uri-miss; fwd-status=206; stored; ttl=60")
	g.expectRange("bytes=4-6", 206, "456", "hit; ttl=60")
	g.expectRange("bytes=5-5", 206, "5", "hit")
	g.expectRange("bytes=99-", 416, "", "hit") // the length of the whole is known
	if r := g.get("/a", "Range: bytes=5-6"); r.Header().Get("Content-Range") != "bytes 5-6/10" || r.Header().Get("Content-Length") != "2" {
		t.Errorf("a part of a part: %v", r.Header())
	}
	g.expectRange("bytes=2-5", 206, "2345", "fwd=partial; fwd-status=206; stored")
	g.expectRange("bytes=2-6", 206, "23456", "hit") // RFC 9110 §15.3.7.3: parts combined
	g.expectRange("bytes=-2", 206, "89", "fwd=partial")
	g.expectRange("bytes=2-3,8-9", 206, "23456789", "fwd=partial") // so close that they are one
	if want := []string{"bytes=4-6", `bytes=2-3 "v1"`, `bytes=8-9 "v1"`}; !slices.Equal(g.origin.ranges()[:3], want) {
		t.Errorf("asked upstream for %q, want %q", g.origin.ranges(), want)
	}
}

func TestAWholeIsMadeOfParts(t *testing.T) { // RFC 9111 §3.4
	g := partRig(t, -1)
	g.expectRange("bytes=0-4", 206, "01234", "fwd=uri-miss")
	r := g.get("/a")
	g.expect(r, 200, "0123456789", "edge-iad; fwd=partial; fwd-status=206; stored; ttl=60")
	if r.Header().Get("Content-Length") != "10" || r.Header().Get("Content-Range") != "" {
		t.Errorf("a completed response: %v", r.Header())
	}
	g.expect(g.get("/a"), 200, "0123456789", "edge-iad; hit; ttl=60")
	if want := []string{"bytes=0-4", `bytes=5- "v1"`}; !slices.Equal(g.origin.ranges(), want) {
		t.Errorf("asked upstream for %q, want %q", g.origin.ranges(), want)
	}
	if s := g.Stats(); s.Objects != 1 {
		t.Errorf("%d stored, want the whole alone", s.Objects)
	}
}

func TestPartsThatMakeUpTheWholeAreOne(t *testing.T) { // RFC 9111 §3.4
	g := partRig(t, -1)
	for _, f := range []string{"bytes=3-5", "bytes=0-2", "bytes=6-9"} {
		g.get("/a", "Range: "+f)
	}
	g.expect(g.get("/a"), 200, "0123456789", "edge-iad; hit; ttl=60")
}

func TestWhatLacksInTheMiddle(t *testing.T) { // RFC 9110 §15.3.7.3
	g := partRig(t, -1)
	g.get("/a", "Range: bytes=0-2")
	g.get("/a", "Range: bytes=7-9")
	g.expect(g.get("/a"), 200, "0123456789", "edge-iad; fwd=partial; fwd-status=206; stored; ttl=60")
	if got := g.origin.ranges()[2]; got != `bytes=3-6 "v1"` {
		t.Errorf("asked for %q", got)
	}
}

func TestAnotherVersionIsNotMixedIn(t *testing.T) { // RFC 9110 §15.3.7.3, §13.1.5
	for _, tc := range []struct{ name, tag string }{
		{"another strong validator", `"v2"`}, {"a weak one", `W/"v1"`}, {"none", ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			fields := []string{"Cache-Control: max-age=60"}
			if tc.tag != "" {
				fields = append(fields, "ETag: "+tc.tag)
			}
			g := partRig(t, -1)
			g.get("/a", "Range: bytes=0-4")
			g.origin.servesRanges("abcdefghij", fields...)
			if r := g.get("/a"); r.Code != 200 || r.Body.String() != "abcdefghij" {
				t.Errorf("the whole: %d %q %s", r.Code, r.Body, r.status())
			}
			g = partRig(t, -1)
			g.get("/a", "Range: bytes=0-4")
			// A careless server that ignores If-Range.
			g.origin.set(func(r *http.Request) (*http.Response, error) {
				if r.Header.Get("Range") == "" {
					return answer(200, "abcdefghij", fields...), nil
				}
				return answer(206, "fghij", append(slices.Clone(fields), "Content-Range: bytes 5-9/10")...), nil
			})
			if r := g.get("/a"); r.Body.String() != "abcdefghij" {
				t.Errorf("a careless server: %q %s", r.Body, r.status())
			}
			g.Purge(Purge{All: true})
			g.origin.servesRanges("0123456789", "Cache-Control: max-age=60", `ETag: "v1"`)
			g.get("/a", "Range: bytes=0-4")
			g.origin.set(func(*http.Request) (*http.Response, error) {
				return answer(206, "fghij", append(slices.Clone(fields), "Content-Range: bytes 5-9/10")...), nil
			})
			g.expectRange("bytes=5-6", 206, "fg", "fwd=partial")
			if r := g.get("/a", "Range: bytes=4-5"); r.Body.String() == "4f" {
				t.Error("two versions in one answer")
			}
		})
	}
}

func TestAPartWithoutAStrongValidatorStandsAlone(t *testing.T) { // RFC 9111 §3.4
	g := partRig(t, -1)
	g.origin.servesRanges("0123456789", "Cache-Control: max-age=60")
	g.expectRange("bytes=0-4", 206, "01234", "fwd=uri-miss")
	g.expectRange("bytes=1-2", 206, "12", "hit")
	g.expectRange("bytes=3-6", 206, "3456", "fwd=uri-miss")
	g.expectRange("bytes=1-2", 206, "12", "fwd=uri-miss") // gave way
	g.expect(g.get("/a"), 200, "0123456789", "edge-iad; fwd=uri-miss; fwd-status=200; stored; ttl=60")
}

func TestBlocks(t *testing.T) {
	g := partRig(t, 4)
	g.expectRange("bytes=5-5", 206, "5", "fwd=uri-miss")
	g.expectRange("bytes=4-7", 206, "4567", "hit")
	g.expectRange("bytes=1-8", 206, "12345678", "fwd=partial")
	g.expect(g.get("/a"), 200, "0123456789", "edge-iad; hit; ttl=60")
	if want := []string{"bytes=4-7", `bytes=0-9 "v1"`}; !slices.Equal(g.origin.ranges(), want) {
		t.Errorf("asked upstream for %q, want %q", g.origin.ranges(), want)
	}
}

func TestALargeResponseIsReadInBlocks(t *testing.T) {
	whole := strings.Repeat("0123456789", 10)
	g := newRig(t, func(c *Config) { c.MaxObjectBytes, c.MaxBytes, c.BlockBytes = 50, 100000, 10 })
	g.origin.servesRanges(whole, "Cache-Control: max-age=60", `ETag: "v1"`)
	g.expectRange("bytes=12-14", 200, whole, "detail=too-large") // nobody knew
	g.expectRange("bytes=12-14", 206, "234", "fwd-status=206; stored")
	g.pass(time.Minute / 2)
	g.expectRange("bytes=10-19", 206, "0123456789", "hit; ttl=30")
	g.expectRange("bytes=18-21", 206, "8901", "fwd=partial")
	g.expectRange("bytes=12-22", 206, "23456789012", "hit; ttl=60") // RFC 9111 §3.4: the fields of the newest
	if r := g.get("/a"); r.Body.String() != whole {
		t.Errorf("the whole: %d %s", r.Body.Len(), r.status())
	}
	if got := g.origin.ranges(); got[1] != "bytes=10-19" || got[2] != `bytes=20-29 "v1"` {
		t.Errorf("asked upstream for %q", got)
	}
}

func TestStalePartsAreAskedForAgain(t *testing.T) { // RFC 9111 §4.3, RFC 9110 §13.1.5
	g := partRig(t, -1)
	g.get("/a", "Range: bytes=0-4")
	g.pass(61 * time.Second)
	g.expectRange("bytes=1-2", 206, "12", "fwd=partial; fwd-status=206; stored; ttl=60")
	g.expectRange("bytes=0-4", 206, "01234", "hit; ttl=60") // freshened with the newest
}

func TestIfRangeOfAClient(t *testing.T) { // RFC 9110 §13.1.5
	g := partRig(t, -1)
	g.expectRange("bytes=0-4", 206, "01234", "fwd=uri-miss")
	if r := g.get("/a", "Range: bytes=0-4", `If-Range: "v1"`); r.Code != 206 || !strings.Contains(r.status(), "hit") {
		t.Errorf("the same: %d %s", r.Code, r.status())
	}
	if r := g.get("/a", "Range: bytes=0-4", `If-Range: "v0"`); r.Code != 200 || r.Body.String() != "0123456789" {
		t.Errorf("another: %d %q %s", r.Code, r.Body, r.status())
	}
	g = partRig(t, -1)
	if r := g.get("/a", "Range: bytes=0-4", `If-Range: "v0"`); r.Code != 200 || r.Body.String() != "0123456789" {
		t.Errorf("another, on a miss: %d %q %s", r.Code, r.Body, r.status())
	}
}

func TestAPartThatMayNotBeStored(t *testing.T) { // RFC 9111 §3
	g := partRig(t, 4)
	g.origin.servesRanges("0123456789", "Cache-Control: private, max-age=60", `ETag: "v1"`)
	g.expectRange("bytes=5-6", 206, "56", "fwd=uri-miss; fwd-status=206; detail=private") // cut from its block
	if s := g.Stats(); s.Objects != 0 {
		t.Errorf("%d stored", s.Objects)
	}
}

func TestOddPartialAnswers(t *testing.T) { // RFC 9110 §14.4, §15.3.7, §15.5.17
	ok := []string{"Cache-Control: max-age=60", `ETag: "v1"`}
	for _, tc := range []struct {
		name, body, contentRange, want string
		status                         int
	}{
		{"no Content-Range", "01", "", "0123456789", 200},
		{"a length unknown", "01", "bytes 0-1/*", "0123456789", 200},
		{"another length than declared", "01", "bytes 0-2/10", "0123456789", 200},
		{"beyond the end", "01", "bytes 9-10/10", "0123456789", 200},
		{"backwards", "01", "bytes 1-0/10", "0123456789", 200},
		{"another unit", "01", "lines 0-1/10", "0123456789", 200},
		{"another piece than was asked", "56", "bytes 5-6/10", "01", 206},
		{"more than was asked", "0123", "bytes 0-3/10", "01", 206},
	} {
		t.Run(tc.name, func(t *testing.T) {
			g := partRig(t, -1)
			g.origin.set(func(r *http.Request) (*http.Response, error) {
				if r.Header.Get("Range") == "" {
					return answer(200, "0123456789", ok...), nil
				}
				return answer(206, tc.body, append(slices.Clone(ok), "Content-Range: "+tc.contentRange)...), nil
			})
			if r := g.get("/a", "Range: bytes=0-1"); r.Code != 206 || r.Body.String() != "01" {
				t.Errorf("%d %q %s", r.Code, r.Body, r.status())
			}
		})
	}
	g := partRig(t, -1)
	g.expectRange("bytes=50-", 416, "invalid range: failed to overlap\n", "fwd-status=416; detail=status")
	g.expect(g.get("/a"), 200, "0123456789", "edge-iad; fwd=uri-miss; fwd-status=200; stored; ttl=60") // 416 says nothing of the whole
}

func TestAnIncompleteResponseIsCompletedLater(t *testing.T) { // RFC 9111 §3.3
	for _, tc := range []struct{ tag, asked string }{{`"v1"`, `bytes=5- "v1"`}, {`W/"v1"`, ""}} {
		g := newRig(t, func(c *Config) { c.MaxTakeOvers = -1 })
		g.origin.set(func(*http.Request) (*http.Response, error) {
			body := io.MultiReader(strings.NewReader("01234"), errReader{})
			return streamed(io.NopCloser(body), 10, "Cache-Control: max-age=60", "ETag: "+tc.tag), nil
		})
		if r := g.get("/a"); !r.aborted {
			t.Errorf("%s: a torn response was not aborted", tc.tag)
		}
		g.origin.servesRanges("0123456789", "Cache-Control: max-age=60", "ETag: "+tc.tag)
		if r := g.get("/a"); r.Body.String() != "0123456789" {
			t.Errorf("%s: %q %s", tc.tag, r.Body, r.status())
		}
		if got := g.origin.ranges()[1]; got != tc.asked {
			t.Errorf("%s: asked for %q, want %q", tc.tag, got, tc.asked)
		}
	}
}

type errReader struct{}

func (errReader) Read([]byte) (int, error) { return 0, errors.New("cut") }

func TestPartsArePurged(t *testing.T) {
	for _, p := range []Purge{{All: true}, {Keys: []string{"shop.test/a"}}, {Groups: []string{"g"}}, {Groups: []string{"g"}, Soft: true}} {
		g := partRig(t, -1)
		g.origin.servesRanges("0123456789", "Cache-Control: max-age=60", `ETag: "v1"`, "Surrogate-Key: g")
		g.get("/a", "Range: bytes=0-1")
		g.get("/a", "Range: bytes=4-5")
		if n := g.Purge(p); n != 1 {
			t.Errorf("%+v named %d", p, n)
		}
		if s := g.Stats(); s.Objects != 0 || s.Groups != 0 {
			t.Errorf("%+v left %+v", p, s)
		}
		g.expectRange("bytes=0-1", 206, "01", "fwd=uri-miss")
	}
}

func TestPartsOfOtherGroupsAreNotCombined(t *testing.T) {
	g := partRig(t, -1)
	g.origin.servesRanges("0123456789", "Cache-Control: max-age=60", `ETag: "v1"`, "Surrogate-Key: g")
	g.get("/a", "Range: bytes=0-1")
	g.origin.servesRanges("0123456789", "Cache-Control: max-age=60", `ETag: "v1"`, "Surrogate-Key: h")
	g.get("/a", "Range: bytes=4-5")
	if n := g.Purge(Purge{Groups: []string{"g"}}); n != 0 {
		t.Errorf("%d parts are still of the old group", n)
	}
	if n := g.Purge(Purge{Groups: []string{"h"}}); n != 1 {
		t.Errorf("%d parts are of the new group", n)
	}
}

// Any requests against one content, while it changes and parts are let go of:
// every answer is of one version.
func TestPartsProperty(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		g := newRig(t, func(c *Config) {
			c.Ranges, c.BlockBytes = RangesAsked, rapid.SampledFrom([]int64{-1, 3, 8}).Draw(rt, "block")
			c.MaxBytes, c.MaxObjectBytes = 6000, 30
		})
		version := byte('a')
		says := func() {
			body := bytes.Repeat([]byte{version}, 26)
			for i := range body {
				body[i] = version + byte(i)
			}
			g.origin.servesRanges(string(body), "Cache-Control: max-age=60", `ETag: "`+string(version)+`"`)
		}
		says()
		for range rapid.IntRange(1, 30).Draw(rt, "steps") {
			switch rapid.IntRange(0, 9).Draw(rt, "do") {
			case 0:
				version = 'A' + 'a' - version
				says()
			case 1:
				g.pass(time.Duration(rapid.IntRange(1, 61).Draw(rt, "wait")) * time.Second)
			case 2:
				g.Purge(Purge{All: true})
			case 3:
				g.get("/" + rapid.StringMatching("[b-e]").Draw(rt, "other"))
			case 4:
				if r := g.get("/a"); !alphabet(r.Body.String(), 0, 26) {
					rt.Fatalf("the whole: %q %s", r.Body, r.status())
				}
			default:
				from := rapid.IntRange(0, 25).Draw(rt, "from")
				to := rapid.IntRange(from, 25).Draw(rt, "to")
				r := g.get("/a", "Range: "+rangeField(int64(from), int64(to)))
				if r.Code != 206 || !alphabet(r.Body.String(), from, to+1) {
					rt.Fatalf("%d-%d: %d %q %s", from, to, r.Code, r.Body, r.status())
				}
			}
		}
	})
}

// alphabet reports whether s is letters from to to, of one case.
func alphabet(s string, from, to int) bool {
	const letters = "abcdefghijklmnopqrstuvwxyz"
	return s == letters[from:to] || s == strings.ToUpper(letters[from:to])
}

func FuzzRangePlan(f *testing.F) {
	for _, s := range []string{"bytes=0-0", "bytes=-5", "bytes=5-", "bytes=9-1", "bytes=99999999999999999999-", "bytes=0-99999999999999999999"} {
		f.Add(s, int64(4))
	}
	f.Fuzz(func(t *testing.T, s string, block int64) {
		spec, ok := oneRange(&http.Request{Method: "GET", Header: http.Header{"Range": {s}}})
		if !ok {
			return
		}
		const length = 1 << 40
		wanted, kind := parseRange(s, length)
		first, last, ok := spec.aligned(block)
		if !ok || kind != partOfContent {
			return
		}
		if got, kind := parseRange(rangeField(first, last), length); kind != partOfContent || !got.holds(wanted) {
			t.Errorf("%q in blocks of %d asks for %q", s, block, rangeField(first, last))
		}
	})
}
