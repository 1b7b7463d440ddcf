package wire

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"meridian/platform/httpserver"
	"meridian/world"
)

func TestAckSaysWhoHasComeHowFar(t *testing.T) {
	status := http.StatusNoContent
	transport, stop := serve(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var a world.Ack
		if err := json.NewDecoder(r.Body).Decode(&a); err != nil || a != (world.Ack{Tier: "edge-fra", Cursor: "7.1", Anew: true}) || r.Method+" "+r.URL.Path != "POST "+world.AcksPath {
			t.Errorf("%s %s: %+v, %v", r.Method, r.URL, a, err)
		}
		if err := httpserver.CheckBearer(r, "key"); err != nil {
			t.Error(err)
		}
		w.WriteHeader(status)
	}))
	defer stop()
	ack := NewAck("eu-central", transport, "key", "edge-fra")
	if err := ack(t.Context(), "7.1", true); err != nil {
		t.Error(err)
	}
	status = http.StatusServiceUnavailable
	if err := ack(t.Context(), "7.1", true); !world.Is(err, world.CodeUnavailable) {
		t.Errorf("a shield without its ops: %v", err)
	}
}

func TestAckWaitsNoLongerThanItsLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hole := roundTrip(func(r *http.Request) (*http.Response, error) {
			<-r.Context().Done()
			return nil, r.Context().Err()
		})
		start := time.Now()
		if err := NewAck("x", hole, "key", "edge-fra")(t.Context(), "7.1", false); !world.Is(err, world.CodeTimeout) || time.Since(start) != ackTime {
			t.Errorf("%v after %v", err, time.Since(start))
		}
	})
}

func TestPurgesOfAPeer(t *testing.T) {
	answer := `{"event":"placed","region":"eu-central","cursor":"7.1","ms":0}
{"event":"ack","tier":"edge-fra","ms":0}
{"event":"of-a-later-release","ms":1}
`
	transport, stop := serve(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		if r.Method+" "+r.URL.String() != "POST "+world.PeerPurgesPath+"?wait=3s" || string(b) != `{"id":"x","groups":["de/pages"],"soft":true}` {
			t.Errorf("%s %s: %s", r.Method, r.URL, b)
		}
		io.WriteString(w, answer)
	}))
	defer stop()
	p := NewPurges(map[string]http.RoundTripper{"eu-central": transport}, "key")
	ask := func() (got []string, err error) {
		err = p.Purge(t.Context(), "eu-central", world.Purge{ID: "x", Groups: []string{"de/pages"}, Soft: true}, 3*time.Second, func(n world.PurgeNews) error {
			got = append(got, n.Event+n.Cursor+n.Tier)
			return nil
		})
		return got, err
	}
	if got, err := ask(); err != nil || !slices.Equal(got, []string{"placed7.1", "ackedge-fra", "of-a-later-release"}) {
		t.Errorf("%v, %v", got, err)
	}
	answer = "nonsense\n"
	if _, err := ask(); !world.Is(err, world.CodeBadUpstream) {
		t.Errorf("nonsense: %v", err)
	}
	answer = `{"event":"` + strings.Repeat("x", MaxPurgeLine) + "\"}\n"
	if _, err := ask(); err == nil {
		t.Error("a line past the limit was read")
	}
	broken := errors.New("mine")
	answer = `{"event":"placed","cursor":"7.1"}` + "\n"
	if err := p.Purge(t.Context(), "eu-central", world.Purge{ID: "x", Groups: []string{"de/pages"}, Soft: true}, 3*time.Second, func(world.PurgeNews) error { return broken }); !errors.Is(err, broken) {
		t.Errorf("an error of the caller's came back as %v", err)
	}
	if err := p.Purge(context.Background(), "nowhere", world.Purge{}, 0, nil); !world.Is(err, world.CodeInternal) {
		t.Errorf("an unknown region: %v", err)
	}
}

func FuzzParsePurgeNews(f *testing.F) {
	for _, s := range []string{`{"event":"accepted","id":"1000000000000000","regions":["a"],"tiers":["edge-fra"],"ms":0}`, `{"event":"placed","cursor":"7.1"}`, `{"event":"done","missing":["x"]}`, `{`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, line []byte) {
		n, err := ParsePurgeNews(line)
		if err != nil {
			return
		}
		if _, err := world.ParseCursor(n.Cursor); err != nil || strings.ContainsAny(n.Event+n.ID+n.Region+n.Tier, " \n\x1b") {
			t.Fatalf("%q became %+v", line, n)
		}
	})
}
