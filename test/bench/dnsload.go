package main

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"time"

	"github.com/miekg/dns"
	"golang.org/x/net/ipv4"
)

// dnsOrder is what the process that asks a name server is told.
type dnsOrder struct {
	At     string
	Window int // queries under way at once
	Server int // its process
	Warm   time.Duration
	Length time.Duration
}

// dnsResult is what it counted.
type dnsResult struct {
	Answers int           `json:"answers"`
	Wrong   int           `json:"wrong"`
	Lost    int           `json:"lost"`
	First   string        `json:"first"` // what was wrong with the first wrong one
	Elapsed time.Duration `json:"elapsed"`
	CPU     time.Duration `json:"server_cpu"`
}

// perCoreSecond is how many queries the server answers in a second of one core.
func (r dnsResult) perCoreSecond() float64 { return float64(r.Answers) / r.CPU.Seconds() }

// Clients and places of the load: each network is at a place drawn from the list,
// the same in every run.
const (
	dnsClients = 10_000
	dnsName    = "www.shop.example."
	dnsBatch   = 32

	// Queries under way at once: fewer for a server whose queue is as long as the
	// system has it, and cannot be set: what has no room there would be lost.
	dnsWindow, dnsSmallWindow = 1024, 192
)

// dnsPlace is where clients are, and what they are to be answered.
type dnsPlace struct {
	pop, site, country, continent string
	latitude, longitude           float64
	answer                        netip.Addr
}

var dnsPlaces = []dnsPlace{
	{"iad", "virginia", "US", "NA", 38.95, -77.45, netip.AddrFrom4([4]byte{192, 0, 2, 1})},
	{"sjc", "california", "CA", "NA", 37.36, -121.93, netip.AddrFrom4([4]byte{192, 0, 2, 2})},
	{"lhr", "london", "GB", "EU", 51.51, -0.13, netip.AddrFrom4([4]byte{192, 0, 2, 3})},
	{"fra", "frankfurt", "DE", "EU", 50.11, 8.68, netip.AddrFrom4([4]byte{192, 0, 2, 4})},
	{"bom", "mumbai", "IN", "AS", 19.08, 72.88, netip.AddrFrom4([4]byte{192, 0, 2, 5})},
	{"nrt", "tokyo", "JP", "AS", 35.68, 139.69, netip.AddrFrom4([4]byte{192, 0, 2, 6})},
}

// dnsClient is the network of a client, and its place.
func dnsClient(i int) (netip.Prefix, dnsPlace) {
	at := (i*7919 + i/97) % len(dnsPlaces)
	return netip.PrefixFrom(netip.AddrFrom4([4]byte{101, byte(i / 250), byte(i % 250), 0}), 24), dnsPlaces[at]
}

// dnsAsker asks for every client in turn, with so many queries under way.
type dnsAsker struct {
	conn    *net.UDPConn
	window  int
	queries []byte // one behind the other
	length  int    // of each
	want    [][]byte
	next    int
	from    *ipv4.PacketConn // conn
	in      [dnsBatch]ipv4.Message
	res     dnsResult
}

func newDNSAsker(o dnsOrder) (*dnsAsker, error) {
	c, err := net.Dial("udp", o.At)
	if err != nil {
		return nil, err
	}
	a := &dnsAsker{conn: c.(*net.UDPConn), window: o.Window, from: ipv4.NewPacketConn(c.(*net.UDPConn))}
	for i := range dnsClients {
		client, place := dnsClient(i)
		m := new(dns.Msg).SetQuestion(dnsName, dns.TypeA)
		m.Id, m.RecursionDesired = uint16(i), false
		m.SetEdns0(1232, false)
		m.IsEdns0().Option = []dns.EDNS0{&dns.EDNS0_SUBNET{Code: dns.EDNS0SUBNET, Family: 1, SourceNetmask: 24, Address: client.Addr().AsSlice()}}
		raw, err := m.Pack()
		if err != nil {
			return nil, err
		}
		a.queries, a.length = append(a.queries, raw...), len(raw)
		a.want = append(a.want, append([]byte{0, 4}, place.answer.AsSlice()...))
	}
	for i := range dnsBatch {
		a.in[i].Buffers = [][]byte{make([]byte, 1500)}
	}
	return a, segmented(a.conn, a.length)
}

// run asks for a while. Queries whose answers do not come within a while are lost,
// and others are sent in their place.
func (a *dnsAsker) run(ctx context.Context, length time.Duration) error {
	a.res = dnsResult{}
	began := time.Now()
	if err := a.send(a.window); err != nil {
		return err
	}
	for time.Since(began) < length && ctx.Err() == nil {
		if err := a.conn.SetReadDeadline(time.Now().Add(200 * time.Millisecond)); err != nil {
			return err
		}
		n, err := a.from.ReadBatch(a.in[:], 0)
		if errors.Is(err, os.ErrDeadlineExceeded) {
			a.res.Lost += a.window
			err = a.send(a.window)
		} else if err == nil {
			a.check(n)
			err = a.send(n)
		}
		if err != nil {
			return err
		}
	}
	a.res.Elapsed = time.Since(began)
	return ctx.Err()
}

func (a *dnsAsker) send(n int) error {
	for n > 0 {
		some := min(n, dnsBatch, dnsClients-a.next)
		if _, err := a.conn.Write(a.queries[a.next*a.length : (a.next+some)*a.length]); err != nil {
			return err
		}
		a.next = (a.next + some) % dnsClients
		n -= some
	}
	return nil
}

// check compares answers with what their clients are to get: the one address at
// the end of the only answer.
func (a *dnsAsker) check(n int) {
	for _, m := range a.in[:n] {
		raw := m.Buffers[0][:m.N]
		if why := a.wrong(raw); why != "" {
			if a.res.Wrong++; a.res.Wrong == 1 {
				a.res.First = why
			}
		}
		a.res.Answers++
	}
}

func (a *dnsAsker) wrong(raw []byte) string {
	if len(raw) < 12 || raw[3]&0xf != 0 || binary.BigEndian.Uint16(raw[6:]) == 0 {
		return fmt.Sprintf("%x", raw)
	}
	id := int(binary.BigEndian.Uint16(raw))
	if id >= dnsClients || !bytes.Contains(raw[12:], a.want[id]) {
		return fmt.Sprintf("the client %d got %x, not %v", id, raw, a.want[id%dnsClients])
	}
	return ""
}

// askNames asks a name server, and tells what it counted on standard output.
func askNames(ctx context.Context, args []string) error {
	if len(args) != 1 {
		return errors.New("asknames takes one order")
	}
	var o dnsOrder
	if err := json.Unmarshal([]byte(args[0]), &o); err != nil {
		return err
	}
	a, err := newDNSAsker(o)
	if err != nil {
		return err
	}
	if err := a.run(ctx, o.Warm); err != nil {
		return err
	}
	from, err := cpuOf(o.Server)
	if err != nil {
		return err
	}
	if err := a.run(ctx, o.Length); err != nil {
		return err
	}
	to, err := cpuOf(o.Server)
	if err != nil {
		return err
	}
	a.res.CPU = to - from
	return json.NewEncoder(os.Stdout).Encode(a.res)
}
