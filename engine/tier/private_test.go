package tier

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"meridian/engine/keyring"
	"meridian/engine/signedurl"
	"meridian/world"
)

const privatePath = "/private/sweet-crumbs/1000000000000000/v1/webp/640x0"

func privateTier(t *testing.T, keys ...keyring.Key) *Tier {
	t.Helper()
	ring, err := signedurl.New(signedurl.Settings{Keys: keys, Longest: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	return &Tier{cfg: Config{World: &world.World{}, Private: ring, Now: func() time.Time { return time.Unix(1e9, 0) }}}
}

// Between tiers a picture is asked for under a signature of the asker's own, and
// what is not private under none.
func TestTheNextTierIsAskedUnderAnotherSignature(t *testing.T) {
	tier := privateTier(t, keyring.Key{ID: "k1", Secret: "a secret of a test, long enough"})
	out := httptest.NewRequest("GET", privatePath+"?exp=1&kid=k1&sig=visitors", nil)
	tier.vouch(out)
	if strings.Contains(out.URL.RawQuery, "visitors") {
		t.Errorf("the visitor's signature goes on: %s", out.URL)
	}
	if _, left, err := tier.Admit(out); err != nil || left != vouched {
		t.Errorf("%s: %v, %v", out.URL, left, err)
	}
	other := httptest.NewRequest("GET", "/img/sweet-crumbs/1000000000000000/v1/webp/640x0?a=b", nil)
	if tier.vouch(other); other.URL.RawQuery != "a=b" {
		t.Errorf("a public picture: %s", other.URL)
	}
	for name, none := range map[string]*Tier{"without keys": privateTier(t), "without a ring": {cfg: Config{World: &world.World{}}}} {
		out := httptest.NewRequest("GET", privatePath+"?exp=1&kid=k1&sig=visitors", nil)
		if none.vouch(out); out.URL.RawQuery != "" {
			t.Errorf("%s: %s", name, out.URL)
		}
		if _, _, err := none.Admit(out); !world.Is(err, world.CodeForbidden) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// The short way to a hit asks nobody for a signature, so nothing private is on it.
func TestNothingPrivateIsOnTheShortWay(t *testing.T) {
	tier := privateTier(t)
	if _, ok := tier.Want(httptest.NewRequest("GET", privatePath, nil)); ok {
		t.Error("a private picture can be wanted")
	}
	if _, ok := tier.Want(httptest.NewRequest("GET", "/img"+strings.TrimPrefix(privatePath, "/private"), nil)); !ok {
		t.Error("a public one cannot: this shows nothing")
	}
}

func TestForOneVisitorAlone(t *testing.T) {
	for status, want := range map[int]string{200: "private, max-age=90", 206: "private, max-age=90", 304: "private, max-age=90", 404: "no-store", 500: "no-store", 416: "no-store"} {
		rec := httptest.NewRecorder()
		w := &ForOne{ResponseWriter: rec, Left: 90*time.Second + 900*time.Millisecond}
		for _, name := range shared {
			w.Header().Set(name, "x")
		}
		w.Header().Set("Cache-Control", "public, max-age=31536000")
		w.WriteHeader(http.StatusEarlyHints)
		w.WriteHeader(status)
		if got := rec.Header().Get("Cache-Control"); got != want {
			t.Errorf("%d: %q, want %q", status, got, want)
		}
		for _, name := range shared {
			if rec.Header().Get(name) != "" {
				t.Errorf("%d: %s is passed on", status, name)
			}
		}
	}
	rec := httptest.NewRecorder()
	io.WriteString(&ForOne{ResponseWriter: rec, Left: time.Second}, "begun by its content")
	if got := rec.Header().Get("Cache-Control"); got != "private, max-age=1" {
		t.Errorf("%q", got)
	}
}
