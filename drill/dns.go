package drill

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/miekg/dns"

	"meridian/app/localworld"
	"meridian/world"
)

// How a resolver asks.
const (
	dnsTry     = 800 * time.Millisecond // for an answer over UDP, as resolvers begin
	dnsTCPTry  = 2 * time.Second
	dnsPayload = 1232 // bytes over UDP (DNS Flag Day 2020)
	leastTTL   = time.Second
)

// resolvers ask the world's name servers as a public resolver near each city does:
// with the city's network in the query (RFC 7871), the server that answered last
// first, then the next; over UDP, and over TCP when nothing comes or an answer is
// cut short.
type resolvers struct {
	servers []localworld.NameServer
	network func(world.City) netip.Prefix
	name    func(host string) string        // of a shop, in the DNS
	pop     func(netip.Addr) (string, bool) // whose address it is

	mu    sync.Mutex
	held  map[string]string // city → the server that answered last
	found []found
}

// found is a question that was answered.
type found struct {
	at     time.Time
	over   string // udp or tcp
	server string // its region
}

// between are how many questions were answered in a time, by what they came over
// and by who answered.
func (r *resolvers) between(from, to time.Time) (over, server map[string]int) {
	over, server = map[string]int{}, map[string]int{}
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, f := range r.found {
		if f.at.After(from) && f.at.Before(to) {
			over[f.over]++
			server[f.server]++
		}
	}
	return over, server
}

// newResolvers reads what a world says of its name servers.
func newResolvers(a localworld.AboutDNS) (*resolvers, error) {
	networks := map[string]netip.Prefix{}
	for city, text := range a.Networks {
		p, err := netip.ParsePrefix(text)
		if err != nil || !p.Addr().Is4() {
			return nil, world.Because(world.CodeInvalid, "drill.dns", "The world's API names no IPv4 network for the people of "+city+".", err)
		}
		networks[city] = p
	}
	return &resolvers{
		servers: a.Servers, held: map[string]string{},
		network: func(c world.City) netip.Prefix { return networks[c.ID] },
		name:    func(host string) string { return a.Names[host] },
		pop:     func(addr netip.Addr) (string, bool) { pop, ok := a.Addresses[addr.String()]; return pop, ok },
	}, nil
}

func (r *resolvers) resolve(ctx context.Context, city world.City, host string) ([]string, time.Duration, error) {
	q := new(dns.Msg)
	q.SetQuestion(dns.Fqdn(r.name(host)), dns.TypeA)
	q.SetEdns0(dnsPayload, false)
	p := r.network(city)
	subnet := &dns.EDNS0_SUBNET{Code: dns.EDNS0SUBNET, Family: 1, SourceNetmask: uint8(p.Bits()), Address: p.Addr().AsSlice()}
	q.IsEdns0().Option = append(q.IsEdns0().Option, subnet)

	var errs []error
	for _, over := range []string{"udp", "tcp"} {
		for _, s := range r.order(city) {
			a, err := ask(ctx, q, over, s.Address)
			if err != nil {
				errs = append(errs, err)
				continue
			}
			pops, ttl := r.read(a)
			if len(pops) == 0 {
				errs = append(errs, fmt.Errorf("%s answers %s without an address", s.Region, dns.RcodeToString[a.Rcode]))
				continue
			}
			r.mu.Lock()
			r.held[city.ID] = s.Region
			r.found = append(r.found, found{time.Now(), over, s.Region})
			r.mu.Unlock()
			return pops, ttl, nil
		}
	}
	return nil, 0, errors.Join(errs...)
}

// order is the servers, the one that the city's resolver has first.
func (r *resolvers) order(city world.City) []localworld.NameServer {
	r.mu.Lock()
	held := r.held[city.ID]
	r.mu.Unlock()
	out := slices.Clone(r.servers)
	slices.SortStableFunc(out, func(a, b localworld.NameServer) int {
		switch {
		case a.Region == held && b.Region != held:
			return -1
		case b.Region == held && a.Region != held:
			return 1
		}
		return 0
	})
	return out
}

// ask puts a question to a server, once more over TCP where the answer is cut
// short (RFC 7766 §5).
func ask(ctx context.Context, q *dns.Msg, over, server string) (*dns.Msg, error) {
	limit := dnsTry
	if over == "tcp" {
		limit = dnsTCPTry
	}
	within, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	c := dns.Client{Net: over, Timeout: limit, UDPSize: dnsPayload}
	m := q.Copy()
	m.Id = dns.Id()
	a, _, err := c.ExchangeContext(within, m, server)
	if err == nil && a.Truncated && over == "udp" {
		return ask(ctx, q, "tcp", server)
	}
	return a, err
}

// read is the PoPs of an answer, in its order, and how long it may be kept.
func (r *resolvers) read(a *dns.Msg) (pops []string, ttl time.Duration) {
	for _, rr := range a.Answer {
		record, ok := rr.(*dns.A)
		if !ok {
			continue
		}
		addr, ok := netip.AddrFromSlice(record.A.To4())
		if !ok {
			continue
		}
		pop, ok := r.pop(addr)
		if !ok {
			continue
		}
		pops = append(pops, pop)
		if lasts := time.Duration(record.Hdr.Ttl) * time.Second; ttl == 0 || lasts < ttl {
			ttl = lasts
		}
	}
	return pops, max(ttl, leastTTL)
}
