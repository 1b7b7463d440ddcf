package httpserver

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"meridian/world"
)

type way func(*http.Request) (*http.Response, error)

func (f way) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestForwardGivesTheOtherRegionsAnswer(t *testing.T) {
	r := httptest.NewRequest("POST", "/here?q=1", strings.NewReader("content"))
	r.Header.Set("Authorization", "Bearer x")
	w := httptest.NewRecorder()
	w.Header().Set(world.HeaderRegion, "eu")
	err := Forward(w, r, way(func(r *http.Request) (*http.Response, error) {
		body, _ := io.ReadAll(r.Body)
		if r.Method != "POST" || r.URL.String() != "http://us/there?q=1" || r.Host != "example.com" || string(body) != "content" ||
			r.Header.Get(HeaderForwarded) != "eu" || r.Header.Get("Authorization") != "Bearer x" {
			t.Errorf("asked %s %s %v %s", r.Method, r.URL, r.Header, body)
		}
		rec := httptest.NewRecorder()
		rec.Header().Set(world.HeaderRegion, "us")
		rec.WriteHeader(http.StatusCreated)
		rec.WriteString("answer")
		return rec.Result(), nil
	}), "eu", "us", "/there")
	if err != nil || w.Code != http.StatusCreated || w.Body.String() != "answer" || len(w.Header().Values(world.HeaderRegion)) != 1 || w.Header().Get(world.HeaderRegion) != "us" {
		t.Errorf("%d %v %s, %v", w.Code, w.Header(), w.Body, err)
	}
}

func TestForwardWritesNothingWhereItFails(t *testing.T) {
	for name, c := range map[string]struct {
		by   string
		code world.Code
	}{"out of reach": {"", world.CodeUnavailable}, "handed on before": {"ap", world.CodeInternal}} {
		r, w := httptest.NewRequest("GET", "/", nil), httptest.NewRecorder()
		if c.by != "" {
			r.Header.Set(HeaderForwarded, c.by)
		}
		err := Forward(w, r, way(func(*http.Request) (*http.Response, error) {
			if c.by != "" {
				t.Error("it was handed on twice")
			}
			return nil, errors.New("refused")
		}), "eu", "us", "/")
		if !world.Is(err, c.code) || w.Body.Len() != 0 || len(w.Header()) != 0 {
			t.Errorf("%s: %v, %d %v", name, err, w.Code, w.Header())
		}
	}
}
