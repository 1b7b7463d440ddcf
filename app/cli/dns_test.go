package cli

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"meridian/world"
)

const dnsFile = `
place: fra
location: {prefixes: PREFIXES}
geodns:
  listen: ["127.0.0.1:5300"]
  place: fra
  zone: shop.example
  name_servers: [ns.other.test]
  hostmaster: hostmaster.shop.example
  elsewhere: virginia
  drained: [lhr]
  addresses: {iad: [192.0.2.1, "2001:db8::1"], fra: [192.0.2.4], lhr: [192.0.2.3]}
  names: [{name: www}]
`

func TestDNSTest(t *testing.T) {
	dir := t.TempDir()
	places, file := filepath.Join(dir, "places"), filepath.Join(dir, "dns.yaml")
	for path, text := range map[string]string{places: "203.0.113.0/24 london\n", file: strings.Replace(dnsFile, "PREFIXES", places, 1)} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for from, want := range map[string][]string{
		"203.0.113.7": {"203.0.113.7 is near london. All of 203.0.113.0/24 get the same for www.shop.example., for 30 s.", "→  fra  healthy   19ms, measured", "lhr  draining  2ms, measured   draining"},
		"8.8.8.8":     {"Nothing tells where 8.8.8.8 is: taken to be near virginia.", "→  iad  healthy   2ms, measured   nearest   192.0.2.1 2001:db8::1"},
	} {
		code, out, errOut := run(t, "dns", "test", "www.shop.example", "--config", file, "--from", from)
		if code != 0 {
			t.Fatal(code, errOut)
		}
		for _, w := range want {
			if !strings.Contains(out, w) {
				t.Errorf("%s: %q is not said:\n%s", from, w, out)
			}
		}
	}
	code, out, _ := run(t, "dns", "test", "www.shop.example", "--config", file, "--from", "8.8.8.8")
	if code != 0 || !strings.Contains(out, "Health is not looked at") {
		t.Errorf("%d %s", code, out)
	}
	is := someHealth(world.Down, true)
	is.Targets = append(is.Targets, world.TargetHealth{Target: "pop/iad", State: world.Degraded})
	url, _ := aMonitor(t, is)
	code, out, errOut := run(t, "dns", "test", "www.shop.example", "--config", file, "--from", "203.0.113.7", "--server", url)
	for _, want := range []string{"the monitor of eu-central says", "version 7, given by us-east", "cut off from the others", "→  iad  degraded", "fra  down", "for 5 s"} {
		if code != 0 || !strings.Contains(out, want) {
			t.Errorf("with live health %q is not said: %d\n%s%s", want, code, out, errOut)
		}
	}
	code, out, _ = run(t, "dns", "test", "www.shop.example", "--config", file, "--from", "203.0.113.7", "--server", url, "--lost", "iad", "--json")
	var e explained
	if err := json.Unmarshal([]byte(out), &e); code != 0 || err != nil || e.Health.Version.Number != 7 || e.PoPs[0].State == world.Degraded {
		t.Errorf("%d, %v\n%s", code, err, out)
	}
	for want, args := range map[string][]string{
		"No name server of a world": {"www.shop.example", "--from", "8.8.8.8", "--dir", dir},
		"is no address":             {"www.shop.example", "--config", file, "--from", "london"},
		"the names that are: [www.": {"mail.shop.example", "--config", file, "--from", "8.8.8.8"},
		"cannot be read":            {"www.shop.example", "--config", filepath.Join(dir, "none"), "--from", "8.8.8.8"},
	} {
		if code, _, errOut := run(t, append([]string{"dns", "test"}, args...)...); code == 0 || !strings.Contains(errOut, want) {
			t.Errorf("%v: %d %s, want %q", args, code, errOut, want)
		}
	}
}
