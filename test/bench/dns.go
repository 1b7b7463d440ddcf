package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
)

// dnsAims are what we want of ours relative to others.
var dnsAims = []aim{{"PowerDNS geoip", 2}, {"gdnsd", 1}}

// nameServers measures what an answer by the client's subnet costs, ours beside others'.
func nameServers(ctx context.Context, o options, out io.Writer) error {
	dir, err := os.MkdirTemp("", "meridian-dns-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if err := os.Chmod(dir, 0o755); err != nil { // servers that give up their rights read it
		return err
	}
	database := filepath.Join(dir, "places.mmdb")
	if err := writeDatabase(database); err != nil {
		return err
	}
	bin, remove, err := o.binary(ctx)
	if err != nil {
		return err
	}
	defer remove()
	serverCore, clientCore := twoCores()
	fmt.Fprintf(out, "\nNames: %d clients' networks, servers on core %d, who asks on core %d, %d rounds of %v\n", dnsClients, serverCore, clientCore, o.rounds, o.length)
	var servers []*server
	defer func() {
		for _, s := range servers {
			s.stop()
		}
	}()
	for i, c := range chosen(presentOf(dnsServers(bin, database), out), o.servers) {
		s, err := c.start(ctx, setup{dir: filepath.Join(dir, strconv.Itoa(i)), core: serverCore})
		if err != nil {
			fmt.Fprintf(out, "%s: failed: %v\n", c.name, err)
			continue
		}
		s.name = c.name
		servers = append(servers, s)
	}
	t := dnsTable{}
	for range o.rounds {
		round := map[string]dnsResult{}
		for _, s := range servers {
			r, err := askServer(ctx, clientCore, s, o)
			if ctx.Err() != nil {
				return ctx.Err()
			}
			if err != nil {
				fmt.Fprintf(out, "%s: failed: %v\n", s.name, err)
				continue
			}
			round[s.name] = r
		}
		t = append(t, round)
	}
	t.print(out, servers)
	return nil
}

// askServer has one server measured once, from a core of its own.
func askServer(ctx context.Context, core int, s *server, o options) (r dnsResult, err error) {
	text, err := json.Marshal(dnsOrder{At: s.plain, Window: s.window, Server: s.pid, Warm: warmUp, Length: o.length})
	if err != nil {
		return r, err
	}
	self, err := os.Executable()
	if err != nil {
		return r, err
	}
	cmd := exec.CommandContext(ctx, self, "pin", strconv.Itoa(core), self, "asknames", string(text))
	cmd.Env = append(os.Environ(), "GOMAXPROCS=1")
	var said bytes.Buffer
	cmd.Stderr = &said
	answer, err := cmd.Output()
	if err != nil {
		return r, fmt.Errorf("%w: %s", err, said.String())
	}
	if err := json.Unmarshal(answer, &r); err != nil {
		return r, err
	}
	if r.Wrong > 0 || r.Answers == 0 || r.CPU <= 0 {
		return r, fmt.Errorf("%d of %d answers are wrong, the first: %s\n%s", r.Wrong, r.Answers, r.First, s.said.String())
	}
	return r, nil
}

// dnsTable is what the rounds gave, by server.
type dnsTable []map[string]dnsResult

func (t dnsTable) print(out io.Writer, servers []*server) {
	w := tabwriter.NewWriter(out, 0, 0, 3, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "server\tanswers / core-second, least\tmedian\tmost\tlost\tanswers / second\t")
	for _, s := range servers {
		var rates, speeds []float64
		lost := 0
		for _, round := range t {
			if r, ok := round[s.name]; ok {
				rates, speeds = append(rates, r.perCoreSecond()), append(speeds, float64(r.Answers)/r.Elapsed.Seconds())
				lost += r.Lost
			}
		}
		if len(rates) == 0 {
			continue
		}
		slices.Sort(rates)
		slices.Sort(speeds)
		fmt.Fprintf(w, "%s\t%.1fk\t%.1fk\t%.1fk\t%d\t%.1fk\t\n", s.name, rates[0]/1e3, median(rates)/1e3, rates[len(rates)-1]/1e3, lost, median(speeds)/1e3)
	}
	w.Flush()
	for _, a := range dnsAims {
		var ratios []float64
		for _, round := range t {
			if ours, theirs := round[ourName], round[a.peer]; ours.Answers > 0 && theirs.Answers > 0 {
				ratios = append(ratios, ours.perCoreSecond()/theirs.perCoreSecond())
			}
		}
		if len(ratios) > 0 {
			slices.Sort(ratios)
			fmt.Fprintf(out, "  %s / %s: %.2f (%.2f to %.2f; aim %g)\n", ourName, a.peer, median(ratios), ratios[0], ratios[len(ratios)-1], a.ratio)
		}
	}
	fmt.Fprintln(out, "  every answer was compared with what its client is to get: "+strings.TrimSuffix(dnsName, ".")+", A, by client subnet")
}
