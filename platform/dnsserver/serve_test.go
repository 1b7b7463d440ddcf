package dnsserver

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"net"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"github.com/miekg/dns"

	"meridian/world"
)

// serve runs a rig's server on loopback, and returns its address.
func (r *rig) serve(t *testing.T, host string) string {
	t.Helper()
	on, err := Listen(t.Context(), []string{net.JoinHostPort(host, "0")}, nil)
	if err != nil && host == "::1" {
		t.Skipf("no such address here: %v", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- r.Serve(ctx, on) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return on.Addresses()[0]
}

func TestOverUDPAndTCP(t *testing.T) {
	for _, host := range []string{"127.0.0.1", "::1"} {
		r := newRig(t, nil)
		at := r.serve(t, host)
		for _, network := range []string{"udp", "tcp", "udp"} {
			c := dns.Client{Net: network, UDPSize: 4096, Timeout: 10 * time.Second}
			m := new(dns.Msg).SetQuestion("www.shop.example.", dns.TypeA)
			got, _, err := c.Exchange(m, at)
			if err != nil || len(got.Answer) != 2 {
				t.Errorf("%s by %s: %v, %v", host, network, got, err)
			}
		}
	}
}

// Where a rehearsal drops what comes over UDP, TCP goes on.
func TestDeaf(t *testing.T) {
	var deaf atomic.Bool
	r := newRig(t, func(c *Config) { c.Deaf = deaf.Load })
	at := r.serve(t, "127.0.0.1")
	exchange := func(network string, patience time.Duration) error {
		c := dns.Client{Net: network, Timeout: patience}
		_, _, err := c.Exchange(new(dns.Msg).SetQuestion("www.shop.example.", dns.TypeA), at)
		return err
	}
	deaf.Store(true)
	if err := exchange("udp", 100*time.Millisecond); err == nil {
		t.Error("answered over UDP")
	}
	if err := exchange("tcp", 10*time.Second); err != nil {
		t.Errorf("over TCP: %v", err)
	}
	deaf.Store(false)
	if err := exchange("udp", 10*time.Second); err != nil {
		t.Errorf("over UDP again: %v", err)
	}
}

// Many at once get each its own answer.
func TestManyAtOnce(t *testing.T) {
	r := newRig(t, nil)
	at := r.serve(t, "127.0.0.1")
	conns := make([]net.Conn, 4)
	const each = 100
	for i := range conns {
		c, err := net.Dial("udp", at)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		conns[i] = c
	}
	for i := range conns {
		for id := range each {
			m := new(dns.Msg).SetQuestion("www.shop.example.", dns.TypeA)
			m.Id = uint16(i*each + id)
			raw, err := m.Pack()
			if err != nil {
				t.Fatal(err)
			}
			if _, err := conns[i].Write(raw); err != nil {
				t.Fatal(err)
			}
		}
	}
	for i, c := range conns {
		seen := map[uint16]bool{}
		buf := make([]byte, 1500)
		for range each {
			c.SetReadDeadline(time.Now().Add(30 * time.Second))
			n, err := c.Read(buf)
			if err != nil {
				t.Fatal(err)
			}
			var m dns.Msg
			if err := m.Unpack(buf[:n]); err != nil || len(m.Answer) != 2 {
				t.Fatalf("%v: %v", m, err)
			}
			seen[m.Id] = true
			if int(m.Id)/each != i {
				t.Fatalf("another's answer: %d", m.Id)
			}
		}
		if len(seen) != each {
			t.Errorf("%d answers of %d", len(seen), each)
		}
	}
}

// What has come before a server ends is answered, over UDP and TCP.
func TestEndsWithoutALostQuery(t *testing.T) {
	r := newRig(t, nil)
	asked, hold := make(chan bool), make(chan struct{})
	r.source = held{r.source, asked, hold}
	on, err := Listen(t.Context(), []string{"127.0.0.1:0"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- r.Serve(ctx, on) }()
	raw, err := new(dns.Msg).SetQuestion("www.shop.example.", dns.TypeA).Pack()
	if err != nil {
		t.Fatal(err)
	}
	const each = 20
	tcp, udp := dial(t, "tcp", on), dial(t, "udp", on)
	framed := append(binary.BigEndian.AppendUint16(nil, uint16(len(raw))), raw...)
	if _, err := tcp.Conn.Write(bytes.Repeat(framed, each)); err != nil {
		t.Fatal(err)
	}
	for range each {
		if _, err := udp.Write(raw); err != nil {
			t.Fatal(err)
		}
	}
	for seen := map[bool]bool{}; len(seen) < 2; { // the first of each is being answered
		seen[<-asked] = true
	}
	stop()
	time.Sleep(2 * grace) // this process may be off its core for longer than the grace
	close(hold)
	go func() {
		for range asked {
		}
	}()
	for _, c := range []*dns.Conn{tcp, udp} {
		for i := range each {
			if m, err := c.ReadMsg(); err != nil || len(m.Answer) != 2 {
				t.Errorf("%v, %d: %v, %v", c.LocalAddr(), i, m, err)
			}
		}
	}
	if err := <-ended; err != nil {
		t.Error(err)
	}
	close(asked)
}

func dial(t *testing.T, network string, on *Sockets) *dns.Conn {
	t.Helper()
	c, err := net.Dial(network, on.Addresses()[0])
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	c.SetDeadline(time.Now().Add(30 * time.Second))
	return &dns.Conn{Conn: c}
}

// held is a source that tells of each query whether it came over TCP, and answers
// once it may.
type held struct {
	Source
	asked chan<- bool
	until <-chan struct{}
}

func (h held) Answer(q *Query, a *Answer) {
	h.asked <- q.TCP
	<-h.until
	h.Source.Answer(q, a)
}

// Over TCP one after another is answered; what is no query ends the connection,
// and so does one more than may be open.
func TestConnections(t *testing.T) {
	r := newRig(t, func(c *Config) { c.Connections, c.PerClient = 3, 2 })
	at := r.serve(t, "127.0.0.1")
	open := func() *dns.Conn {
		c, err := net.Dial("tcp", at)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		c.SetDeadline(time.Now().Add(30 * time.Second))
		return &dns.Conn{Conn: c}
	}
	first, second := open(), open()
	for _, c := range []*dns.Conn{first, second, first} {
		if err := c.WriteMsg(new(dns.Msg).SetQuestion("www.shop.example.", dns.TypeA)); err != nil {
			t.Fatal(err)
		}
		if m, err := c.ReadMsg(); err != nil || len(m.Answer) != 2 {
			t.Fatalf("%v, %v", m, err)
		}
	}
	third := open()
	if _, err := third.ReadMsg(); err == nil {
		t.Error("one connection more than may be open was answered")
	}
	if err := first.WriteMsg(&dns.Msg{MsgHdr: dns.MsgHdr{Response: true}}); err != nil {
		t.Fatal(err)
	}
	if _, err := first.ReadMsg(); err == nil {
		t.Error("an answer was answered")
	}
}

func TestListen(t *testing.T) {
	on, err := Listen(t.Context(), []string{"127.0.0.1:0"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer on.Close()
	if _, err := Listen(t.Context(), on.Addresses(), nil); !world.Is(err, world.CodeUnavailable) {
		t.Errorf("an address that is taken: %v", err)
	}
	tries := 0
	unlucky := func(ctx context.Context, at string) (Datagrams, error) {
		if tries++; tries < 4 {
			return nil, errors.New("taken")
		}
		return openSingle(ctx, "127.0.0.1:0") // as many as there are cores
	}
	again, err := Listen(t.Context(), []string{"127.0.0.1:0"}, unlucky)
	if err != nil || len(again.tcp) != 1 || len(again.udp) != runtime.GOMAXPROCS(0) {
		t.Fatalf("a port that was taken for UDP: %v", err)
	}
	if err := again.Close(); err != nil {
		t.Error(err)
	}
	for _, at := range []string{"0.0.0.0:53", "[::]:53", "localhost:53", ":53", "127.0.0.1"} {
		if _, err := Listen(t.Context(), []string{at}, nil); !world.Is(err, world.CodeInvalid) {
			t.Errorf("%s: %v", at, err)
		}
	}
}

func TestConfigAtItsEdges(t *testing.T) {
	good := newRig(t, nil).cfg
	for i, change := range []func(*Config){
		func(c *Config) { c.UDPBytes = leastUDP - 1 }, func(c *Config) { c.UDPBytes = mostUDP + 1 },
		func(c *Config) { c.ScopeIPv4 = 33 }, func(c *Config) { c.ScopeIPv6 = 129 }, func(c *Config) { c.ScopeIPv4 = -1 },
		func(c *Config) { c.NSID = string(make([]byte, MaxNSID+1)) },
		func(c *Config) { c.Rate = -1 }, func(c *Config) { c.Rate = mostRate + 1 }, func(c *Config) { c.RateTracked = 0 },
		func(c *Config) { c.Connections = 0 }, func(c *Config) { c.PerClient = 0 }, func(c *Config) { c.Idle = 0 }, func(c *Config) { c.Cookies = nil },
	} {
		c := good
		change(&c)
		if _, err := New(c, nil, time.Now, nil); !world.Is(err, world.CodeInvalid) {
			t.Errorf("%d: %v", i, err)
		}
	}
	edge := good
	edge.UDPBytes, edge.ScopeIPv4, edge.ScopeIPv6, edge.Rate = mostUDP, 32, 128, mostRate
	if _, err := New(edge, nil, time.Now, nil); err != nil {
		t.Error(err)
	}
}
