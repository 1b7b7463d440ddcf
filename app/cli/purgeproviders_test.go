package cli

import (
	"io"
	"net/http"
	"strings"
	"testing"
)

func TestPurgeShowsOutsideCDNs(t *testing.T) {
	t.Setenv(PurgeVariable, "tok")
	answer, kind := "", "application/x-ndjson"
	base, _ := edgeFake(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", kind)
		io.WriteString(w, answer)
	})
	answer = newsAccepted + `{"event":"done","missing":["fastly:main"],"errors":{"fastly:main":"Fastly does not know the token (401)."},"ms":3000}` + "\n"
	if code, out, _ := run(t, "purge", "--server", base, "--group", "x"); code != exitFailed || !strings.Contains(out, "✗ fastly:main: Fastly does not know the token (401).") {
		t.Errorf("%d %q", code, out)
	}
	kind = "application/json"
	answer = `{"purges":[{"id":"1000000000000000","groups":["x"],"token":"t","at":"2026-01-02T03:04:05Z","regions":["a"],
	  "result":{"done":true,"acks":[{"tier":"edge-fra","ms":1}],"missing":["fastly:main","varnish:one"],"late":["varnish:one"],"errors":{"fastly:main":"It is away."},"ms":9}}]}`
	if code, out, _ := run(t, "purge", "log", "--server", base); code != exitOK || !strings.Contains(out, "2 tiers, missing fastly:main: It is away., late varnish:one") {
		t.Errorf("%d %q", code, out)
	}
	answer = `{"providers":[{"provider":"fastly:main","region":"eu-central","cursor":"7.1","at":"2026-01-02T03:04:05Z"},
	  {"provider":"fastly:main","region":"us-east","error":"It is away.","failing_since":"2026-01-02T03:04:05Z","given_up":true}],"missing_regions":["ap-southeast"]}`
	code, out, _ := run(t, "purge", "providers", "--server", base)
	for _, want := range []string{"up to date, kept at 2026-01-02T03:04:05Z", "given up, failing since 2026-01-02T03:04:05Z: It is away.", "The catalog of ap-southeast could not be read."} {
		if code != exitOK || !strings.Contains(out, want) {
			t.Errorf("%d, no %q in %q", code, want, out)
		}
	}
	answer = `{"providers":[]}`
	if code, out, _ := run(t, "purge", "providers", "--server", base); code != exitOK || !strings.Contains(out, "docs/cdns.md") {
		t.Errorf("%d %q", code, out)
	}
}
