package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// protocol is how the servers are asked.
type protocol string

const (
	http1 protocol = "HTTP/1.1"
	http2 protocol = "HTTP/2, TLS 1.3"
)

// hitCase is one line of the figures, for each server.
type hitCase struct {
	protocol protocol
	object   object
	conns    int
	streams  int // of each connection at once
	place    place
}

func (c hitCase) String() string {
	return fmt.Sprintf("%s, %s, %d connections, from %s", c.protocol, c.object.name, c.conns, c.place)
}

// aim is what we want of a server relative to another.
type aim struct {
	peer  string
	ratio float64
}

// aims of a case: requests a core-second, as a multiple of a peer's. Varnish's is
// that of Varnish as it comes.
func (c hitCase) aims() []aim {
	switch {
	case c.protocol == http2:
		return []aim{{"nginx", 1.4}}
	case c.object == small:
		return []aim{{"nginx", 1.2}, {"Varnish", 2}}
	}
	return []aim{{"nginx", 1.1}}
}

// cases are all that is measured, by where the servers keep what they cache.
func cases(p place, filter string) []hitCase {
	var out []hitCase
	for _, proto := range []protocol{http1, http2} {
		for _, kind := range []object{small, large} {
			for _, conns := range []int{64, 2000} {
				c := hitCase{protocol: proto, object: kind, conns: conns, streams: 1, place: p}
				if proto == http2 && conns == 64 {
					c.streams = 8 // a browser asks for several at once
				}
				if hasWords(c.String(), filter) {
					out = append(out, c)
				}
			}
		}
	}
	return out
}

// hasWords reports whether a case's name has all words of a filter.
func hasWords(name, filter string) bool {
	name = strings.ReplaceAll(name, ",", "")
	for word := range strings.FieldsSeq(filter) {
		if !strings.Contains(" "+name+" ", " "+word+" ") {
			return false
		}
	}
	return true
}

// warmUp is how long a server is asked before it counts.
const warmUp = 400 * time.Millisecond

// contenders are all that is measured, ours first.
func contenders(bin string) []contender {
	return []contender{
		ours(ourName, bin),
		ours(inFiles, bin),
		contender{name: "nginx", needs: "nginx", pkg: "nginx", http2: true, start: startNginx},
		contender{name: varnishDefault, needs: "varnishd", pkg: "varnish", start: startVarnish(varnishDefault)},
		contender{name: varnishQuiet, needs: "varnishd", pkg: "varnish", start: startVarnish(varnishQuiet)},
	}
}

// hits measures what a hit costs, ours beside others', each in turn.
func hits(ctx context.Context, o options, out io.Writer) error {
	raiseFileLimit()
	dir, err := os.MkdirTemp("", "meridian-hits-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	ram, err := os.MkdirTemp(ramDir(), "meridian-hits-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(ram)
	cert, key, err := writeCertificate(dir)
	if err != nil {
		return err
	}
	bin, remove, err := o.binary(ctx)
	if err != nil {
		return err
	}
	defer remove()
	from, err := startOrigin()
	if err != nil {
		return err
	}
	defer from.stop()
	serverCore, clientCore := twoCores()
	fmt.Fprintf(out, "\nHits: servers on core %d, who asks on core %d, %d rounds of %v\n", serverCore, clientCore, o.rounds, o.length)
	if serverCore == clientCore {
		fmt.Fprintln(out, "one core only: who asks takes of the servers' time; requests a core-second hold, latencies do not")
	}
	field := chosen(present(bin, out), o.servers)
	_, haveH2load := contender{needs: "h2load", pkg: "nghttp2-client"}.present()
	if !haveH2load {
		fmt.Fprintln(out, "HTTP/2 is left out: h2load is not installed: apt install nghttp2-client (or scripts/install-deps bench)")
	}
	for _, p := range []place{inRAM, onDisk} {
		list := cases(p, o.filter)
		if len(list) == 0 {
			continue
		}
		base := dir
		if p == inRAM {
			base = ram
		}
		g := group{o: o, out: out, core: clientCore, dir: dir, origin: from, http2: haveH2load}
		if err := g.measure(ctx, field, list, func(i int) setup {
			return setup{
				origin: from.addr, dir: filepath.Join(dir, fmt.Sprint(p, i)), cache: filepath.Join(base, fmt.Sprint("cache", p, i)),
				place: p, core: serverCore, cert: cert, key: key,
			}
		}); err != nil {
			return err
		}
	}
	return nil
}

// binary is ours to measure: the one that was named, or one built anew.
func (o options) binary(ctx context.Context) (path string, remove func(), err error) {
	if o.bin != "" {
		return o.bin, func() {}, nil
	}
	return build(ctx)
}

// ramDir is a directory in memory, where there is one.
func ramDir() string {
	if _, err := os.Stat("/dev/shm"); err == nil {
		return "/dev/shm"
	}
	return ""
}

// present tells which contenders are there, and which are not.
func present(bin string, out io.Writer) []contender {
	field := presentOf(contenders(bin), out)
	if v := version("nginx", "-v"); v != "" {
		fmt.Fprintln(out, v)
	}
	if v := version("varnishd", "-V"); v != "" {
		fmt.Fprintln(out, v)
	}
	return field
}

// presentOf are those that are installed; the others are told.
func presentOf(all []contender, out io.Writer) []contender {
	var field []contender
	told := map[string]bool{}
	for _, c := range all {
		why, ok := c.present()
		if ok {
			field = append(field, c)
		} else if !told[c.needs] {
			told[c.needs] = true
			fmt.Fprintf(out, "%s is left out: %s\n", c.name, why)
		}
	}
	return field
}

// chosen are those that are asked for by name; all, where none is.
func chosen(field []contender, names string) []contender {
	if names == "" {
		return field
	}
	return slices.DeleteFunc(field, func(c contender) bool { return !slices.Contains(strings.Split(names, ","), c.name) })
}

// group are servers that are measured in turn, all of them up all the time: one
// that is not asked costs nothing.
type group struct {
	o       options
	out     io.Writer
	core    int
	dir     string
	origin  *origin
	http2   bool
	servers []*server
}

// measure starts all servers and measures each case. What fails is told, and the
// others go on: an error is ctx's.
func (g *group) measure(ctx context.Context, field []contender, list []hitCase, with func(int) setup) error {
	defer func() {
		for _, s := range g.servers {
			s.stop()
		}
	}()
	for i, c := range field {
		u := with(i)
		if c.ramOnly && u.place != inRAM {
			continue
		}
		s, err := c.start(ctx, u)
		if err == nil {
			g.servers = append(g.servers, s)
			s.http2 = c.http2
			err = s.warm(ctx, g.origin, small, large)
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			fmt.Fprintf(g.out, "%s, from %s: failed: %v\n", c.name, u.place, err)
		}
	}
	for _, c := range list {
		if c.protocol == http2 && !g.http2 {
			continue
		}
		figures := g.rounds(ctx, c)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		figures.print(g.out)
		if us := g.ours(); us != nil && c.protocol == http1 && c.conns == 64 {
			if err := g.allocations(ctx, us, c); err != nil {
				fmt.Fprintf(g.out, "  what a hit allocates could not be measured: %v\n", err)
			}
		}
	}
	return ctx.Err()
}

// ours is our own server, if it is one of the group.
func (g *group) ours() *server {
	for _, s := range g.servers {
		if s.name == ourName {
			return s
		}
	}
	return nil
}

// rounds measures a case: A B C A B C …, so that what else the machine does
// falls on all alike.
func (g *group) rounds(ctx context.Context, c hitCase) caseFigures {
	f := caseFigures{hitCase: c, misses: map[string]int64{}}
	for round := range g.o.rounds {
		for _, s := range g.servers {
			if c.protocol == http2 && !s.http2 {
				continue
			}
			asked := g.origin.asked.Load()
			m, err := g.once(ctx, c, s)
			if ctx.Err() != nil {
				return f
			}
			f.misses[s.name] += g.origin.asked.Load() - asked
			if err != nil {
				f.failed(s.name, err)
				continue
			}
			f.add(round, s.name, m)
		}
	}
	return f
}

func (g *group) once(ctx context.Context, c hitCase, s *server) (measurement, error) {
	if c.protocol == http2 {
		return askSecure(ctx, g.core, s, c, warmUp, g.o.length, g.dir)
	}
	return askPlain(ctx, g.core, s, c, warmUp, g.o.length)
}
