package localworld

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"meridian/adapter/pgcluster"
	"meridian/adapter/yaml"
	"meridian/app"
	"meridian/engine/health"
	"meridian/platform/netaddr"
	"meridian/world"
)

// sampleSecrets are told apart by their text.
func sampleSecrets(w *world.World) Secrets {
	s := Secrets{Super: "pw-super", Replication: "pw-replication", Shop: "pw-shop", Media: "pw-media", Owner: "pw-owner", Ops: "pw-ops",
		WireKey: "key-wire", FeedKey: "key-feed", UploadToken: "key-upload", UploadKey: "key-of-upload-grants", PurgeToken: "key-purge", JudgeToken: "key-judge", DrainToken: "key-drain", Monitors: map[string]string{}, Owners: map[string]string{}}
	for i, r := range w.Regions {
		s.Monitors[r.ID] = health.NewSeed(rand.NewChaCha8([32]byte{byte(i)}))
	}
	for _, m := range w.Markets {
		s.Owners[m.ID] = "pw-owner-of-" + m.ID
	}
	return s
}

func shippedWorld(t *testing.T) *world.World {
	t.Helper()
	w, err := app.ReadWorld("")
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func planOf(w *world.World, ha bool) *plan {
	return newPlan(w, &state{dir: "/var/lib/meridian/world", sockets: socketDir("/var/lib/meridian/world")}, sampleSecrets(w), 8080, ha)
}

// placeOf is the region that a server stands in.
func (p *plan) placeOf(s pgcluster.Spec) string {
	for at, name := range p.reader {
		if name == s.Name {
			return at[1]
		}
	}
	name := strings.TrimSuffix(s.Name, "-sync")
	name = strings.TrimPrefix(name, "catalog-")
	return strings.TrimPrefix(name, "resident-")
}

func encoded(t *testing.T, f *app.File) string {
	t.Helper()
	b, err := yaml.Encode(f)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// What is at another place is known only by the address of a link, so that a
// cut cable cuts all; and a resident cluster is known in its own region alone.
func TestAMachineKnowsNoWayRoundTheLinks(t *testing.T) {
	for _, ha := range []bool{false, true} {
		p := planOf(shippedWorld(t), ha)
		for _, f := range p.files("/w.yaml") {
			text := encoded(t, f)
			for _, s := range p.servers {
				at := p.placeOf(s)
				if _, known := p.w.RegionByID(at); !known {
					t.Fatalf("server %s stands at %q", s.Name, at)
				}
				if at != f.Place && strings.Contains(text, fmt.Sprintf("port=%d", s.Port)) {
					t.Errorf("%s knows the server %s of %s", f.Place, s.Name, at)
				}
			}
			for _, r := range p.w.Regions {
				for _, role := range regionRoles {
					if r.ID != f.Place && strings.Contains(text, p.roleAddress(role, r.ID)+"\n") {
						t.Errorf("%s knows the way round the link to %s's %s", f.Place, r.ID, role)
					}
				}
			}
			for i, q := range p.w.PoPs {
				if q.ID != f.Place && strings.Contains(text, p.edgeAddress(i)) {
					t.Errorf("%s knows the address of PoP %s", f.Place, q.ID)
				}
			}
		}
	}
}

// The test above would find nothing in files that say nothing.
func TestAMachineKnowsItsOwn(t *testing.T) {
	p := planOf(shippedWorld(t), false)
	for _, f := range p.files("") {
		text := encoded(t, f)
		if f.Edge != nil {
			if len(f.Edge.Shields) != len(p.w.Regions) {
				t.Errorf("%s knows %d shields", f.Place, len(f.Edge.Shields))
			}
			continue
		}
		for _, want := range []string{
			fmt.Sprintf("port=%d", p.primary[world.ResidentCluster(f.Place)].Port), fmt.Sprintf("port=%d", p.primary[world.CatalogCluster(f.Place)].Port),
			p.roleAddress("media", f.Place), p.roleAddress("owner", f.Place),
		} {
			if !strings.Contains(text, want) {
				t.Errorf("%s does not know %s", f.Place, want)
			}
		}
		if f.Shop.Resident.Region != f.Place || f.Owner.Resident.Region != f.Place || len(f.Shop.Catalogs) != len(p.w.Regions) || len(f.Shop.Peers) != len(p.w.Regions)-1 {
			t.Errorf("%s: %+v", f.Place, f.Shop)
		}
		for _, d := range f.Shop.Catalogs {
			if d.Primary != (d.Region == f.Place) {
				t.Errorf("%s takes its copy of %s for the primary, or the other way", f.Place, d.Region)
			}
		}
	}
}

// A role holds its own credentials and no others (the role table says which).
func TestEachRolesFileHoldsOnlyItsCredentials(t *testing.T) {
	holds := map[string][]string{
		"edge": {"key-feed"}, "shield": {"key-feed"}, "shop": {"pw-shop", "key-feed"},
		"media": {"pw-media", "key-wire", "key-feed", "key-upload"}, "owner": {"pw-owner", "key-upload"},
		"ops": {"pw-ops", "key-feed"}, "monitor": {"key-feed"}, "geodns": {"key-feed"}, // of tokens their hashes only
	}
	p := planOf(shippedWorld(t), true)
	all := []string{"pw-super", "pw-replication", "pw-shop", "pw-media", "pw-owner", "pw-ops", "key-wire", "key-feed", "key-upload", "key-purge", "key-drain", "pw-owner-of-us"}
	for _, f := range p.files("") {
		for _, role := range f.Roles() {
			text := encoded(t, f.Only(role))
			for region, seed := range p.secrets.Monitors {
				if has, may := strings.Contains(text, seed), role == "monitor" && f.Place == region; has != may {
					t.Errorf("%s@%s: holds the key of the monitor in %s: %v, may: %v", role, f.Place, region, has, may)
				}
			}
			for _, secret := range all {
				if has, may := strings.Contains(text, secret), slices.Contains(holds[role], secret); has != may {
					t.Errorf("%s@%s: holds %s: %v, may: %v", role, f.Place, secret, has, may)
				}
			}
		}
	}
}

// The planned files pass every check that a machine makes when it starts.
func TestPlannedFilesAreGood(t *testing.T) {
	p := planOf(shippedWorld(t), false)
	files := p.files("")
	if len(files) != len(p.w.Regions)+len(p.w.PoPs) {
		t.Errorf("%d files", len(files))
	}
	for _, f := range files {
		if err := app.CheckRoles(f, f.Roles()); err != nil {
			t.Errorf("%s: %v", f.Place, err)
		}
		sections := map[string]interface{ Validate() error }{}
		if f.Edge != nil {
			sections["edge"] = f.Edge
		} else {
			sections["media"], sections["shop"], sections["owner"], sections["shield"], sections["ops"], sections["monitor"] = f.Media, f.Shop, f.Owner, f.Shield, f.Ops, f.Monitor
		}
		for role, s := range sections {
			if err := s.Validate(); err != nil {
				t.Errorf("%s@%s: %v", role, f.Place, err)
			}
		}
	}
}

func TestStandbysFollowThroughALink(t *testing.T) {
	p := planOf(shippedWorld(t), true)
	standbys := 0
	for _, s := range p.servers {
		if s.StandbyOf == nil {
			continue
		}
		primary := p.primary[s.StandbyOf.Name]
		direct := strings.Contains(s.StandbyOf.ConnInfo, fmt.Sprintf("port=%d ", primary.Port))
		near := p.placeOf(s) == p.placeOf(primary)
		if direct != near {
			t.Errorf("%s in %s reaches %s directly: %v", s.Name, p.placeOf(s), primary.Name, direct)
		}
		if s.Resident && !near {
			t.Errorf("%s is resident data outside its region", s.Name)
		}
		if primary.Resident != s.Resident {
			t.Errorf("%s copies %s but is not marked alike", s.Name, primary.Name)
		}
		standbys++
	}
	n := len(p.w.Regions)
	if want := n*(n-1) + 2*n; standbys != want {
		t.Errorf("%d standbys, want %d", standbys, want)
	}
}

func TestLinksTakeHalfTheRoundTrip(t *testing.T) {
	p := planOf(shippedWorld(t), false)
	byPair := map[[2]string]link{}
	for _, l := range p.links {
		pair := [2]string{l.from, l.to}
		if _, twice := byPair[pair]; twice {
			t.Errorf("two links from %s to %s", l.from, l.to)
		}
		byPair[pair] = l
	}
	for pair, l := range byPair {
		back, ok := byPair[[2]string{pair[1], pair[0]}]
		if !ok {
			t.Errorf("no way back from %s to %s", l.to, l.from)
			continue
		}
		if sum := l.params.Delay + back.params.Delay; absolute(sum-p.expected(l.from, l.to)) > time.Microsecond {
			t.Errorf("%s and back to %s takes %v, want %v", l.from, l.to, sum, p.expected(l.from, l.to))
		}
		if l.params.Jitter > l.params.Delay {
			t.Errorf("%s to %s: jitter %v of %v", l.from, l.to, l.params.Jitter, l.params.Delay)
		}
	}
	// Tokyo to Singapore is 74 ms in the shipped file.
	if got := byPair[[2]string{"nrt", "ap-southeast"}].params.Delay; got != 37*time.Millisecond {
		t.Errorf("nrt to ap-southeast: %v one way", got)
	}
	for _, s := range p.services {
		if _, ok := byPair[[2]string{s.From, s.To}]; !ok {
			t.Errorf("service %s has no link from %s to %s", s.Name, s.From, s.To)
		}
	}
}

func absolute(d time.Duration) time.Duration { return max(d, -d) }

// expected is the round trip as the world file tells it: the sites' figure,
// and a city's last mile.
func (p *plan) expected(a, b string) time.Duration {
	ms := math.NaN()
	if p.siteOf(a) == p.siteOf(b) {
		ms = p.w.Link.SameSiteMS
	}
	for _, r := range p.w.RTT {
		if slices.Contains(r.Between[:], p.siteOf(a)) && slices.Contains(r.Between[:], p.siteOf(b)) && p.siteOf(a) != p.siteOf(b) {
			ms = r.MS
		}
	}
	for _, c := range p.w.Cities {
		if c.ID == a || c.ID == b {
			ms += c.AccessMS
		}
	}
	return time.Duration(ms * float64(time.Millisecond))
}

// checkUnique wants each value once, and sockets that fit the system.
func checkUnique(t *testing.T, p *plan) {
	t.Helper()
	seen := map[string]string{}
	once := func(kind, value, who string) {
		if other, twice := seen[kind+value]; twice {
			t.Errorf("%s %s is that of %s and of %s", kind, value, other, who)
		}
		seen[kind+value] = who
		if path, ok := strings.CutPrefix(value, "unix:"); ok && len(path) > netaddr.MaxUnixPath {
			t.Errorf("%s: %s has %d bytes", who, path, len(path))
		}
	}
	for _, s := range p.servers {
		once("name", s.Name, "server "+s.Name)
		once("port", fmt.Sprint(s.Port), "server "+s.Name)
		once("address", "unix:"+pgcluster.SocketPath(s), "server "+s.Name)
		once("directory", s.DataDir, "server "+s.Name)
	}
	for _, s := range p.services {
		once("service", s.Name, "service "+s.Name)
		once("address", s.Listen, "service "+s.Name)
	}
	for _, f := range p.files("") {
		for _, role := range f.Roles() {
			once("address", p.socket("a-"+role+"-"+f.Place), "admin of "+role+"@"+f.Place)
			if role == "geodns" {
				once("dns", f.GeoDNS.Listen[0], "geodns@"+f.Place)
			} else if role != "edge" {
				once("address", p.roleAddress(role, f.Place), role+"@"+f.Place)
			}
		}
	}
	for i, q := range p.w.PoPs {
		once("address", p.edgeAddress(i), "edge@"+q.ID)
	}
}

func TestNamesPortsAndSocketsAreUnique(t *testing.T) {
	checkUnique(t, planOf(shippedWorld(t), true))
}

// Ids may hold hyphens and be long: neither may make two sockets one.
func TestAwkwardIdsHaveSocketsOfTheirOwn(t *testing.T) {
	w := shippedWorld(t)
	rename := func(from, to string) {
		for i := range w.Regions {
			if w.Regions[i].ID == from {
				w.Regions[i].ID = to
			}
		}
		for i := range w.PoPs {
			if w.PoPs[i].ID == from {
				w.PoPs[i].ID = to
			}
		}
		for i := range w.Cities {
			if w.Cities[i].ID == from {
				w.Cities[i].ID = to
			}
		}
	}
	rename(w.Cities[0].ID, "new")
	rename(w.Cities[1].ID, "new-york")
	rename(w.PoPs[0].ID, "york-x")
	rename(w.PoPs[1].ID, "x")
	checkUnique(t, planOf(w, true))
	long := strings.Repeat("l", 60)
	for i, c := range w.Cities {
		rename(c.ID, fmt.Sprintf("%s%02d", long, i))
	}
	for i, q := range w.PoPs {
		rename(q.ID, fmt.Sprintf("%sp%02d", long, i))
	}
	for i, r := range w.Regions {
		rename(r.ID, fmt.Sprintf("%sr%02d", long, i))
	}
	checkUnique(t, planOf(w, true))
}

func TestPlacesAskTheNearestFirst(t *testing.T) {
	p := planOf(shippedWorld(t), false)
	for place, want := range map[string]string{"nrt": "ap-southeast", "lhr": "eu-central", "iad": "us-east", "us-east": "us-east"} {
		if got := p.nearestRegions(place); got[0] != want || len(got) != len(p.w.Regions) {
			t.Errorf("%s asks %v", place, got)
		}
	}
	for _, m := range p.w.Markets {
		if got := p.nearestPoPs(m.City); len(got) != len(p.w.PoPs) {
			t.Errorf("%s goes to %v", m.City, got)
		}
	}
}

// A shop has its own name in the DNS, whatever its world's hosts are called.
func TestNamesOfTheShops(t *testing.T) {
	for want, hosts := range map[string][]string{
		"a.localhost b.localhost of localhost":      {"a.localhost", "b.localhost"},
		"a.shop.test b.shop.test of shop.test":      {"a.shop.test", "b.shop.test"},
		"us.world.test gb.world.test of world.test": {"a.one.test", "b.two.test"},
	} {
		w := shippedWorld(t)
		w.Markets = w.Markets[:len(hosts)]
		for i, h := range hosts {
			w.Markets[i].Host = h
		}
		p := planOf(w, false)
		if got := p.dnsHost(w.Markets[0]) + " " + p.dnsHost(w.Markets[1]) + " of " + p.dnsZone(); got != want {
			t.Errorf("%v: %s, want %s", hosts, got, want)
		}
	}
}
