package cli

import (
	"encoding/json"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"

	"meridian/platform/httpserver"
	"meridian/world"
)

const anID = "14h0t2c9x7q3mv8k"

// recorder is a fake edge, and what it was asked: method, path with query, content.
func recorder(t *testing.T, status int, answer string) (base string, asked *[]string) {
	t.Helper()
	t.Setenv(UploadVariable, "tok")
	asked = &[]string{}
	base, _ = edgeFake(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		*asked = append(*asked, strings.TrimSpace(r.Method+" "+r.URL.RequestURI()+" "+r.Header.Get("Authorization")+" "+string(body)))
		w.Header().Set("Content-Type", "image/jpeg")
		w.WriteHeader(status)
		io.WriteString(w, answer)
	})
	return base, asked
}

const shownAsset = `{"app":"a","media_id":"` + anID + `","name":"cake.jpg","visibility":"withheld","write_region":"us-east","current":2,
"moderation":{"state":"pending","by":"hook","reason":"a face","at":"2026-03-01T12:00:00Z"},
"versions":[{"version":1,"width":800,"height":600,"media_type":"image/jpeg","moderation":"approved"},{"version":2,"width":400,"height":300,"media_type":"image/jpeg","focal":{"x":0.3,"y":0.6},"moderation":"pending"}],
"replicas":[{"region":"us-east","state":"copied","verified_at":"2026-03-02T12:00:00Z"},{"region":"eu-central","state":"failed","error":"the disk is full"}]}`

func TestMediaShow(t *testing.T) {
	base, asked := recorder(t, 200, shownAsset)
	code, out, errOut := run(t, "media", "show", anID, "--url", base, "--app", "a")
	for _, want := range []string{"cake.jpg", "nobody yet", "pending by hook", "a face", "2 (shown)", "400 × 300", "0.3,0.6", "the disk is full", "2026-03-02T12:00:00Z", "never"} {
		if !strings.Contains(out, want) {
			t.Errorf("%q is not told:\n%s", want, out)
		}
	}
	if code != exitOK || errOut != "" || (*asked)[0] != "GET /media/a/"+anID+" Bearer tok" {
		t.Errorf("%d %q %q", code, errOut, *asked)
	}
	var m world.Manifest
	if _, out, _ := run(t, "media", "show", "/img/a/"+anID+"/v1/auto/640x0", "--url", base, "--app", "a", "--json"); json.Unmarshal([]byte(out), &m) != nil || m.Current != 2 {
		t.Errorf("as JSON: %s", out)
	}
	for _, bad := range []string{"../x", "short", "UPPERCASE0000000", "http://[::1"} {
		if code, _, errOut := run(t, "media", "show", bad, "--url", base, "--app", "a"); code != exitInvalid || errOut == "" {
			t.Errorf("%s: %d %q", bad, code, errOut)
		}
	}
	if len(*asked) != 2 {
		t.Errorf("asked %q", *asked)
	}
}

func TestMediaGetOfTheOriginal(t *testing.T) {
	base, asked := recorder(t, 200, "JFIF")
	t.Chdir(t.TempDir())
	if code, _, errOut := run(t, "media", "get", anID, "--url", base, "--app", "a"); code != exitOK {
		t.Fatalf("%d %q", code, errOut)
	}
	if b, err := os.ReadFile(anID + ".jpeg"); err != nil || string(b) != "JFIF" {
		t.Errorf("%q %v", b, err)
	}
	run(t, "media", "get", anID, "--url", base, "--app", "a", "--version", "3", "-o", "-")
	run(t, "media", "get", base+"/img/b/"+anID+"/v2/webp/320x240", "-o", "-")
	run(t, "media", "get", "/img/b/"+anID+"/v2/webp/320x240", "--url", base, "--size", "160x0", "-o", "-")
	run(t, "media", "get", "/img/b/"+anID+"/auto/320x240", "--url", base, "-o", "-")
	run(t, "media", "get", anID, "--app", "a", "--url", base, "--format", "avif", "-o", "-")
	run(t, "media", "get", base+"/private/b/"+anID+"/v2/webp/320x240?exp=1&kid=k&sig=s", "-o", "-")
	if code, _, errOut := run(t, "media", "get", base+"/private/b/"+anID+"/v2/webp/320x240?exp=1&kid=k&sig=s", "--size", "160x0"); code != exitInvalid || !strings.Contains(errOut, "one variant") {
		t.Errorf("another variant of a private picture: %d %q", code, errOut)
	}
	want := []string{"GET /media/a/" + anID + "/original Bearer tok", "GET /media/a/" + anID + "/original?version=3 Bearer tok",
		"GET /img/b/" + anID + "/v2/webp/320x240", "GET /img/b/" + anID + "/v2/webp/160x0",
		"GET /img/b/" + anID + "/auto/320x240", "GET /img/a/" + anID + "/avif/640x0", "GET /private/b/" + anID + "/v2/webp/320x240?exp=1&kid=k&sig=s"}
	for i, w := range want {
		if i >= len(*asked) || (*asked)[i] != w {
			t.Errorf("asked %q, want %q", *asked, want)
			break
		}
	}
}

func TestMediaListFilters(t *testing.T) {
	base, asked := recorder(t, 200, `{"assets":[`+shownAsset+`],"next":"1.x","missing_regions":["eu-central"]}`)
	code, out, _ := run(t, "media", "ls", "--url", base, "--app", "a", "--name", "a&b", "--state", "pending", "--before", "9.y")
	if code != exitOK || !strings.Contains(out, "--before 1.x") || !strings.Contains(out, "eu-central could not be read") || !strings.Contains(out, "nobody yet") {
		t.Errorf("%d %s", code, out)
	}
	if want := "GET /media/a?before=9.y&limit=50&moderation=pending&name=a%26b Bearer tok"; (*asked)[0] != want {
		t.Errorf("asked %q, want %q", *asked, want)
	}
}

func TestMediaEdit(t *testing.T) {
	base, asked := recorder(t, 201, `{"media_id":"`+anID+`","version":2,"url":"/img/a/x","manifest":{}}`)
	file := picture(t, "new.jpg", "JFIF")
	versions := "POST /media/a/" + anID + "/versions Bearer tok "
	for _, x := range []struct {
		flags []string
		asks  string
	}{
		{[]string{"--crop", "1, 2,3,4", "--rotate", "270"}, versions + `{"crop":{"x":1,"y":2,"width":3,"height":4},"rotate":3}`},
		{[]string{"--focus", "0.25,1", "--of", "1"}, versions + `{"from":1,"focal":{"x":0.25,"y":1}}`},
		{[]string{"--replace", file}, versions + "JFIF"},
		{[]string{"--show", "1"}, "POST /media/a/" + anID + `/rollback Bearer tok {"version":1}`},
	} {
		*asked = nil
		code, out, errOut := run(t, append([]string{"media", "edit", anID, "--url", base, "--app", "a"}, x.flags...)...)
		if code != exitOK || len(*asked) != 1 || (*asked)[0] != x.asks || !strings.Contains(out, "version 2  "+base+"/img/a/x") {
			t.Errorf("%v: %d %q %q\nasked %q", x.flags, code, out, errOut, *asked)
		}
	}
	*asked = nil
	for _, flags := range [][]string{{}, {"--rotate", "45"}, {"--rotate", "-90"}, {"--crop", "1,2,3"}, {"--crop", "a,b,c,d"}, {"--focus", "2,0"}, {"--focus", "NaN,0"}, {"--focus", "0.5"},
		{"--replace", file, "--crop", "1,2,3,4"}, {"--replace", file + "-"}, {"--show", "1", "--focus", "0,0"}} {
		if code, _, errOut := run(t, append([]string{"media", "edit", anID, "--url", base, "--app", "a"}, flags...)...); code != exitInvalid || errOut == "" {
			t.Errorf("%v: %d %q", flags, code, errOut)
		}
	}
	if len(*asked) != 0 {
		t.Errorf("asked %q", *asked)
	}
}

func TestMediaPurge(t *testing.T) {
	base, asked := recorder(t, 202, `{"receipt":"r1","media_id":"`+anID+`","by":"owner","removals":[{"region":"us-east","state":"removed","objects":3,"bytes":90},{"region":"eu-central","state":"failed","error":"away"}]}`)
	if code, _, errOut := run(t, "media", "purge", anID, "--url", base, "--app", "a"); code != exitInvalid || !strings.Contains(errOut, "--yes") || len(*asked) != 0 {
		t.Errorf("without --yes: %d %q, asked %q", code, errOut, *asked)
	}
	code, out, _ := run(t, "media", "purge", anID, "--url", base, "--app", "a", "--yes")
	if code != exitOK || !strings.Contains(out, "receipt r1") || !strings.Contains(out, "failed") || !strings.Contains(out, "away") || !strings.Contains(out, "3 objects, 90 bytes") || !strings.Contains(out, "--receipt") {
		t.Errorf("%d %q", code, out)
	}
	run(t, "media", "purge", anID, "--url", base, "--app", "a", "--receipt")
	if (*asked)[0] != "DELETE /media/a/"+anID+" Bearer tok" || (*asked)[1] != "GET /media/a/"+anID+"/deletion Bearer tok" {
		t.Errorf("asked %q", *asked)
	}
}

func TestAWrongTokenIsToldAsSuch(t *testing.T) {
	problem, _ := json.Marshal(httpserver.Problem{Status: 401, Code: world.CodeUnsigned, Detail: "Sign in."})
	base, _ := recorder(t, 401, string(problem))
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	for _, args := range [][]string{{"show", anID}, {"get", anID, "-o", "-"}, {"ls"}, {"gc"}, {"put", picture(t, "a.jpg", "JFIF")}} {
		code, out, errOut := run(t, append(append([]string{"media"}, args...), "--url", base, "--app", "a")...)
		if code != exitFailed || out != "" || !strings.Contains(errOut, UploadVariable) || strings.Contains(errOut, "tok\"") {
			t.Errorf("%v: %d %q %q", args, code, out, errOut)
		}
	}
}

func TestMediaCommandsTellWhatMediaSays(t *testing.T) {
	problem, _ := json.Marshal(httpserver.Problem{Status: 404, Code: world.CodeNotFound, Detail: "This picture was deleted."})
	base, _ := recorder(t, 404, string(problem))
	for _, args := range [][]string{{"show", anID}, {"get", anID, "-o", "-"}, {"edit", anID, "--show", "1"}, {"purge", anID, "--yes"}} {
		code, out, errOut := run(t, append(append([]string{"media"}, args...), "--url", base, "--app", "a", "--json")...)
		if code != exitFailed || out != "" || !strings.Contains(errOut, `"code":"not_found"`) || !strings.Contains(errOut, "was deleted") {
			t.Errorf("%v: %d %q %q", args, code, out, errOut)
		}
	}
}
