package httpcache

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"
)

var errReset = errors.New("connection reset")

// dying is content that comes in pieces and ends in an error, or in silence.
type dying struct {
	rest   []byte
	piece  func() int
	end    error // io.EOF, another, or errSilent
	closed chan struct{}
	asker  context.Context
	once   sync.Once
}

// errSilent stands for a read that brings nothing until it is closed.
var errSilent = errors.New("silent")

func newDying(b []byte, piece func() int, end error) *dying {
	return &dying{rest: b, piece: piece, end: end, closed: make(chan struct{}), asker: context.Background()}
}

func (d *dying) Read(p []byte) (int, error) {
	if len(d.rest) > 0 {
		n := copy(p, d.rest[:min(len(d.rest), d.piece())])
		d.rest = d.rest[n:]
		return n, nil
	}
	if d.end == errSilent {
		select {
		case <-d.closed:
		case <-d.asker.Done():
		case <-time.After(time.Hour): // what passes by once has no limit of ours
		}
		return 0, errReset
	}
	time.Sleep(time.Second) // readers have what there is by now
	return 0, d.end
}

func (d *dying) Close() error {
	d.once.Do(func() { close(d.closed) })
	return nil
}

// dies makes a 200 that declares the whole and breaks off.
func dies(whole string, at int, end error, fields ...string) *http.Response {
	return streamed(newDying([]byte(whole[:at]), func() int { return 3 }, end), int64(len(whole)), fields...)
}

// part answers a request for the rest as an origin does that knows ranges.
func part(r *http.Request, whole, etag string) *http.Response {
	var from int
	if r.Header.Get("If-Range") != etag {
		return answer(200, whole, "Etag: "+etag, "Cache-Control: max-age=300")
	}
	fmt.Sscanf(r.Header.Get("Range"), "bytes=%d-", &from)
	return answer(206, whole[from:], "Etag: "+etag, fmt.Sprintf("Content-Range: bytes %d-%d/%d", from, len(whole)-1, len(whole)))
}

const whole = "0123456789abcdefghijklmnopqrstuvwxyz"

func TestADeadReadIsTakenOver(t *testing.T) { // RFC 9110 §13.1.5, §15.3.7
	const fresh = "Cache-Control: max-age=300"
	for _, tc := range []struct {
		name  string
		first func() *http.Response
		then  func(*http.Request) *http.Response
		dead  bool // the readers' responses are aborted
		reads int
	}{
		{"a part of the same", func() *http.Response { return dies(whole, 10, errReset, fresh, `Etag: "a"`) },
			func(r *http.Request) *http.Response { return part(r, whole, `"a"`) }, false, 2},
		{"a silent one", func() *http.Response { return dies(whole, 10, errSilent, fresh, `Etag: "a"`) },
			func(r *http.Request) *http.Response { return part(r, whole, `"a"`) }, false, 2},
		{"the whole of the same", func() *http.Response { return dies(whole, 10, errReset, fresh, `Etag: "a"`) },
			func(*http.Request) *http.Response { return answer(200, whole, `Etag: "a"`, fresh) }, false, 2},
		{"an old date is a validator", func() *http.Response {
			return dies(whole, 10, errReset, fresh, "Last-Modified: Sat, 31 May 2025 12:00:00 GMT")
		}, func(r *http.Request) *http.Response {
			if r.Header.Get("Range") != "bytes=10-" || r.Header.Get("If-Range") != "Sat, 31 May 2025 12:00:00 GMT" {
				t.Errorf("asked for %v", r.Header)
			}
			return answer(206, whole[10:], "Last-Modified: Sat, 31 May 2025 12:00:00 GMT", "Content-Range: bytes 10-35/36")
		}, false, 2},
		{"other content", func() *http.Response { return dies(whole, 10, errReset, fresh, `Etag: "a"`) },
			func(r *http.Request) *http.Response { return part(r, strings.ToUpper(whole), `"b"`) }, true, 2},
		{"the same tag on other bytes", func() *http.Response { return dies(whole, 13, errReset, fresh, `Etag: "a"`) },
			func(r *http.Request) *http.Response {
				return answer(200, strings.ToUpper(whole), `Etag: "a"`, fresh)
			}, true, 2},
		{"a part of another length", func() *http.Response { return dies(whole, 10, errReset, fresh, `Etag: "a"`) },
			func(*http.Request) *http.Response {
				return answer(206, whole[10:], `Etag: "a"`, "Content-Range: bytes 10-35/99")
			}, true, 2},
		{"a part from elsewhere", func() *http.Response { return dies(whole, 10, errReset, fresh, `Etag: "a"`) },
			func(*http.Request) *http.Response {
				return answer(206, whole[9:], `Etag: "a"`, "Content-Range: bytes 9-35/36")
			}, true, 2},
		{"a part without a validator", func() *http.Response { return dies(whole, 10, errReset, fresh, `Etag: "a"`) },
			func(*http.Request) *http.Response {
				return answer(206, whole[10:], "Content-Range: bytes 10-35/36")
			}, true, 2},
		{"a weak validator", func() *http.Response { return dies(whole, 10, errReset, fresh, `Etag: W/"a"`) }, nil, true, 1},
		{"a second of difference is weak", func() *http.Response {
			return dies(whole, 10, errReset, fresh, "Date: Sun, 01 Jun 2025 12:00:00 GMT", "Last-Modified: Sun, 01 Jun 2025 12:00:00 GMT")
		}, nil, true, 1},
		{"no validator, bytes given", func() *http.Response { return dies(whole, 10, errReset, fresh) }, nil, true, 1},
		{"no validator, nothing given", func() *http.Response { return dies(whole, 0, errReset, fresh) },
			func(*http.Request) *http.Response { return answer(200, whole, fresh) }, false, 2},
		{"no validator, silence, nothing given", func() *http.Response { return dies(whole, 0, errSilent, fresh) },
			func(*http.Request) *http.Response { return answer(200, whole, fresh) }, false, 2},
		{"no validator, described otherwise", func() *http.Response { return dies(whole, 0, errReset, fresh) },
			func(*http.Request) *http.Response { return answer(200, whole, fresh, "Content-Language: de") }, true, 2},
		{"never whole", func() *http.Response { return dies(whole, 10, errReset, fresh, `Etag: "a"`) },
			func(*http.Request) *http.Response { return dies(whole, 10, errReset, fresh, `Etag: "a"`) }, true, 3},
		{"an upstream that is away", func() *http.Response { return dies(whole, 10, errReset, fresh, `Etag: "a"`) },
			func(*http.Request) *http.Response { return answer(503, "away") }, true, 3},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g := newRig(t, nil)
				asked := 0
				g.origin.set(func(r *http.Request) (*http.Response, error) {
					if asked++; asked == 1 {
						time.Sleep(time.Second)
						return tc.first(), nil
					}
					return tc.then(r), nil
				})
				for i, r := range g.crowd(5, "/a")() {
					if r.aborted != tc.dead || !tc.dead && (r.Code != 200 || r.Body.String() != whole) {
						t.Errorf("reader %d: %d, aborted %v, %q", i, r.Code, r.aborted, r.Body)
					}
					if !strings.HasPrefix(whole, r.Body.String()) {
						t.Errorf("reader %d was given %q", i, r.Body)
					}
				}
				if asked != tc.reads {
					t.Errorf("%d upstream reads, want %d", asked, tc.reads)
				}
				if r := g.get("/a", "Cache-Control: only-if-cached"); (r.Code != 200) != tc.dead {
					t.Errorf("stored: %s", r.status())
				}
			})
		})
	}
}

func TestAStallThatNobodyCanTakeOverMayEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t, nil)
		body, feed := io.Pipe()
		g.origin.set(func(*http.Request) (*http.Response, error) {
			return streamed(body, 8, "Cache-Control: max-age=300"), nil
		})
		results := g.crowd(2, "/a")
		synctest.Wait()
		feed.Write([]byte("half"))
		time.Sleep(3 * DefaultStallTimeout)
		feed.Write([]byte("half"))
		feed.Close()
		for _, r := range results() {
			if r.aborted || r.Body.String() != "halfhalf" {
				t.Errorf("%v %q", r.aborted, r.Body)
			}
		}
	})
}

func TestNoTakeOverByPolicy(t *testing.T) {
	synctest.Test(t, testNoTakeOverByPolicy)
}

func testNoTakeOverByPolicy(t *testing.T) {
	g := newRig(t, func(c *Config) { c.MaxTakeOvers = -1 })
	g.origin.set(func(*http.Request) (*http.Response, error) {
		return dies(whole, 10, errReset, "Cache-Control: max-age=300", `Etag: "a"`), nil
	})
	if r := g.get("/a"); !r.aborted || g.origin.reads() != 1 {
		t.Errorf("aborted %v after %d reads", r.aborted, g.origin.reads())
	}
}

// A purge that comes while one read carries on another holds for both.
func TestAPurgeHoldsAcrossATakeOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t, nil)
		asked := 0
		g.origin.set(func(r *http.Request) (*http.Response, error) {
			if asked++; asked == 1 {
				return dies(whole, 10, errSilent, "Cache-Control: max-age=300", `Etag: "a"`, "Surrogate-Key: g"), nil
			}
			return part(r, whole, `"a"`), nil
		})
		first := g.crowd(2, "/a")
		synctest.Wait()
		g.Purge(Purge{Groups: []string{"g"}})
		for _, r := range first() {
			if r.aborted || r.Body.String() != whole {
				t.Errorf("%v %q", r.aborted, r.Body)
			}
		}
		if n := g.Stats().Objects; n != 0 {
			t.Error("what was purged while it came is stored")
		}
	})
}

// However an upstream chops, dies, falls silent and answers for the rest: each
// reader has exactly the origin's bytes, or a response that was broken off.
func TestTakeOverProperty(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		seed := rapid.Uint64().Draw(rt, "seed")
		synctest.Test(t, func(t *testing.T) { takeOverOnce(t, seed) })
	})
}

func takeOverOnce(t *testing.T, seed uint64) {
	rng := rand.New(rand.NewPCG(seed, 1))
	var mu sync.Mutex
	roll := func(n int) int { mu.Lock(); defer mu.Unlock(); return rng.IntN(n) }
	content := make([]byte, 1+roll(100_000))
	for i := range content {
		content[i] = byte(roll(256))
	}
	known, tagged, ranged := roll(3) > 0, roll(4) > 0, roll(3) > 0
	g := newRig(t, func(c *Config) { c.MaxTakeOvers = 1 + roll(4); c.MaxObjectBytes = int64(1 + roll(200_000)) })
	g.origin.set(func(r *http.Request) (*http.Response, error) {
		time.Sleep(time.Duration(roll(3)) * time.Second)
		from, status, fields := 0, 200, []string{"Cache-Control: max-age=300"}
		if tagged {
			fields = append(fields, `Etag: "a"`)
		}
		if ranged && r.Header.Get("If-Range") == `"a"` {
			fmt.Sscanf(r.Header.Get("Range"), "bytes=%d-", &from)
			status, fields = 206, append(fields, fmt.Sprintf("Content-Range: bytes %d-%d/%d", from, len(content)-1, len(content)))
		}
		rest, end := content[from:], io.EOF
		length := int64(len(rest))
		if roll(3) > 0 {
			rest, end = rest[:roll(len(rest)+1)], []error{errReset, errSilent, io.ErrUnexpectedEOF}[roll(3)]
		}
		if !known {
			length = -1
		}
		body := newDying(rest, func() int { return 1 + roll(40_000) }, end)
		body.asker = r.Context()
		res := streamed(body, length, fields...)
		res.StatusCode = status
		return res, nil
	})
	results := g.crowd(1+roll(6), "/a")
	for _, r := range results() {
		if got := r.Body.Bytes(); !bytes.HasPrefix(content, got) || !r.aborted && (r.Code != 200 || len(got) != len(content)) {
			t.Fatalf("seed %d: %d, aborted %v, %d of %d bytes", seed, r.Code, r.aborted, len(got), len(content))
		}
	}
	synctest.Wait()
	if n := g.Stats().Objects; n > 1 {
		t.Fatalf("seed %d: %d stored copies", seed, n)
	}
	if r := g.get("/a", "Cache-Control: only-if-cached"); r.Code == 200 {
		if !bytes.Equal(r.Body.Bytes(), content) {
			t.Fatalf("seed %d: what is stored is not the origin's", seed)
		}
	}
}
