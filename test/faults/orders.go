package faults

import (
	"fmt"
	"math"
	"slices"
	"strings"
)

// Outcome is what a customer was told of an attempt to order.
type Outcome string

// The outcomes.
const (
	Placed  Outcome = "placed"  // led to the order's page
	Short   Outcome = "short"   // told that too little is left
	Refused Outcome = "refused" // told something else: the price or the cart has changed
	Unknown Outcome = "unknown" // no answer, or a failure that does not say what became of it
)

// Moments of a history are nanoseconds since its run began. Forever is the end
// of what was never answered.
const Forever = math.MaxInt64

// Line is so many of one product.
type Line struct {
	Slug     string
	Quantity int
}

// Attempt is one sending of an order's form. All that have its cart and key are
// the same order, however many are sent.
type Attempt struct {
	Client       int
	Cart, Key    string
	Lines        []Line
	Outcome      Outcome
	Order        string // its id, where it was placed
	Call, Return int64  // Return is Forever where the outcome is unknown
}

func (a Attempt) name() string { return a.Cart + "/" + a.Key }

// Look is how many of a product a customer was told are left, by the cart's
// page, which reads the stock at its authority.
type Look struct {
	Client       int
	Slug         string
	Left         int
	Call, Return int64
}

// Reading is a look at orders by the browser that placed them: one order's page,
// or the list.
type Reading struct {
	Client       int
	Cart         string
	Order        string   // of a page: whose
	Found        bool     // of a page: whether it is there
	IsList       bool     // it is the list
	List         []string // ids of the orders on it
	Call, Return int64
}

// Stored is an order as it lies in the database.
type Stored struct {
	Cart, Key, Order string
	Lines            []Line
}

// Audit is the look into the database at the end, in one transaction.
type Audit struct {
	Left         map[string]int
	Orders       []Stored
	Call, Return int64
}

// Market is the history of one market's stock and orders.
type Market struct {
	ID       string
	Stock    map[string]int // at the beginning
	Attempts []Attempt
	Looks    []Look
	Readings []Reading
	Audit    Audit
}

// settled are a market's attempts with those of unknown outcome drawn together,
// which makes no difference to what is possible and much to how long it takes to
// find out:
//   - of those of one order the first effect is the only one, so they are one,
//     from the first of them on;
//   - where the order was acknowledged, that effect came before the answer;
//   - where the order is not in the database at the end, it had no effect that
//     anything in the history could have seen.
func (m Market) settled() []Attempt {
	acknowledged, stored := map[string]int64{}, map[string]bool{}
	for _, a := range m.Attempts {
		if was, ok := acknowledged[a.name()]; a.Outcome == Placed && (!ok || a.Return < was) {
			acknowledged[a.name()] = a.Return
		}
	}
	for _, o := range m.Audit.Orders {
		stored[o.Cart+"/"+o.Key] = true
	}
	var out []Attempt
	at := map[string]int{} // of the unknown one of an order, in out
	for _, a := range m.Attempts {
		if a.Outcome != Unknown {
			out = append(out, a)
			continue
		}
		if i, ok := at[a.name()]; ok {
			out[i].Call = min(out[i].Call, a.Call)
			continue
		}
		a.Return = Forever
		if answered, ok := acknowledged[a.name()]; ok {
			a.Return = max(answered, a.Call)
		} else if !stored[a.name()] {
			continue
		}
		at[a.name()] = len(out)
		out = append(out, a)
	}
	return out
}

// Unknowns is how many attempts had no outcome.
func (m Market) Unknowns() (n int) {
	for _, a := range m.Attempts {
		if a.Outcome == Unknown {
			n++
		}
	}
	return n
}

// Ledger holds the audit against itself, whoever saw what: the stock must be what
// the orders left, and no two orders may have one id.
func (m Market) Ledger() []string {
	left := map[string]int{}
	for slug, n := range m.Stock {
		left[slug] = n
	}
	var out []string
	whose := map[string]Stored{}
	for _, o := range m.Audit.Orders {
		if other, ok := whose[o.Order]; ok {
			out = append(out, fmt.Sprintf("%s: order %s is of cart %s, key %s and of cart %s, key %s", m.ID, o.Order, other.Cart, other.Key, o.Cart, o.Key))
		}
		whose[o.Order] = o
		for _, l := range o.Lines {
			left[l.Slug] -= l.Quantity
		}
	}
	for _, slug := range sorted(left) {
		if m.Audit.Left[slug] != left[slug] {
			out = append(out, fmt.Sprintf("%s: %d of %s are left, and by its orders there should be %d", m.ID, m.Audit.Left[slug], slug, left[slug]))
		}
	}
	return out
}

func sorted[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

func linesText(lines []Line) string {
	var parts []string
	for _, l := range lines {
		parts = append(parts, fmt.Sprintf("%d × %s", l.Quantity, l.Slug))
	}
	return strings.Join(parts, ", ")
}
