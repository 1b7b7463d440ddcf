package edge

import (
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
	"unicode"

	"meridian/engine/georoute"
	"meridian/engine/prefixes"
	"meridian/engine/tier"
	"meridian/engine/whereabouts"
	"meridian/world"
)

// Answers to a client whom DNS sent to a PoP though another is nearer.
const (
	nearerRedirect = "redirect"
	nearerAltSvc   = "alt-svc"
)

// Nearer is the policy for clients whom DNS sent wrong.
type Nearer struct {
	Answer string        `yaml:"answer" doc:"what a client gets for whom another PoP is nearer: redirect (302 to its host), alt-svc (RFC 7838, over https), or none: what it asked for"`
	By     time.Duration `yaml:"by" doc:"how much nearer, in round-trip time, the other PoP has to be"`
	MaxAge time.Duration `yaml:"max_age" doc:"how long a client may keep to a PoP that alt-svc named"`
	PoPs   []NearerPoP   `yaml:"pops" doc:"where the other PoPs are reached"`
}

// NearerPoP is a PoP as a client reaches it.
type NearerPoP struct {
	PoP     string `yaml:"pop" doc:"the PoP's id in the world file"`
	Address string `yaml:"address" doc:"its host:port; {host} in it is the host that was asked for, without a port"`
}

const hostMark = "{host}"

func (n Nearer) validate() error {
	bad := func(m string) error { return tier.Bad("edge", "nearer: "+m) }
	switch {
	case n.Answer == "":
		return nil
	case n.Answer != nearerRedirect && n.Answer != nearerAltSvc:
		return bad("answer must be redirect, alt-svc or nothing")
	case n.By <= 0:
		return bad("by must be above 0")
	case n.MaxAge < time.Second:
		return bad("max_age must be at least 1s")
	}
	for _, p := range n.PoPs {
		address := strings.ReplaceAll(p.Address, hostMark, "host.example")
		u, err := url.Parse("http://" + address)
		if !world.ValidName(p.PoP) || err != nil || address == "" || u.Host != address || strings.ContainsFunc(address, oddInAddress) {
			return bad("pops need a pop's id and a host with or without a port")
		}
	}
	return nil
}

// oddInAddress tells what no host:port has: it would mean something else in a field.
func oddInAddress(c rune) bool {
	return c != '-' && c != '.' && c != ':' && c != '[' && c != ']' && (c > unicode.MaxASCII || !unicode.IsLetter(c) && !unicode.IsDigit(c))
}

// Places is where clients are, as it is known now: another table when that has
// changed.
type Places func() *prefixes.Table[whereabouts.Place]

// steering tells clients of a nearer PoP. A client is told once: what comes back
// with the mark, or by an alternative service, is answered here, so however two
// PoPs' databases or feeds differ nobody is sent in circles.
type steering struct {
	policy Nearer
	world  *world.World
	places Places
	own    string
	pops   []georoute.Candidate
	rtt    georoute.RoundTrip
	health func() world.HealthView
	at     map[string]string // addresses, by PoP
	memo   atomic.Pointer[steered]
}

// steered remembers the nearer PoP of each site while the feed's issue is the same.
type steered struct {
	version world.HealthVersion
	monitor string
	beat    uint64
	to      *memo[string]
}

const (
	memoSites   = 8192
	steeredMark = "nearer" // the query parameter of a client that was sent here
)

// roomy is the load, in percent, below which a PoP is sent clients whom another
// one has. It is well below [georoute.DefaultFull]: name servers send some clients
// of a full PoP elsewhere, and they are not to be sent back.
const roomy = georoute.DefaultFull * 3 / 4

// newSteering is nil where the policy or a way to tell a client's place lacks.
func newSteering(cfg Config, deps Deps) *steering {
	if cfg.Nearer.Answer == "" || deps.Places == nil {
		return nil
	}
	s := &steering{policy: cfg.Nearer, world: deps.World, places: deps.Places, own: cfg.PoP, rtt: deps.World.RoundTrip, health: deps.Health, at: map[string]string{}}
	for _, p := range cfg.Nearer.PoPs {
		s.at[p.PoP] = p.Address
	}
	for _, p := range deps.World.PoPs {
		if s.at[p.ID] == "" && p.ID != cfg.PoP {
			continue // nobody can be sent there
		}
		site, _ := deps.World.SiteByID(p.Site)
		s.pops = append(s.pops, georoute.Candidate{Name: p.ID, Site: site})
	}
	return s
}

// nearer is the PoP that a client should rather ask, "" for none. What it finds is
// remembered by the site that the client is near. By a frozen feed nobody is sent on.
func (s *steering) nearer(client netip.Addr) string {
	at, _ := s.places().Lookup(client)
	view := s.health()
	if at.Site == "" || view.Frozen {
		return ""
	}
	m := s.memo.Load()
	if m == nil || m.version != view.Version || m.monitor != view.Monitor || m.beat != view.Beat {
		m = &steered{view.Version, view.Monitor, view.Beat, newMemo[string](memoSites)}
		s.memo.Store(m)
	}
	if to, ok := m.to.get([]byte(at.Site)); ok {
		return to
	}
	to := s.find(at.Site, view)
	m.to.put([]byte(at.Site), to)
	return to
}

func (s *steering) find(from string, view world.HealthView) string {
	site, ok := s.world.SiteByID(from)
	if !ok {
		return ""
	}
	candidates := make([]georoute.Candidate, len(s.pops))
	for i, p := range s.pops {
		p.State = view.Of(world.Target(world.TargetPoP, p.Name)).State
		candidates[i] = p
	}
	ranked := georoute.Rank(site, candidates, s.rtt)
	best := ranked[0]
	if best.Name == s.own || best.State != world.Healthy || best.Basis == georoute.Unknown || view.Of(world.Target(world.TargetPoP, best.Name)).Load >= roomy {
		return ""
	}
	for _, c := range ranked {
		if c.Name == s.own && c.Basis != georoute.Unknown && c.RTT-best.RTT > s.policy.By {
			return best.Name
		}
	}
	return ""
}

// steer tells a client of a nearer PoP. It is true if that was the whole answer.
// Only what everybody may see, and only a read, is answered so: a signature or a
// form is never handed to another host, and neither is any other query.
func (e *Edge) steer(w http.ResponseWriter, r *http.Request) bool {
	if e.steering == nil || r.Method != http.MethodGet && r.Method != http.MethodHead || !steerable(r) {
		return false
	}
	if _, ours := e.deps.World.MarketByHost(r.Host); !ours {
		return false // it could be any host's name that we hand back
	}
	remote, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return false
	}
	to := e.steering.nearer(remote.Addr())
	if to == "" {
		return false
	}
	address := strings.ReplaceAll(e.steering.at[to], hostMark, hostOf(r.Host))
	if e.steering.policy.Answer == nearerAltSvc {
		if r.TLS != nil {
			w.Header().Add("Alt-Svc", `h2="`+address+`"; ma=`+strconv.Itoa(int(e.steering.policy.MaxAge.Seconds())))
		}
		return false
	}
	scheme := "http"
	if r.TLS != nil {
		scheme = "https"
	}
	u := url.URL{Scheme: scheme, Host: address, Path: r.URL.Path, RawPath: r.URL.RawPath, RawQuery: steeredMark + "=" + e.cfg.PoP}
	w.Header().Set("Location", u.String())
	w.Header().Set("Cache-Control", "no-store") // it is this client's, now
	w.WriteHeader(http.StatusFound)
	return true
}

func steerable(r *http.Request) bool {
	switch world.RouteOf(r.Method, r.URL.Path) {
	case world.RoutePage, world.RouteImage, world.RouteManifest:
		return r.Header.Get("Alt-Used") == "" && r.Header.Get("Range") == "" && !showGroups(r) && world.PageQuery(r.URL.Path, r.URL.RawQuery) == "" && !strings.HasPrefix(r.URL.RawQuery, steeredMark+"=")
	}
	return false
}

// hostOf is a Host field without its port.
func hostOf(host string) string {
	u := url.URL{Host: host}
	return u.Hostname()
}
