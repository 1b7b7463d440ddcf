package faults

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// PriceWrite is an owner's change of a price. A price is never set twice to the
// same amount, so that who reads one can tell which change it came by.
type PriceWrite struct {
	Market, Slug string
	Minor        int64
	Call, Ack    int64 // Ack is Forever where nobody was told that it is saved
}

// PriceRead is a product's page as a tier gave it.
type PriceRead struct {
	Tier         string // edge-fra, shield-eu-central
	Market, Slug string
	Minor        int64
	Asked, Came  int64
	Status       string // its Cache-Status
}

// Sure reports whether the tier gave the page as good: neither as stale after a
// failure, nor as one that it could not be sure of while a feed was lost. Of what
// a tier has stored its own word counts, of the rest that of all before it too.
func (r PriceRead) Sure() bool {
	own := r.Status[strings.LastIndex(r.Status, ",")+1:]
	said := r.Status
	if strings.Contains(own, "; hit") {
		said = own
	}
	return !strings.Contains(said, "detail=feed-lost") && !strings.Contains(said, "detail=stale-") && !strings.Contains(said, "detail=max-stale")
}

// Taken is a tier's word that it has carried out all that a region's feed had
// said when a purge was put behind it.
type Taken struct {
	Tier, Region string
	Posted       int64 // when the purge was asked for
	At           int64 // when its acknowledgement was here
}

// Prices is the history of all prices.
type Prices struct {
	Home   map[string]string  // a market's region
	Order  map[string][]int64 // by product ("de/brezel"): all its prices in their order, from the database, the one that it began with first
	Writes []PriceWrite       // what owners asked for
	Reads  []PriceRead        // what readers were given
	Taken  []Taken            // what tiers have acknowledged
	Deaths map[string][]int64 // when a tier's process was killed
	Bound  time.Duration      // how long a tier may not know that its feed is lost, and be sure of what is old
	Kept   time.Duration      // how long anything may be served stale after a failure
}

// Staleness are the greatest ages of what was read: for how long the price had
// been replaced, for certain, when it was asked for.
type Staleness struct {
	Reads, Old      int
	Sure, Disclosed time.Duration // of what was given as good, and of what was said to be stale or unsure
	WorstSure       string
}

// CheckPrices finds the reads that no rule allows:
//   - a price that was never set, or was shown before anybody set it;
//   - an older one than a tier has acknowledged the purge of, in the life of its
//     process in which it did, however it is marked;
//   - one that is given as good later than Bound after it was replaced;
//   - one that is given at all later than Kept after that.
func CheckPrices(p Prices) (found []string, s Staleness) {
	writes := map[string]map[int64]PriceWrite{}
	for _, w := range p.Writes {
		product := w.Market + "/" + w.Slug
		if writes[product] == nil {
			writes[product] = map[int64]PriceWrite{}
		}
		writes[product][w.Minor] = w
	}
	for _, r := range p.Reads {
		s.Reads++
		product := r.Market + "/" + r.Slug
		order := p.Order[product]
		at := slices.Index(order, r.Minor)
		if at < 0 {
			found = append(found, fmt.Sprintf("%s showed %s at a price that it never had: %s", r.Tier, product, r))
			continue
		}
		if w, ok := writes[product][r.Minor]; ok && w.Call > r.Came {
			found = append(found, fmt.Sprintf("%s showed %s at a price before anybody had set it: %s", r.Tier, product, r))
			continue
		}
		replaced := int64(Forever)
		for _, later := range order[at+1:] {
			if w, ok := writes[product][later]; ok {
				replaced = min(replaced, w.Ack)
			}
		}
		if replaced >= r.Asked {
			continue
		}
		s.Old++
		age := time.Duration(r.Asked - replaced)
		if p.acknowledged(r, replaced) {
			found = append(found, fmt.Sprintf("%s had acknowledged the purge and showed %s at its old price %d ms after it was replaced: %s", r.Tier, product, age.Milliseconds(), r))
		}
		switch sure := r.Sure(); {
		case sure && age > p.Bound:
			found = append(found, fmt.Sprintf("%s gave the old price of %s as good %d ms after it was replaced: %s", r.Tier, product, age.Milliseconds(), r))
		case age > p.Kept:
			found = append(found, fmt.Sprintf("%s gave the old price of %s %d ms after it was replaced: %s", r.Tier, product, age.Milliseconds(), r))
		case sure && age > s.Sure:
			s.Sure, s.WorstSure = age, r.String()
		case !sure && age > s.Disclosed:
			s.Disclosed = age
		}
	}
	return found, s
}

// String is the read in one line.
func (r PriceRead) String() string {
	return fmt.Sprintf("%d, asked at %d ms, there at %d ms, %s", r.Minor, r.Asked/1e6, r.Came/1e6, r.Status)
}

// acknowledged reports whether the tier had said, before it was asked and in the
// same life, that it has taken what replaced the price.
func (p Prices) acknowledged(r PriceRead, replaced int64) bool {
	return slices.ContainsFunc(p.Taken, func(t Taken) bool {
		return t.Tier == r.Tier && t.Region == p.Home[r.Market] && t.Posted >= replaced && t.At <= r.Asked &&
			// The word may be of a life that has ended while it was on its way.
			!slices.ContainsFunc(p.Deaths[r.Tier], func(died int64) bool { return died >= t.Posted && died <= r.Came })
	})
}
