package faults

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/anishathalye/porcupine"

	"meridian/world"
)

// Report is what came of a schedule, or of several.
type Report struct {
	Schedule  Schedule
	Found     []string       // what may not be
	Outcomes  map[string]int // how often what happened
	Faults    map[Kind]int
	Converged map[string]time.Duration // after the faults, the longest of each kind
	Late      []string                 // what was the same everywhere late, and why
	Staleness Staleness
	Histories int // that Porcupine found linearizable
	Twins     int // keys of uploads that made two assets, as they may in a cut
	Checking  time.Duration
}

// check holds the histories against the models.
func (r *run) check() {
	began := time.Now()
	r.report.Faults = map[Kind]int{}
	for _, f := range r.schedule.Faults {
		r.report.Faults[f.Kind]++
	}
	for _, st := range r.stalls {
		r.checkOrders(st.history)
	}
	r.checkPrices()
	found, twins := CheckUploads(r.uploads, r.regionOf, r.schedule)
	r.report.Found, r.report.Twins = append(r.report.Found, found...), twins
	r.report.Checking = time.Since(began)
}

func (r *run) checkOrders(m Market) {
	r.report.Outcomes["orders in the database"] += len(m.Audit.Orders)
	stock, err := CheckStock(m, checkWithin)
	if err != nil || stock != porcupine.Ok {
		r.fail("the stock of %s is %s: %v\n%s", m.ID, verb(stock), err, m)
	} else {
		r.report.Histories++
	}
	if carts := CheckCarts(m, checkWithin); carts != porcupine.Ok {
		r.fail("the orders of %s are %s\n%s", m.ID, verb(carts), m)
	} else {
		r.report.Histories++
	}
	for _, f := range m.Ledger() {
		r.fail("%s", f)
	}
}

func verb(c porcupine.CheckResult) string {
	if c == porcupine.Illegal {
		return "not linearizable"
	}
	return "not judged in time"
}

func (r *run) checkPrices() {
	p := Prices{Home: map[string]string{}, Order: map[string][]int64{}, Taken: r.taken, Deaths: map[string][]int64{}, Bound: feedLimit + priceSlack, Kept: keptStale}
	for _, st := range r.stalls {
		p.Home[st.market.ID] = st.market.HomeRegion
		p.Writes, p.Reads = append(p.Writes, st.writes...), append(p.Reads, st.reads...)
		for _, slug := range st.priced {
			order, err := r.prices(context.Background(), st, slug)
			if err != nil {
				r.fail("the prices of %s/%s cannot be read: %v", st.market.ID, slug, err)
			}
			p.Order[st.market.ID+"/"+slug] = order
			r.report.Found = append(r.report.Found, lostPrices(st, slug, order)...)
		}
	}
	for name, at := range r.inject.died {
		role, place, _ := strings.Cut(name, "@")
		switch role {
		case "edge":
			p.Deaths[world.EdgeTier(place)] = at
		case "shield":
			p.Deaths[world.ShieldTier(place)] = at
		}
	}
	found, s := CheckPrices(p)
	r.report.Found, r.report.Staleness = append(r.report.Found, found...), s
}

// lostPrices are those that were acknowledged and are not in the database.
func lostPrices(st *stall, slug string, order []int64) (out []string) {
	has := map[int64]bool{}
	for _, minor := range order {
		has[minor] = true
	}
	for _, w := range st.writes {
		if w.Slug == slug && w.Ack != Forever && !has[w.Minor] {
			out = append(out, fmt.Sprintf("the price %d of %s/%s was acknowledged and is lost", w.Minor, w.Market, slug))
		}
	}
	return out
}

func (r *run) regionOf(id string) string {
	number, ok := world.MediaIDRegion(id)
	for _, region := range r.world.Plan.Regions {
		if ok && region.Number == number {
			return region.ID
		}
	}
	return ""
}

// Add takes another schedule's report into the sum.
func (r *Report) Add(o Report) {
	r.Found, r.Late = append(r.Found, o.Found...), append(r.Late, o.Late...)
	if r.Outcomes == nil {
		r.Outcomes, r.Faults, r.Converged = map[string]int{}, map[Kind]int{}, map[string]time.Duration{}
	}
	for what, n := range o.Outcomes {
		r.Outcomes[what] += n
	}
	for kind, n := range o.Faults {
		r.Faults[kind] += n
	}
	for what, d := range o.Converged {
		r.Converged[what] = max(r.Converged[what], d)
	}
	s := &r.Staleness
	s.Reads, s.Old = s.Reads+o.Staleness.Reads, s.Old+o.Staleness.Old
	if o.Staleness.Sure > s.Sure {
		s.Sure, s.WorstSure = o.Staleness.Sure, o.Staleness.WorstSure
	}
	s.Disclosed = max(s.Disclosed, o.Staleness.Disclosed)
	r.Histories, r.Twins, r.Checking = r.Histories+o.Histories, r.Twins+o.Twins, r.Checking+o.Checking
}

// String is the report in a few lines.
func (r Report) String() string {
	var b strings.Builder
	line := func(what string, m map[string]string) {
		fmt.Fprintf(&b, "  %s:", what)
		for i, k := range sorted(m) {
			if i > 0 {
				b.WriteByte(',')
			}
			fmt.Fprintf(&b, " %s %s", k, m[k])
		}
		b.WriteByte('\n')
	}
	text := map[string]string{}
	for k, n := range r.Faults {
		text[string(k)] = fmt.Sprint(n)
	}
	line("faults", text)
	text = maps.Collect(func(yield func(string, string) bool) {
		for k, n := range r.Outcomes {
			if !yield(k, fmt.Sprint(n)) {
				return
			}
		}
	})
	line("operations", text)
	text = map[string]string{}
	for k, d := range r.Converged {
		text[k] = fmt.Sprintf("%d ms", d.Milliseconds())
	}
	line("the same everywhere, at the latest, after the faults", text)
	for _, late := range r.Late {
		fmt.Fprintf(&b, "    %s\n", late)
	}
	s := r.Staleness
	fmt.Fprintf(&b, "  prices: %d read, %d of them old; the oldest given as good %d ms, said to be stale or unsure %d ms\n", s.Reads, s.Old, s.Sure.Milliseconds(), s.Disclosed.Milliseconds())
	fmt.Fprintf(&b, "  linearizable: %d histories, checked in %d ms; uploads made twice in a cut: %d", r.Histories, r.Checking.Milliseconds(), r.Twins)
	return b.String()
}

// String is the history in the order of its questions, for who looks for a cause.
func (m Market) String() string {
	type entry struct {
		at   int64
		text string
	}
	var all []entry
	span := func(call, ret int64) string {
		if ret == Forever {
			return fmt.Sprintf("%6d …      ", call/1e6)
		}
		return fmt.Sprintf("%6d … %6d", call/1e6, ret/1e6)
	}
	for _, a := range m.Attempts {
		all = append(all, entry{a.Call, fmt.Sprintf("%s  %d orders %s (%s): %s %s", span(a.Call, a.Return), a.Client, linesText(a.Lines), a.name(), a.Outcome, a.Order)})
	}
	for _, l := range m.Looks {
		all = append(all, entry{l.Call, fmt.Sprintf("%s  %d sees %d left of %s", span(l.Call, l.Return), l.Client, l.Left, l.Slug)})
	}
	for _, l := range m.Readings {
		all = append(all, entry{l.Call, fmt.Sprintf("%s  %d of cart %s: page %s %v, list %v %v", span(l.Call, l.Return), l.Client, l.Cart, l.Order, l.Found, l.IsList, l.List)})
	}
	slices.SortFunc(all, func(a, b entry) int { return int(a.at - b.at) })
	var b strings.Builder
	fmt.Fprintf(&b, "%s begins with %v\n", m.ID, m.Stock)
	for _, e := range all {
		b.WriteString(e.text + "\n")
	}
	fmt.Fprintf(&b, "in the database: %v left, orders %v", m.Audit.Left, m.Audit.Orders)
	return b.String()
}
