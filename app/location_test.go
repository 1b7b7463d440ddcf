package app

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"meridian/engine/tier"
	"meridian/platform/lifecycle"
	"meridian/platform/netaddr"
	"meridian/platform/telemetry"
	"meridian/platform/wholefile"
	"meridian/role/edge"
	"meridian/test/porttest"
	"meridian/world"
)

// aShield answers every page alike, and a feed that has nothing to tell.
func aShield(t *testing.T, path string) string {
	t.Helper()
	l, err := netaddr.Listen(t.Context(), "unix:"+path)
	if err != nil {
		t.Fatal(err)
	}
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == world.FeedPath {
			tellNothing(w, r)
			return
		}
		w.Header().Set("Cache-Control", "max-age=60")
		_, _ = io.WriteString(w, "a page")
	}))
	s.Listener = l
	s.Start()
	t.Cleanup(s.Close)
	return "unix:" + path
}

// tellNothing is a purge feed on which nothing happens.
func tellNothing(w http.ResponseWriter, r *http.Request) {
	for _, kind := range []string{"hello", "heartbeat"} {
		_, _ = fmt.Fprintf(w, `{"kind":%q,"cursor":"1.1","at":"2026-01-01T00:00:00Z"}`+"\n", kind)
	}
	_ = http.NewResponseController(w).Flush()
	<-r.Context().Done()
}

// steeringFile is an edge's at the PoP nrt, whose people are sent where the places
// file says that they are nearer to.
func steeringFile(t *testing.T, places string) *File {
	t.Helper()
	dir := shortDir(t)
	f := NewFile("edge")
	f.Place, f.Location.Prefixes, f.Location.Look = "nrt", filepath.Join(dir, "places"), 5*time.Millisecond
	if err := wholefile.Replace(f.Location.Prefixes, []byte(places)); err != nil {
		t.Fatal(err)
	}
	e := f.Edge
	e.PoP, e.FeedKey, e.Nearer.Answer, e.Listen = "nrt", "k", "redirect", fmt.Sprintf("tcp:127.0.0.1:%d", porttest.Free(t))
	e.Nearer.PoPs = []edge.NearerPoP{{PoP: "fra", Address: "fra.example"}, {PoP: "lhr", Address: "lhr.example"}}
	e.Shields = []tier.Shield{{Region: "eu-central", Address: aShield(t, filepath.Join(dir, "s"))}}
	return f
}

func startOne(t *testing.T, f *File) (lifecycle.Running, error) {
	t.Helper()
	w, err := ReadWorld("")
	if err != nil {
		t.Fatal(err)
	}
	p := &Process{World: w, Root: telemetry.NewRoot(io.Discard, "text", slog.LevelError)}
	return p.Components(f, f.Roles(), nil)[0].Start(t.Context())
}

// A client of an edge that has the policy is sent to the PoP that the operator's
// file has it near, and another file is taken while the edge runs.
func TestAnEdgeSendsClientsToTheNearerPoP(t *testing.T) {
	f := steeringFile(t, "127.0.0.0/8 london # this test\n")
	run, err := startOne(t, f)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := run.Stop(context.WithoutCancel(t.Context())); err != nil {
			t.Error(err)
		}
	}()
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	defer client.CloseIdleConnections()
	ask := func() (int, string) {
		r, err := http.NewRequestWithContext(t.Context(), "GET", strings.Replace(f.Edge.Listen, "tcp:", "http://", 1)+"/", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Host = "de.localhost"
		res, err := client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		_, _ = io.Copy(io.Discard, res.Body)
		return res.StatusCode, res.Header.Get("Location")
	}
	for range 2 { // the second is no hit either
		if status, to := ask(); status != 302 || to != "http://lhr.example/?nearer=nrt" {
			t.Fatalf("%d to %q", status, to)
		}
	}
	become := func(places, want string) {
		t.Helper()
		if err := wholefile.Replace(f.Location.Prefixes, []byte(places)); err != nil {
			t.Fatal(err)
		}
		for {
			if _, to := ask(); strings.Contains(to, want) && (want != "" || to == "") {
				return
			}
		}
	}
	become("127.0.0.0/8 frankfurt\n", "fra.example")
	become("127.0.0.0/8 tokyo\n", "")
	become("127.0.0.0/8 frankfurt # again\n", "fra.example")
	if err := wholefile.Replace(f.Location.Prefixes, []byte("127.0.0.0/8 atlantis, which is lost\n")); err != nil {
		t.Fatal(err)
	}
	for range 20 {
		if _, to := ask(); !strings.Contains(to, "fra.example") {
			t.Fatalf("a file that is no good is taken: %q", to)
		}
	}
}

func TestAPolicyWithoutPlacesIsRefused(t *testing.T) {
	for name, change := range map[string]func(*File){
		"no source":      func(f *File) { f.Location.Prefixes = "" },
		"no such file":   func(f *File) { f.Location.Prefixes += ".gone" },
		"no site of it":  func(f *File) { f.Location.Countries = map[string]string{"GR": "atlantis"} },
		"no such period": func(f *File) { f.Location.Look = 0 },
	} {
		f := steeringFile(t, "127.0.0.0/8 london\n")
		change(f)
		if run, err := startOne(t, f); !world.Is(err, world.CodeInvalid) || !strings.Contains(err.Error(), "location") {
			t.Errorf("%s: %v, %v", name, run, err)
		}
	}
}
