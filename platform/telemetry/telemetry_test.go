package telemetry

import (
	"bytes"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

func TestInstancesShareOneRegistry(t *testing.T) {
	var logs bytes.Buffer
	root := NewRoot(&logs, "json", slog.LevelInfo)
	for _, place := range []string{"iad", "fra"} {
		tel := root.Instance("edge", place)
		h := tel.HTTP(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(404) }), time.Now)
		h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("BREW", "/", nil))
		tel.Log.Info("hello")
	}
	w := httptest.NewRecorder()
	root.Handler().ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	for _, want := range []string{
		`meridian_http_requests_total{class="4xx",method="other",place="iad",role="edge"} 1`,
		`meridian_http_requests_total{class="4xx",method="other",place="fra",role="edge"} 1`,
	} {
		if !strings.Contains(w.Body.String(), want) {
			t.Errorf("metrics lack %s", want)
		}
	}
	if !strings.Contains(logs.String(), `"place":"fra"`) {
		t.Errorf("log lines lack the place: %s", logs.String())
	}
}

// A role that is started again in the same process reports from zero, once.
func TestAnInstanceThatStartsAgain(t *testing.T) {
	root := NewRoot(io.Discard, "text", slog.LevelError)
	root.Instance("edge", "fra").Count("GET", 200, time.Millisecond)
	root.Instance("edge", "lhr").Count("GET", 200, time.Millisecond)
	root.Instance("edge", "fra")
	w := httptest.NewRecorder()
	root.Handler().ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	if text := w.Body.String(); w.Code != 200 || !strings.Contains(text, `place="lhr"`) || strings.Contains(text, `place="fra"`) {
		t.Errorf("%d %s", w.Code, text)
	}
}
