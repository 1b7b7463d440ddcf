package wire

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"meridian/platform/httpserver"
	"meridian/world"
)

const assetID = "10000000000000ab"

var hash = strings.Repeat("ab", 32)

func manifest() world.Manifest {
	at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	return world.Manifest{
		App: "crumbs", MediaID: assetID, Visibility: world.Public, Audience: world.Public, WriteRegion: "eu-central", Current: 1, CreatedAt: at,
		Moderation: world.Moderation{State: world.ModerationApproved, At: at},
		Versions: []world.Version{{
			Number: 1, SHA256: hash, MediaType: "image/jpeg", Bytes: 5, Width: 4, Height: 3, Frames: 1, Color: "#aabbcc",
			Moderation: world.ModerationApproved, CreatedAt: at,
		}},
	}
}

func peers(t *testing.T, l PeerLimits, h http.HandlerFunc) *Peers {
	t.Helper()
	transport, stop := serve(h)
	t.Cleanup(stop)
	return NewPeers(map[string]http.RoundTripper{"eu-central": transport}, "key", l)
}

func TestPeersAskTheInternalPathsWithTheWireKey(t *testing.T) {
	var pushed []byte
	p := peers(t, DefaultPeerLimits(), func(w http.ResponseWriter, r *http.Request) {
		if err := httpserver.CheckBearer(r, "key"); err != nil || r.Host != "eu-central" {
			t.Errorf("%s: %v", r.Host, err)
		}
		switch r.Method + " " + r.URL.String() {
		case "PUT /-/media/originals/" + hash:
			pushed, _ = io.ReadAll(r.Body)
			if r.ContentLength != 5 {
				t.Errorf("length %d", r.ContentLength)
			}
			w.WriteHeader(http.StatusNoContent)
		case "GET /-/media/crumbs/" + assetID + "/original?version=3":
			io.WriteString(w, "bytes")
		case "GET /-/media/crumbs/" + assetID + "/manifest", "GET /-/media/" + assetID + "/manifest":
			json.NewEncoder(w).Encode(manifest())
		default:
			t.Errorf("asked %s %s", r.Method, r.URL)
		}
	})
	if err := p.PushOriginal(t.Context(), "eu-central", "", hash, strings.NewReader("bytes"), -1, 5); err != nil || string(pushed) != "bytes" {
		t.Errorf("push: %v, arrived %q", err, pushed)
	}
	if b, err := p.Original(t.Context(), "eu-central", "crumbs", assetID, 3); err != nil || string(b) != "bytes" {
		t.Errorf("original: %q, %v", b, err)
	}
	if m, err := p.Manifest(t.Context(), "eu-central", "crumbs", assetID); err != nil || m.Newest().SHA256 != hash {
		t.Errorf("manifest: %+v, %v", m, err)
	}
	if m, err := p.Manifest(t.Context(), "eu-central", "", assetID); err != nil || m.App != "crumbs" {
		t.Errorf("manifest of any app: %+v, %v", m, err)
	}
}

func TestTheRestOfAnOriginalIsSent(t *testing.T) {
	var got []string
	p := peers(t, DefaultPeerLimits(), func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		got = append(got, fmt.Sprintf("%s %s %d %q", r.Method, r.URL, r.ContentLength, body))
		if r.Method == http.MethodGet {
			io.WriteString(w, `{"bytes":3,"held":false}`)
			return
		}
		w.WriteHeader(http.StatusNoContent)
	})
	n, held, err := p.Arrived(t.Context(), "eu-central", assetID, hash)
	if n != 3 || held || err != nil {
		t.Errorf("%d, %v, %v", n, held, err)
	}
	for _, rest := range []string{"es", ""} {
		if err := p.PushOriginal(t.Context(), "eu-central", assetID, hash, strings.NewReader(rest), int64(5-len(rest)), 5); err != nil {
			t.Error(err)
		}
	}
	path := "/-/media/resident/" + assetID + "/" + hash
	want := []string{"GET " + path + `/arrived 0 ""`, "PUT " + path + `?from=3&size=5 2 "es"`, "PUT " + path + `?from=5&size=5 0 ""`}
	if !slices.Equal(got, want) {
		t.Errorf("%q\nwant %q", got, want)
	}
}

func TestAnAnswerOfWhatArrivedIsChecked(t *testing.T) {
	for body, ok := range map[string]bool{`{"bytes":0,"held":true}`: true, `{"bytes":-1}`: false, `bytes`: false, ``: false} {
		p := peers(t, DefaultPeerLimits(), func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, body) })
		if _, _, err := p.Arrived(t.Context(), "eu-central", "", hash); ok != (err == nil) || !ok && !world.Is(err, world.CodeBadUpstream) {
			t.Errorf("%q: %v", body, err)
		}
	}
}

func TestAWriteRegionIsToldOfCopies(t *testing.T) {
	checks := []world.CopyCheck{{SHA256: hash, Good: true, At: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)}, {SHA256: hash}}
	p := peers(t, DefaultPeerLimits(), func(w http.ResponseWriter, r *http.Request) {
		var got []world.CopyCheck
		if err := json.NewDecoder(r.Body).Decode(&got); err != nil || !slices.Equal(got, checks) || r.Method+" "+r.URL.String() != "POST /-/media/checked/us-east" {
			t.Errorf("%s %s: %+v, %v", r.Method, r.URL, got, err)
		}
		if err := httpserver.CheckBearer(r, "key"); err != nil {
			t.Error(err)
		}
		w.WriteHeader(http.StatusNoContent)
	})
	if err := p.Checked(t.Context(), "eu-central", "us-east", checks); err != nil {
		t.Error(err)
	}
}

// A shield shares the read of a request that names nobody.
func TestAVariantIsAskedForAsByAnybody(t *testing.T) {
	const path = "/img/crumbs/" + assetID + "/v1/webp/320x0"
	p := peers(t, DefaultPeerLimits(), func(w http.ResponseWriter, r *http.Request) {
		if r.URL.String() != path || len(r.Header["Authorization"]) > 0 {
			t.Errorf("asked %s with %q", r.URL, r.Header["Authorization"])
		}
		w.Header().Set("ETag", `"tag"`)
		io.WriteString(w, "bytes")
	})
	if b, tag, err := p.Variant(t.Context(), "eu-central", path); err != nil || string(b) != "bytes" || tag != `"tag"` {
		t.Errorf("%q %s, %v", b, tag, err)
	}
	if _, _, err := p.Variant(t.Context(), "elsewhere", path); !world.Is(err, world.CodeInternal) {
		t.Errorf("a region without a link: %v", err)
	}
}

func TestAnErrorSurvivesTheWire(t *testing.T) {
	sent := &world.Error{Code: world.CodeUnprocessed, Op: "secret", Message: "Send the bytes that the name says.", ID: "abcdefgh12345678", Err: errors.New("cause")}
	p := peers(t, DefaultPeerLimits(), func(w http.ResponseWriter, r *http.Request) {
		b, _ := json.Marshal(httpserver.ProblemOf(sent, ""))
		w.WriteHeader(sent.Code.Status())
		w.Write(b)
	})
	_, err := p.Original(t.Context(), "eu-central", "crumbs", assetID, 1)
	var got *world.Error
	if !errors.As(err, &got) || got.Code != sent.Code || got.Message != sent.Message || got.ID != sent.ID || got.Retry {
		t.Errorf("arrived as %#v", got)
	}
	if strings.Contains(err.Error(), "secret") || strings.Contains(err.Error(), "cause") {
		t.Errorf("an operator's part crossed the wire: %v", err)
	}
}

func TestPeersTakeNoMoreThanTheirLimits(t *testing.T) {
	l := DefaultPeerLimits()
	l.MaxOriginal = 10
	for size, ok := range map[int]bool{10: true, 11: false} {
		p := peers(t, l, func(w http.ResponseWriter, r *http.Request) { w.Write(make([]byte, size)) })
		_, err := p.Original(t.Context(), "eu-central", "crumbs", assetID, 1)
		if ok != (err == nil) || (!ok && world.CodeOf(err) != world.CodeTooLarge) {
			t.Errorf("%d bytes: %v", size, err)
		}
	}
}

func TestPeersRefuseAManifestOfSomethingElse(t *testing.T) {
	other, bad := manifest(), manifest()
	other.MediaID = "20000000000000ab"
	bad.Versions[0].SHA256 = "../../etc"
	for name, m := range map[string]any{"other asset": other, "bad hash": bad, "none": map[string]any{}, "no document": "x"} {
		p := peers(t, DefaultPeerLimits(), func(w http.ResponseWriter, r *http.Request) { json.NewEncoder(w).Encode(m) })
		if _, err := p.Manifest(t.Context(), "eu-central", "crumbs", assetID); world.CodeOf(err) != world.CodeBadUpstream {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestPeersSayWhatBroke(t *testing.T) {
	cut := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", "100")
		w.Write([]byte("half"))
	}))
	defer cut.Close()
	address := cut.Listener.Addr().String()
	p := NewPeers(map[string]http.RoundTripper{
		"cut": roundTrip(func(r *http.Request) (*http.Response, error) {
			r = r.Clone(r.Context())
			r.URL.Host = address
			return cut.Client().Transport.RoundTrip(r)
		}),
		"away": roundTrip(func(*http.Request) (*http.Response, error) {
			return nil, world.E(world.CodeUnavailable, "netaddr.dial", "Nobody is there.")
		}),
	}, "key", DefaultPeerLimits())
	for region, code := range map[string]world.Code{"cut": world.CodeUnavailable, "away": world.CodeUnavailable, "unheard-of": world.CodeInternal} {
		if _, err := p.Original(t.Context(), region, "crumbs", assetID, 1); world.CodeOf(err) != code {
			t.Errorf("%s: %v", region, err)
		}
	}
}

func TestPeersWaitNoLongerThanTheirLimits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hole := roundTrip(func(r *http.Request) (*http.Response, error) {
			<-r.Context().Done()
			return nil, r.Context().Err()
		})
		l := DefaultPeerLimits()
		p := NewPeers(map[string]http.RoundTripper{"eu-central": hole}, "key", l)
		for _, c := range []struct {
			call func(context.Context) error
			want time.Duration
		}{
			{func(ctx context.Context) error {
				_, err := p.Manifest(ctx, "eu-central", "crumbs", assetID)
				return err
			}, l.Ask},
			{func(ctx context.Context) error {
				_, err := p.Original(ctx, "eu-central", "crumbs", assetID, 1)
				return err
			}, l.Fetch},
			{func(ctx context.Context) error {
				return p.PushOriginal(ctx, "eu-central", "", hash, bytes.NewReader(nil), -1, 0)
			}, l.Push},
		} {
			start := time.Now()
			err := c.call(t.Context())
			if world.CodeOf(err) != world.CodeTimeout || time.Since(start) != c.want {
				t.Errorf("%v after %v, want a timeout after %v", err, time.Since(start), c.want)
			}
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := p.Manifest(ctx, "eu-central", "crumbs", assetID); !errors.Is(err, context.Canceled) {
			t.Errorf("a caller that stopped is told %v", err)
		}
	})
}
