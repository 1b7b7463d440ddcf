package fastly

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"
	"time"

	"meridian/test/cdntest"
	"meridian/world"
)

const service = "SU1Z0isxPaozGVKXdv0eY"

// The vendor is as its documentation of the Purge API writes it down.
func TestContract(t *testing.T) {
	cdntest.Run(t, cdntest.Vendor{
		Make: func(t *testing.T, s *httptest.Server, secret string, timeout time.Duration) world.CDN {
			c, err := New(Config{Service: service, Token: secret, API: s.URL}, &http.Transport{}, timeout, time.Now)
			if err != nil {
				t.Fatal(err)
			}
			return c
		},
		Check: func(a cdntest.Asked, f world.Forget, secret string) string {
			path, soft := "/service/"+service+"/purge", ""
			if f.All {
				path += "_all"
			} else if f.Soft {
				soft = "1"
			}
			var body struct {
				Keys []string `json:"surrogate_keys"`
			}
			switch {
			case a.Method != "POST" || a.Path != path:
				return "the request is not POST " + path
			case a.Header.Get("Fastly-Key") != secret:
				return "no credential"
			case a.Header.Get("Fastly-Soft-Purge") != soft:
				return "Fastly-Soft-Purge is not " + soft
			case f.All && a.Body != "":
				return "a body where none is wanted"
			case !f.All && (json.Unmarshal([]byte(a.Body), &body) != nil || !reflect.DeepEqual(body.Keys, f.Keys) || len(body.Keys) > 256):
				return "the keys are not those"
			}
			return ""
		},
		Done: func(w http.ResponseWriter, f world.Forget) {
			said := map[string]string{}
			for _, k := range f.Keys {
				said[k] = "108-1391560174-974124"
			}
			if f.All {
				said["status"] = "ok"
			}
			json.NewEncoder(w).Encode(said)
		},
		NotDone: []func(http.ResponseWriter){
			func(w http.ResponseWriter) { io.WriteString(w, `{"status":"ok"}`) },
			func(w http.ResponseWriter) { io.WriteString(w, `{"a":""}`) },
			func(w http.ResponseWriter) { io.WriteString(w, `<html>`) },
			func(http.ResponseWriter) {},
		},
	})
}

func TestConfigIsChecked(t *testing.T) {
	good := Config{Service: service, Token: "t"}
	for name, change := range map[string]func(*Config){
		"service": func(c *Config) { c.Service = "a/b" }, "no service": func(c *Config) { c.Service = "" }, "token": func(c *Config) { c.Token = "" },
		"token of two lines": func(c *Config) { c.Token = "a\nb" }, "api": func(c *Config) { c.API = "ftp://x" }, "password": func(c *Config) { c.API = "https://a:b@x" },
	} {
		c := good
		change(&c)
		if _, err := New(c, nil, time.Second, time.Now); !world.Is(err, world.CodeInvalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
	c, err := New(good, nil, time.Second, time.Now)
	if err != nil || !strings.HasPrefix(c.base, "https://api.fastly.com/service/") {
		t.Errorf("%+v, %v", c, err)
	}
}

func FuzzConfirmed(f *testing.F) {
	for _, s := range []string{`{"a":"1"}`, `{"status":"ok"}`, `[]`, `{"a":1}`, ``} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, body string) {
		if confirmed(world.Forget{Keys: []string{"a"}}, []byte(body)) == nil && !strings.Contains(body, ":") {
			t.Fatalf("%q confirms a key", body)
		}
	})
}
