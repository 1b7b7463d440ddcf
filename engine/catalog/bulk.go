package catalog

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"meridian/engine/money"
	"meridian/world"
)

// MaxBulk is the most SKUs or products that one change of many is about.
const MaxBulk = 1000

// Bulk is a change of many things at once: prices as they are given, prices by a
// rule, or when products are published. One of the three.
type Bulk struct {
	_ struct{} `additionalProperties:"false"`

	DryRun  bool          `json:"dry_run,omitempty" doc:"only tell what would change"`
	List    *List         `json:"list,omitempty" doc:"a price list that is added with it, for prices to go into"`
	Prices  []PriceChange `json:"prices,omitempty" nullable:"false" maxItems:"1000"`
	Raise   *Raise        `json:"raise,omitempty"`
	Publish *Publish      `json:"publish,omitempty"`
}

// PriceChange is one SKU's next price in a list.
type PriceChange struct {
	_ struct{} `additionalProperties:"false"`

	SKU   string `json:"sku" maxLength:"60" example:"brezel"`
	List  string `json:"list,omitempty" maxLength:"60" doc:"none: base" example:"advent"`
	Minor *int64 `json:"minor,omitempty" doc:"in minor units; none takes the SKU out of the list" example:"450"`
}

// Raise is a rule for prices: so much more or less than the base price, with an
// ending as the market's prices have.
type Raise struct {
	_ struct{} `additionalProperties:"false"`

	Category string `json:"category,omitempty" maxLength:"60" doc:"whose products; none: all" example:"rolls"`
	Percent  string `json:"percent" maxLength:"12" doc:"more than the base price, less with a minus" example:"5.5"`
	Ending   string `json:"ending,omitempty" maxLength:"20" doc:"rule for the ending; none: the usual one of the currency" example:"end_99"`
	Into     string `json:"into,omitempty" maxLength:"60" doc:"the list; none: base" example:"advent"`
}

// Publish says when products are for sale.
type Publish struct {
	_ struct{} `additionalProperties:"false"`

	Products []string   `json:"products,omitempty" nullable:"false" maxItems:"1000" doc:"by slug"`
	Category string     `json:"category,omitempty" maxLength:"60" doc:"or all of a category"`
	Withdraw bool       `json:"withdraw,omitempty" doc:"take them from sale at once"`
	From     *time.Time `json:"from,omitempty" doc:"none: they always were"`
	Until    *time.Time `json:"until,omitempty" doc:"none: they stay"`
}

// Snapshot is what a bulk change is about, as it is.
type Snapshot struct {
	SKUs     []PricedSKU
	Products []Published
	Lists    map[string]WrittenList // those that are named
}

// PricedSKU is a SKU with its price in each list that ever had one.
type PricedSKU struct {
	SKU, Product string
	Prices       map[string]ListPrice
}

// Published is when a product is for sale.
type Published struct {
	Slug        string
	Version     int64
	From, Until *time.Time
}

// Plan is exactly what a bulk change does.
type Plan struct {
	Changes   []Change         `json:"changes" nullable:"false" doc:"in the order of their keys"`
	Unchanged int              `json:"unchanged" doc:"how many of what was named are so already"`
	List      *List            `json:"list,omitempty" doc:"that is added"`
	Lists     map[string]int64 `json:"lists,omitempty" doc:"versions of the lists that prices go into"`
}

// Change is one row of a plan: a SKU's price, or a product's dates.
type Change struct {
	SKU      string     `json:"sku,omitempty" example:"brezel"`
	Product  string     `json:"product" example:"brezel"`
	List     string     `json:"list,omitempty" example:"advent"`
	Replaces int64      `json:"replaces" doc:"the version of the price, or of the product; 0: there was none" example:"4"`
	Old      *int64     `json:"old,omitempty" doc:"price in minor units; none where the list has none" example:"520"`
	New      *int64     `json:"new,omitempty" doc:"price; none: it is taken out" example:"549"`
	Base     *int64     `json:"base,omitempty" doc:"its base price, beside that of another list" example:"550"`
	OldFrom  *time.Time `json:"old_from,omitempty"`
	OldUntil *time.Time `json:"old_until,omitempty"`
	From     *time.Time `json:"from,omitempty"`
	Until    *time.Time `json:"until,omitempty"`
	Withdraw bool       `json:"withdraw,omitempty" doc:"it goes from sale at once"`
}

// Tag names a plan by what it does: two that do the same to the same have the same.
func (p Plan) Tag() string {
	b, _ := json.Marshal(struct {
		C []Change
		L *List
		V map[string]int64
	}{p.Changes, p.List, p.Lists}) // of plain values
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:16])
}

// CheckBulk tells what cannot be asked for; invalid, with the fields named.
func (r Rules) CheckBulk(b Bulk) error {
	var f faults
	kinds := 0
	for _, given := range []bool{len(b.Prices) > 0, b.Raise != nil, b.Publish != nil} {
		if given {
			kinds++
		}
	}
	if kinds != 1 {
		f.add("prices, raise, publish", "give one of them")
	}
	if len(b.Prices) > MaxBulk || b.Publish != nil && len(b.Publish.Products) > MaxBulk {
		f.add("prices, publish.products", "give at most %d", MaxBulk)
	}
	seen := map[[2]string]bool{}
	for i, c := range b.Prices[:min(len(b.Prices), MaxBulk)] {
		at := fmt.Sprintf("prices[%d].", i)
		key := [2]string{c.SKU, cmp.Or(c.List, world.BaseList)}
		if seen[key] {
			f.add(at+"sku", "%.60q is there twice for one list", c.SKU)
		}
		seen[key] = true
		switch {
		case c.Minor == nil && key[1] == world.BaseList:
			f.add(at+"minor", "the base list always has a price")
		case c.Minor != nil && (*c.Minor < 1 || *c.Minor > r.MaxPrice):
			f.add(at+"minor", "write 1 to %d", r.MaxPrice)
		}
	}
	if p := b.Publish; p != nil {
		f.span("publish.until", p.From, p.Until)
		if (len(p.Products) > 0) == (p.Category != "") {
			f.add("publish.products, publish.category", "give one of them")
		}
		if p.Withdraw && (p.From != nil || p.Until != nil) {
			f.add("publish.withdraw", "it is at once: give no dates with it")
		}
	}
	if b.List != nil && b.Publish != nil {
		f.add("list", "it is for prices")
	}
	if err := f.err("catalog.bulk"); err != nil || b.List == nil {
		return err
	}
	return r.CheckList(*b.List)
}

// Lists are the price lists that a bulk change puts prices into, or adds.
func (b Bulk) Lists() (names []string) {
	if b.List != nil {
		names = append(names, b.List.List)
	}
	for _, c := range b.Prices {
		names = append(names, cmp.Or(c.List, world.BaseList))
	}
	if b.Raise != nil {
		names = append(names, cmp.Or(b.Raise.Into, world.BaseList))
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// Plan reckons what a bulk change that was checked does at a moment to what there
// is. Errors: invalid and unprocessed, with the field named.
func (r Rules) Plan(b Bulk, s Snapshot, at time.Time) (Plan, error) {
	p := Plan{Changes: []Change{}, List: b.List, Lists: map[string]int64{}}
	for _, name := range b.Lists() {
		have, ok := s.Lists[name]
		fresh := b.List != nil && b.List.List == name
		switch {
		case ok && fresh:
			return p, world.E(world.CodeConflict, "catalog.bulk", fmt.Sprintf("The market has a price list %s already: leave list out to put prices into it, or choose another name.", name))
		case !ok && !fresh:
			return p, bad("list: the market has no price list %.60q: add it with list.", name)
		case ok:
			p.Lists[name] = have.Version
		}
	}
	var err error
	switch {
	case b.Raise != nil:
		err = r.raise(&p, *b.Raise, s)
	case b.Publish != nil:
		err = publish(&p, *b.Publish, s, at)
	default:
		err = priced(&p, b.Prices, s)
	}
	slices.SortFunc(p.Changes, func(a, b Change) int {
		return cmp.Or(cmp.Compare(a.Product, b.Product), cmp.Compare(a.SKU, b.SKU), cmp.Compare(a.List, b.List))
	})
	return p, err
}

func bad(format string, args ...any) error {
	return world.E(world.CodeUnprocessed, "catalog.bulk", "Change the request: "+fmt.Sprintf(format, args...))
}

// put adds a SKU's next price, unless it is the price already.
func (p *Plan) put(k PricedSKU, list string, minor *int64) {
	have := k.Prices[list]
	if have.Minor == nil && minor == nil || have.Minor != nil && minor != nil && *have.Minor == *minor {
		p.Unchanged++
		return
	}
	c := Change{SKU: k.SKU, Product: k.Product, List: list, Replaces: have.Version, Old: have.Minor, New: minor}
	if list != world.BaseList {
		c.Base = k.Prices[world.BaseList].Minor
	}
	p.Changes = append(p.Changes, c)
}

func priced(p *Plan, prices []PriceChange, s Snapshot) error {
	skus := map[string]PricedSKU{}
	for _, k := range s.SKUs {
		skus[k.SKU] = k
	}
	for i, c := range prices {
		k, ok := skus[c.SKU]
		if !ok {
			return bad("prices[%d].sku: the market has no SKU %.60q.", i, c.SKU)
		}
		p.put(k, cmp.Or(c.List, world.BaseList), c.Minor)
	}
	return nil
}

func (r Rules) raise(p *Plan, rule Raise, s Snapshot) error {
	text, down := strings.CutPrefix(strings.TrimPrefix(rule.Percent, "+"), "-")
	rate, err := money.ParsePercent(text)
	if err != nil {
		return err
	}
	if down {
		rate = -rate
	}
	ending, err := money.CharmOf(r.Market.Currency, rule.Ending)
	if err != nil {
		return err
	}
	for _, k := range s.SKUs {
		base := k.Prices[world.BaseList].Minor
		if base == nil {
			continue
		}
		next, err := ending.Raise(money.Amount{Minor: *base, Currency: r.Market.Currency}, rate)
		if err != nil {
			return err
		}
		if next.Minor < 1 || next.Minor > r.MaxPrice {
			return bad("raise.percent: %s would cost %s: a price is above nothing, and at most %d minor units.", k.SKU, next, r.MaxPrice)
		}
		p.put(k, cmp.Or(rule.Into, world.BaseList), &next.Minor)
	}
	return nil
}

func publish(p *Plan, rule Publish, s Snapshot, at time.Time) error {
	found := map[string]bool{}
	for _, q := range s.Products {
		found[q.Slug] = true
		over := q.Until != nil && !q.Until.After(at)
		if rule.Withdraw && over || !rule.Withdraw && same(q.From, rule.From) && same(q.Until, rule.Until) {
			p.Unchanged++
			continue
		}
		p.Changes = append(p.Changes, Change{Product: q.Slug, Replaces: q.Version, OldFrom: q.From, OldUntil: q.Until, From: utc(rule.From), Until: utc(rule.Until), Withdraw: rule.Withdraw})
	}
	for i, slug := range rule.Products {
		if !found[slug] {
			return bad("publish.products[%d]: the market has no product %.60q.", i, slug)
		}
	}
	return nil
}

func same(a, b *time.Time) bool {
	return a == nil && b == nil || a != nil && b != nil && a.Equal(*b)
}

func utc(t *time.Time) *time.Time {
	if t == nil {
		return nil
	}
	u := t.UTC()
	return &u
}
