package cli

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"meridian/engine/health"
	"meridian/role/monitor"
	"meridian/world"
)

// aMonitor answers as one does, and keeps what it was asked.
func aMonitor(t *testing.T, s monitor.Status) (url string, asked *[]string) {
	asked = &[]string{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet {
			json.NewEncoder(w).Encode(s)
			return
		}
		var d monitor.DrainRequest
		if err := json.NewDecoder(r.Body).Decode(&d); err != nil || r.URL.Path != world.DrainsPath {
			t.Errorf("%s: %v", r.URL, err)
		}
		*asked = append(*asked, r.Header.Get("Authorization")+" "+d.Target+" "+d.For+" "+d.Reason)
		json.NewEncoder(w).Encode(health.Order{Target: d.Target, Drain: !d.Lift, By: "on-call"})
	}))
	t.Cleanup(server.Close)
	return server.URL, asked
}

func someHealth(state world.HealthState, isolated bool) monitor.Status {
	return monitor.Status{
		Health: world.Health{
			Version: world.HealthVersion{Number: 7, Monitor: "us-east"}, Monitor: "eu-central", At: time.Unix(0, 0).UTC(), Isolated: isolated,
			Targets: []world.TargetHealth{{Target: "pop/fra", State: state, Reason: world.ReasonTimeout, Since: time.Unix(0, 0).UTC(), By: []string{"eu-central", "us-east"}}},
		},
		Monitors: []monitor.MonitorStatus{{Region: "eu-central", Heard: true}, {Region: "asia"}},
	}
}

func TestHealthCommand(t *testing.T) {
	for what, c := range map[string]struct {
		is   monitor.Status
		code int
		says string
	}{
		"well":     {someHealth(world.Healthy, false), exitOK, "pop/fra  healthy"},
		"down":     {someHealth(world.Down, false), exitFailed, "Down: pop/fra."},
		"isolated": {someHealth(world.Healthy, true), exitFailed, "cut off"},
	} {
		url, _ := aMonitor(t, c.is)
		var out, errOut strings.Builder
		code := Run(t.Context(), "v", []string{"health", "--server", url}, &out, &errOut)
		if code != c.code || !strings.Contains(out.String()+errOut.String(), c.says) || !strings.Contains(out.String(), "Not heard: the monitors of asia") {
			t.Errorf("%s: exit code %d\n%s%s", what, code, &out, &errOut)
		}
		var s monitor.Status
		out.Reset()
		Run(t.Context(), "v", []string{"health", "--json", "--server", url}, &out, &errOut)
		if err := json.Unmarshal([]byte(out.String()), &s); err != nil || len(s.Targets) != 1 {
			t.Errorf("%s: %v: %s", what, err, &out)
		}
	}
}

func TestDrainCommands(t *testing.T) {
	url, asked := aMonitor(t, someHealth(world.Healthy, false))
	t.Setenv(drainVariable, "secret")
	for _, c := range []struct {
		args string
		code int
		want string // what the monitor is asked
	}{
		{"drain pop/fra --for 30m --reason disks", exitOK, "Bearer secret pop/fra 30m0s disks"},
		{"drain pop/fra", exitOK, "Bearer secret pop/fra  "},
		{"undrain pop/fra", exitOK, "Bearer secret pop/fra  "},
		{"drain pop/fra --for -1s", exitInvalid, ""},
		{"drain", exitInvalid, ""},
	} {
		*asked = nil
		var out, errOut strings.Builder
		code := Run(t.Context(), "v", append(strings.Fields(c.args), "--server", url), &out, &errOut)
		if got := strings.Join(*asked, ";"); code != c.code || got != c.want {
			t.Errorf("%s: exit code %d, asked %q\n%s%s", c.args, code, got, &out, &errOut)
		}
	}
}

func TestHealthKeysFit(t *testing.T) {
	var out, errOut strings.Builder
	var made struct{ Key, Public string }
	if code := Run(t.Context(), "v", []string{"health", "key", "--json"}, &out, &errOut); code != exitOK {
		t.Fatalf("%d %s", code, &errOut)
	}
	if err := json.Unmarshal([]byte(out.String()), &made); err != nil {
		t.Fatal(err)
	}
	key, err := health.ParsePrivate(made.Key)
	if err != nil || health.PublicOf(key) != made.Public {
		t.Errorf("%v: %s", err, &out)
	}
}
