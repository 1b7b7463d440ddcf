package cli

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"meridian/platform/httpserver"
	"meridian/world"
)

// edgeFake answers the media commands, and remembers what it was asked.
func edgeFake(t *testing.T, answer http.HandlerFunc) (base string, asked *[]*http.Request) {
	asked = &[]*http.Request{}
	var mu sync.Mutex // of asked: several may ask at once
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		*asked = append(*asked, r)
		mu.Unlock()
		answer(w, r)
	}))
	t.Cleanup(s.Close)
	return s.URL, asked
}

func picture(t *testing.T, name, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestMediaGet(t *testing.T) {
	base, asked := edgeFake(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "image/webp")
		w.Header().Set("Cache-Status", "edge-fra; hit")
		io.WriteString(w, "RIFF")
	})
	t.Chdir(t.TempDir())
	code, out, errOut := run(t, "media", "get", anID, "--size", "320x0", "--url", base, "--app", "a", "--format", "webp", "--version", "2")
	b, err := os.ReadFile(anID + ".webp")
	if code != exitOK || err != nil || string(b) != "RIFF" || !strings.Contains(out, anID+".webp  4 bytes, image/webp\nedge-fra; hit") {
		t.Errorf("%d %v %q %q", code, err, out, errOut)
	}
	if got := (*asked)[0].URL.Path; got != "/img/a/"+anID+"/v2/webp/320x0" {
		t.Errorf("asked for %s", got)
	}
	if _, out, _ := run(t, "media", "get", anID, "--size", "320x0", "--url", base, "--app", "a", "-o", "-"); out != "RIFF" {
		t.Errorf("to standard output: %q", out)
	}
	if code, _, _ := run(t, "media", "get", "../../etc/x", "--size", "320x0", "--url", base, "--app", "a"); code != exitInvalid {
		t.Errorf("%d", code)
	}
	if list, _ := os.ReadDir("."); len(list) != 1 {
		t.Errorf("files were written: %v", list)
	}
}

func TestMediaGetRefused(t *testing.T) {
	base, _ := edgeFake(t, func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusBadRequest)
		json.NewEncoder(w).Encode(httpserver.Problem{Status: 400, Code: world.CodeInvalid, Detail: "Sizes near it: 640x0."})
	})
	t.Chdir(t.TempDir())
	code, _, errOut := run(t, "media", "get", anID, "--url", base, "--app", "a", "--size", "650x0")
	if code != exitInvalid || !strings.Contains(errOut, "Sizes near it: 640x0.") {
		t.Errorf("%d %q", code, errOut)
	}
	if list, _ := os.ReadDir("."); len(list) != 0 {
		t.Error("an error was written into a file")
	}
}

func TestMediaList(t *testing.T) {
	t.Setenv(UploadVariable, "tok")
	answer := `{"assets":[{"media_id":"10","name":"cake.jpg","write_region":"us-east","versions":[{"version":1,"width":800,"height":600,"media_type":"image/jpeg"}],"replicas":[{"region":"us-east","state":"copied"},{"region":"eu-central","state":"wanted"}]}]}`
	base, asked := edgeFake(t, func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, answer) })
	code, out, errOut := run(t, "media", "ls", "--url", base, "--app", "a", "--limit", "7")
	if code != exitOK || !strings.Contains(out, "cake.jpg") || !strings.Contains(out, "800 × 600") || !strings.Contains(out, "1 of 2") {
		t.Errorf("%d %q %q", code, out, errOut)
	}
	if got := (*asked)[0].URL.Query(); got.Get("limit") != "7" {
		t.Errorf("asked with %v", url.Values(got))
	}
	answer = `{"assets":[]}`
	if _, out, _ := run(t, "media", "ls", "--url", base, "--app", "a"); !strings.Contains(out, "No pictures.") {
		t.Errorf("none: %q", out)
	}
	answer = `<html>`
	if code, _, errOut := run(t, "media", "ls", "--url", base, "--app", "a"); code != exitFailed || !strings.Contains(errOut, "not understood") {
		t.Errorf("%d %q", code, errOut)
	}
}

// Names under localhost are this machine, whatever the resolver says.
func TestLocalNamesStayHere(t *testing.T) {
	base, asked := edgeFake(t, func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "RIFF") })
	u, err := url.Parse(base)
	if err != nil {
		t.Fatal(err)
	}
	code, _, errOut := run(t, "media", "get", anID, "--size", "320x0", "--url", "http://jp.localhost:"+u.Port(), "--app", "a", "-o", "-")
	if code != exitOK || len(*asked) != 1 || (*asked)[0].Host != "jp.localhost:"+u.Port() {
		t.Errorf("%d %q", code, errOut)
	}
}
