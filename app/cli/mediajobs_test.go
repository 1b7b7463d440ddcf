package cli

import (
	"encoding/json"
	"strings"
	"testing"
)

const shownJobs = `{"jobs":[{"region":"eu-central","id":57,"kind":"prepare_version","state":"failed","app":"a","media_id":"` + anID + `","version":2,"attempts":3,"error":"It cannot\n  be decoded.","at":"2026-03-01T12:00:00Z"},
{"region":"us-east","id":8,"kind":"remove_asset","state":"retrying","app":"a","media_id":"` + anID + `","target":"ap-southeast","attempts":1,"at":"2026-03-01T11:00:00Z"}],"missing_regions":["ap-southeast"]}`

func TestMediaJobs(t *testing.T) {
	base, asked := recorder(t, 200, shownJobs)
	code, out, errOut := run(t, "media", "jobs", "--url", base, "--app", "a")
	for _, want := range []string{"eu-central/57", "prepare_version", "failed", anID + " v2", "It cannot be decoded.", "us-east/8", "ap-southeast", "2026-03-01T11:00:00Z", "The jobs of ap-southeast could not be read.", "--retry eu-central/57\n"} {
		if !strings.Contains(out, want) {
			t.Errorf("%q is not told:\n%s", want, out)
		}
	}
	if code != exitOK || errOut != "" || len(strings.Split(strings.TrimSpace(out), "\n")) != 5 {
		t.Errorf("%d %q %q", code, out, errOut)
	}
	run(t, "media", "jobs", "--failed", "--limit", "3", "--url", base, "--app", "a")
	run(t, "media", "jobs", "--state", "done", "--picture", "/img/a/"+anID+"/v1/auto/640x0", "--url", base, "--app", "a")
	for i, want := range []string{"GET /media/a/jobs?limit=50 Bearer tok", "GET /media/a/jobs?limit=3&state=failed Bearer tok", "GET /media/a/jobs?limit=50&media_id=" + anID + "&state=done Bearer tok"} {
		if i >= len(*asked) || (*asked)[i] != want {
			t.Errorf("asked %q, want %q", *asked, want)
			break
		}
	}
	var page jobPage
	if _, out, _ := run(t, "media", "jobs", "--url", base, "--app", "a", "--json"); json.Unmarshal([]byte(out), &page) != nil || len(page.Jobs) != 2 || page.Jobs[0].ID != 57 || len(page.Missing) != 1 {
		t.Errorf("as JSON: %s", out)
	}
}

func TestMediaJobsWithoutAny(t *testing.T) {
	base, _ := recorder(t, 200, `{"jobs":[]}`)
	if code, out, _ := run(t, "media", "jobs", "--failed", "--url", base, "--app", "a"); code != exitOK || out != "No jobs.\n" {
		t.Errorf("%d %q", code, out)
	}
}

func TestAJobIsTriedAgain(t *testing.T) {
	base, asked := recorder(t, 200, `{"region":"eu-central","id":57}`)
	code, out, errOut := run(t, "media", "jobs", "--retry", "eu-central/57", "--url", base, "--app", "a")
	if code != exitOK || out != "eu-central/57 is tried again.\n" || (*asked)[0] != "POST /media/a/retry?id=57&region=eu-central Bearer tok" {
		t.Errorf("%d %q %q, asked %q", code, out, errOut, *asked)
	}
	for _, flags := range [][]string{{"57"}, {"/57"}, {"eu-central/"}, {"eu-central/x"}, {"eu-central/-1"}, {"eu-central/57", "--failed"}, {"eu-central/57", "--state", "failed"}, {"eu-central/57", "--picture", anID}, {"eu-central/57", "--limit", "3"}} {
		if code, _, errOut := run(t, append([]string{"media", "jobs", "--url", base, "--app", "a", "--retry"}, flags...)...); code != exitInvalid || errOut == "" {
			t.Errorf("%v: %d %q", flags, code, errOut)
		}
	}
	if len(*asked) != 1 {
		t.Errorf("asked %q", *asked)
	}
}
