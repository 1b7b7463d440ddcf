package telemetry

import (
	"bytes"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"
)

// logged is an instance that logs one request in so many, and its lines.
func logged(every int) (*Telemetry, *bytes.Buffer) {
	var lines bytes.Buffer
	t := NewRoot(&lines, "json", slog.LevelInfo).Instance("edge", "fra")
	t.SampleAccess(every)
	return t, &lines
}

func TestAnAccessLineSaysWhatWasAskedAndNothingSecret(t *testing.T) {
	tel, lines := logged(1)
	start := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	clock := start
	h := tel.HTTP(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		clock = clock.Add(5 * time.Millisecond)
		w.Header().Set("X-Request-Id", "ABCDEFGH")
		w.Header().Set("Cache-Status", `shield; hit, edge-fra; fwd=uri-miss; stored; detail=x`)
		r.URL.Path, r.Host = "/changed", "changed"
		w.WriteHeader(206)
		io.WriteString(w, "abc")
	}), func() time.Time { return clock })
	r := httptest.NewRequest("GET", "http://de.localhost/p/"+strings.Repeat("x", 300)+"?sig=secret-signature", nil)
	r.RemoteAddr = "203.0.113.77:4711"
	r.Header.Set("Cookie", "cart=secret-cart")
	r.Header.Set("Authorization", "Bearer secret-key")
	r.Header.Set("Referer", "http://de.localhost/?token=secret-token")
	h.ServeHTTP(httptest.NewRecorder(), r)
	if strings.Contains(lines.String(), "secret") || strings.Contains(lines.String(), "113.77") {
		t.Errorf("a secret is logged: %s", lines)
	}
	var got map[string]any
	if err := json.Unmarshal(lines.Bytes(), &got); err != nil {
		t.Fatalf("%v: %s", err, lines)
	}
	for name, want := range map[string]any{
		"msg": "access", "role": "edge", "place": "fra", "client": "203.0.113.0/24", "method": "GET", "host": "de.localhost",
		"path": ("/p/" + strings.Repeat("x", 300))[:maxLogged], "status": 206.0, "bytes": 3.0, "took": 5e6, "cache": "uri-miss", "id": "ABCDEFGH",
	} {
		if got[name] != want {
			t.Errorf("%s: %v, want %v", name, got[name], want)
		}
	}
}

func TestAccessIsSampled(t *testing.T) {
	for every, want := range map[int][2]int{0: {0, 0}, 1: {10_000, 10_000}, 100: {20, 400}} {
		tel, _ := logged(every)
		n := 0
		for range 10_000 {
			if tel.Sampled() {
				n++
			}
		}
		if n < want[0] || n > want[1] {
			t.Errorf("1 in %d: %d of 10000", every, n)
		}
	}
}

func TestVerdict(t *testing.T) {
	for line, want := range map[string]string{
		"edge; hit; ttl=1": "hit", "shield; hit, edge; fwd=stale; fwd-status=304": "stale", "edge": "", "": "", "hit": "",
	} {
		if got := verdict([]string{line}); got != want {
			t.Errorf("%q: %q, want %q", line, got, want)
		}
	}
	if verdict(nil) != "" {
		t.Error("a verdict from nowhere")
	}
}

func TestCountingAllocatesNothing(t *testing.T) {
	tel, _ := logged(0)
	tel.LogAccess(Access{Client: netip.Addr{}})
	if n := testing.AllocsPerRun(100, func() { tel.Count("GET", 200, time.Millisecond); tel.Sampled() }); n > 0 {
		t.Errorf("%v allocations", n)
	}
}
