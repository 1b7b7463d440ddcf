package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"meridian/adapter/tus"
	"meridian/platform/httpserver"
	"meridian/world"
)

// uploadsFake is an edge that takes resumable uploads. What begins with "bad" it
// refuses.
type uploadsFake struct {
	mu     sync.Mutex
	begun  int
	ups    map[string]*fakeUpload // by key
	breaks int                    // so many PATCHes break off after some bytes
}

type fakeUpload struct {
	id, key string
	size    int64
	data    []byte
	meta    map[string]string
}

func (u *uploadsFake) find(id string) *fakeUpload {
	for _, up := range u.ups {
		if up.id == id {
			return up
		}
	}
	return nil
}

// keyed is the uploads of a request with a key.
type keyed struct {
	*uploadsFake
	key string
}

func (k keyed) Begin(_ context.Context, size int64, meta map[string]string) (string, map[string]string, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.ups[k.key] == nil {
		k.begun++
		k.ups[k.key] = &fakeUpload{id: fmt.Sprintf("up%d", k.begun), key: k.key, size: size, meta: meta}
	}
	return k.ups[k.key].id, nil, nil
}

func (k keyed) Stand(_ context.Context, id string) (int64, int64, map[string]string, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	up := k.find(id)
	if up == nil {
		return 0, 0, nil, world.E(world.CodeNotFound, "fake", "Gone.")
	}
	return int64(len(up.data)), up.size, nil, nil
}

func (k keyed) Append(_ context.Context, id string, offset int64, r io.Reader) (int64, error) {
	b, err := io.ReadAll(r)
	k.mu.Lock()
	defer k.mu.Unlock()
	k.find(id).data = append(k.find(id).data, b...)
	return int64(len(b)), err
}

func (k keyed) Finish(_ context.Context, id string) (map[string]string, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	up := k.find(id)
	if bytes.HasPrefix(up.data, []byte("bad")) {
		delete(k.ups, up.key)
		return nil, &world.Error{Code: world.CodeUnsupported, Message: "That is no picture.", ID: "ABCDEFGH"}
	}
	return nil, nil
}

func (k keyed) Drop(context.Context, string) error { return errors.ErrUnsupported }

func (u *uploadsFake) handler(t *testing.T) http.HandlerFunc {
	t.Helper()
	h, err := tus.New(tus.Limits{MaxBytes: 1 << 20, Silence: 5 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	return func(w http.ResponseWriter, r *http.Request) {
		id := strings.TrimPrefix(r.URL.Path, "/media/a/tus/")
		u.mu.Lock()
		up, breaks := u.find(id), r.Method == http.MethodPatch && u.breaks > 0
		if breaks {
			u.breaks--
		}
		u.mu.Unlock()
		if r.Method == http.MethodGet && up != nil {
			fmt.Fprintf(w, `{"media_id":"%s","version":1,"url":"/img/a/%s/v1/auto/640x0"}`, id, id)
			return
		}
		if breaks {
			r.Body = io.NopCloser(io.LimitReader(r.Body, 2))
			r.ContentLength = 2
		}
		err := h.Serve(w, r, "/media/a/tus/", id, keyed{u, r.Header.Get("Idempotency-Key")})
		if breaks {
			panic(http.ErrAbortHandler)
		}
		if err != nil {
			p := httpserver.ProblemOf(err, "")
			w.WriteHeader(p.Status)
			json.NewEncoder(w).Encode(p)
		}
	}
}

// newUploads is such an edge, with a token and a cache of the test's own.
func newUploads(t *testing.T) (base string, asked *[]*http.Request, u *uploadsFake) {
	t.Helper()
	t.Setenv(UploadVariable, "tok")
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	u = &uploadsFake{ups: map[string]*fakeUpload{}}
	h := u.handler(t)
	var mu sync.Mutex
	asked = &[]*http.Request{}
	base, _ = edgeFake(t, func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		*asked = append(*asked, r)
		mu.Unlock()
		h(w, r)
	})
	return base, asked, u
}

func notes(t *testing.T) int {
	t.Helper()
	list, _ := os.ReadDir(filepath.Join(os.Getenv("XDG_CACHE_HOME"), "meridian", "uploads"))
	return len(list)
}

func TestMediaPut(t *testing.T) {
	base, asked, u := newUploads(t)
	good, bad := picture(t, "a cake.jpg", "JFIF"), picture(t, "x.txt", "bad")
	code, out, errOut := run(t, "media", "put", good, "--url", base+"/", "--app", "a", "--from", "tokyo")
	if code != exitOK || out != base+"/img/a/up1/v1/auto/640x0  a cake.jpg\n" || errOut != "" {
		t.Errorf("%d %q %q", code, out, errOut)
	}
	for _, up := range u.ups {
		if string(up.data) != "JFIF" || up.meta["filename"] != "a cake.jpg" || len(up.meta["sha256"]) != 64 {
			t.Errorf("sent %+v", up)
		}
	}
	for _, r := range *asked {
		if c, err := r.Cookie("traveller"); err != nil || c.Value != "tokyo" || r.Header.Get("Authorization") != "Bearer tok" {
			t.Errorf("%s %s: %v %v", r.Method, r.URL, r.Header, err)
		}
	}
	if notes(t) != 0 {
		t.Error("a note of what is done stays")
	}

	code, out, errOut = run(t, "media", "put", bad, good, "--url", base, "--app", "a")
	if code != exitFailed || !strings.Contains(out, "/img/a/") || !strings.Contains(errOut, "That is no picture. (unsupported, id ABCDEFGH)") || !strings.Contains(errOut, "1 of 2 pictures were not taken") {
		t.Errorf("%d %q %q", code, out, errOut)
	}

	code, out, _ = run(t, "media", "put", bad, good, "--url", base, "--app", "a", "--json")
	var told struct {
		Taken   []putResult `json:"taken"`
		Refused []refusal   `json:"refused"`
	}
	if err := json.Unmarshal([]byte(out), &told); err != nil || code != exitFailed || len(told.Taken) != 1 || len(told.Refused) != 1 || told.Refused[0].Code != world.CodeUnsupported || told.Refused[0].File != bad {
		t.Errorf("%d %v %s", code, err, out)
	}
	if told.Taken[0].URL == base+"/img/a/up1/v1/auto/640x0" {
		t.Error("a second put of the same file is not a new picture")
	}
	before := u.begun
	if code, out, _ = run(t, "media", "put", bad, good, "--url", base, "--app", "a"); code != exitFailed || out != told.Taken[0].URL+"  a cake.jpg\n" || u.begun != before+1 {
		t.Errorf("the same command once more puts in what was taken: %d %q, begun %d times more", code, out, u.begun-before)
	}
	if code, _, _ = run(t, "media", "put", good, "--url", base, "--app", "a"); code != exitOK || notes(t) != 0 {
		t.Errorf("%d, %d notes", code, notes(t))
	}
}

func TestMediaPutNeedsItsToken(t *testing.T) {
	base, asked, _ := newUploads(t)
	t.Setenv(UploadVariable, "")
	code, _, errOut := run(t, "media", "put", picture(t, "a", "x"), "--url", base, "--app", "a")
	if code != exitFailed || !strings.Contains(errOut, UploadVariable) || len(*asked) != 0 {
		t.Errorf("%d %q, %d requests", code, errOut, len(*asked))
	}
}

func TestMediaPutGoesOnAfterALinkBroke(t *testing.T) {
	base, _, u := newUploads(t)
	u.breaks = 1
	code, _, errOut := run(t, "media", "put", picture(t, "a.jpg", "0123456789"), "--url", base, "--app", "a")
	if code != exitOK || u.begun != 1 {
		t.Errorf("%d %q, begun %d times", code, errOut, u.begun)
	}
	for _, up := range u.ups {
		if string(up.data) != "0123456789" {
			t.Errorf("kept %q", up.data)
		}
	}
}

func TestTheSameCommandGoesOnWithWhatWasBrokenOff(t *testing.T) {
	_, _, u := newUploads(t)
	file := picture(t, "a.jpg", "0123456789")
	u.breaks = 1
	ctx, cancel := context.WithCancel(t.Context())
	stop, h := sync.OnceFunc(cancel), u.handler(t)
	guard, _ := edgeFake(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPatch {
			defer stop() // somebody presses Ctrl-C while the link breaks
		}
		h(w, r)
	})
	var out, errOut bytes.Buffer
	if code := Run(ctx, "test", []string{"media", "put", file, file + "2", "--at-once", "1", "--url", guard, "--app", "a"}, &out, &errOut); code != exitFailed || notes(t) != 1 || !strings.Contains(errOut.String(), "Broken off: 0 of 2 pictures were taken. The same command goes on with the rest.") || strings.Count(errOut.String(), "\n") > 2 {
		t.Fatalf("broken off: %d %q, %d notes", code, errOut.String(), notes(t))
	}
	if code, _, said := run(t, "media", "put", file, "--url", guard, "--app", "a"); code != exitOK || u.begun != 1 || notes(t) != 0 {
		t.Errorf("gone on: %d %q, begun %d times, %d notes", code, said, u.begun, notes(t))
	}
	for _, up := range u.ups {
		if string(up.data) != "0123456789" {
			t.Errorf("kept %q", up.data)
		}
	}
}

func TestAnUploadThatHasExpiredIsBegunAnew(t *testing.T) {
	base, _, u := newUploads(t)
	file := picture(t, "a.jpg", "0123456789")
	sum, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	sha, err := sumOf(sum)
	if err := errors.Join(err, sum.Close()); err != nil {
		t.Fatal(err)
	}
	n := noteFor(tus.Collection(base, "a"), file, sha)
	if _, err := n.begin(); err != nil {
		t.Fatal(err)
	}
	n.remember(tus.Collection(base, "a") + "up99")
	if code, _, said := run(t, "media", "put", file, "--url", base, "--app", "a"); code != exitOK || u.begun != 1 {
		t.Errorf("%d %q, begun %d times", code, said, u.begun)
	}
}

func TestMediaPutTakesGlobsAndDirectories(t *testing.T) {
	base, _, u := newUploads(t)
	dir := t.TempDir()
	for _, name := range []string{"a.jpg", "b.PNG", "c.txt", ".hidden.jpg", "deep/d.webp", "deep/e.HEIC", "deep/.git/e.jpg"} {
		path := filepath.Join(dir, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, []byte(name), 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		args []string
		code int
		sent int
	}{
		{[]string{dir, "--recursive"}, exitOK, 4},
		{[]string{dir}, exitInvalid, 0},
		{[]string{filepath.Join(dir, "*.jpg")}, exitOK, 1},
		{[]string{filepath.Join(dir, "*.tiff")}, exitInvalid, 0},
		{[]string{filepath.Join(dir, "a.jpg"), filepath.Join(dir, "a.*")}, exitOK, 1},
		{[]string{filepath.Join(dir, "c.txt")}, exitOK, 1},
		{[]string{filepath.Join(dir, "missing.jpg")}, exitFailed, 0},
		{[]string{filepath.Join(dir, "a.jpg"), "--at-once", "0"}, exitInvalid, 0},
		{[]string{filepath.Join(dir, "a.jpg"), "--at-once", "16"}, exitOK, 1},
		{[]string{filepath.Join(dir, "a.jpg"), "--at-once", "17"}, exitInvalid, 0},
	} {
		before := u.begun
		code, _, errOut := run(t, append([]string{"media", "put", "--url", base, "--app", "a"}, c.args...)...)
		if code != c.code || u.begun-before != c.sent {
			t.Errorf("%v: %d, %d sent, %q", c.args, code, u.begun-before, errOut)
		}
	}
}

func TestTheBarTellsHowFarItIs(t *testing.T) {
	began := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	b := &bar{files: 3, ended: 1, failed: 1, bytes: map[string]int64{"x/a.jpg": 30e6, "b.jpg": 0}, sizes: map[string]int64{"x/a.jpg": 40e6, "b.jpg": 20e6}, began: began, last: "x/a.jpg"}
	want := "[████████████············] 30.0 MB of 60.0 MB, 1 of 3 files, 15.0 MB/s  a.jpg  (1 not taken)"
	if got := b.text(began.Add(2 * time.Second)); got != want {
		t.Errorf("%q, want %q", got, want)
	}
	var out bytes.Buffer
	quiet := newBar(&out, 1, true)
	quiet.file("a")(1, 2)
	quiet.end()
	if out.Len() != 0 {
		t.Errorf("off a terminal it shows %q", out.String())
	}
}
