package monitor

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"meridian/world"
)

const bearer = "Bearer secret"

func TestDrainsAreHeardEverywhereAndEnd(t *testing.T) {
	play(t, func(t *testing.T, s *scene) {
		w := s.ask("mid", "POST", "/health/drains", `{"target": "pop/west-pop", "for": "1m", "reason": "new disks"}`, "Authorization", bearer)
		if w.Code != 200 {
			t.Fatalf("%d %s", w.Code, w.Body)
		}
		time.Sleep(time.Second)
		got := s.agreed().Of("pop/west-pop")
		if got.State != world.Draining || got.Reason != world.ReasonDrained || len(got.By) != 1 || got.By[0] != "ops" {
			t.Errorf("%+v", got)
		}
		time.Sleep(57 * time.Second)
		if s.agreed().Of("pop/west-pop").State != world.Draining {
			t.Error("it ended too soon")
		}
		time.Sleep(5 * time.Second)
		if got := s.agreed().Of("pop/west-pop"); got.State != world.Healthy {
			t.Errorf("after its time: %+v", got)
		}
	})
}

func TestADrainIsTakenBackElsewhere(t *testing.T) {
	play(t, func(t *testing.T, s *scene) {
		s.ask("mid", "POST", "/health/drains", `{"target": "shop/mid"}`, "Authorization", bearer)
		time.Sleep(time.Second)
		if w := s.ask("west", "POST", "/health/drains", `{"target": "shop/mid", "lift": true}`, "Authorization", bearer); w.Code != 200 {
			t.Fatalf("%d %s", w.Code, w.Body)
		}
		time.Sleep(time.Second)
		if got := s.agreed().Of("shop/mid"); got.State != world.Healthy {
			t.Errorf("%+v", got)
		}
	})
}

// All monitors end at once; the drain and the order of versions are there again.
func TestDrainsOutliveRestarts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScene(t)
		s.start()
		time.Sleep(10 * time.Second)
		s.ask("mid", "POST", "/health/drains", `{"target": "pop/west-pop"}`, "Authorization", bearer)
		time.Sleep(2 * time.Second)
		before := s.agreed().Version
		s.halt()
		for _, r := range regions {
			s.skew[r] = -time.Hour // and the clocks went back
		}
		s.start()
		defer s.halt()
		time.Sleep(10 * time.Second)
		is := s.agreed()
		if is.Of("pop/west-pop").State != world.Draining || is.Version.Compare(before) <= 0 {
			t.Errorf("%v after %v: %+v", is.Version, before, is.Of("pop/west-pop"))
		}
	})
}

func TestAnIsolatedMonitorTakesNoOrders(t *testing.T) {
	play(t, func(t *testing.T, s *scene) {
		s.net.isolate("east", true)
		time.Sleep(6 * time.Second)
		w := s.ask("east", "POST", "/health/drains", `{"target": "pop/west-pop"}`, "Authorization", bearer)
		if w.Code != 503 || !strings.Contains(w.Body.String(), "another region") {
			t.Errorf("%d %s", w.Code, w.Body)
		}
	})
}

func TestWhoMayDrainWhat(t *testing.T) {
	play(t, func(t *testing.T, s *scene) {
		for _, c := range []struct {
			body, auth string
			want       int
		}{
			{`{"target": "pop/mid-pop"}`, bearer, 200},
			{`{"target": "pop/mid-pop"}`, "Bearer guess", 401},
			{`{"target": "pop/mid-pop"}`, "", 401},
			{`{"target": "pop/mid-pop"}`, "Bearer wire", 401},
			{`{"target": "shop/east"}`, bearer, 403},
			{`{"target": "pop/none"}`, bearer, 400},
			{`{"target": "pop/mid-pop", "for": "720h"}`, bearer, 200},
			{`{"target": "pop/mid-pop", "for": "721h"}`, bearer, 400},
			{`{"target": "pop/mid-pop", "for": "-1m"}`, bearer, 400},
			{`{"target": "pop/mid-pop", "for": "soon"}`, bearer, 400},
			{`{"target": "pop/mid-pop", "reason": "` + strings.Repeat("x", 200) + `"}`, bearer, 200},
			{`{"target": "pop/mid-pop", "reason": "` + strings.Repeat("x", 201) + `"}`, bearer, 400},
			{`{"target": "pop/mid-pop", "until": "1m"}`, bearer, 400}, // it would last for ever
			{`{"target": "pop/mid-pop"} {}`, bearer, 400},
			{`drain it`, bearer, 400},
			{strings.Repeat(" ", 16<<10) + `{}`, bearer, 413},
		} {
			w := s.ask("mid", "POST", "/health/drains", c.body, "Authorization", c.auth, world.HeaderClient, c.body+c.auth)
			if w.Code != c.want {
				t.Errorf("%.80s by %q: %d %s; want %d", c.body, c.auth, w.Code, w.Body, c.want)
			}
		}
	})
}

// Whoever guesses is told to wait.
func TestGuessesAreSlow(t *testing.T) {
	play(t, func(t *testing.T, s *scene) {
		var w int
		for range 11 {
			w = s.ask("mid", "GET", "/health", "", "Authorization", "Bearer guess", world.HeaderClient, "192.0.2.0/24").Code
		}
		if w != http.StatusTooManyRequests {
			t.Errorf("%d", w)
		}
	})
}

func TestForms(t *testing.T) {
	play(t, func(t *testing.T, s *scene) {
		form := []string{"Content-Type", "application/x-www-form-urlencoded", "Accept", "text/html", "Authorization", "Basic eDpzZWNyZXQ="}
		post := func(body string, more ...string) (int, string) {
			w := s.ask("mid", "POST", "/health/drains", body, append(append([]string{}, form...), more...)...)
			return w.Code, w.Header().Get("Location") + w.Body.String()
		}
		if code, said := post("target=pop/mid-pop&for=30m&reason=new+disks"); code != 303 || said != "/health" {
			t.Errorf("%d %s", code, said)
		}
		if code, said := post("target=shop/east"); code != 403 || !strings.Contains(said, "may not drain shop/east") || !strings.Contains(said, "<h1>") {
			t.Errorf("%d %.300s", code, said)
		}
		if code, _ := post("target=pop/mid-pop", "Origin", "https://evil.example", "Sec-Fetch-Site", "cross-site"); code != 403 {
			t.Errorf("another site: %d", code)
		}
		if code, _ := post("target=%zz"); code != 400 {
			t.Errorf("no form: %d", code)
		}
		w := s.ask("mid", "GET", "/health", "", form...)
		if !strings.Contains(w.Body.String(), "new disks") || !strings.Contains(w.Body.String(), "draining") {
			t.Errorf("%s", w.Body)
		}
		if code, _ := post("target=pop/mid-pop&lift=yes"); code != 303 {
			t.Errorf("taken back: %d", code)
		}
	})
}

func TestStatusForPrograms(t *testing.T) {
	play(t, func(t *testing.T, s *scene) {
		if w := s.ask("mid", "GET", "/health", ""); w.Code != 401 || !strings.Contains(strings.Join(w.Header().Values("WWW-Authenticate"), " "), "Basic") {
			t.Errorf("without a token: %d %v", w.Code, w.Header())
		}
		s.net.isolate("east", true)
		s.net.set("pop/west-pop", "refused")
		time.Sleep(10 * time.Second)
		var is Status
		w := s.ask("mid", "GET", "/health", "", "Authorization", bearer)
		if err := json.Unmarshal(w.Body.Bytes(), &is); err != nil || w.Header().Get("Content-Type") != "application/json" {
			t.Fatalf("%v: %s", err, w.Body)
		}
		if is.Of("pop/west-pop").State != world.Down || len(is.Monitors) != 3 || is.Monitors[0].Heard || is.Monitors[0].Age < 5 || !is.Monitors[1].Here || !is.Monitors[2].Heard || len(is.Views["pop/west-pop"]) != 3 {
			t.Errorf("%s", w.Body)
		}
		for _, path := range []string{"/health/none", "/-/health/none", "/other"} {
			if w := s.ask("mid", "GET", path, ""); w.Code != 404 {
				t.Errorf("%s: %d", path, w.Code)
			}
		}
		for _, c := range [][2]string{{"POST", "/health"}, {"GET", "/health/drains"}, {"POST", world.HealthPath}} {
			if w := s.ask("mid", c[0], c[1], ""); w.Code != 405 || w.Header().Get("Allow") == "" {
				t.Errorf("%v: %d", c, w.Code)
			}
		}
		for _, path := range []string{world.HealthPath, world.HealthViewsPath} {
			if w := s.ask("mid", "GET", path, "", "Authorization", bearer); w.Code != 401 {
				t.Errorf("%s by an operator: %d", path, w.Code)
			}
		}
	})
}

func FuzzParseDrain(f *testing.F) {
	f.Add([]byte(`{"target": "pop/fra", "for": "30m", "reason": "new disks"}`))
	f.Add([]byte(`{"target": "pop/fra", "lift": true}{}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		asked, err := ParseDrain(b)
		if err != nil {
			if !world.Is(err, world.CodeInvalid) || asked != (DrainRequest{}) {
				t.Errorf("%+v, %v", asked, err)
			}
			return
		}
		text, _ := json.Marshal(asked)
		if again, err := ParseDrain(text); err != nil || again != asked {
			t.Errorf("%+v became %+v, %v", asked, again, err)
		}
	})
}
