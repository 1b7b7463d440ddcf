package ecb

import (
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"meridian/world"
)

var limits = Limits{Bytes: 100, Timeout: 5 * time.Second}

func fetch(t *testing.T, from string, l Limits) (string, error) {
	t.Helper()
	s, err := New(from, l)
	if err != nil {
		t.Fatal(err)
	}
	b, err := s.Fetch(t.Context())
	return string(b), err
}

func TestFetchesByAddress(t *testing.T) {
	mux := http.NewServeMux()
	mux.HandleFunc("/rates.xml", func(w http.ResponseWriter, _ *http.Request) { w.Write([]byte("rates")) })
	mux.HandleFunc("/moved", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/rates.xml", http.StatusFound) })
	mux.HandleFunc("/round", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/round", http.StatusFound) })
	mux.HandleFunc("/full", func(w http.ResponseWriter, _ *http.Request) { w.Write([]byte(strings.Repeat("x", 100))) })
	mux.HandleFunc("/long", func(w http.ResponseWriter, _ *http.Request) { w.Write([]byte(strings.Repeat("x", 101))) })
	mux.HandleFunc("/cut", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "50")
		w.Write([]byte("rat"))
	})
	srv := httptest.NewServer(mux)
	defer srv.Close()
	for path, want := range map[string]struct {
		text string
		code world.Code
	}{
		"/rates.xml": {"rates", ""},
		"/moved":     {"rates", ""},
		"/full":      {strings.Repeat("x", 100), ""},
		"/long":      {"", world.CodeTooLarge},
		"/none":      {"", world.CodeBadUpstream},
		"/cut":       {"", world.CodeBadUpstream},
		"/round":     {"", world.CodeUnavailable},
	} {
		got, err := fetch(t, srv.URL+path, limits)
		if got != want.text || want.code == "" && err != nil || want.code != "" && !world.Is(err, want.code) {
			t.Errorf("%s: %q, %v", path, got, err)
		}
	}
	srv.Close()
	if _, err := fetch(t, srv.URL+"/rates.xml", limits); !world.Is(err, world.CodeUnavailable) {
		t.Errorf("nobody is there: %v", err)
	}
}

func TestASilentServerIsGivenUp(t *testing.T) {
	gone := make(chan struct{})
	srv := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-gone }))
	defer srv.Close()
	defer close(gone)
	if _, err := fetch(t, srv.URL, Limits{Bytes: 100, Timeout: 50 * time.Millisecond}); !world.Is(err, world.CodeUnavailable) {
		t.Errorf("it was waited for: %v", err)
	}
	s, err := New(srv.URL, limits)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.Fetch(ctx); err == nil {
		t.Error("who has gone is fetched for")
	}
}

func TestFetchesAFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "rates.xml")
	if err := os.WriteFile(path, []byte("rates"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got, err := fetch(t, "file:"+path, limits); err != nil || got != "rates" {
		t.Errorf("%q, %v", got, err)
	}
	if _, err := fetch(t, "file:"+path, Limits{Bytes: 4, Timeout: time.Second}); !world.Is(err, world.CodeTooLarge) {
		t.Errorf("too long: %v", err)
	}
	if _, err := fetch(t, "file:"+path+".none", limits); !world.Is(err, world.CodeBadUpstream) {
		t.Errorf("none: %v", err)
	}
}

func TestRefusesWhatIsNoAddress(t *testing.T) {
	for _, from := range []string{"", "rates.xml", "file:rates.xml", "ftp://x/y", "https:///x", "https://user:secret@x/y", "http://%zz"} {
		if _, err := New(from, limits); !world.Is(err, world.CodeInvalid) {
			t.Errorf("%q: %v", from, err)
		}
	}
}
