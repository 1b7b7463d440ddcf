package localworld

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"meridian/adapter/pgcluster"
	"meridian/adapter/postgres"
	"meridian/adapter/wan"
	"meridian/engine/georoute"
	"meridian/platform/netaddr"
	"meridian/world"
)

// Ports name the servers' sockets; no TCP port is opened.
const (
	firstServerPort = 5001
	firstLinkPort   = 6001
)

// plan is everything that a world on one machine consists of, before any of
// it is started. Whoever is at another place is known only by the address of
// a link: no config holds the way round it.
type plan struct {
	w       *world.World
	st      *state
	secrets Secrets
	port    int
	ha      bool

	servers  []pgcluster.Spec
	primary  map[string]pgcluster.Spec // by cluster: the only server that takes writes, or the first of two
	second   map[string]pgcluster.Spec // by cluster, with ha
	reader   map[[2]string]string      // catalog cluster, region → socket port's connection base
	links    []link
	services []wan.Service

	mu    sync.Mutex
	moved map[string]string // by catalog cluster: the server that is its primary, where that is not in its home region
}

type link struct {
	from, to string
	params   wan.Params
}

func newPlan(w *world.World, st *state, sec Secrets, port int, ha bool) *plan {
	p := &plan{w: w, st: st, secrets: sec, port: port, ha: ha, primary: map[string]pgcluster.Spec{}, second: map[string]pgcluster.Spec{}, reader: map[[2]string]string{}, moved: map[string]string{}}
	p.planPrimaries()
	p.planStandbys()
	p.planLinks()
	p.planShieldServices()
	p.planMonitorServices()
	p.planCities()
	return p
}

func (p *plan) nextPort() int { return firstServerPort + len(p.servers) }

func (p *plan) server(name, database string) pgcluster.Spec {
	return pgcluster.Spec{
		Name: name, DataDir: p.st.path("pg", name), SocketDir: p.st.sockets, Port: p.nextPort(), Database: database,
		SuperPassword: p.secrets.Super, ReplicationPassword: p.secrets.Replication,
	}
}

// planPrimaries gives each region a catalog and a resident primary and, with
// --ha, a synchronous standby of each beside them.
func (p *plan) planPrimaries() {
	for _, r := range p.w.Regions {
		p.planPrimary(world.CatalogCluster(r.ID), postgres.Catalog, false)
		p.planPrimary(world.ResidentCluster(r.ID), postgres.Resident, true)
	}
}

func (p *plan) planPrimary(cluster, database string, resident bool) {
	a := p.server(cluster, database)
	a.Resident, a.Followed = resident, !resident
	if p.ha {
		a.Peer = cluster + syncSuffix
	}
	p.servers = append(p.servers, a)
	p.primary[cluster] = a
	if !p.ha {
		return
	}
	// In the same region: never through a link. Either may be the primary in time;
	// the second is made out of the first.
	b := p.server(a.Peer, database)
	b.Resident, b.Followed, b.Peer = resident, !resident, cluster
	b.StandbyOf = &pgcluster.Upstream{Name: cluster, ConnInfo: pgcluster.ConnString(a, pgcluster.ReplicationUser, p.secrets.Replication, "")}
	p.servers = append(p.servers, b)
	p.second[cluster] = b
}

// syncSuffix ends the name of a cluster's second server in its region.
const syncSuffix = "-sync"

// writable is the connection string to whichever server of a cluster takes writes,
// as it is reached from the cluster's home region.
func (p *plan) writable(cluster, user, password, database string) string {
	if node := p.movedTo(cluster); node != "" {
		s := p.spec(node)
		s.Port = p.linkPort(cluster, p.placeOfServer(cluster), p.placeOfServer(node))
		return pgcluster.ConnString(s, user, password, database)
	}
	if b, ok := p.second[cluster]; ok {
		return pgcluster.ConnStringAny(p.primary[cluster], b, user, password, database)
	}
	return pgcluster.ConnString(p.primary[cluster], user, password, database)
}

// planStandbys gives every region a hot standby of every other region's
// catalog, which follows it through the link between the two.
func (p *plan) planStandbys() {
	for _, here := range p.w.Regions {
		for _, home := range p.w.Regions {
			cluster := world.CatalogCluster(home.ID)
			if here.ID == home.ID {
				p.reader[[2]string{cluster, here.ID}] = cluster
				continue
			}
			primary := p.primary[cluster]
			through := primary
			through.Port = p.linkPort(cluster, here.ID, home.ID)
			s := p.server(cluster+"@"+here.ID, postgres.Catalog)
			s.Followed = true
			s.StandbyOf = &pgcluster.Upstream{Name: cluster, ConnInfo: pgcluster.ConnString(through, pgcluster.ReplicationUser, p.secrets.Replication, "")}
			p.servers = append(p.servers, s)
			p.reader[[2]string{cluster, here.ID}] = s.Name
			p.services = append(p.services, wan.Service{
				Name: replicationFrom(here.ID, home.ID), From: here.ID, To: home.ID,
				Listen: "unix:" + pgcluster.SocketPath(through), Target: "unix:" + pgcluster.SocketPath(primary),
			})
		}
	}
}

// linkPort names the socket by which a region reaches a cluster's server in another.
func (p *plan) linkPort(cluster, from, to string) int {
	number := func(region string) int {
		return slices.IndexFunc(p.w.Regions, func(r world.Region) bool { return r.ID == region })
	}
	n := len(p.w.Regions)
	return firstLinkPort + (number(p.placeOfServer(cluster))*n+number(from))*n + number(to)
}

// movedTo is the server in another region that is a catalog's primary; "" while
// that is at home.
func (p *plan) movedTo(cluster string) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.moved[cluster]
}

// move notes where a catalog's primary is.
func (p *plan) move(cluster, node string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.moved, cluster)
	if p.placeOfServer(node) != p.placeOfServer(cluster) {
		p.moved[cluster] = node
	}
}

// replicationFrom names the service by which a region's standby follows another's
// catalog.
func replicationFrom(here, home string) string { return here + ">" + home + "/replication" }

func (p *plan) spec(name string) pgcluster.Spec {
	for _, s := range p.servers {
		if s.Name == name {
			return s
		}
	}
	panic("localworld: no server " + name) // the plan names only what it has planned
}

// sites finds the site that a region, PoP or city stands at.
func (p *plan) siteOf(place string) string {
	for _, r := range p.w.Regions {
		if r.ID == place {
			return r.Site
		}
	}
	for _, q := range p.w.PoPs {
		if q.ID == place {
			return q.Site
		}
	}
	for _, c := range p.w.Cities {
		if c.ID == place {
			return c.Site
		}
	}
	return ""
}

// planLinks makes the two directed links between each pair of places that
// speak to one another.
func (p *plan) planLinks() {
	for i, a := range p.w.Regions {
		for _, b := range p.w.Regions[i+1:] {
			p.pair(a.ID, b.ID, p.w.Link.RegionMbit)
		}
		for _, q := range p.w.PoPs {
			p.pair(q.ID, a.ID, p.w.Link.RegionMbit)
		}
	}
	for _, c := range p.w.Cities {
		for _, q := range p.w.PoPs {
			p.pair(c.ID, q.ID, p.w.Link.AccessMbit)
		}
	}
}

// roundTripOf is the round trip between two places, a city's last mile included.
func (p *plan) roundTripOf(a, b string) time.Duration {
	rtt := roundTrip(p.w, p.siteOf(a), p.siteOf(b))
	for _, c := range p.w.Cities {
		if c.ID == a || c.ID == b {
			rtt += time.Duration(c.AccessMS * float64(time.Millisecond))
		}
	}
	return rtt
}

// url is the world's own page.
func (p *plan) url() string { return fmt.Sprintf("http://localhost:%d/", p.port) }

func (p *plan) pair(a, b string, mbit float64) {
	params := wan.Params{Delay: p.roundTripOf(a, b) / 2, Bandwidth: int64(mbit * 1e6), State: wan.Up}
	params.Jitter = min(time.Duration(p.w.Link.JitterMS*float64(time.Millisecond)), params.Delay)
	p.links = append(p.links, link{a, b, params}, link{b, a, params})
}

// roundTrip is measured, or estimated over the ground where the file has no figure.
func roundTrip(w *world.World, a, b string) time.Duration {
	if d, ok := w.RoundTrip(a, b); ok {
		return d
	}
	sa, sb := site(w, a), site(w, b)
	return georoute.Estimate(georoute.Kilometres(sa, sb))
}

func site(w *world.World, id string) world.Site {
	s, ok := w.SiteByID(id)
	if !ok {
		return world.Site{ID: id}
	}
	return s
}

// planShieldServices lets every PoP and every region reach each other
// region's shield, through the link between them.
func (p *plan) planShieldServices() {
	for _, r := range p.w.Regions {
		for _, q := range p.w.PoPs {
			p.toShield(q.ID, r.ID)
		}
		for _, other := range p.w.Regions {
			if other.ID != r.ID {
				p.toShield(other.ID, r.ID)
			}
		}
	}
}

func (p *plan) toShield(from, region string) {
	p.services = append(p.services, wan.Service{
		Name: from + ">" + region + "/shield", From: from, To: region,
		Listen: p.shieldFrom(from, region), Target: p.roleAddress("shield", region),
	})
}

// planMonitorServices lets every region's monitor look at every PoP.
func (p *plan) planMonitorServices() {
	for _, r := range p.w.Regions {
		for i, q := range p.w.PoPs {
			p.services = append(p.services, wan.Service{
				Name: r.ID + ">" + q.ID + "/edge", From: r.ID, To: q.ID,
				Listen: p.edgeFrom(r.ID, q.ID), Target: p.edgeAddress(i),
			})
		}
	}
}

// planCities lets travellers reach every PoP over their last mile.
func (p *plan) planCities() {
	for _, c := range p.w.Cities {
		for i, q := range p.w.PoPs {
			p.services = append(p.services, wan.Service{
				Name: c.ID + ">" + q.ID + "/edge", From: c.ID, To: q.ID,
				Listen: p.edgeFrom(c.ID, q.ID), Target: p.edgeAddress(i),
			})
		}
	}
}

// socket is a socket of the world's own. A name that would make its path too
// long for the system gives way to its hash.
func (p *plan) socket(name string) string { return socketIn(p.st.sockets, name) }

func socketIn(dir, name string) string {
	path := filepath.Join(dir, name+".sock")
	if len(path) > netaddr.MaxUnixPath {
		sum := sha256.Sum256([]byte(name))
		path = filepath.Join(dir, "h-"+hex.EncodeToString(sum[:8])+".sock")
	}
	return "unix:" + path
}

// roleAddress is where a role listens at its own place.
func (p *plan) roleAddress(role, place string) string { return p.socket(role + "-" + place) }

// shieldFrom is where a region's shield is reached from another place. No
// place's id has the sign between the two, so no two pairs share a name.
func (p *plan) shieldFrom(from, region string) string { return p.socket("l-" + from + "@" + region) }

// edgeFrom is where a PoP is reached from a city.
func (p *plan) edgeFrom(city, pop string) string { return lastMile(p.st.sockets, city, pop) }

func lastMile(dir, city, pop string) string { return socketIn(dir, "l-"+city+"@"+pop) }

// edgeAddress is where the i-th PoP listens for visitors who go to it themselves.
func (p *plan) edgeAddress(i int) string { return fmt.Sprintf("tcp:127.0.0.1:%d", p.edgePort(i)) }

func (p *plan) edgePort(i int) int { return p.port + 1 + i }

// nearestRegions are the regions in the order that a place asks them.
func (p *plan) nearestRegions(place string) []string {
	candidates := make([]georoute.Candidate, len(p.w.Regions))
	for i, r := range p.w.Regions {
		candidates[i] = georoute.Candidate{Name: r.ID, Site: site(p.w, r.Site)}
	}
	return choices(georoute.Rank(site(p.w, p.siteOf(place)), candidates, p.w.RoundTrip))
}

// nearestPoPs are the PoPs in the order that a city's travellers go to them.
func (p *plan) nearestPoPs(city string) []string {
	candidates := make([]georoute.Candidate, len(p.w.PoPs))
	for i, q := range p.w.PoPs {
		candidates[i] = georoute.Candidate{Name: q.ID, Site: site(p.w, q.Site)}
	}
	return choices(georoute.Rank(site(p.w, p.siteOf(city)), candidates, p.w.RoundTrip))
}

func choices(cs []georoute.Choice) []string {
	out := make([]string, len(cs))
	for i, c := range cs {
		out[i] = c.Name
	}
	return out
}

// door is the first shop's URL, where the other commands come in.
func (p *plan) door() string { return fmt.Sprintf("http://%s:%d/", p.w.Markets[0].Host, p.port) }
