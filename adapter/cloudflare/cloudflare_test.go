package cloudflare

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"meridian/test/cdntest"
	"meridian/world"
)

const zone = "023e105f4ecef8ad9ca31a8372d0c353"

func made(t *testing.T, s *httptest.Server, secret string, timeout time.Duration) world.CDN {
	t.Helper()
	c, err := New(Config{Zone: zone, Token: secret, Plan: "pro", API: s.URL + "/client/v4"}, &http.Transport{}, timeout, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// done is the envelope of a purge that was carried out.
const done = `{"errors":[],"messages":[],"success":true,"result":{"id":"` + zone + `"}}`

// The vendor is as its documentation of POST /zones/{zone_id}/purge_cache writes
// it down.
func TestContract(t *testing.T) {
	cdntest.Run(t, cdntest.Vendor{
		Make: made,
		Check: func(a cdntest.Asked, f world.Forget, secret string) string {
			want, _ := json.Marshal(map[string][]string{"tags": f.Keys})
			if f.All {
				want = []byte(`{"purge_everything":true}`)
			}
			switch {
			case a.Method != "POST" || a.Path != "/client/v4/zones/"+zone+"/purge_cache":
				return "the request is not POST /zones/{zone_id}/purge_cache"
			case a.Header.Get("Authorization") != "Bearer "+secret:
				return "no credential"
			case a.Header.Get("Content-Type") != "application/json":
				return "no JSON"
			case a.Body != string(want) || len(f.Keys) > 100:
				return "the body is not " + string(want)
			}
			return ""
		},
		Done: func(w http.ResponseWriter, _ world.Forget) { io.WriteString(w, done) },
		NotDone: []func(http.ResponseWriter){
			func(w http.ResponseWriter) {
				io.WriteString(w, `{"success":false,"errors":[{"code":1107,"message":"x"}]}`)
			},
			func(w http.ResponseWriter) { io.WriteString(w, `{"result":null}`) },
			func(w http.ResponseWriter) { io.WriteString(w, `<html>`) },
			func(http.ResponseWriter) {},
		},
	})
}

// A zone that others share is not purged whole.
func TestEverythingOfSomeHosts(t *testing.T) {
	var body []byte
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ = io.ReadAll(r.Body)
		io.WriteString(w, done)
	}))
	defer s.Close()
	c, err := New(Config{Zone: zone, Token: "t", Plan: "free", Hosts: []string{"de.example", "gb.example"}, API: s.URL}, &http.Transport{}, time.Minute, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Forget(t.Context(), world.Forget{All: true}); err != nil || string(body) != `{"hosts":["de.example","gb.example"]}` {
		t.Errorf("%v %s", err, body)
	}
}

func TestAPlansRate(t *testing.T) {
	for plan, want := range map[string]world.CDNLimits{
		"free": {Keys: 100, Bytes: MaxBytes, Every: 12 * time.Second, Burst: 25}, "enterprise": {Keys: 100, Bytes: MaxBytes, Every: 20 * time.Millisecond, Burst: 500},
	} {
		c, err := New(Config{Zone: zone, Token: "t", Plan: plan}, nil, time.Second, time.Now)
		if err != nil || c.Limits() != want || !strings.HasPrefix(c.address, API) {
			t.Errorf("%s: %+v, %v", plan, c.Limits(), err)
		}
	}
}

func TestConfigIsChecked(t *testing.T) {
	good := Config{Zone: zone, Token: "t", Plan: "pro"}
	for name, change := range map[string]func(*Config){
		"zone": func(c *Config) { c.Zone = "example.com" }, "token": func(c *Config) { c.Token = "" }, "plan": func(c *Config) { c.Plan = "" },
		"host": func(c *Config) { c.Hosts = []string{"https://x"} }, "many hosts": func(c *Config) { c.Hosts = strings.Split(strings.Repeat("x,", 100)+"x", ",") },
		"api": func(c *Config) { c.API = "x" }, "password": func(c *Config) { c.API = "https://a:b@x" },
	} {
		c := good
		change(&c)
		if _, err := New(c, nil, time.Second, time.Now); !world.Is(err, world.CodeInvalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func FuzzConfirmed(f *testing.F) {
	for _, s := range []string{done, `{"success":false,"errors":[{"code":1}]}`, `{"success":1}`, `[]`, ``} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, body string) {
		if confirmed([]byte(body)) == nil && !strings.Contains(body, "true") {
			t.Fatalf("%q confirms a purge", body)
		}
	})
}
