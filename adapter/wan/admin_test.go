package wan

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"meridian/platform/httpserver"
	"meridian/world"
)

func admin(t *testing.T) (*Network, func(method, path, body string) *httptest.ResponseRecorder) {
	t.Helper()
	n := New(1, quiet)
	for _, key := range []pair{{"a", "b"}, {"b", "a"}, {"a", "a"}, {"b", "c"}} {
		must(t, n.AddLink(key.from, key.to, Params{Delay: 10 * ms}))
	}
	h := n.Handler()
	return n, func(method, path, body string) *httptest.ResponseRecorder {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(method, path, strings.NewReader(body)))
		return w
	}
}

func TestAdminShows(t *testing.T) {
	_, do := admin(t)
	var all struct{ Links []map[string]any }
	if err := json.Unmarshal(do("GET", "/links", "").Body.Bytes(), &all); err != nil || len(all.Links) != 4 {
		t.Fatalf("%v, %v", all, err)
	}
	const want = `{"from":"a","to":"b","delay_ms":10,"jitter_ms":0,"bandwidth_mbit":0,"loss":0,"state":"up","bytes":0,"in_flight_bytes":0,"open":0,"total":0,"refused":0}`
	if got := strings.TrimSpace(do("GET", "/links/a/b", "").Body.String()); got != want {
		t.Errorf("got %s", got)
	}
}

func TestAdminPatches(t *testing.T) {
	n, do := admin(t)
	for _, step := range []struct {
		body string
		want Params
	}{
		{`{"delay_ms":75,"jitter_ms":2,"bandwidth_mbit":100}`, Params{75 * ms, 2 * ms, 100_000_000, 0, Up}},
		{`{"jitter_ms":0.25}`, Params{75 * ms, 250 * time.Microsecond, 100_000_000, 0, Up}},
		{` {"state":"blackhole"} `, Params{75 * ms, 250 * time.Microsecond, 100_000_000, 0, Blackhole}},
		{`{"bandwidth_mbit":0.001,"state":"refuse"}`, Params{75 * ms, 250 * time.Microsecond, MinBandwidth, 0, Refuse}},
		{`{"loss":0.5}`, Params{75 * ms, 250 * time.Microsecond, MinBandwidth, MaxLoss, Refuse}},
		{`{"delay_ms":0,"jitter_ms":0,"bandwidth_mbit":0,"loss":0,"state":"up"}`, Params{State: Up}},
		{`{"delay_ms":30000,"jitter_ms":30000,"bandwidth_mbit":1000000}`, Params{MaxDelay, MaxDelay, MaxBandwidth, 0, Up}},
	} {
		w := do("PATCH", "/links/a/b", step.body)
		s, _ := n.Get("a", "b")
		if w.Code != 200 || s.Params != step.want {
			t.Errorf("%s: %d, %+v", step.body, w.Code, s.Params)
		}
		var shown linkJSON
		if err := json.Unmarshal(w.Body.Bytes(), &shown); err != nil || shown != toJSON(s) {
			t.Errorf("%s answered %s", step.body, w.Body)
		}
	}
	if s, _ := n.Get("b", "a"); s.Delay != 10*ms {
		t.Error("the other direction was changed too")
	}
}

func TestAdminCutsAndHeals(t *testing.T) {
	n, do := admin(t)
	state := func(from, to string) State {
		s, err := n.Get(from, to)
		must(t, err)
		return s.State
	}
	for _, step := range []struct {
		path, body     string
		ab, ba, aa, bc State
	}{
		{"/links/a/b/cut", "", Blackhole, Up, Up, Up},
		{"/links/a/b/cut", `{"mode":"refuse"}`, Refuse, Up, Up, Up},
		{"/links/a/b/heal", "", Up, Up, Up, Up},
		{"/links/a/b/cut", `{}`, Blackhole, Up, Up, Up},
		{"/places/a/cut", `{"mode":"refuse"}`, Refuse, Refuse, Up, Up},
		{"/places/a/heal", "", Up, Up, Up, Up},
		{"/places/b/cut", "", Blackhole, Blackhole, Up, Blackhole},
		{"/places/c/heal", "", Blackhole, Blackhole, Up, Up},
		{"/links/a/a/cut", "", Blackhole, Blackhole, Blackhole, Up},
	} {
		if w := do("POST", step.path, step.body); w.Code != 200 {
			t.Errorf("%s %s: %d %s", step.path, step.body, w.Code, w.Body)
		}
		got := [4]State{state("a", "b"), state("b", "a"), state("a", "a"), state("b", "c")}
		if got != [4]State{step.ab, step.ba, step.aa, step.bc} {
			t.Errorf("%s %s: %v", step.path, step.body, got)
		}
	}
	var cut struct{ Links []linkJSON }
	if err := json.Unmarshal(do("POST", "/places/c/cut", "").Body.Bytes(), &cut); err != nil || len(cut.Links) != 1 || cut.Links[0].State != Blackhole {
		t.Errorf("the links of c: %+v, %v", cut, err)
	}
}

func TestAdminRefuses(t *testing.T) {
	n, do := admin(t)
	before := n.List()
	pad := func(n int) string {
		return `{"delay_ms":20` + strings.Repeat(" ", n-len(`{"delay_ms":20}`)) + `}`
	}
	for _, c := range []struct {
		method, path, body string
		code               world.Code
		says               string
	}{
		{"PATCH", "/links/a/b", ``, world.CodeInvalid, "a JSON object"},
		{"PATCH", "/links/a/b", `rubbish`, world.CodeInvalid, "JSON object"},
		{"PATCH", "/links/a/b", `[]`, world.CodeInvalid, "JSON object"},
		{"PATCH", "/links/a/b", `null`, world.CodeInvalid, "JSON object"},
		{"PATCH", "/links/a/b", `{`, world.CodeInvalid, "JSON object"},
		{"PATCH", "/links/a/b", `{"delay_ms":1`, world.CodeInvalid, "JSON object"},
		{"PATCH", "/links/a/b", `{"delay_ms":1}{}`, world.CodeInvalid, "one object only"},
		{"PATCH", "/links/a/b", `{"delay_ms":1} x`, world.CodeInvalid, "one object only"},
		{"PATCH", "/links/a/b", `{}`, world.CodeInvalid, "Nothing would change"},
		{"PATCH", "/links/a/b", `{"delay":1}`, world.CodeInvalid, "unknown"},
		{"PATCH", "/links/a/b", `{"Delay_ms":1}`, world.CodeInvalid, "unknown"},
		{"PATCH", "/links/a/b", `{"delay_ms":1,"delay_ms":2}`, world.CodeInvalid, "twice"},
		{"PATCH", "/links/a/b", `{"delay_ms":null}`, world.CodeInvalid, "must be a number"},
		{"PATCH", "/links/a/b", `{"delay_ms":"1"}`, world.CodeInvalid, "must be a number"},
		{"PATCH", "/links/a/b", `{"delay_ms":1e400}`, world.CodeInvalid, "must be a number"},
		{"PATCH", "/links/a/b", `{"delay_ms":-1}`, world.CodeInvalid, "from 0"},
		{"PATCH", "/links/a/b", `{"delay_ms":30000.1}`, world.CodeInvalid, "from 0 to 30000"},
		{"PATCH", "/links/a/b", `{"jitter_ms":11}`, world.CodeInvalid, "jitter"},
		{"PATCH", "/links/a/b", `{"bandwidth_mbit":0.0001}`, world.CodeInvalid, "bandwidth"},
		{"PATCH", "/links/a/b", `{"bandwidth_mbit":1e7}`, world.CodeInvalid, "bandwidth_mbit"},
		{"PATCH", "/links/a/b", `{"loss":0.51}`, world.CodeInvalid, "from 0 to 0.5"},
		{"PATCH", "/links/a/b", `{"loss":-0.1}`, world.CodeInvalid, "from 0 to 0.5"},
		{"PATCH", "/links/a/b", `{"state":"down"}`, world.CodeInvalid, "unknown"},
		{"PATCH", "/links/a/b", `{"state":""}`, world.CodeInvalid, "must be up"},
		{"PATCH", "/links/a/b", `{"state":7}`, world.CodeInvalid, "must be up"},
		{"PATCH", "/links/a/b", pad(MaxBody + 1), world.CodeTooLarge, "at most 4096"},
		{"PATCH", "/links/a/z", `{"delay_ms":1}`, world.CodeNotFound, "a to b"},
		{"GET", "/links/a/z", ``, world.CodeNotFound, "a to b"},
		{"POST", "/links/z/a/heal", ``, world.CodeNotFound, "a to b"},
		{"POST", "/links/z/a/cut", ``, world.CodeNotFound, "a to b"},
		{"POST", "/links/a/b/cut", `{"mode":"up"}`, world.CodeInvalid, "blackhole or refuse"},
		{"POST", "/links/a/b/cut", `{"how":"refuse"}`, world.CodeInvalid, "unknown"},
		{"POST", "/links/a/b/cut", `"refuse"`, world.CodeInvalid, "JSON object"},
		{"POST", "/places/a/cut", `{"mode":null}`, world.CodeInvalid, "must be"},
		{"POST", "/places/a/cut", strings.Repeat(" ", MaxBody+1), world.CodeTooLarge, "at most 4096"},
		{"POST", "/places/z/cut", ``, world.CodeNotFound, "a, b, c"},
		{"POST", "/places/z/heal", ``, world.CodeNotFound, "a, b, c"},
		{"DELETE", "/links/a/b", ``, world.CodeMethod, "GET, PATCH"},
		{"POST", "/links", ``, world.CodeMethod, "GET"},
		{"GET", "/places/a/cut", ``, world.CodeMethod, "POST"},
		{"GET", "/", ``, world.CodeNotFound, "/links"},
		{"GET", "/links/a", ``, world.CodeNotFound, "/links"},
	} {
		w := do(c.method, c.path, c.body)
		var p httpserver.Problem
		err := json.Unmarshal(w.Body.Bytes(), &p)
		if err != nil || w.Code != c.code.Status() || p.Code != c.code || w.Header().Get("Content-Type") != "application/problem+json" {
			t.Errorf("%s %s %.60s: %d %s, want %s", c.method, c.path, c.body, w.Code, w.Body, c.code)
		}
		if !strings.Contains(p.Detail, c.says) {
			t.Errorf("%s %s %.60s says %q, which does not name %q", c.method, c.path, c.body, p.Detail, c.says)
		}
		if (w.Code == http.StatusMethodNotAllowed) != (w.Header().Get("Allow") != "") {
			t.Errorf("%s %s: Allow is %q", c.method, c.path, w.Header().Get("Allow"))
		}
	}
	for i, s := range n.List() {
		if s != before[i] {
			t.Errorf("a refused request left %+v", s)
		}
	}
	if w := do("PATCH", "/links/a/b", pad(MaxBody)); w.Code != 200 {
		t.Errorf("a body of just %d bytes: %d %s", MaxBody, w.Code, w.Body)
	}
}

func FuzzParsePatch(f *testing.F) {
	for _, s := range []string{
		`{"delay_ms":75,"jitter_ms":2,"bandwidth_mbit":100,"state":"up"}`, `{"state":"refuse"}`, `{"delay_ms":1e-300}`,
		`{"delay_ms":null}`, `{}`, `[`, `{"delay_ms":1,}`, `{"bandwidth_mbit":0.0004999}`, "{\"\xff\":1}", `{"mode":"refuse"}`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		if mode, err := parseMode(body); err == nil && mode != Blackhole && mode != Refuse || err != nil && !world.Is(err, world.CodeInvalid) {
			t.Fatalf("parseMode(%q) = %q, %v", body, mode, err)
		}
		p, err := parsePatch(body)
		if err != nil {
			if !world.Is(err, world.CodeInvalid) {
				t.Fatalf("%q: %v", body, err)
			}
			return
		}
		if !json.Valid(body) {
			t.Fatalf("%q was taken and is no JSON", body)
		}
		to, err := p.apply(Params{Delay: time.Second})
		if err != nil {
			t.Fatal(err)
		}
		if to, err = to.check(); err == nil && (to.Delay < 0 || to.Delay > MaxDelay || to.Jitter < 0 || to.Jitter > to.Delay || to.Bandwidth < 0 || to.Bandwidth > MaxBandwidth) {
			t.Fatalf("%q became %+v", body, to)
		}
	})
}
