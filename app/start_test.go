package app

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"meridian/engine/tier"
	"meridian/platform/httpserver"
	"meridian/platform/netaddr"
	"meridian/platform/telemetry"
	"meridian/world"
)

// Resident data does not leave its zone: a section that names another region's
// resident cluster is refused before anything connects to it.
func TestAnotherRegionsResidentClusterIsRefused(t *testing.T) {
	w, err := ReadWorld("")
	if err != nil {
		t.Fatal(err)
	}
	for name, d := range map[string]Database{
		"another zone's": {"us-east", true, "host=/nowhere"}, "a copy": {"eu-central", false, "host=/nowhere"}, "none": {},
	} {
		for _, r := range Roles() {
			f := NewFile(r.Name)
			f.Place = "eu-central"
			switch r.Name {
			case "shop":
				f.Shop.Region, f.Shop.Resident = f.Place, d
			case "owner":
				f.Owner.Region, f.Owner.Resident = f.Place, d
			default:
				continue
			}
			p := &Process{World: w, Root: telemetry.NewRoot(io.Discard, "text", slog.LevelError)}
			_, err := p.Components(f, f.Roles(), nil)[0].Start(t.Context())
			if !world.Is(err, world.CodeInvalid) || !strings.Contains(err.Error(), "does not leave its zone") {
				t.Errorf("%s takes %s: %v", r.Name, name, err)
			}
		}
	}
}

// shortDir is a directory whose path leaves room for a socket's name.
func shortDir(t *testing.T) string {
	dir, err := os.MkdirTemp("", "m")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

func newMachine() *machine {
	root := telemetry.NewRoot(io.Discard, "text", slog.LevelError)
	return &machine{Process: &Process{Root: root}, tel: root.Instance("test", "here")}
}

func untilDone(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }

func TestInstanceStopsAndClosesInOrder(t *testing.T) {
	var mu sync.Mutex
	var closed []string
	closer := func(name string) func() {
		return func() { mu.Lock(); defer mu.Unlock(); closed = append(closed, name) }
	}
	run, err := newMachine().run(t.Context(), "unix:"+filepath.Join(shortDir(t), "s"), httpserver.DefaultLimits(), http.NotFoundHandler(), untilDone, closer("first"), closer("second"))
	if err != nil {
		t.Fatal(err)
	}
	if err := run.Stop(t.Context()); err != nil {
		t.Error(err)
	}
	<-run.Done()
	if !slices.Equal(closed, []string{"second", "first"}) {
		t.Errorf("closed %v", closed)
	}
}

func TestInstanceEndsWithItsWork(t *testing.T) {
	broken := errors.New("the queue is gone")
	for want, work := range map[string]func(context.Context) error{
		"the queue is gone":  func(context.Context) error { return broken },
		"It ended by itself": func(context.Context) error { return nil },
	} {
		closed := false
		run, err := newMachine().run(t.Context(), "unix:"+filepath.Join(shortDir(t), "s"), httpserver.DefaultLimits(), http.NotFoundHandler(), work, func() { closed = true })
		if err != nil {
			t.Fatal(err)
		}
		<-run.Done()
		if err := run.Err(); err == nil || !strings.Contains(err.Error(), want) || !closed {
			t.Errorf("%v, closed %v; want %q", err, closed, want)
		}
	}
}

// TestServe runs a role that has nobody to talk to: it is up all the same,
// says so, and is gone after the stop.
func TestServe(t *testing.T) {
	dir := shortDir(t)
	f := NewFile("edge")
	f.Place, f.Admin = "fra", "unix:"+filepath.Join(dir, "admin")
	f.Edge.PoP, f.Edge.FeedKey, f.Edge.Listen = "fra", "k", "unix:"+filepath.Join(dir, "edge")
	f.Edge.Shields = []tier.Shield{{Region: "eu-central", Address: "unix:" + filepath.Join(dir, "nobody")}}
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	logs := newWatched(2) // the role and the admin listener
	served := make(chan error, 1)
	go func() { served <- Serve(ctx, f, nil, logs, nil) }()
	select {
	case <-logs.up:
	case err := <-served:
		t.Fatalf("it ended: %v\n%s", err, logs.text.String())
	}
	ask := func(address, path string) (int, string) {
		client := http.Client{Transport: netaddr.Transport(address, netaddr.DefaultTransportOptions())}
		defer client.CloseIdleConnections()
		res, err := client.Get("http://de.localhost" + path)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		b, _ := io.ReadAll(res.Body)
		return res.StatusCode, string(b)
	}
	if status, _ := ask(f.Edge.Listen, "/"); status != 503 {
		t.Errorf("a page without any shield: %d", status)
	}
	if status, body := ask(f.Admin, "/metrics"); status != 200 || !strings.Contains(body, "meridian_cache_objects") {
		t.Errorf("metrics: %d", status)
	}
	stop()
	if err := <-served; err != nil {
		t.Errorf("after a stop: %v", err)
	}
	if _, err := os.Stat(filepath.Join(dir, "edge")); err == nil {
		t.Error("the socket is still there")
	}
}

func TestServeRefuses(t *testing.T) {
	edgeFile := func(change func(*File)) *File {
		f := NewFile("edge")
		f.Place, f.Edge.PoP = "fra", "fra"
		change(f)
		return f
	}
	for want, c := range map[string]struct {
		file  *File
		roles []string
	}{
		"no role's section":                {NewFile(), nil},
		"no section shop":                  {edgeFile(func(*File) {}), []string{"shop"}},
		"log.level":                        {edgeFile(func(f *File) { f.Log.Level = "loud" }), nil},
		"world file cannot be read":        {edgeFile(func(f *File) { f.World = "/nowhere/w.yaml" }), nil},
		`no region or PoP "atlantis"`:      {edgeFile(func(f *File) { f.Place, f.Edge.PoP = "atlantis", "atlantis" }), nil},
		"edge: listen and pop must be set": {edgeFile(func(*File) {}), nil},
	} {
		if err := Serve(t.Context(), c.file, c.roles, io.Discard, nil); !world.Is(err, world.CodeInvalid) || !strings.Contains(err.Error(), want) {
			t.Errorf("want %q: %v", want, err)
		}
	}
}
