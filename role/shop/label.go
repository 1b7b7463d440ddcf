package shop

import (
	"fmt"
	"html/template"
	"slices"
	"strconv"
	"strings"

	"meridian/web"
	"meridian/world"
)

// label is what the law wants told beside a product.
type label struct {
	Ingredients template.HTML // what causes allergies stands out
	Note        string        // allergens in words, where there are no codes
	Contains    string
	MayContain  string
	Nutrition   []fact
	Lead        string // how long before it must be ordered
}

// fact is one row of a table.
type fact struct {
	Name, Value string
	Part        bool // of the row before
}

func (at *site) label(p world.Product) label {
	return label{Ingredients: web.Emphasised(p.Ingredients), Note: p.AllergenNote,
		Contains: at.allergens(p.Allergens), MayContain: at.allergens(p.MayContain), Nutrition: at.nutrition(p), Lead: at.lead(p)}
}

func (at *site) allergens(codes []world.Allergen) string {
	var words []string
	for _, a := range codes {
		words = append(words, at.texts.Text(allergenKey(a)))
	}
	return strings.Join(words, at.texts.Text("product.comma"))
}

func allergenKey(a world.Allergen) string { return "allergen." + string(a) }

// lead says how long before it is handed over a product must be ordered, in whole
// hours; "" where the same day will do.
func (at *site) lead(p world.Product) string {
	hours := int(p.Lead.Hours())
	if hours == 0 {
		return ""
	}
	return at.texts.Text("product.lead", "Count", hours)
}

// nutrition is the table of what 100 g have, in the order of Regulation (EU)
// No 1169/2011, Annex XV; nothing where it is not known.
func (at *site) nutrition(p world.Product) []fact {
	n := p.Nutrition
	if !n.Known() {
		return nil
	}
	grams := func(key string, mg int, part bool) fact {
		return fact{Name: at.texts.Text(key), Value: at.thousandths(mg, 1) + " g", Part: part}
	}
	return []fact{
		{Name: at.texts.Text("nutrition.energy"), Value: strconv.Itoa(n.EnergyKJ) + " kJ / " + strconv.Itoa(n.EnergyKcal) + " kcal"},
		grams("nutrition.fat", n.FatMg, false), grams("nutrition.saturates", n.SaturatesMg, true),
		grams("nutrition.carbohydrate", n.CarbohydrateMg, false), grams("nutrition.sugars", n.SugarsMg, true),
		grams("nutrition.protein", n.ProteinMg, false), grams("nutrition.salt", n.SaltMg, false),
	}
}

// thousandths is n / 1000 with so many digits, 1 to 3, rounded half up.
func (at *site) thousandths(n, digits int) string {
	step := []int{1000, 100, 10, 1}[digits]
	n = (n + step/2) / step * step
	return at.decimal(fmt.Sprintf("%d.%s", n/1000, fmt.Sprintf("%03d", n%1000)[:digits]))
}

// unitPrice is what a kilogram or a litre costs, in words; "" where [site.perUnit]
// has none.
func (at *site) unitPrice(k world.SKU) string {
	minor, unit := at.perUnit(k)
	if unit == "" {
		return ""
	}
	return at.texts.Text("product.unit_price", "Price", at.money(minor), "Unit", unit)
}

// perUnit is what a kilogram or a litre costs, where the market's law wants that
// told; no unit elsewhere and where it is not known how much the product is. It is
// rounded half up to the minor unit.
func (at *site) perUnit(k world.SKU) (minor int64, unit string) {
	unit = map[string]string{"g": "kg", "ml": "l"}[k.NetUnit]
	if !at.market.UnitPrices || k.Net <= 0 || unit == "" {
		return 0, ""
	}
	net := int64(k.Net)
	whole, part := k.PriceMinor/net*1000, k.PriceMinor%net*1000
	return whole + (2*part+net)/(2*net), unit
}

// netOf is how much a SKU is: "1,4 kg", "360 g", "0,75 l".
func (at *site) netOf(k world.SKU) string {
	larger := map[string]string{"g": "kg", "ml": "l"}[k.NetUnit]
	switch {
	case k.Net == 0:
		return ""
	case k.Net < 1000 && k.NetUnit == "g", larger == "":
		return strconv.Itoa(k.Net) + " " + k.NetUnit
	case k.Net%1000 == 0:
		return strconv.Itoa(k.Net/1000) + " " + larger
	}
	return strings.TrimRight(at.thousandths(k.Net, 3), "0") + " " + larger
}

// sort is a SKU on its product's page.
type sort struct {
	Key, Name, Price string
	Decimal          string // the price, for the script that shows it in another currency
	Net, UnitPrice   string
	Base             string // the usual price, where a list lowers it
	Prior            string // the lowest of the thirty days before that
	First            bool   // chosen as the page comes: what was chosen before, else the first that is not sold out
	SoldOut          bool
}

// sorts are what can be chosen of a product, as somebody has chosen before.
func (at *site) sorts(p world.Product, chosen string) (out []sort) {
	first := slices.IndexFunc(p.SKUs, func(k world.SKU) bool { return !k.SoldOut && k.Key == chosen })
	if first < 0 {
		first = max(0, slices.IndexFunc(p.SKUs, func(k world.SKU) bool { return !k.SoldOut }))
	}
	for i, k := range p.SKUs {
		s := sort{Key: k.Key, Name: k.Sort, Price: at.money(k.PriceMinor), Decimal: at.forScript(k.PriceMinor), Net: at.netOf(k), UnitPrice: at.unitPrice(k), First: i == first, SoldOut: k.SoldOut}
		if s.Name == "" {
			s.Name = s.Net
		}
		if k.PriceMinor < k.BaseMinor && k.PriorMinor > 0 {
			s.Base = at.money(k.BaseMinor)
			s.Prior = at.texts.Text("product.prior", "Price", at.money(k.PriorMinor))
		}
		out = append(out, s)
	}
	return out
}
