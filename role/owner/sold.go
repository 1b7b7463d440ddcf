package owner

import (
	"html/template"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"meridian/engine/catalog"
	"meridian/web"
	"meridian/world"
)

// soldBody is a product as it was when a line of an order was sold.
type soldBody struct {
	Order, Number, Name  string
	At, Since            moment
	Version              int64
	Slug, Taxed, Net     string
	Contains, MayContain string // "" for none
	Nutrition            []soldFact
	Texts                []soldText
}

type soldFact struct{ Name, Value string }

// soldText is what was told of it in one locale.
type soldText struct {
	Locale, Name, Description, Note string
	Ingredients                     template.HTML
}

// soldURL is where the n-th line of an order, from 0, is shown as it was sold; ""
// for an order from before versions of products were kept.
func soldURL(o world.Order, n int) string {
	if l := o.Lines[n]; l.Product == "" || l.ProductVersion == 0 {
		return ""
	}
	return ordersPath + "orders/" + o.ID + "/lines/" + strconv.Itoa(n+1)
}

// showSold shows what the market told of a product when it sold it, whatever the
// product has become.
func (o *Owner) showSold(v *visit) error {
	found, err := o.orderOf(v, v.r.PathValue("id"))
	if err != nil {
		return err
	}
	n, err := strconv.Atoi(v.r.PathValue("n"))
	if err != nil || n < 1 || n > len(found.Lines) || soldURL(found, n-1) == "" {
		return world.E(world.CodeNotFound, "owner.sold", "The order has no such line, or what it was sold by was not kept then.")
	}
	line := found.Lines[n-1]
	f, err := o.deps.Editing.ProductVersion(v.r.Context(), v.at.market.ID, line.Product, line.ProductVersion)
	if err != nil {
		return world.Wrap("owner.sold", err)
	}
	body := v.at.soldBody(f, line.SKU)
	body.Order, body.Number, body.Name, body.At = ordersPath+"orders/"+found.ID, found.Number, line.Name, v.at.moment(found.PlacedAt)
	return o.render(v, http.StatusOK, "sold", page{Title: line.Name, Section: "orders", Body: body})
}

func (at *site) soldBody(f catalog.Former, sku string) soldBody {
	body := soldBody{Since: at.moment(f.Since), Version: f.Version, Slug: f.Slug, Taxed: taxedAs(f.TaxClass, f.ServedHot, f.ServedWith),
		Contains: inWords(f.Allergens), MayContain: inWords(f.MayContain), Nutrition: soldNutrition(f.Nutrition)}
	for _, s := range f.SKUs {
		if s.SKU == sku && s.Net > 0 {
			body.Net = strconv.Itoa(s.Net) + " " + s.NetUnit
		}
	}
	for _, locale := range slices.Sorted(maps.Keys(f.Texts)) {
		t := f.Texts[locale]
		body.Texts = append(body.Texts, soldText{Locale: locale, Name: t.Name, Description: t.Description, Note: t.AllergenNote, Ingredients: web.Emphasised(t.Ingredients)})
	}
	return body
}

// inWords are codes as they are read: these pages are in English, as the codes are.
func inWords(list []world.Allergen) string {
	var words []string
	for _, a := range list {
		words = append(words, strings.ReplaceAll(string(a), "_", " "))
	}
	return strings.Join(words, ", ")
}

func soldNutrition(n *world.Nutrition) []soldFact {
	if n == nil || !n.Known() {
		return nil
	}
	grams := func(name string, mg int) soldFact {
		return soldFact{name, strconv.FormatFloat(float64(mg)/1000, 'f', -1, 64) + " g"}
	}
	return []soldFact{{"Energy", strconv.Itoa(n.EnergyKJ) + " kJ / " + strconv.Itoa(n.EnergyKcal) + " kcal"},
		grams("Fat", n.FatMg), grams("of which saturates", n.SaturatesMg), grams("Carbohydrate", n.CarbohydrateMg), grams("of which sugars", n.SugarsMg), grams("Protein", n.ProteinMg), grams("Salt", n.SaltMg)}
}
