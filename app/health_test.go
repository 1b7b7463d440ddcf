package app

import (
	"crypto/ed25519"
	"io"
	"log/slog"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"meridian/engine/health"
	"meridian/engine/tier"
	"meridian/platform/httpserver"
	"meridian/platform/netaddr"
	"meridian/platform/telemetry"
	"meridian/world"
)

// monitorSays runs what a region's feed gives: one issue, and then nothing.
func monitorSays(t *testing.T, region string, number uint64, down string) (key health.Key, address string) {
	t.Helper()
	private := ed25519.NewKeyFromSeed([]byte((region + strings.Repeat("-", 32))[:32]))
	line, err := health.Sign(private, world.Health{
		Version: world.HealthVersion{Number: number, Monitor: region}, Monitor: region, Beat: 1, Heard: []string{region},
		Targets: []world.TargetHealth{{Target: down, State: world.Down, Reason: world.ReasonTimeout, By: []string{region}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	address = "unix:" + filepath.Join(shortDir(t), "s")
	ln, err := netaddr.Listen(t.Context(), address)
	if err != nil {
		t.Fatal(err)
	}
	server := httpserver.Serve(ln, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != world.HealthPath || r.Header.Get("Authorization") != "Bearer k" {
			t.Errorf("asked for %s with %q", r.URL, r.Header.Get("Authorization"))
		}
		w.Write(append(line, '\n'))
		http.NewResponseController(w).Flush()
		<-r.Context().Done()
	}), slog.New(slog.DiscardHandler), httpserver.DefaultLimits())
	t.Cleanup(func() {
		_ = server.Stop(t.Context()) // what streams is cut
	})
	return health.Key{Region: region, Public: health.PublicOf(private)}, address
}

// Several monitors are followed, each under its own key, and one view comes of it:
// that of the later version. The roles of a place share the following.
func TestAPlaceFollowsAllMonitors(t *testing.T) {
	older, us := monitorSays(t, "us-east", 5, "pop/fra")
	newer, eu := monitorSays(t, "eu-central", 6, "pop/lhr")
	forged, ap := monitorSays(t, "ap-southeast", 9, "pop/nrt")
	forged.Public = older.Public // another key than its monitor signs with
	feed := DefaultHealthFeed()
	feed.Keys, feed.FeedKey, feed.Monitor = []health.Key{older, newer, forged}, "k", eu
	p := &Process{Root: telemetry.NewRoot(io.Discard, "text", slog.LevelError)}
	at := func(role string) *machine {
		return &machine{Process: p, file: &File{Place: "eu-central"}, tel: p.Root.Instance(role, "eu-central")}
	}
	shields := []tier.Shield{{Region: "us-east", Address: us}, {Region: "ap-southeast", Address: ap}, {Region: "elsewhere", Address: "unix:/nowhere"}}
	view, stop, err := at("media").health(feed, shields)
	if err != nil {
		t.Fatal(err)
	}
	other, stopOther, err := at("shield").health(feed, shields)
	if err != nil || len(p.following) != 1 {
		t.Fatalf("%v, %d followings", err, len(p.following))
	}
	f := p.following["eu-central"]
	for deadline := time.After(time.Minute); ; {
		changed := f.Changed() // of what comes after this look
		if view().Version.Number == 6 {
			break
		}
		select {
		case <-changed:
		case <-deadline:
			t.Fatalf("heard %+v", view())
		}
	}
	if v := other(); v.Of("pop/lhr").State != world.Down || v.Of("pop/fra").State != world.Healthy || v.Of("pop/nrt").State != world.Healthy {
		t.Errorf("the view is mixed, or forged: %+v", v)
	}
	stop()
	stop() // twice is once
	if len(p.following) != 1 {
		t.Error("the following ended with the first of its two users")
	}
	stopOther()
	if len(p.following) != 0 {
		t.Error("the following goes on without users")
	}
}

func TestWhoFollowsNobody(t *testing.T) {
	p := &Process{Root: telemetry.NewRoot(io.Discard, "text", slog.LevelError)}
	m := &machine{Process: p, file: &File{Place: "fra"}, tel: p.Root.Instance("edge", "fra")}
	view, stop, err := m.health(DefaultHealthFeed(), nil)
	if view != nil || err != nil {
		t.Errorf("a view of nothing: %v", err)
	}
	stop()
	for name, change := range map[string]func(*HealthFeed){
		"frozen too soon":      func(f *HealthFeed) { f.FrozenAfter = 2*world.HealthBeat - 1 },
		"open before frozen":   func(f *HealthFeed) { f.OpenAfter = f.FrozenAfter - 1 },
		"no bearer key":        func(f *HealthFeed) { f.Keys = []health.Key{{Region: "a", Public: strings.Repeat("A", 43)}} },
		"a key that is no key": func(f *HealthFeed) { f.Keys, f.FeedKey = []health.Key{{Region: "a", Public: "x"}}, "k" },
		"two keys of one place": func(f *HealthFeed) {
			k := health.Key{Region: "a", Public: strings.Repeat("A", 43)}
			f.Keys, f.FeedKey = []health.Key{k, k}, "k"
		},
	} {
		f := DefaultHealthFeed()
		change(&f)
		if _, _, err := m.health(f, nil); !world.Is(err, world.CodeInvalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
