package catalog

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"meridian/engine/tax"
	"meridian/world"
)

// Limits of what is written, each counted in characters or entries.
const (
	MaxName        = 120
	MaxDescription = 4000
	MaxIngredients = 4000
	MaxNote        = 500
	MaxSKUs        = 50
	MaxLocales     = 20
	MaxNet         = 1_000_000 // g or ml
	MaxLead        = 43_200    // minutes: thirty days
	MaxRank        = 1000
)

// Rules are those of one market.
type Rules struct {
	Market   world.Market
	Classes  []string          // of goods, that its tax rules know
	MaxPrice int64             // in minor units
	Taxed    func(Draft) error // why the tax on a product is known nowhere in the market; nil: it is not asked
}

var keyForm = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,59}$`)

// faults gathers what is wrong, by field.
type faults []string

// mostFaults is how many are told at once.
const mostFaults = 5

func (f *faults) add(field, fix string, args ...any) {
	*f = append(*f, field+": "+fmt.Sprintf(fix, args...))
}

func (f faults) err(op string) error {
	if len(f) == 0 {
		return nil
	}
	return world.E(world.CodeInvalid, op, "Change the request: "+strings.Join(f[:min(len(f), mostFaults)], "; ")+".")
}

// Check tells what cannot be in a product; invalid, with the fields named.
func (r Rules) Check(d Draft) error {
	var f faults
	f.key("slug", d.Slug)
	if d.Category != "" {
		f.key("category", d.Category)
	}
	if d.Art != "" {
		f.key("art", d.Art)
	}
	if !slices.Contains(r.Classes, d.TaxClass) {
		f.add("tax_class", "the market's tax rules know %s", strings.Join(r.Classes, ", "))
	}
	f.served(d.ServedWith)
	if d.LeadMinutes < 0 || d.LeadMinutes > MaxLead {
		f.add("lead_minutes", "write 0 to %d", MaxLead)
	}
	f.span("published_until", d.From, d.Until)
	f.allergens(d.Allergens, d.MayContain)
	f.nutrition(d.Nutrition)
	f.locales("texts", slices.Sorted(maps.Keys(d.Texts)), r.Market)
	for _, locale := range slices.Sorted(maps.Keys(d.Texts)) {
		t := d.Texts[locale]
		at := "texts." + locale + "."
		f.text(at+"name", t.Name, 1, MaxName)
		f.text(at+"description", t.Description, 0, MaxDescription)
		f.text(at+"ingredients", t.Ingredients, 0, MaxIngredients)
		f.text(at+"allergen_note", t.AllergenNote, 0, MaxNote)
		if t.Address != "" {
			f.key(at+"address", t.Address)
		}
	}
	r.skus(&f, d.SKUs)
	if len(f) == 0 && r.Taxed != nil {
		if err := r.Taxed(d); err != nil {
			f.add("tax_class, served_hot, served_with", "as it is it could not be sold: %v", err)
		}
	}
	return f.err("catalog.product")
}

func (r Rules) skus(f *faults, list []DraftSKU) {
	if len(list) < 1 || len(list) > MaxSKUs {
		f.add("skus", "give 1 to %d", MaxSKUs)
	}
	seen := map[string]bool{}
	for i, k := range list[:min(len(list), MaxSKUs)] {
		at := fmt.Sprintf("skus[%d].", i)
		f.key(at+"sku", k.SKU)
		if seen[k.SKU] {
			f.add(at+"sku", "%s is there twice", k.SKU)
		}
		seen[k.SKU] = true
		if k.Net < 0 || k.Net > MaxNet || (k.Net == 0) != (k.NetUnit == "") || !slices.Contains([]string{"", "g", "ml"}, k.NetUnit) {
			f.add(at+"net", "write 1 to %d with net_unit g or ml, or neither", MaxNet)
		}
		if k.Price < 0 || k.Price > r.MaxPrice {
			f.add(at+"price", "write 1 to %d minor units", r.MaxPrice)
		}
		if len(k.Names) > 0 {
			f.locales(at+"names", slices.Sorted(maps.Keys(k.Names)), r.Market)
		} else if len(list) > 1 {
			f.add(at+"names", "a product with several sorts needs a name of each in %s", r.Market.Locales[0])
		}
		for _, locale := range slices.Sorted(maps.Keys(k.Names)) {
			f.text(at+"names."+locale, k.Names[locale], 1, MaxName)
		}
	}
}

// CheckCategory tells what cannot be in a category; invalid, with the fields named.
func (r Rules) CheckCategory(c Category) error {
	var f faults
	f.key("category", c.Category)
	f.locales("texts", slices.Sorted(maps.Keys(c.Texts)), r.Market)
	for _, locale := range slices.Sorted(maps.Keys(c.Texts)) {
		t := c.Texts[locale]
		at := "texts." + locale + "."
		f.text(at+"name", t.Name, 1, MaxName)
		f.text(at+"description", t.Description, 0, MaxDescription)
		if t.Address != "" {
			f.key(at+"address", t.Address)
		}
	}
	return f.err("catalog.category")
}

// CheckList tells what cannot be in a price list; invalid, with the fields named.
func (r Rules) CheckList(l List) error {
	var f faults
	f.key("list", l.List)
	if l.List == world.BaseList {
		f.add("list", "the base list always holds: choose another name")
	}
	if l.Rank < 1 || l.Rank > MaxRank {
		f.add("rank", "write 1 to %d", MaxRank)
	}
	f.span("until", l.From, l.Until)
	return f.err("catalog.list")
}

// CheckPrice tells whether an amount can be a price; invalid.
func (r Rules) CheckPrice(field string, minor int64) error {
	var f faults
	if minor < 1 || minor > r.MaxPrice {
		f.add(field, "write 1 to %d minor units", r.MaxPrice)
	}
	return f.err("catalog.price")
}

func (f *faults) served(with string) {
	if !slices.Contains([]tax.With{tax.Nothing, tax.Utensils, tax.Gift}, tax.With(with)) {
		f.add("served_with", "write %s or %s, or leave it out", tax.Utensils, tax.Gift)
	}
}

func (f *faults) key(field, value string) {
	if !keyForm.MatchString(value) {
		f.add(field, "write 1 to 60 of a-z, 0-9 and hyphens, without one at its beginning")
	}
}

func (f *faults) text(field, value string, least, most int) {
	n := utf8.RuneCountInString(value)
	switch {
	case !utf8.ValidString(value) || strings.ContainsFunc(value, func(c rune) bool { return unicode.IsControl(c) && c != '\n' }):
		f.add(field, "take out what are no visible characters")
	case n < least || n > most || least > 0 && strings.TrimSpace(value) == "":
		f.add(field, "write %d to %d characters", least, most)
	}
}

// Years of which something can be on sale: what every part behind can reckon with.
const (
	firstYear = 2000
	lastYear  = 2999
)

func (f *faults) span(field string, from, until *time.Time) {
	for _, t := range []*time.Time{from, until} {
		if t != nil && (t.UTC().Year() < firstYear || t.UTC().Year() > lastYear) {
			f.add(field, "the years are %d to %d", firstYear, lastYear)
			return
		}
	}
	if from != nil && until != nil && !from.Before(*until) {
		f.add(field, "it must be later than the beginning")
	}
}

// locales are those of the market, or their languages; its first is among them, for
// whoever reads another that has no words of its own.
func (f *faults) locales(field string, given []string, m world.Market) {
	var known []string
	for _, l := range m.Locales {
		language, _, _ := strings.Cut(l, "-")
		known = append(known, l, language)
	}
	for _, l := range given {
		if !slices.Contains(known, l) {
			f.add(field, "the market has no locale %.20q: use %s", l, strings.Join(m.Locales, ", "))
			return
		}
	}
	language, _, _ := strings.Cut(m.Locales[0], "-")
	if !slices.Contains(given, m.Locales[0]) && !slices.Contains(given, language) {
		f.add(field, "give it in %s", m.Locales[0])
	}
	if len(given) > MaxLocales {
		f.add(field, "give at most %d", MaxLocales)
	}
}

func (f *faults) allergens(in, traces []world.Allergen) {
	known := world.Allergens()
	for _, list := range []struct {
		field string
		codes []world.Allergen
	}{{"allergens", in}, {"may_contain", traces}} {
		for i, a := range list.codes {
			if !slices.Contains(known, a) {
				f.add(list.field, "there is no code %.20q", a)
			} else if slices.Contains(list.codes[:i], a) {
				f.add(list.field, "%s is there twice", a)
			}
		}
	}
	for _, a := range traces {
		if slices.Contains(in, a) {
			f.add("may_contain", "%s is among allergens already", a)
		}
	}
}

// Of 100 g nothing is more than 100 g; pure fat has 3700 kJ, or 900 kcal
// (Regulation (EU) No 1169/2011, Annex XIV).
const (
	maxMg   = 100_000
	maxKJ   = 3700
	maxKcal = 900
)

func (f *faults) nutrition(n *world.Nutrition) {
	if n == nil {
		return
	}
	for _, v := range []struct {
		field string
		value int
		most  int
	}{
		{"energy_kj", n.EnergyKJ, maxKJ}, {"energy_kcal", n.EnergyKcal, maxKcal}, {"fat_mg", n.FatMg, maxMg}, {"saturates_mg", n.SaturatesMg, n.FatMg},
		{"carbohydrate_mg", n.CarbohydrateMg, maxMg}, {"sugars_mg", n.SugarsMg, n.CarbohydrateMg}, {"protein_mg", n.ProteinMg, maxMg}, {"salt_mg", n.SaltMg, maxMg},
	} {
		if v.value < 0 || v.value > v.most {
			f.add("nutrition."+v.field, "write 0 to %d", max(v.most, 0))
		}
	}
	if !n.Known() {
		f.add("nutrition", "leave it out where nothing is known")
	}
}
