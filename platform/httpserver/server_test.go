package httpserver

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"meridian/world"
)

var quiet = slog.New(slog.DiscardHandler)

func start(t *testing.T, h http.HandlerFunc) (*Server, string) {
	t.Helper()
	return startWithin(t, DefaultLimits(), h)
}

func startWithin(t *testing.T, l Limits, h http.HandlerFunc) (*Server, string) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := Serve(ln, h, quiet, l)
	t.Cleanup(func() { s.Stop(context.Background()) })
	return s, "http://" + ln.Addr().String()
}

func TestPanicBecomesProblemWithID(t *testing.T) {
	_, url := start(t, func(http.ResponseWriter, *http.Request) { panic("secret cause") })
	resp, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, _ := io.ReadAll(resp.Body)
	var p Problem
	if err := json.Unmarshal(body, &p); err != nil {
		t.Fatal(err)
	}
	if resp.StatusCode != 500 || p.Code != world.CodeInternal || p.ID == "" || p.ID != resp.Header.Get(HeaderRequestID) {
		t.Errorf("status %d, problem %+v", resp.StatusCode, p)
	}
	if strings.Contains(string(body), "secret cause") {
		t.Error("the cause was shown to an outsider")
	}
}

func TestPanicAfterAnswerBeganAborts(t *testing.T) {
	_, url := start(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "10")
		io.WriteString(w, "half")
		panic("late")
	})
	resp, err := http.Get(url)
	if err == nil {
		_, err = io.ReadAll(resp.Body)
		resp.Body.Close()
	}
	if err == nil {
		t.Error("a half-sent answer looked whole")
	}
}

// A stop ends a feed at once, and lets a request finish that began before it.
func TestStopEndsStreamsAndLetsRequestsFinish(t *testing.T) {
	began, streamEnded := make(chan struct{}, 2), make(chan struct{})
	limits := DefaultLimits()
	limits.Stop = time.Minute // however slow the machine is, nothing is cut
	s, url := startWithin(t, limits, func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(200)
		http.NewResponseController(w).Flush()
		began <- struct{}{}
		if r.URL.Path == "/feed" {
			defer close(streamEnded)
			endless, done := Endless(r)
			defer done()
			<-endless.Context().Done()
			return
		}
		<-streamEnded // the server is stopping
		if r.Context().Err() == nil {
			io.WriteString(w, "whole")
		}
	})
	go func() {
		if resp, err := http.Get(url + "/feed"); err == nil {
			io.Copy(io.Discard, resp.Body)
			resp.Body.Close()
		}
	}()
	got := make(chan string, 1)
	go func() {
		resp, err := http.Get(url + "/page")
		if err != nil {
			got <- err.Error()
			return
		}
		defer resp.Body.Close()
		b, _ := io.ReadAll(resp.Body)
		got <- string(b)
	}()
	<-began
	<-began
	if err := s.Stop(context.Background()); err != nil {
		t.Fatal(err)
	}
	if body := <-got; body != "whole" {
		t.Errorf("a request under way ended with %q", body)
	}
	if s.Err() != nil {
		t.Errorf("Err after a stop: %v", s.Err())
	}
}

func TestProblemSurvivesTheWire(t *testing.T) {
	for _, in := range []error{
		world.E(world.CodeTooLarge, "media.upload", "At most 20 MB."),
		world.Wrap("outer", world.E(world.CodeUnavailable, "inner", "Later.")),
	} {
		w := httptest.NewRecorder()
		WriteError(w, httptest.NewRequest("GET", "/", nil), quiet, in)
		out := ReadProblem(w.Code, w.Body.Bytes())
		var a, b *world.Error
		errors.As(in, &a)
		errors.As(out, &b)
		if a.Code != b.Code || a.Message != b.Message || a.Retry != b.Retry {
			t.Errorf("%v came back as %v", in, out)
		}
	}
}

func TestReadProblemOfRubbish(t *testing.T) {
	err := ReadProblem(502, []byte("<html>bad gateway"))
	if world.CodeOf(err) != world.CodeBadUpstream {
		t.Errorf("got %v", err)
	}
}

func TestCheckBearer(t *testing.T) {
	cases := []struct {
		header, key string
		ok          bool
	}{
		{"Bearer s3cret", "s3cret", true},
		{"Bearer s3cre", "s3cret", false},
		{"s3cret", "s3cret", false},
		{"", "", false},
		{"Bearer ", "", false},
	}
	for _, c := range cases {
		r := httptest.NewRequest("GET", "/", nil)
		r.Header.Set("Authorization", c.header)
		if err := CheckBearer(r, c.key); (err == nil) != c.ok {
			t.Errorf("%q against %q: %v", c.header, c.key, err)
		}
	}
}

func TestForeignRequestIDIsReplaced(t *testing.T) {
	_, url := start(t, func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, RequestID(r.Context())) })
	for in, keep := range map[string]bool{"abcDEF123456": true, "x": false, "evil id\twith=space": false, strings.Repeat("a", 33): false} {
		req, _ := http.NewRequest("GET", url, nil)
		req.Header.Set(HeaderRequestID, in)
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		b, _ := io.ReadAll(resp.Body)
		resp.Body.Close()
		if (string(b) == in) != keep {
			t.Errorf("id %q became %q", in, b)
		}
	}
}

func TestAnAnswerThatWasPassedOnHasOneID(t *testing.T) {
	_, url := start(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Add(HeaderRequestID, "UPSTREAM1") // as httputil.ReverseProxy adds it
		w.WriteHeader(http.StatusNoContent)
	})
	resp, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if ids := resp.Header.Values(HeaderRequestID); len(ids) != 1 || ids[0] != "UPSTREAM1" {
		t.Errorf("ids %q, want the upstream's alone", ids)
	}
}

// Requests that run are cut off by a kill, which waits for nobody, and by a stop that
// has no more time: their contexts end, and no reader takes what they sent for the whole.
func TestRequestsAreCutOff(t *testing.T) {
	for name, end := range map[string]func(*Server){
		"kill": (*Server).Kill,
		"stop": func(s *Server) {
			over, cancel := context.WithCancel(t.Context())
			cancel()
			s.Stop(over)
		},
	} {
		t.Run(name, func(t *testing.T) {
			began, ended := make(chan struct{}), make(chan struct{})
			s, url := start(t, func(w http.ResponseWriter, r *http.Request) {
				w.WriteHeader(200)
				http.NewResponseController(w).Flush()
				close(began)
				<-r.Context().Done()
				close(ended)
			})
			res, err := http.Get(url)
			if err != nil {
				t.Fatal(err)
			}
			defer res.Body.Close()
			<-began
			end(s)
			<-ended
			if _, err := io.ReadAll(res.Body); err == nil {
				t.Error("the answer came to a good end")
			}
			if _, err := http.Get(url); err == nil {
				t.Error("somebody still answers")
			}
			if err := s.Err(); err != nil {
				t.Errorf("an end that was asked for is a failure: %v", err)
			}
		})
	}
}
