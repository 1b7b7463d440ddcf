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
	p, err := NewPhotos(transport, "crumbs", world.Region{ID: "eu-central", Zone: "europe", Number: 2}, grantKeys, PhotoLimits{Bytes: 100, Wait: time.Minute}, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func unnoted(string) error { return nil }

// Which asset a photo will be is noted before it is sent: it can be deleted
// whatever becomes of the upload.
func TestAPhotoIsNotedBeforeItIsSent(t *testing.T) {
	ids, err := keyring.New(uploadgrant.IDPurpose, grantKeys)
	if err != nil {
		t.Fatal(err)
	}
	var noted []string
	note := func(id string) error {
		noted = append(noted, id)
		return nil
	}
	var expected, answer string
	p := photos(t, func(w http.ResponseWriter, r *http.Request) {
		ring, _ := keyring.New(uploadgrant.Purpose, grantKeys)
		token, _ := uploadgrant.Shown(r.Header)
		g, _ := uploadgrant.Open(token, ring)
		expected = uploadgrant.MediaIDs(ids, 2, "crumbs", uploadgrant.Key(g.ID))[0]
		if len(noted) != 1 || noted[0] != expected {
			t.Errorf("noted %v before it was sent, want %s", noted, expected)
		}
		w.WriteHeader(http.StatusCreated)
		io.WriteString(w, strings.ReplaceAll(answer, "expected", expected))
	})
	for _, c := range []struct {
		answer string
		notes  int
		ok     bool
	}{{`{"media_id":"expected"}`, 1, true}, {`{"media_id":"20abcdefghjkmnpq"}`, 2, true}, {"lost", 1, false}} {
		noted, answer = nil, c.answer
		id, err := p.Keep(t.Context(), []byte("photo"), note)
		if (err == nil) != c.ok || len(noted) != c.notes || c.ok && id != noted[len(noted)-1] {
			t.Errorf("%s: %q, %v, noted %v", c.answer, id, err, noted)
		}
	}
	noted = nil
	if _, err := p.Keep(t.Context(), []byte("photo"), func(string) error { return world.E(world.CodeUnavailable, "test", "") }); !world.Is(err, world.CodeUnavailable) {
		t.Errorf("it could not be noted: %v", err)
	}
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
		if id, err := p.Keep(t.Context(), []byte("photo"), unnoted); err != nil || id != "20abcdefghjkmnpq" {
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
		if id, err := p.Keep(t.Context(), []byte("photo"), unnoted); !world.Is(err, code) || id != "" {
			t.Errorf("%s: %q, %v", code, id, err)
		}
	}
	for name, answer := range map[string]string{"no document": "x", "no id": "{}", "odd id": `{"media_id":"../../x"}`, "long": strings.Repeat(" ", maxProblem+1) + `{"media_id":"20abcdefghjkmnpq"}`} {
		p := photos(t, func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(http.StatusCreated)
			io.WriteString(w, answer)
		})
		if id, err := p.Keep(t.Context(), []byte("photo"), unnoted); !world.Is(err, world.CodeBadUpstream) || id != "" {
			t.Errorf("%s: %q, %v", name, id, err)
		}
	}
	if _, err := NewPhotos(nil, "crumbs", world.Region{}, nil, PhotoLimits{}, time.Now); !world.Is(err, world.CodeInvalid) {
		t.Errorf("without keys: %v", err)
	}
}

// A photo is deleted under a grant for that one; the receipt is what media says.
func TestAPhotoIsDeletedUnderAGrantForItAlone(t *testing.T) {
	ring, err := keyring.New(uploadgrant.Purpose, grantKeys)
	if err != nil {
		t.Fatal(err)
	}
	answer, status := `{"receipt":"20recept0recept0","removals":[]}`, http.StatusAccepted
	p := photos(t, func(w http.ResponseWriter, r *http.Request) {
		token, _ := uploadgrant.Shown(r.Header)
		g, err := uploadgrant.Open(token, ring)
		if err != nil || g.Good(time.Now()) != nil || g.Good(time.Now().Add(2*time.Minute)) == nil {
			t.Errorf("the grant: %+v, %v", g, err)
		}
		if g.ID != "20abcdefghjkmnpq" || !g.By(uploadgrant.Remove) || g.App != "crumbs" || g.Zone != "europe" || g.Visibility != world.Private {
			t.Errorf("the grant: %+v", g)
		}
		if r.Method+" "+r.URL.String() != "DELETE /media/crumbs/20abcdefghjkmnpq?by=shop" {
			t.Errorf("%s %s", r.Method, r.URL)
		}
		w.WriteHeader(status)
		io.WriteString(w, answer)
	})
	if receipt, err := p.Delete(t.Context(), "20abcdefghjkmnpq"); err != nil || receipt != "20recept0recept0" {
		t.Errorf("%q, %v", receipt, err)
	}
	for _, answer = range []string{"{}", "x", `{"receipt":"../x"}`} {
		if receipt, err := p.Delete(t.Context(), "20abcdefghjkmnpq"); !world.Is(err, world.CodeBadUpstream) || receipt != "" {
			t.Errorf("%s: %q, %v", answer, receipt, err)
		}
	}
	status, answer = http.StatusNotFound, `{"code":"not_found"}`
	if _, err := p.Delete(t.Context(), "20abcdefghjkmnpq"); !world.Is(err, world.CodeNotFound) {
		t.Errorf("one that is not there: %v", err)
	}
	if _, err := p.Delete(t.Context(), "no id"); !world.Is(err, world.CodeInvalid) {
		t.Errorf("what is no id: %v", err)
	}
}
