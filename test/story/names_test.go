package story

import (
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"meridian/app/localworld"
	"meridian/platform/dnsserver"
	"meridian/test/worldtest"
)

// TestNames asks the world's name servers as resolvers do: by dig, for people of
// each city, and by delv, which believes nothing that is not signed.
func TestNames(t *testing.T) {
	w := theWorld(t)
	n := namesOf(t, w)
	want := map[string]string{
		"new-york": "iad", "san-francisco": "sjc", "london": "lhr", "frankfurt": "fra",
		"mumbai": "bom", "tokyo": "nrt", "sydney": "nrt", "sao-paulo": "iad",
	}
	for i, c := range w.Plan.Cities {
		for _, market := range []string{"de", "in"} {
			for _, prefix := range localworld.CityPrefixes(i) {
				if got := n.pop(t, 0, market, "+subnet="+prefix.String()); got != want[c.ID] {
					t.Errorf("people of %s (%v) are sent to %s for %s, not to %s", c.ID, prefix, got, market, want[c.ID])
				}
			}
		}
	}
	for i := range w.Plan.Regions {
		if got := n.pop(t, i, "gb", "+tcp", "+subnet="+localworld.CityPrefixes(2)[0].String()); got != "lhr" {
			t.Errorf("the name server of %s sends London to %s", w.Plan.Regions[i].ID, got)
		}
	}
	n.believed(t, "de.localhost", "A", "; fully validated")
	n.believed(t, "localhost", "SOA", "; fully validated")
	n.believed(t, "de.localhost", "TXT", "; negative response, fully validated")
	n.believed(t, "nobody.localhost", "A", "; negative response, fully validated")
	n.leadsToThePoP(t, w)
	n.drained(t, w)
	n.oneServerLost(t, w)
}

// nameServers are a world's, as resolvers see them.
type nameServers struct {
	ports  []string
	pops   []string
	anchor string // file
}

func namesOf(t *testing.T, w *worldtest.World) nameServers {
	t.Helper()
	for _, program := range []string{"dig", "delv"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skipf("%s is not installed: scripts/install-deps test", program)
		}
	}
	n := nameServers{pops: pops(w), anchor: filepath.Join(t.TempDir(), "anchor")}
	for i := range w.Plan.Regions {
		n.ports = append(n.ports, fmt.Sprint(w.Port+1+len(n.pops)+i))
	}
	public, err := os.Open(filepath.Join(w.Dir, "dns", "zone.key"))
	if err != nil {
		t.Fatal(err)
	}
	defer public.Close()
	private, err := os.Open(filepath.Join(w.Dir, "dns", "zone.private"))
	if err != nil {
		t.Fatal(err)
	}
	defer private.Close()
	k, err := dnsserver.ReadKey(public, private)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(n.anchor, []byte(k.TrustAnchor()), 0o600); err != nil {
		t.Fatal(err)
	}
	return n
}

// dig asks a server for the addresses of a market's host, and gives the first: the
// next nearest follows it.
func (n nameServers) dig(t *testing.T, server int, market string, more ...string) string {
	t.Helper()
	args := append([]string{"@127.0.0.1", "-p", n.ports[server], "+short", "+tries=3", "+timeout=10", market + ".localhost", "A"}, more...)
	out, err := exec.Command("dig", args...).CombinedOutput()
	if err != nil {
		return fmt.Sprintf("%v: %s", err, out)
	}
	first, _, _ := strings.Cut(strings.TrimSpace(string(out)), "\n")
	return first
}

// pop is the PoP that an answer leads to.
func (n nameServers) pop(t *testing.T, server int, market string, more ...string) string {
	t.Helper()
	answer := n.dig(t, server, market, more...)
	for i, pop := range n.pops {
		if answer == fmt.Sprintf("127.77.0.%d", i+1) {
			return pop
		}
	}
	return answer
}

// believed demands that a validator that trusts the zone's key alone takes an answer.
func (n nameServers) believed(t *testing.T, name, kind, want string) {
	t.Helper()
	out, _ := exec.Command("delv", "@127.0.0.1", "-p", n.ports[1], "-a", n.anchor, "+root=localhost", name, kind).CombinedOutput() // its status tells of a name that is not there too
	if !strings.Contains("\n"+string(out), "\n"+want) {
		t.Errorf("delv says of %s %s:\n%s", name, kind, out)
	}
}

// leadsToThePoP goes where the answer says, under the gate's port.
func (n nameServers) leadsToThePoP(t *testing.T, w *worldtest.World) {
	t.Helper()
	if runtime.GOOS != "linux" {
		return // the PoPs' own addresses are not there
	}
	at := n.dig(t, 0, "de", "+subnet="+localworld.CityPrefixes(3)[0].String())
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, fmt.Sprintf("http://%s:%d/", at, w.Port), nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Host = fmt.Sprintf("de.localhost:%d", w.Port)
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if res.StatusCode != http.StatusOK || !strings.Contains(res.Header.Get("Cache-Status"), "edge-fra") {
		t.Errorf("%s answered %d, by way of %q", at, res.StatusCode, res.Header.Get("Cache-Status"))
	}
}

// drained takes Frankfurt's PoP out by an operator's order: its people are sent to
// the next nearest, by every name server.
func (n nameServers) drained(t *testing.T, w *worldtest.World) {
	t.Helper()
	elsewhere := w.AtPoP(t, "de", "lhr")
	frankfurt := "+subnet=" + localworld.CityPrefixes(3)[0].String()
	until := func(want string) {
		began := time.Now()
		for server := range n.ports {
			for n.pop(t, server, "de", frankfurt) != want {
				if time.Since(began) > time.Minute {
					t.Fatalf("%s still sends Frankfurt to %s, not to %s", w.Plan.Regions[server].ID, n.pop(t, server, "de", frankfurt), want)
				}
			}
		}
		t.Logf("all name servers send Frankfurt to %s: %v", want, time.Since(began).Round(time.Millisecond))
	}
	orderDrain(t, w, elsewhere, map[string]any{"target": "pop/fra", "for": "10m", "reason": "a story"})
	until("lhr")
	if out, _ := exec.Command("dig", "@127.0.0.1", "-p", n.ports[0], "+noall", "+answer", "de.localhost", frankfurt).CombinedOutput(); ttlOf(string(out)) > 10 {
		t.Errorf("just after a change the answer may be kept for long: %s", out)
	}
	drain(t, w, elsewhere, "pop/fra", true)
	until("fra")
}

// ttlOf is that of an answer's first record as dig prints it.
func ttlOf(answer string) int {
	fields := strings.Fields(answer)
	if len(fields) < 2 {
		return 1 << 30
	}
	ttl, err := strconv.Atoi(fields[1])
	if err != nil {
		return 1 << 30
	}
	return ttl
}

// oneServerLost ends a name server: the others go on, and it comes back.
func (n nameServers) oneServerLost(t *testing.T, w *worldtest.World) {
	t.Helper()
	admin := w.Admin(t)
	part := "geodns@" + w.Plan.Regions[0].ID
	if err := admin.KillPart(part); err != nil {
		t.Fatal(err)
	}
	if got := n.dig(t, 0, "de", "+tries=1", "+timeout=1"); strings.HasPrefix(got, "127.") {
		t.Errorf("a name server that was killed answers %s", got)
	}
	if got := n.pop(t, 1, "de", "+subnet="+localworld.CityPrefixes(3)[0].String()); got != "fra" {
		t.Errorf("with one name server lost another sends Frankfurt to %s", got)
	}
	if err := admin.StartPart(part); err != nil {
		t.Fatal(err)
	}
	if got := n.pop(t, 0, "de", "+subnet="+localworld.CityPrefixes(3)[0].String()); got != "fra" {
		t.Errorf("the name server that came back sends Frankfurt to %s", got)
	}
}
