package tus

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"meridian/world"
)

// memory keeps uploads of the test: id → what has come.
type memory struct {
	mu    sync.Mutex
	data  map[string][]byte
	size  int64
	fail  error
	ended chan struct{} // told each time that an Append ends
}

func (m *memory) Begin(_ context.Context, size int64, metadata map[string]string) (string, map[string]string, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.data["up"], m.size = nil, size
	return "up", map[string]string{"X-Name": metadata["filename"]}, m.fail
}

func (m *memory) Stand(_ context.Context, id string) (int64, int64, map[string]string, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, ok := m.data[id]; !ok {
		return 0, 0, nil, world.E(world.CodeNotFound, "memory", "No such upload.")
	}
	return int64(len(m.data[id])), m.size, nil, m.fail
}

func (m *memory) Append(_ context.Context, id string, offset int64, r io.Reader) (int64, error) {
	b, err := io.ReadAll(r)
	m.mu.Lock()
	defer m.mu.Unlock()
	m.data[id] = append(m.data[id][:offset], b...)
	if m.ended != nil {
		m.ended <- struct{}{}
	}
	return int64(len(b)), errors.Join(err, m.fail)
}

func (m *memory) Finish(context.Context, string) (map[string]string, error) {
	return map[string]string{"X-Became": "cake"}, m.fail
}

func (m *memory) Drop(_ context.Context, id string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.data, id)
	return m.fail
}

// serve is a server whose handler serves /{id}.
func serve(t *testing.T, m *memory) string {
	t.Helper()
	h, err := New(Limits{MaxBytes: 1000, Checked: 8, Silence: 5 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := h.Serve(w, r, "/ups/", strings.TrimPrefix(r.URL.Path, "/"), m); err != nil {
			var e *world.Error
			errors.As(err, &e)
			w.WriteHeader(e.Code.Status())
			io.WriteString(w, e.Message)
		}
	}))
	t.Cleanup(s.Close)
	return s.URL + "/"
}

func ask(t *testing.T, method, url, body string, fields ...string) (*http.Response, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Tus-Resumable", Version)
	if method == http.MethodPatch {
		r.Header.Set("Content-Type", "application/offset+octet-stream")
	}
	for i := 0; i < len(fields); i += 2 {
		r.Header.Set(fields[i], fields[i+1])
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res, string(b)
}

func TestAnUploadFromBeginningToEnd(t *testing.T) {
	m := &memory{data: map[string][]byte{}}
	url := serve(t, m)
	res, _ := ask(t, "POST", url, "not read", "Upload-Length", "10", "Upload-Metadata", "filename Y2FrZQ==", "Content-Type", "application/offset+octet-stream")
	if res.StatusCode != 201 || res.Header.Get("Location") != "/ups/up" || res.Header.Get("X-Name") != "cake" || len(m.data["up"]) != 0 {
		t.Fatalf("begun: %d %v", res.StatusCode, res.Header)
	}
	if res, _ = ask(t, "PATCH", url+"up", "01234", "Upload-Offset", "0"); res.StatusCode != 204 || res.Header.Get("Upload-Offset") != "5" {
		t.Errorf("half: %d %v", res.StatusCode, res.Header)
	}
	if res, _ = ask(t, "HEAD", url+"up", ""); res.Header.Get("Upload-Offset") != "5" || res.Header.Get("Upload-Length") != "10" {
		t.Errorf("HEAD: %v", res.Header)
	}
	if res, _ = ask(t, "PATCH", url+"up", "56789", "Upload-Offset", "5"); res.StatusCode != 204 || res.Header.Get("X-Became") != "cake" || string(m.data["up"]) != "0123456789" {
		t.Errorf("whole: %d %v", res.StatusCode, res.Header)
	}
	if res, _ = ask(t, "DELETE", url+"up", ""); res.StatusCode != 204 || len(m.data) != 0 {
		t.Errorf("given up: %d", res.StatusCode)
	}
}

func TestErrorsAreTheCallers(t *testing.T) {
	m := &memory{data: map[string][]byte{"up": nil}, size: 10, fail: world.E(world.CodeUnavailable, "memory", "The store is full.")}
	url := serve(t, m)
	for name, ask := range map[string]func() (*http.Response, string){
		"begin": func() (*http.Response, string) { return ask(t, "POST", url, "", "Upload-Length", "1") },
		"stand": func() (*http.Response, string) { return ask(t, "PATCH", url+"up", "x", "Upload-Offset", "0") },
		"drop":  func() (*http.Response, string) { return ask(t, "DELETE", url+"up", "") },
	} {
		if res, body := ask(); res.StatusCode != 503 || body != "The store is full." {
			t.Errorf("%s: %d %q", name, res.StatusCode, body)
		}
	}
	m.fail = nil
	for name, c := range map[string]struct {
		status int
		ask    func() (*http.Response, string)
	}{
		"wrong offset": {409, func() (*http.Response, string) { return ask(t, "PATCH", url+"up", "x", "Upload-Offset", "3") }},
		"too large":    {413, func() (*http.Response, string) { return ask(t, "POST", url, "", "Upload-Length", "1001") }},
		"no length":    {400, func() (*http.Response, string) { return ask(t, "POST", url, "") }},
		"length later": {400, func() (*http.Response, string) { return ask(t, "POST", url, "", "Upload-Defer-Length", "1") }},
		"unknown":      {404, func() (*http.Response, string) { return ask(t, "HEAD", url+"other", "") }},
		"version":      {412, func() (*http.Response, string) { return ask(t, "POST", url, "", "Tus-Resumable", "0.1") }},
	} {
		if res, body := c.ask(); res.StatusCode != c.status || strings.Contains(body, "ERR_") != (c.status == 412) {
			t.Errorf("%s: %d %q", name, res.StatusCode, body)
		}
	}
}

func TestWhatCameBeforeALinkBrokeIsKept(t *testing.T) {
	m := &memory{data: map[string][]byte{"up": nil}, size: 10, ended: make(chan struct{}, 1)}
	url := serve(t, m)
	conn, err := net.Dial("tcp", strings.TrimSuffix(strings.TrimPrefix(url, "http://"), "/"))
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprintf(conn, "PATCH /up HTTP/1.1\r\nHost: x\r\nTus-Resumable: 1.0.0\r\nContent-Type: application/offset+octet-stream\r\nUpload-Offset: 0\r\nContent-Length: 10\r\n\r\n0123")
	conn.Close()
	<-m.ended
	res, _ := ask(t, "PATCH", url+"up", "456789", "Upload-Offset", "4")
	if res.StatusCode != 204 || !bytes.Equal(m.data["up"], []byte("0123456789")) {
		t.Errorf("%d, kept %q", res.StatusCode, m.data["up"])
	}
}

func TestAMethodInDisguiseIsNotObeyed(t *testing.T) {
	m := &memory{data: map[string][]byte{"up": []byte("x")}, size: 10}
	url := serve(t, m)
	ask(t, "POST", url, "", "X-HTTP-Method-Override", "DELETE", "Upload-Length", "9")
	if _, ok := m.data["up"]; !ok {
		t.Error("it deleted an upload")
	}
	if res, _ := ask(t, "OPTIONS", url, ""); res.Header.Get("Tus-Extension") != Extensions || res.Header.Get("Tus-Checksum-Algorithm") != "sha1,sha256" || res.Header.Get("Tus-Max-Size") != "1000" {
		t.Errorf("OPTIONS: %v", res.Header)
	}
}
