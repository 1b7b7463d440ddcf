package checkout

import "meridian/world"

// ChangeKind says what about a product is no longer as it was quoted.
type ChangeKind string

// The kinds of change. A product has at most one; the first that applies.
const (
	Gone            ChangeKind = "gone"      // the catalog no longer has it
	PriceChanged    ChangeKind = "price"     // it costs more or less
	TaxClassChanged ChangeKind = "tax_class" // it costs the same and is taxed as something else
)

// Change is one product that is no longer as it was quoted.
type Change struct {
	Slug     string
	Name     string
	Kind     ChangeKind
	WasMinor int64 // unit price as quoted
	NowMinor int64 // unit price now; 0 for what is gone
}

// Verify names what has changed since lines were quoted, in their order. A new
// price version with the same price is no change: the buyer pays what was
// shown. currency is the quote's; a product in another one has changed its
// price. Current offers that were not quoted are ignored.
func Verify(currency string, quoted []world.OrderLine, current []world.Offer) []Change {
	now := make(map[string]world.Offer, len(current))
	for _, p := range current {
		now[p.Key] = p
	}
	var changes []Change
	for _, line := range quoted {
		p, sold := now[line.SKU]
		change := Change{Slug: line.SKU, Name: line.Name, WasMinor: line.UnitMinor, NowMinor: p.PriceMinor}
		switch {
		case !sold:
			change.Kind = Gone
		case p.PriceMinor != line.UnitMinor || p.Currency != currency:
			change.Kind = PriceChanged
		case p.TaxClass != line.TaxClass || p.ServedHot != line.ServedHot || p.ServedWith != line.ServedWith:
			change.Kind = TaxClassChanged
		default:
			continue
		}
		changes = append(changes, change)
	}
	return changes
}
