package app

import (
	"bytes"
	"log/slog"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"meridian/platform/front"
	"meridian/platform/telemetry"
)

// What a front has answered is counted as a handler's answers are, and logged
// without what is nobody's business.
func TestAHitIsCountedAndLogged(t *testing.T) {
	var lines bytes.Buffer
	root := telemetry.NewRoot(&lines, "text", slog.LevelInfo)
	tel := root.Instance("edge", "fra")
	tel.SampleAccess(1)
	sent(tel, &front.Sent{
		Request: &front.Request{
			Method: "HEAD", Host: []byte("de.localhost"), Target: []byte("/p/brezel?sig=secret"), Remote: netip.MustParseAddrPort("203.0.113.77:4711"),
			Fields: []front.Field{{Name: []byte("cookie"), Value: []byte("cart=secret")}},
		},
		ID: []byte("ABCDEFGH"), Head: front.NewHead(404, nil), Bytes: 7, Took: 3 * time.Millisecond,
	})
	w := httptest.NewRecorder()
	root.Handler().ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	for _, want := range []string{
		`meridian_http_requests_total{class="4xx",method="HEAD",place="fra",role="edge"} 1`,
		`meridian_http_request_seconds_count{method="HEAD",place="fra",role="edge"} 1`,
	} {
		if !strings.Contains(w.Body.String(), want) {
			t.Errorf("metrics lack %s", want)
		}
	}
	for _, want := range []string{"msg=access", "client=203.0.113.0/24", "method=HEAD", "host=de.localhost", "path=/p/brezel ", "status=404", "bytes=7", "took=3ms", "cache=hit", "id=ABCDEFGH"} {
		if !strings.Contains(lines.String(), want) {
			t.Errorf("the line lacks %s: %s", want, lines.String())
		}
	}
	if strings.Contains(lines.String(), "secret") {
		t.Errorf("a secret is logged: %s", lines.String())
	}
}
