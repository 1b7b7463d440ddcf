package edge

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"

	"meridian/test/tiertest"
	"meridian/world"
)

// A body of up to whole_bytes is here before a shield is asked; a longer one,
// or one that does not say how long it is, is passed on as it comes.
func TestASmallBodyIsWholeBeforeAShieldIsAsked(t *testing.T) {
	cases := []struct {
		name     string
		declared int64
		early    int // shields asked before the body has ended
	}{
		{"of the limit", 10, 0},
		{"one more", 11, 1},
		{"undeclared", -1, 1},
	}
	for _, target := range []string{"PUT /media/sweet-crumbs?name=a", "POST /cart"} {
		for _, c := range cases {
			synctest.Test(t, func(t *testing.T) {
				var got string
				var expects bool
				takes := func(r *http.Request) (*http.Response, error) {
					b, err := io.ReadAll(r.Body)
					got, expects = string(b), r.Header.Get("Expect") != ""
					if err != nil {
						return nil, err
					}
					return tiertest.Says("taken")(r)
				}
				l := newTimeline(t, []string{"near"}, map[string]answer{"near": takes})
				l.Edge.cfg.WholeBytes = 10
				method, path, _ := strings.Cut(target, " ")
				body, visitor := io.Pipe()
				r := httptest.NewRequest(method, "http://de.localhost"+path, body)
				r.ContentLength = c.declared
				r.Header.Set("Expect", "100-continue")
				w := httptest.NewRecorder()
				go l.ServeHTTP(w, r)
				content := strings.Repeat("x", max(10, int(c.declared)))
				io.WriteString(visitor, content[:5])
				synctest.Wait()
				if n := len(l.asked["near"]); n != c.early {
					t.Errorf("%s, %s: %d shields asked before the body was here", target, c.name, n)
				}
				io.WriteString(visitor, content[5:])
				visitor.Close()
				synctest.Wait()
				if w.Body.String() != "taken" || got != content {
					t.Errorf("%s, %s: %d %s; the shield got %q", target, c.name, w.Code, w.Body, got)
				}
				if c.early == 0 && expects {
					t.Errorf("%s, %s: the shield is asked whether it wants what is here", target, c.name)
				}
			})
		}
	}
}

func TestABodyThatDoesNotComeIsToldWithoutAShield(t *testing.T) {
	for name, body := range map[string]io.Reader{
		"short":  io.NopCloser(strings.NewReader("abc")),
		"broken": io.MultiReader(strings.NewReader("abc"), failing{}),
	} {
		f := newFixture(t, nil)
		r := httptest.NewRequest("POST", "http://de.localhost/cart", body)
		r.ContentLength = 10
		w := httptest.NewRecorder()
		f.ServeHTTP(w, r)
		if w.Code != world.CodeInvalid.Status() || f.home.Count() != 0 {
			t.Errorf("%s: %d, %d shields asked", name, w.Code, f.home.Count())
		}
	}
}

type failing struct{}

func (failing) Read([]byte) (int, error) { return 0, errors.New("connection reset") }
