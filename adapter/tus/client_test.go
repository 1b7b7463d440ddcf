package tus

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"pgregory.net/rapid"

	"meridian/platform/httpserver"
	"meridian/world"
)

// breaking is a server of uploads whose links break as a test says.
func breaking(t testing.TB, m *memory, breaks func(r *http.Request) (after int64)) string {
	t.Helper()
	h, err := New(Limits{MaxBytes: 1 << 20, Checked: 1 << 10, Silence: 5 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		after := breaks(r)
		if after >= 0 {
			r.Body = io.NopCloser(io.MultiReader(io.LimitReader(r.Body, after), cut{}))
		}
		err := h.Serve(w, r, "/media/a/tus/", strings.TrimPrefix(r.URL.Path, "/media/a/tus/"), m)
		if after >= 0 {
			panic(http.ErrAbortHandler) // the answer is lost too
		}
		if err != nil {
			p := httpserver.ProblemOf(err, "")
			w.WriteHeader(p.Status)
			io.WriteString(w, `{"code":"`+string(p.Code)+`","status":400}`)
		}
	}))
	t.Cleanup(s.Close)
	return s.URL
}

type cut struct{}

func (cut) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

func client() *Client {
	return &Client{
		HTTP: &http.Client{}, Prepare: func(*http.Request) error { return nil },
		Limits: ClientLimits{Part: 100, First: time.Microsecond, Most: time.Microsecond, Tries: 5},
	}
}

func TestAClientGoesOnWhereALinkBroke(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		file := rapid.SliceOfN(rapid.Byte(), 1, 500).Draw(rt, "file")
		cuts := rapid.SliceOfN(rapid.Int64Range(-1, 120), 0, 6).Draw(rt, "cuts")
		m := &memory{data: map[string][]byte{}}
		var asked atomic.Int64
		base := breaking(t, m, func(r *http.Request) int64 {
			if n := int(asked.Add(1)) - 1; n < len(cuts) {
				return cuts[n]
			}
			return -1
		})
		c := client()
		c.Limits.Tries = 10
		at, err := c.Begin(t.Context(), Collection(base, "a"), "key", int64(len(file)), map[string]string{"filename": "cake"})
		if err != nil {
			rt.Fatal(err)
		}
		told := int64(0)
		if err := c.Send(t.Context(), at, bytes.NewReader(file), int64(len(file)), func(n int64) { told = n }); err != nil {
			rt.Fatal(err)
		}
		if !bytes.Equal(m.data["up"], file) || told != int64(len(file)) {
			rt.Fatalf("%d of %d bytes, told %d", len(m.data["up"]), len(file), told)
		}
	})
}

func TestAClientGivesUpInTime(t *testing.T) {
	m := &memory{data: map[string][]byte{"up": nil}, size: 10}
	var asked atomic.Int64
	base := breaking(t, m, func(*http.Request) int64 { asked.Add(1); return 0 })
	c := client()
	at := Collection(base, "a") + "up"
	err := c.Send(t.Context(), at, strings.NewReader("0123456789"), 10, func(int64) {})
	if world.CodeOf(err) != world.CodeUnavailable || asked.Load() < int64(c.Limits.Tries) {
		t.Errorf("%v after %d requests", err, asked.Load())
	}

	steady := breaking(t, m, func(*http.Request) int64 { asked.Add(1); return -1 })
	asked.Store(0)
	err = c.Send(t.Context(), Collection(steady, "a")+"other", strings.NewReader("0123456789"), 10, func(int64) {})
	if world.CodeOf(err) != world.CodeNotFound || asked.Load() != 1 {
		t.Errorf("what will not pass: %v after %d requests", err, asked.Load())
	}

	c.Limits.First, c.Limits.Most = time.Hour, time.Hour
	ctx, cancel := context.WithCancel(t.Context())
	c.Prepare = func(*http.Request) error { cancel(); return nil }
	if err := c.Send(ctx, at, strings.NewReader("0123456789"), 10, func(int64) {}); world.CodeOf(err) != world.CodeUnavailable {
		t.Errorf("broken off: %v", err)
	}
}

func TestAnAnswerMustNameAnUploadOfTheSameServer(t *testing.T) {
	for where, ok := range map[string]bool{"/ups/1": true, "https://elsewhere.example/ups/1": false, "//elsewhere.example/1": false} {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Location", where)
			w.WriteHeader(http.StatusCreated)
		}))
		c := client()
		c.Limits.Tries = 1
		if _, err := c.Begin(t.Context(), s.URL, "k", 1, nil); (err == nil) != ok {
			t.Errorf("%s: %v", where, err)
		}
		s.Close()
	}
}
