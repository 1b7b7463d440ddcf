package dnsserver

import (
	"fmt"
	"net/netip"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"meridian/world"
)

// Config is what a server is told.
type Config struct {
	UDPBytes    int           // longest answer over UDP
	ScopeIPv4   int           // longest scope of an answer by client subnet, in bits
	ScopeIPv6   int           // the same for IPv6
	NSID        string        // what it is called to who asks (RFC 5001); none: it does not tell
	Cookies     CookieKeys    // at least one
	Rate        int           // equal answers a second to one network without a cookie; 0: no limit
	RateTracked int           // how many are counted at once
	Connections int           // most TCP connections at once
	PerClient   int           // most of them from one address
	Idle        time.Duration // how long a TCP connection may be silent
	Deaf        func() bool   // whether what comes over UDP is dropped, as a rehearsal has it; nil: never
}

// mostUDP is what a message can have.
const mostUDP = 65535

// Validate says what is out of range.
func (c Config) Validate() error {
	bad := func(format string, args ...any) error {
		return world.E(world.CodeInvalid, "dns.config", fmt.Sprintf(format, args...)+".")
	}
	switch {
	case c.UDPBytes < leastUDP || c.UDPBytes > mostUDP:
		return bad("udp_bytes must be %d to %d", leastUDP, mostUDP)
	case c.ScopeIPv4 < 0 || c.ScopeIPv4 > 32 || c.ScopeIPv6 < 0 || c.ScopeIPv6 > 128:
		return bad("scope_ipv4 must be 0 to 32, scope_ipv6 0 to 128")
	case len(c.NSID) > MaxNSID:
		return bad("nsid must have at most %d bytes", MaxNSID)
	case c.Rate < 0 || c.Rate > mostRate || c.RateTracked < 1:
		return bad("rate must be 0 to %d, rate_tracked at least 1", mostRate)
	case c.Connections < 1 || c.PerClient < 1 || c.Idle <= 0:
		return bad("connections and per_client must be at least 1, idle above 0")
	}
	return nil
}

// mostRate is how far a limiter counts.
const mostRate = 30_000

// Server answers queries. It is safe for concurrent use.
type Server struct {
	cfg    Config
	source Source
	now    func() time.Time
	limit  *limiter
	signer atomic.Pointer[Signer]
	counts counts
	open   connections
}

// New makes a server of a source. r, where its figures go, may be nil. Errors are
// [world.CodeInvalid].
func New(c Config, s Source, now func() time.Time, r prometheus.Registerer) (*Server, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	if len(c.Cookies) == 0 {
		return nil, world.E(world.CodeInvalid, "dns.config", "A server needs a key to make cookies with.")
	}
	out := &Server{cfg: c, source: s, now: now, limit: newLimiter(c.Rate, c.RateTracked), open: connections{most: c.Connections, each: c.PerClient}}
	var err error
	out.counts, err = newCounts(r)
	return out, err
}

// Sign has answers signed from now on; nil: no longer. What is being answered is
// finished as it was begun.
func (s *Server) Sign(by *Signer) { s.signer.Store(by) }

// Answer is what a message gets that came from an address; nil: none.
func (s *Server) Answer(message []byte, from netip.Addr, tcp bool) []byte {
	k := worker{s: s}
	defer k.report()
	return k.answer(message, from, tcp, s.now(), nil)
}

// worker answers one message after another, in memory of its own.
type worker struct {
	s   *Server
	q   Query
	a   Answer
	w   writer
	had tally
}

// answer is what a message is answered with, in out's memory if that is long
// enough; nil where it gets none.
func (k *worker) answer(m []byte, from netip.Addr, tcp bool, now time.Time, out []byte) []byte {
	k.q.From, k.q.TCP = from.Unmap(), tcp
	code, ok := k.q.parse(m)
	if !ok {
		k.had[ignored]++
		return nil
	}
	k.a.count, k.a.Code, k.a.Scope, k.a.denied = 0, code, 0, denial{}
	if code == CodeOK {
		k.ask()
	}
	verdict := k.rate(now)
	if verdict == drop {
		k.had[dropped]++
		return nil
	}
	k.w = writer{out: out, q: &k.q, limit: k.room()}
	k.write(verdict == slip, now)
	return k.w.out
}

// ask has the source answer, or the signer for its own keys.
func (k *worker) ask() {
	if by := k.s.signer.Load(); by != nil && k.q.Type == TypeDNSKEY && string(k.q.Name()) == string(by.zone) {
		k.a.Add(Timed{by.keys, by.keys.ttl})
		return
	}
	k.s.source.Answer(&k.q, &k.a)
}

// rate is what becomes of the answer by who asks.
func (k *worker) rate(now time.Time) verdict {
	if k.q.TCP || k.s.cfg.Rate == 0 || k.q.cookie != nil && k.s.cfg.Cookies.hold(k.q.cookie, k.q.From, now) {
		return send
	}
	alike := ""
	switch {
	case k.a.count > 0:
		alike = string(k.a.sets[0].Set.name)
	case k.a.Code == CodeOK: // nothing of the type
		alike = string(k.a.denied.name)
	default:
		alike = codeKinds[k.a.Code&0x1f]
	}
	return k.s.limit.of(k.q.From, alike, now)
}

// codeKinds are what answers without a name are counted by.
var codeKinds = func() (out [32]string) {
	for i := range out {
		out[i] = fmt.Sprintf("\xff%d", i) // no name begins so
	}
	return out
}()

// room is how long the answer may be.
func (k *worker) room() int {
	if k.q.TCP {
		return mostUDP
	}
	if !k.q.edns {
		return leastUDP
	}
	return min(k.s.cfg.UDPBytes, max(leastUDP, int(k.q.size)))
}

// write puts the answer together, cut where it has no room or where it must be.
func (k *worker) write(cut bool, now time.Time) {
	w := &k.w
	by := k.s.signer.Load()
	signed := by != nil && k.q.do && (k.a.Code == CodeOK || k.a.Code == CodeNoName)
	if signed && k.a.Code == CodeNoName && !k.q.co { // RFC 9824 §3.1, §3.4
		k.a.Code = CodeOK
	}
	if k.q.edns {
		w.limit -= k.optionsLen()
	}
	w.begin(k.a.Code)
	if !cut {
		k.records(signed, by, now)
	}
	if cut || w.full {
		w.cut()
		k.had[truncated]++
	} else {
		k.had[outcomeOf(k.a.Code)]++
	}
	if k.q.edns {
		k.options(now)
	}
}

// records writes what was found, with its signatures where they are wanted.
func (k *worker) records(signed bool, by *Signer, now time.Time) {
	for _, t := range k.a.Sets() {
		k.put(inAnswer, t, signed, by, now)
	}
	if !k.a.Denied() {
		return
	}
	d := &k.a.denied
	k.put(inAuthority, d.soa, signed, by, now)
	if signed {
		k.put(inAuthority, Timed{by.deny(d, k.q.Type), d.soa.TTL}, signed, by, now)
	}
}

// put writes a set and its signature. Without one that is wanted the answer is
// worth nothing: it is said to be our fault.
func (k *worker) put(section int, t Timed, signed bool, by *Signer, now time.Time) {
	if k.a.Code == CodeServerFailure {
		return
	}
	k.w.set(section, t)
	if !signed || k.w.full || !t.Set.name.In(by.zone) {
		return
	}
	s, err := by.sign(t.Set, now)
	if err != nil {
		k.a.Code, k.w.full = CodeServerFailure, false
		k.w.begin(CodeServerFailure)
		return
	}
	k.w.set(section, Timed{s, t.TTL})
}

// optionsLen is how long what options writes will be.
func (k *worker) optionsLen() int {
	n := optHead
	if k.tellsSubnet() {
		n += 4 + 4 + len(k.q.subnet.raw)
	}
	if k.q.cookie != nil {
		n += 4 + clientCookie + serverCookie
	}
	if k.q.nsid && k.s.cfg.NSID != "" {
		n += 4 + len(k.s.cfg.NSID)
	}
	return n
}

func (k *worker) tellsSubnet() bool { return k.q.subnet.there && k.a.Code != CodeFormat }

// options writes what an answer has of EDNS.
func (k *worker) options(now time.Time) {
	w, from := &k.w, len(k.w.out)
	w.opt(k.a.Code)
	if k.tellsSubnet() {
		most := k.s.cfg.ScopeIPv4
		if k.q.subnet.family == 2 {
			most = k.s.cfg.ScopeIPv6
		}
		w.subnet(&k.q.subnet, min(k.a.Scope, uint8(most)))
	}
	if k.q.cookie != nil {
		ours := k.s.cfg.Cookies.make(0, k.q.cookie, k.q.From, uint32(now.Unix()))
		w.option(optionCookie, clientCookie+serverCookie)
		w.out = append(append(w.out, k.q.cookie[:clientCookie]...), ours[:]...)
	}
	if k.q.nsid && k.s.cfg.NSID != "" {
		w.option(optionNSID, len(k.s.cfg.NSID))
		w.out = append(w.out, k.s.cfg.NSID...)
	}
	w.optDone(from)
}

// report adds what was answered since to the server's figures.
func (k *worker) report() {
	k.s.counts.add(&k.had)
	k.had = tally{}
}
