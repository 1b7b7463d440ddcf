package wire

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"io"
	"net/http"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"meridian/engine/health"
	"meridian/world"
)

// monitorKey is the key of a monitor that a test makes up.
func monitorKey(region string) ed25519.PrivateKey {
	return ed25519.NewKeyFromSeed([]byte((region + " of a test, thirty-two bytes of seed")[:32]))
}

func ring(regions ...string) map[string]ed25519.PublicKey {
	out := map[string]ed25519.PublicKey{}
	for _, r := range regions {
		out[r], _ = monitorKey(r).Public().(ed25519.PublicKey)
	}
	return out
}

// by verifies issues of the monitors of some regions.
func by(regions ...string) func([]byte) (world.Health, error) {
	keys := ring(regions...)
	return func(line []byte) (world.Health, error) { return health.Verify(keys, line) }
}

func healthLine(t *testing.T, region string, beat uint64) []byte {
	t.Helper()
	line, err := health.Sign(monitorKey(region), world.Health{
		Version: world.HealthVersion{Number: 7, Monitor: region}, Monitor: region, Beat: beat, Heard: []string{region},
	})
	if err != nil {
		t.Fatal(err)
	}
	return append(line, '\n')
}

func TestHealthFeedOverHTTP(t *testing.T) {
	good, other := healthLine(t, "eu", 1), healthLine(t, "stranger", 1)
	bent := bytes.Replace(good, []byte(`"number":7`), []byte(`"number":8`), 1)
	for name, c := range map[string]struct {
		handler http.HandlerFunc
		issues  int
		code    world.Code
	}{
		"ends": {func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path != world.HealthPath || r.Header.Get("Authorization") != "Bearer key" {
				t.Errorf("asked %s with %q", r.URL, r.Header.Get("Authorization"))
			}
			w.Write(good)
			w.Write(healthLine(t, "eu", 2))
		}, 2, world.CodeUnavailable},
		"one that was changed":    {func(w http.ResponseWriter, r *http.Request) { w.Write(good); w.Write(bent) }, 1, world.CodeUnsigned},
		"of a monitor unknown":    {func(w http.ResponseWriter, r *http.Request) { w.Write(other) }, 0, world.CodeUnsigned},
		"no issue at all":         {func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "oops\n") }, 0, world.CodeInvalid},
		"an empty line":           {func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "\n") }, 0, world.CodeInvalid},
		"a line without end":      {func(w http.ResponseWriter, r *http.Request) { w.Write(make([]byte, 2*health.MaxLine)) }, 0, world.CodeBadUpstream},
		"a line of one byte more": {func(w http.ResponseWriter, r *http.Request) { w.Write(append(make([]byte, health.MaxLine+1), '\n')) }, 0, world.CodeTooLarge},
		"a key that is not theirs": {func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(401)
			io.WriteString(w, `{"code":"unsigned"}`)
		}, 0, world.CodeUnsigned},
	} {
		t.Run(name, func(t *testing.T) {
			transport, stop := serve(c.handler)
			defer stop()
			n := 0
			err := NewHealthClient("eu", transport, "key", by("eu", "us"), 0).Follow(t.Context(), func(world.Health) { n++ })
			if world.CodeOf(err) != c.code || n != c.issues {
				t.Errorf("%d issues, then %v; want %d and %s", n, err, c.issues, c.code)
			}
		})
	}
}

// A stream that dies without a word is given up after some beats, another is
// begun, and what it says first is the newest issue.
func TestHealthFeedIsReadAnewWhenItFallsSilent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStream()
		ctx, cancel := context.WithCancel(t.Context())
		began := time.Now()
		var beats []uint64
		var at []time.Duration
		go func() {
			w := <-s.write
			w.Write(healthLine(t, "eu", 1))
			time.Sleep(world.HealthBeat)
			w.Write(healthLine(t, "eu", 2)) // and no more
			w = <-s.write
			w.Write(healthLine(t, "eu", 9))
			synctest.Wait()
			cancel()
		}()
		losses := 0
		err := FollowHealth(ctx, NewHealthClient("eu", s, "k", by("eu"), 0), DefaultBackoff(), func(h world.Health) {
			beats, at = append(beats, h.Beat), append(at, time.Since(began))
		}, func(err error) {
			if losses++; world.CodeOf(err) != world.CodeTimeout {
				t.Errorf("lost by %v", err)
			}
		})
		if err != context.Canceled || losses != 1 || !slices.Equal(beats, []uint64{1, 2, 9}) {
			t.Errorf("%v after %d losses and beats %v", err, losses, beats)
		}
		if want := world.HealthBeat + DefaultHealthQuiet + DefaultBackoff().First; len(at) == 3 && at[2] != want {
			t.Errorf("heard again after %v, want %v", at[2], want)
		}
	})
}
