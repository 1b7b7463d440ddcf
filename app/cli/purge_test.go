package cli

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"

	"meridian/platform/httpserver"
	"meridian/world"
)

const (
	newsAccepted = `{"event":"accepted","id":"1000000000000000","regions":["eu-central"],"tiers":["edge-fra","edge-nrt"],"ms":0}` + "\n"
	newsFra      = `{"event":"placed","region":"eu-central","cursor":"7.1","ms":2}` + "\n" + `{"event":"ack","tier":"edge-fra","ms":12}` + "\n"
	newsNrt      = `{"event":"ack","tier":"edge-nrt","ms":260}` + "\n" + `{"event":"done","ms":260}` + "\n"
	newsCut      = `{"event":"done","missing":["edge-nrt"],"ms":3000}` + "\n"
)

func TestPurge(t *testing.T) {
	t.Setenv(PurgeVariable, "tok")
	var body, answer string
	base, asked := edgeFake(t, func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		body = string(b)
		w.Header().Set("Content-Type", "application/x-ndjson")
		io.WriteString(w, answer)
	})
	answer = newsAccepted + newsFra + newsNrt
	code, out, errOut := run(t, "purge", "--server", base+"/", "--group", "de/pages", "--group", "de/p/x", "--soft", "--wait", "3s", "--idempotency-key", "k", "--from", "tokyo")
	for _, want := range []string{"purge 1000000000000000", "12 ms  ✓ edge-fra", "260 ms  ✓ edge-nrt", "2 of 2 tiers after 260 ms"} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in %s", want, out)
		}
	}
	r := (*asked)[0]
	if code != exitOK || errOut != "" || body != `{"groups":["de/pages","de/p/x"],"soft":true,"wait":"3s"}` || r.Method+" "+r.URL.Path != "POST /purges" ||
		r.Header.Get("Authorization") != "Bearer tok" || r.Header.Get("Idempotency-Key") != "k" {
		t.Errorf("%d %q: %s %s %v %s", code, errOut, r.Method, r.URL, r.Header, body)
	}

	answer = newsAccepted + newsFra + newsCut
	code, out, errOut = run(t, "purge", "--server", base, "--url", "https://de.example/", "--wait", "3s")
	if code != exitFailed || !strings.Contains(out, "✗ edge-nrt") || !strings.Contains(errOut, "Not acknowledged within 3s: edge-nrt.") {
		t.Errorf("one is missing: %d %q %q", code, out, errOut)
	}

	code, out, _ = run(t, "purge", "--server", base, "--app", "crumbs", "--json")
	var got purgeResult
	if err := json.Unmarshal([]byte(out), &got); err != nil || code != exitFailed || !got.Done || len(got.Acks) != 1 || len(got.Missing) != 1 || got.Missing[0] != "edge-nrt" {
		t.Errorf("%d %v %s", code, err, out)
	}

	answer = newsAccepted + newsFra
	if code, _, errOut := run(t, "purge", "--server", base, "--group", "x"); code != exitFailed || !strings.Contains(errOut, "broke off") || !strings.Contains(errOut, "1000000000000000") {
		t.Errorf("an answer that breaks off: %d %q", code, errOut)
	}
	answer = "<html>\n"
	if code, _, _ := run(t, "purge", "--server", base, "--group", "x"); code != exitFailed {
		t.Errorf("an answer that is none: %d", code)
	}

	n := len(*asked)
	if code, _, errOut := run(t, "purge", "--server", base, "--all"); code != exitInvalid || errOut == "" || len(*asked) != n {
		t.Errorf("--all without --yes: %d %q, asked %d times", code, errOut, len(*asked)-n)
	}
	answer = newsAccepted + newsFra + newsNrt
	if code, _, errOut := run(t, "purge", "--server", base, "--all", "--yes"); code != exitOK || !strings.Contains(body, `"all":true`) {
		t.Errorf("--all --yes: %d %q %s", code, errOut, body)
	}
	if code, _, _ := run(t, "purge", "--server", base, "--group", "x", "--wait", "-1s"); code != exitInvalid {
		t.Errorf("a wait below zero: %d", code)
	}
}

func TestPurgeIsRefused(t *testing.T) {
	base, asked := edgeFake(t, func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusForbidden)
		json.NewEncoder(w).Encode(httpserver.Problem{Status: 403, Code: world.CodeForbidden, Detail: "The token german may not purge everything."})
	})
	t.Setenv(PurgeVariable, "")
	if code, _, errOut := run(t, "purge", "--server", base, "--group", "x"); code != exitFailed || !strings.Contains(errOut, PurgeVariable) || len(*asked) != 0 {
		t.Errorf("without a token: %d %q", code, errOut)
	}
	if code, _, errOut := run(t, "purge", "--server", base, "--group", "x", "--token-file", picture(t, "token", "from-a-file\n")); code != exitFailed || !strings.Contains(errOut, "may not purge everything") ||
		(*asked)[0].Header.Get("Authorization") != "Bearer from-a-file" {
		t.Errorf("%d %q", code, errOut)
	}
	if code, _, errOut := run(t, "purge", "--server", base, "--group", "x", "--token-file", "/nowhere/token"); code != exitInvalid || !strings.Contains(errOut, "/nowhere/token") {
		t.Errorf("%d %q", code, errOut)
	}
}

func TestPurgeLog(t *testing.T) {
	t.Setenv(PurgeVariable, "tok")
	base, asked := edgeFake(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		io.WriteString(w, `{"purges":[
			{"id":"1","token":"root","at":"2026-11-22T02:49:04Z","groups":["a","b","c","d"],"result":{"done":true,"ms":268,"acks":[{"tier":"edge-fra","ms":12}]}},
			{"id":"2","token":"german","at":"2026-11-22T02:49:03Z","all":true,"soft":true,"result":{"done":true,"missing":["edge-nrt"]}},
			{"id":"3","token":"root","at":"2026-11-22T02:49:02Z","urls":["de.example/"],"result":{"done":false}}],"missing_regions":["us-east"]}`)
	})
	code, out, errOut := run(t, "purge", "log", "--server", base, "--limit", "7")
	for _, want := range []string{"a, b, c and 1 more", "1 tiers in 268 ms", "soft  everything", "missing edge-nrt", "under way", "The purges of us-east could not be read."} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in %s", want, out)
		}
	}
	if code != exitOK || errOut != "" || (*asked)[0].URL.String() != "/purges?limit=7" {
		t.Errorf("%d %q %s", code, errOut, (*asked)[0].URL)
	}
}
