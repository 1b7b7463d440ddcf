package wire

import (
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"meridian/engine/keyring"
	"meridian/engine/uploadgrant"
	"meridian/platform/httpserver"
	"meridian/world"
)

var grantKeys = []keyring.Key{{ID: "k1", Secret: "a secret of 20 characters"}}

func photos(t *testing.T, h http.HandlerFunc) *Photos {
	t.Helper()
	transport, stop := serve(h)
	t.Cleanup(stop)
	p, err := NewPhotos(transport, "crumbs", "europe", grantKeys, PhotoLimits{Bytes: 100, Wait: time.Minute}, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestAPhotoIsKeptUnderAGrantForItAlone(t *testing.T) {
	ring, err := keyring.New(uploadgrant.Purpose, grantKeys)
	if err != nil {
		t.Fatal(err)
	}
	ids := map[string]bool{}
	p := photos(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		token, _ := uploadgrant.Shown(r.Header)
		g, err := uploadgrant.Open(token, ring)
		if err != nil || g.Good(time.Now()) != nil || g.Good(time.Now().Add(2*time.Minute)) == nil {
			t.Errorf("the grant: %+v, %v", g, err)
		}
		if g.App != "crumbs" || g.Visibility != world.Private || g.Zone != "europe" || g.MaxBytes != 100 || g.Method != uploadgrant.Plain || g.Owner != "" || g.Takes("image/gif") || !g.Takes("image/jpeg") {
			t.Errorf("the grant: %+v", g)
		}
		ids[g.ID] = true
		if string(body) != "photo" || r.Method+" "+r.URL.String() != "PUT /media/crumbs" {
			t.Errorf("%s %s %q", r.Method, r.URL, body)
		}
		w.WriteHeader(http.StatusCreated)
		io.WriteString(w, `{"media_id":"20abcdefghjkmnpq","manifest":{}}`)
	})
	for range 2 {
		if id, err := p.Keep(t.Context(), []byte("photo")); err != nil || id != "20abcdefghjkmnpq" {
			t.Errorf("%q, %v", id, err)
		}
	}
	if len(ids) != 2 {
		t.Errorf("%d grants for two photos", len(ids))
	}
}

func TestAPhotoThatIsRefused(t *testing.T) {
	for _, code := range []world.Code{world.CodeTooLarge, world.CodeUnsupported, world.CodeUnprocessed, world.CodeBusy, world.CodeUnavailable} {
		p := photos(t, func(w http.ResponseWriter, r *http.Request) {
			httpserver.WriteError(w, r, slog.New(slog.DiscardHandler), world.E(code, "", "Why."))
		})
		if id, err := p.Keep(t.Context(), []byte("photo")); !world.Is(err, code) || id != "" {
			t.Errorf("%s: %q, %v", code, id, err)
		}
	}
	for name, answer := range map[string]string{"no document": "x", "no id": "{}", "odd id": `{"media_id":"../../x"}`, "long": strings.Repeat(" ", maxProblem+1) + `{"media_id":"20abcdefghjkmnpq"}`} {
		p := photos(t, func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(http.StatusCreated)
			io.WriteString(w, answer)
		})
		if id, err := p.Keep(t.Context(), []byte("photo")); !world.Is(err, world.CodeBadUpstream) || id != "" {
			t.Errorf("%s: %q, %v", name, id, err)
		}
	}
	if _, err := NewPhotos(nil, "crumbs", "europe", nil, PhotoLimits{}, time.Now); !world.Is(err, world.CodeInvalid) {
		t.Errorf("without keys: %v", err)
	}
}
