package localworld

import (
	"cmp"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"text/tabwriter"
	"time"

	"meridian/adapter/pgcluster"
	"meridian/platform/lifecycle"
)

// report tells the person at the terminal what happens. On a terminal the
// step under way is a line that is written over; elsewhere each step is a line.
type report struct {
	out   io.Writer
	tty   bool
	began time.Time

	mu      sync.Mutex
	started map[string]time.Time
	steps   map[string]int
	pending string
	roles   int
}

func newReport(out io.Writer) *report {
	r := &report{out: out, began: time.Now(), started: map[string]time.Time{}, steps: map[string]int{}}
	if f, ok := out.(*os.File); ok {
		info, err := f.Stat()
		r.tty = err == nil && info.Mode()&os.ModeCharDevice != 0
	}
	return r
}

func (r *report) title(name, dir string) {
	fmt.Fprintf(r.out, "%s comes up, with its state in %s\n", name, dir)
}

// component is told of every part's states. Roles are counted, the rest named.
func (r *report) component(name, state string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if strings.Contains(name, "@") {
		r.role(name, state)
		return
	}
	if stepWords[name] == "" && state != lifecycle.StateFailed {
		return // it goes on beside the steps
	}
	switch state {
	case lifecycle.StateStarting:
		r.started[name] = time.Now()
		r.under(stepWords[name])
	case lifecycle.StateReady:
		r.line("  ✓ %-44s %6.1f s", stepWords[name], time.Since(r.started[name]).Seconds())
	case lifecycle.StateFailed:
		r.line("  ✗ %s", cmp.Or(stepWords[name], name))
	}
}

var stepWords = map[string]string{
	"directories": "database directories", "links": "links between the places", "databases": "PostgreSQL servers",
	"rows": "schemas, users and first rows", "gate": "the gate", "names": "the zone's key, and where people are", "doors": "the PoPs' own addresses", "pictures": "the products' pictures",
}

func (r *report) role(name, state string) {
	switch state {
	case lifecycle.StateStarting:
		if len(r.started) > 0 && r.started["roles"].IsZero() {
			r.started["roles"] = time.Now()
		}
	case lifecycle.StateReady:
		r.roles++
		r.under(fmt.Sprintf("roles: %d up", r.roles))
	case lifecycle.StateFailed:
		r.line("  ✗ %s", name)
	}
}

// server is told of a PostgreSQL server's steps.
func (r *report) server(_, step string) {
	if step == pgcluster.StepCreating || step == pgcluster.StepCopying || step == pgcluster.StepStarting || step == pgcluster.StepKept {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.steps[step]++
	words := "PostgreSQL servers: %d ready"
	if step == pgcluster.StepMade {
		words = "database directories: %d made"
	}
	r.under(fmt.Sprintf(words, r.steps[step]))
}

func (r *report) pictures(done, of int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.under(fmt.Sprintf("the products' pictures: %d of %d", done, of))
}

// under shows what is under way, on a terminal.
func (r *report) under(text string) {
	if r.tty {
		fmt.Fprintf(r.out, "\r\x1b[K  … %s", text)
		r.pending = text
	}
}

func (r *report) line(format string, args ...any) {
	if r.pending != "" {
		fmt.Fprint(r.out, "\r\x1b[K")
		r.pending = ""
	}
	fmt.Fprintf(r.out, format+"\n", args...)
}

// ready prints the table of URLs.
func (r *report) ready(p *plan) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.line("  ✓ %-44s", fmt.Sprintf("%d roles", r.roles))
	r.line("\nReady after %.1f s.\n", time.Since(r.began).Seconds())
	t := tabwriter.NewWriter(r.out, 0, 0, 2, ' ', 0)
	row := func(name, host string, port int, path, note string) {
		at := fmt.Sprintf("://%s:%d%s", host, port, path)
		fmt.Fprintf(t, "%s\thttp%s\thttps%s\t%s\n", name, at, at, note)
	}
	row("the world", "localhost", p.port, "/", "places, links, figures")
	for _, m := range p.w.Markets {
		row("shop "+strings.ToUpper(m.ID), m.Host, p.port, "/", fmt.Sprintf("%s, %s, home %s", m.Currency, m.Locales[0], m.HomeRegion))
	}
	for _, m := range p.w.Markets {
		row("owner "+strings.ToUpper(m.ID), m.Host, p.port, "/owner/", OwnerEmail(m.ID)+"  "+p.secrets.Owners[m.ID])
	}
	row("payments", payHost, p.port, "/", "a provider to try things out with; app/testpay/README.md has the cards")
	for i, q := range p.w.PoPs {
		row("PoP "+q.ID, "127.0.0.1", p.edgePort(i), "/", q.Name)
	}
	t.Flush()
	fmt.Fprintf(r.out, "\nThe name servers of %s answer on 127.0.0.1, ports %d to %d:\n  dig @127.0.0.1 -p %d %s +subnet=%v   # from %s\n",
		p.dnsZone(), p.dnsPort(0), p.lastPort(), p.dnsPort(0), p.dnsHost(p.w.Markets[0]), CityPrefixes(0)[0], p.w.Cities[0].Name)
	fmt.Fprintf(r.out, "\nhttps is for who trusts %s (curl --cacert); by HTTP/2 and HTTP/3.\n", p.tls().Trust())
	fmt.Fprintf(r.out, "The owners' API is open to the owner_token of %s.\n", filepath.Join(p.st.dir, "secrets.json"))
	fmt.Fprintf(r.out, "Put a picture in:  meridian media put%s PHOTO\nStop with Ctrl-C; the world is kept in %s.\n", dirFlag(p.st.dir), p.st.dir)
}

// dirFlag is what other commands have to be told to find a world.
func dirFlag(dir string) string {
	if dir == DefaultDir() {
		return ""
	}
	return " --dir " + dir
}

func (r *report) stopping() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.line("\nStopping …")
}
