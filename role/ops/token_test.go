package ops

import (
	"encoding/json"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"meridian/world"
)

// A token does what its scope says and nothing else.
func TestScopes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, allAtOnce, func(c *Config) { c.MaxRunning = 100 })
		defer f.Close()
		const picture = "/img/crumbs/1000000000000000/v1/webp/640x0"
		for _, c := range []struct {
			token, body string
			want        int
		}{
			{"root-token", `{"all":true}`, 202}, {"root-token", `{"groups":["x"]}`, 202}, {"root-token", `{"urls":["jp.example/"]}`, 202},
			{"german-token", `{"groups":["de/pages"],"soft":true}`, 202},
			{"german-token", `{"groups":["de/pages"]}`, 403}, // soft only
			{"german-token", `{"groups":["de/pages","jp/pages"],"soft":true}`, 403},
			{"german-token", `{"groups":["denmark/pages"],"soft":true}`, 403},
			{"german-token", `{"all":true,"soft":true}`, 403},
			{"german-token", `{"app":"crumbs","soft":true}`, 403},
			{"german-token", `{"groups":["app/crumbs"],"soft":true}`, 403},
			{"german-token", `{"urls":["https://DE.example:8080/p/brot?x"],"soft":true}`, 202},
			{"german-token", `{"urls":["de.example/"],"soft":true}`, 403},
			{"german-token", `{"urls":["jp.example/p/"],"soft":true}`, 403},
			{"german-token", `{"urls":["jp.example` + picture + `"],"soft":true}`, 202}, // a picture has no host
			{"german-token", `{"urls":["de.example/media/crumbs/1000000000000000/manifest"],"soft":true}`, 403},
			{"app-token", `{"app":"crumbs"}`, 202}, {"app-token", `{"groups":["app/crumbs"]}`, 202},
			{"app-token", `{"app":"other"}`, 403}, {"app-token", `{"groups":["de/pages"]}`, 403},
			{"app-token", `{"urls":["de.example` + picture + `"]}`, 403},
			{"wire", `{"all":true}`, 401}, {"", `{"all":true}`, 401}, {"root-toke", `{"all":true}`, 401}, {"root-token ", `{"all":true}`, 401},
		} {
			w := f.do("POST", "/purges", c.token, c.body, world.HeaderClient, c.body) // each from a network of its own
			if w.Code != c.want {
				t.Errorf("%s %s: %d, want %d: %s", c.token, c.body, w.Code, c.want, w.Body)
			}
			if w.Code == 401 && w.Header().Get("WWW-Authenticate") == "" {
				t.Error("401 without a challenge")
			}
		}
	})
}

// Whoever guesses is slowed down, alone; who has a token is not.
func TestGuessingIsSlow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, allAtOnce, func(c *Config) { c.BadTokens = 3 })
		defer f.Close()
		ask := func(token, client string) int {
			return f.do("GET", "/purges", token, "", world.HeaderClient, client).Code
		}
		for range 20 {
			if got := ask("root-token", "192.0.2.0/24"); got != 200 {
				t.Fatalf("a good token: %d", got)
			}
		}
		for i, want := range []int{401, 401, 401, 429, 429} {
			if got := ask("guess", "192.0.2.0/24"); got != want {
				t.Errorf("guess %d: %d, want %d", i, got, want)
			}
		}
		if got := ask("root-token", "192.0.2.0/24"); got != 429 {
			t.Errorf("right at last, past the limit: %d", got)
		}
		if got := ask("root-token", "198.51.100.0/24"); got != 200 {
			t.Errorf("another network: %d", got)
		}
		w := f.do("GET", "/purges", "guess", "", world.HeaderClient, "192.0.2.0/24")
		if w.Header().Get("Retry-After") != "20" {
			t.Errorf("retry after %q", w.Header().Get("Retry-After"))
		}
		time.Sleep(time.Minute)
		if got := ask("root-token", "192.0.2.0/24"); got != 200 {
			t.Errorf("a minute later: %d", got)
		}
	})
}

func TestWhoSeesWhat(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, allAtOnce)
		defer f.Close()
		ids := map[string]string{}
		for token, body := range map[string]string{"root-token": `{"all":true}`, "german-token": `{"groups":["de/pages"],"soft":true}`} {
			var p world.PurgeAsked
			w := f.do("POST", "/purges", token, body, world.HeaderClient, "192.0.2.0/24")
			if err := json.Unmarshal(w.Body.Bytes(), &p); err != nil || p.Client != "192.0.2.0/24" {
				t.Fatalf("%v: %s", err, w.Body)
			}
			ids[token] = p.ID
		}
		for _, c := range []struct {
			token, of string
			want      int
		}{{"root-token", "german-token", 200}, {"german-token", "german-token", 200}, {"german-token", "root-token", 404}, {"app-token", "german-token", 404}, {"", "root-token", 401}} {
			if w := f.do("GET", "/purges/"+ids[c.of], c.token, ""); w.Code != c.want {
				t.Errorf("%s asks for %s's: %d, want %d", c.token, c.of, w.Code, c.want)
			}
		}
		for token, want := range map[string]int{"root-token": 2, "german-token": 1, "app-token": 0} {
			var l listed
			if err := json.Unmarshal(f.do("GET", "/purges", token, "").Body.Bytes(), &l); err != nil || len(l.Purges) != want {
				t.Errorf("%s sees %d purges, %v; want %d", token, len(l.Purges), err, want)
			}
		}
		for query, want := range map[string]int{"?limit=200": 200, "?limit=201": 400, "?limit=0": 400, "?before=2026-11-21T12:00:00.5Z": 200, "?before=yesterday": 400, "/nothing": 404, "/1000000000000009": 404} {
			if w := f.do("GET", "/purges"+query, "root-token", ""); w.Code != want {
				t.Errorf("%s: %d, want %d", query, w.Code, want)
			}
		}
		if w := f.do("DELETE", "/purges", "root-token", ""); w.Code != 405 || w.Header().Get("Allow") == "" {
			t.Errorf("DELETE: %d", w.Code)
		}
		if strings.Contains(f.log.String(), "-token") {
			t.Error("a token is in the log")
		}
	})
}

func TestAcksAreTakenFromTheWorldsTiersAlone(t *testing.T) {
	f := newFixture(t, nil)
	defer f.Close()
	for _, c := range []struct {
		token, body string
		want        int
	}{
		{"wire", `{"tier":"edge-iad","cursor":"7.1"}`, 204}, {"wire", `{"tier":"edge-moon","cursor":"7.1"}`, 400}, {"wire", `{"tier":"edge-iad","cursor":"x"}`, 400},
		{"wire", `x`, 400}, {"root-token", `{"tier":"edge-iad","cursor":"7.1"}`, 401},
	} {
		if w := f.do("POST", world.AcksPath, c.token, c.body); w.Code != c.want {
			t.Errorf("%s %s: %d, want %d", c.token, c.body, w.Code, c.want)
		}
	}
}

func TestConfigIsChecked(t *testing.T) {
	good := func() Config {
		c := Default()
		c.Region, c.WireKey = "east", "k"
		c.Tokens = []Token{tokenOf("a", "x", func(t *Token) {
			t.Groups, t.URLs, t.Apps = []string{"de/"}, []string{"de.example/"}, []string{"crumbs"}
		})}
		return c
	}
	least := good()
	least.EventAge, least.PurgeAge, least.RetryFor = MinEventAge, MinPurgeAge, MinPurgeAge
	for _, c := range []Config{good(), least} {
		if err := c.Validate(); err != nil {
			t.Fatal(err)
		}
	}
	for name, change := range map[string]func(*Config){
		"region": func(c *Config) { c.Region = "" }, "wire_key": func(c *Config) { c.WireKey = "" },
		"wait": func(c *Config) { c.Wait = 0 }, "max_wait": func(c *Config) { c.MaxWait = c.Wait - 1 },
		"max_names": func(c *Config) { c.MaxNames = 0 }, "max_body": func(c *Config) { c.MaxBody = 1023 },
		"bad_tokens": func(c *Config) { c.BadTokens = 0 }, "tracked": func(c *Config) { c.Tracked = 0 }, "retry_every": func(c *Config) { c.RetryEvery = 0 },
		"event_age": func(c *Config) { c.EventAge = MinEventAge - 1 }, "purge_age": func(c *Config) { c.PurgeAge, c.RetryFor = MinPurgeAge-1, 0 },
		"retry_for": func(c *Config) { c.PurgeAge = c.RetryFor - 1 }, "sweep_every": func(c *Config) { c.SweepEvery = 0 }, "sweep_batch": func(c *Config) { c.SweepBatch = 0 },
		"tokens[0].name": func(c *Config) { c.Tokens[0].Name = "a b" }, "tokens[0].sha256": func(c *Config) { c.Tokens[0].SHA256 = "abc" },
		"tokens[1].name":   func(c *Config) { c.Tokens = append(c.Tokens, c.Tokens[0]) },
		"tokens[0].groups": func(c *Config) { c.Tokens[0].Groups = []string{""} },
		"tokens[0].urls":   func(c *Config) { c.Tokens[0].URLs = []string{"de.example"} },
		"tokens[0].apps":   func(c *Config) { c.Tokens[0].Apps = []string{"*"} },
	} {
		c := good()
		change(&c)
		if err := c.Validate(); !world.Is(err, world.CodeInvalid) || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func FuzzOrder(f *testing.F) {
	o := &Ops{cfg: Default(), deps: Deps{World: twoRegions()}}
	for _, s := range []string{`{"groups":["de/pages"],"wait":"10s"}`, `{"urls":["de.example/img/crumbs/1000000000000000/v1/auto/640x0"]}`, `{"all":true,"soft":true}`, `{"app":"crumbs"}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		var in order
		if json.Unmarshal(body, &in) != nil {
			return
		}
		p, wait, err := o.purgeOf(in)
		if err != nil {
			return
		}
		if p.Empty() || wait < 0 || wait > o.cfg.MaxWait {
			t.Fatalf("%s became %+v, %v", body, p, wait)
		}
		// Nothing that was asked for is lost on its way into the feeds.
		n := 0
		for _, part := range o.place(p) {
			n += len(part.Groups) + len(part.URLs)
			if part.All != p.All {
				t.Fatalf("%+v became %+v", p, part)
			}
		}
		if n < len(p.Groups)+len(p.URLs) {
			t.Fatalf("%+v: %d names are placed", p, n)
		}
	})
}
