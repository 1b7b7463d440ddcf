package drill

import (
	"net"
	"net/netip"
	"sync/atomic"
	"testing"
	"time"

	"github.com/miekg/dns"

	"meridian/app/localworld"
	"meridian/world"
)

// answering is a name server that answers over the ways it is told to, on one port.
func answering(t *testing.T, udp, tcp bool, asked *atomic.Int64) string {
	t.Helper()
	h := dns.HandlerFunc(func(w dns.ResponseWriter, q *dns.Msg) {
		if _, over := w.RemoteAddr().(*net.UDPAddr); over && !udp {
			return
		}
		asked.Add(1)
		a := new(dns.Msg).SetReply(q)
		if e := q.IsEdns0(); e == nil || len(e.Option) != 1 || e.Option[0].String() != "198.18.3.0/24/0" {
			a.Rcode = dns.RcodeRefused
		} else {
			for _, s := range []string{"127.77.0.2", "127.77.0.9", "127.77.0.1"} {
				a.Answer = append(a.Answer, &dns.A{Hdr: dns.RR_Header{Name: q.Question[0].Name, Rrtype: dns.TypeA, Class: dns.ClassINET, Ttl: 7}, A: net.ParseIP(s)})
			}
		}
		w.WriteMsg(a)
	})
	pc, ln := bothWays(t)
	servers := []*dns.Server{{PacketConn: pc, Handler: h}}
	if tcp {
		servers = append(servers, &dns.Server{Listener: ln, Handler: h})
	} else {
		ln.Close()
	}
	for _, s := range servers {
		ready := make(chan struct{})
		s.NotifyStartedFunc = func() { close(ready) }
		go s.ActivateAndServe()
		<-ready
		t.Cleanup(func() { s.Shutdown() })
	}
	return pc.LocalAddr().String()
}

// bothWays listens for UDP and TCP on one port, which nobody else has of either.
func bothWays(t *testing.T) (net.PacketConn, net.Listener) {
	t.Helper()
	for tries := 1; ; tries++ {
		pc, err := net.ListenPacket("udp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		ln, err := net.Listen("tcp", pc.LocalAddr().String())
		if err == nil {
			return pc, ln
		}
		pc.Close()
		if tries == 50 {
			t.Fatal(err)
		}
	}
}

func TestResolversGoOnToTheNext(t *testing.T) {
	var silent, well atomic.Int64
	r := &resolvers{
		servers: []localworld.NameServer{{Region: "a", Address: answering(t, false, false, &silent)}, {Region: "b", Address: answering(t, true, true, &well)}},
		network: func(world.City) netip.Prefix { return netip.MustParsePrefix("198.18.3.0/24") },
		name:    func(host string) string { return host },
		pop: func(a netip.Addr) (string, bool) {
			p, ok := map[string]string{"127.77.0.1": "iad", "127.77.0.2": "fra"}[a.String()]
			return p, ok
		},
		held: map[string]string{},
	}
	for range 2 {
		pops, ttl, err := r.resolve(t.Context(), world.City{ID: "berlin"}, "de.localhost")
		if err != nil || len(pops) != 2 || pops[0] != "fra" || pops[1] != "iad" || ttl != 7*time.Second {
			t.Fatalf("%v for %v, %v", pops, ttl, err)
		}
	}
	if r.order(world.City{ID: "berlin"})[0].Region != "b" || r.order(world.City{ID: "paris"})[0].Region != "a" {
		t.Error("the server that answered is not the first to be asked, or is for all cities")
	}
	r.servers = []localworld.NameServer{{Region: "a", Address: answering(t, false, true, &silent)}}
	if pops, _, err := r.resolve(t.Context(), world.City{ID: "berlin"}, "de.localhost"); err != nil || len(pops) != 2 {
		t.Errorf("over TCP only: %v, %v", pops, err)
	}
	r.servers = []localworld.NameServer{{Region: "a", Address: "127.0.0.1:1"}}
	if pops, _, err := r.resolve(t.Context(), world.City{ID: "berlin"}, "de.localhost"); err == nil {
		t.Errorf("nobody answers and there are %v", pops)
	}
}
