package cli

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"meridian/platform/httpserver"
	"meridian/world"
)

// upkeepFake is an edge of three regions, near to eu, whose media roles answer with
// two pages each; those that are away do not.
func upkeepFake(t *testing.T, page func(region string, n int) string, away ...string) (base string, asked *[]string) {
	t.Helper()
	t.Setenv(UploadVariable, "tok")
	asked = &[]string{}
	base, _ = edgeFake(t, func(w http.ResponseWriter, r *http.Request) {
		q := r.URL.Query()
		*asked = append(*asked, r.Method+" "+r.URL.Path+"?"+q.Encode())
		region, n := q.Get("region"), 1
		if region == "" {
			region = "eu"
		}
		if slices.Contains(away, region) {
			w.WriteHeader(http.StatusServiceUnavailable)
			json.NewEncoder(w).Encode(httpserver.Problem{Status: 503, Code: world.CodeUnavailable, Detail: "The region does not answer."})
			return
		}
		next := fmt.Sprintf(`,"next":"0 %s"`, region)
		if q.Get("after") != "" {
			if q.Get("after") != "0 "+region {
				t.Errorf("%s is asked to go on with %q", region, q.Get("after"))
			}
			n, next = 2, ""
		}
		fmt.Fprintf(w, `{"region":%q,"regions":["us","eu","ap"],%s%s}`, region, page(region, n), next)
	})
	return base, asked
}

func coldPage(region string, n int) string {
	return fmt.Sprintf(`"seen":10,"cold":{"objects":%d,"bytes":100},"orphans":{"objects":1,"bytes":7},"objects":[{"key":"variants/a/%s/%d","bytes":100,"stored_at":"2026-01-02T08:00:00Z"}]`, n, region, n)
}

func TestMediaGC(t *testing.T) {
	base, asked := upkeepFake(t, coldPage)
	code, out, errOut := run(t, "media", "gc", "--dry-run", "--url", base, "--app", "a")
	for _, want := range []string{
		"eu  variants/a/eu/1  100 bytes, stored 2026-01-02", "ap  variants/a/ap/2",
		"us  5 of 20 objects would be removed, 214 bytes: 3 variants that nobody asks for, 2 originals that no picture has",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("%q is not told:\n%s", want, out)
		}
	}
	if code != exitOK || errOut != "" || len(*asked) != 6 || (*asked)[0] != "POST /media/a/collect?after=&dry_run=true" || (*asked)[1] != "POST /media/a/collect?after=0+eu&dry_run=true&region=eu" {
		t.Errorf("%d %q, asked %q", code, errOut, *asked)
	}
	*asked = nil
	var all []upkept
	code, out, _ = run(t, "media", "gc", "--url", base, "--app", "a", "--json")
	if err := json.Unmarshal([]byte(out), &all); err != nil || code != exitOK || len(all) != 3 || all[0].Region != "eu" || all[0].Cold.Objects != 3 || all[0].Orphans.Bytes != 14 || all[0].Seen != 20 || len(all[0].Objects) != 2 {
		t.Errorf("%d %v %s", code, err, out)
	}
	if !strings.Contains((*asked)[0], "dry_run=false") {
		t.Errorf("asked %q", *asked)
	}
}

// What a region does not do is told, and keeps nobody else back.
func TestUpkeepWithARegionAway(t *testing.T) {
	base, asked := upkeepFake(t, coldPage, "us")
	code, out, errOut := run(t, "media", "gc", "--url", base, "--app", "a")
	if code != exitFailed || !strings.Contains(out, "eu  5 of 20 objects were removed") || !strings.Contains(out, "ap  5 of 20") || strings.Contains(out, "us  ") || !strings.Contains(errOut, "not to its end, in us") || len(*asked) != 5 {
		t.Errorf("%d %q %q, asked %q", code, out, errOut, *asked)
	}
	base, _ = upkeepFake(t, coldPage, "eu")
	if code, out, errOut := run(t, "media", "verify", "--url", base, "--app", "a"); code != exitFailed || out != "" || !strings.Contains(errOut, "does not answer") {
		t.Errorf("the nearest is away: %d %q %q", code, out, errOut)
	}
}

func TestMediaVerify(t *testing.T) {
	lost := 0
	base, asked := upkeepFake(t, func(region string, n int) string {
		if region == "ap" {
			return `"outcomes":{},"bytes":0`
		}
		if region == "us" && n == 2 && lost > 0 {
			return `"outcomes":{"ok":1,"lost":1},"bytes":5`
		}
		return `"outcomes":{"ok":3,"healed":1},"bytes":5`
	})
	code, out, errOut := run(t, "media", "verify", "--url", base, "--app", "a")
	if words := strings.Fields(out); code != exitOK || errOut != "" || !slices.Equal(words, strings.Fields("REGION OUTCOME ORIGINALS eu healed 2 eu ok 6 us healed 2 us ok 6 ap no originals 0")) {
		t.Errorf("%d %q %q", code, out, errOut)
	}
	if (*asked)[0] != "POST /media/a/verify?after=" {
		t.Errorf("asked %q", *asked)
	}
	lost = 1
	code, out, errOut = run(t, "media", "verify", "--url", base, "--app", "a", "--json")
	var all []upkept
	if err := json.Unmarshal([]byte(out), &all); err != nil || code != exitFailed || len(all) != 3 || all[1].Outcomes["lost"] != 1 || all[1].Bytes != 10 || !strings.Contains(errOut, "1 originals are lost") {
		t.Errorf("%d %v %s %s", code, err, out, errOut)
	}
}

func TestMediaFootprint(t *testing.T) {
	base, asked := recorder(t, 200, `{"regions":[{"region":"us","originals":{"objects":2,"bytes":4823448},"variants":{"objects":8,"bytes":412006},"mezzanines":{"objects":1,"bytes":611200}}],"missing_regions":["ap"]}`)
	code, out, errOut := run(t, "media", "footprint", "--url", base, "--app", "a")
	for _, want := range []string{"REGION", "us", "2", "4823448", "8", "412006", "611200", "ap does not answer"} {
		if !strings.Contains(out, want) {
			t.Errorf("%q is not told:\n%s", want, out)
		}
	}
	if code != exitOK || errOut != "" || (*asked)[0] != "GET /media/a/footprint Bearer tok" {
		t.Errorf("%d %q %q", code, errOut, *asked)
	}
	var f footprints
	if _, out, _ := run(t, "media", "footprint", "--url", base, "--app", "a", "--json"); json.Unmarshal([]byte(out), &f) != nil || len(f.Regions) != 1 || f.Regions[0].Mezzanines.Bytes != 611200 || len(f.Missing) != 1 {
		t.Errorf("as JSON: %s", out)
	}
}
