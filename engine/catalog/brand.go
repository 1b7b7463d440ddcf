package catalog

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"time"

	"meridian/world"
)

// Brand is head office's product in one of its versions, and what a market made of
// it.
type Brand struct {
	Brand   string             `json:"brand" example:"pretzel"`
	Version int64              `json:"version" doc:"the newest" example:"2"`
	Product world.BrandProduct `json:"product"`
	Slug    string             `json:"slug,omitempty" doc:"of the market's product that was adopted from it; none where none was" example:"brezel"`
	Adopted int64              `json:"adopted,omitempty" doc:"the version that it is up to date with" example:"1"`
}

// Adoption is how a market takes over a product of head office's: what is its own.
type Adoption struct {
	_ struct{} `additionalProperties:"false"`

	Version   int64                `json:"version,omitempty" minimum:"0" doc:"none: the newest"`
	Slug      string               `json:"slug,omitempty" maxLength:"60" doc:"none: the brand product's key"`
	Category  string               `json:"category,omitempty" maxLength:"60" example:"rolls"`
	TaxClass  string               `json:"tax_class,omitempty" maxLength:"60" doc:"none: head office's"`
	Place     int32                `json:"place,omitempty"`
	Addresses map[string]string    `json:"addresses,omitempty" doc:"by locale; none: the slug"`
	Texts     map[string]DraftText `json:"texts,omitempty" doc:"the market's own words by locale, in place of head office's"`
	From      *time.Time           `json:"published_from,omitempty" doc:"none: at once"`
	Until     *time.Time           `json:"published_until,omitempty" doc:"none: for ever"`
	SKUs      []DraftSKU           `json:"skus" nullable:"false" doc:"with their first prices"`
}

// Update is how a product is brought up to date with head office's.
type Update struct {
	_ struct{} `additionalProperties:"false"`

	Version int64    `json:"version,omitempty" minimum:"0" doc:"none: the newest"`
	Take    []string `json:"take,omitempty" nullable:"false" maxItems:"200" doc:"fields of which head office's is taken though the market has changed them"`
}

// What a field is about in an update.
const (
	Local = "local" // the market alone has changed it: it stays
	Head  = "head"  // head office alone has: it is taken
	Both  = "both"  // both have, differently: the market's stays unless it is told otherwise
)

// Difference is a field of a product that is not head office's.
type Difference struct {
	Field   string          `json:"field" example:"texts.de-DE.name"`
	Changed string          `json:"changed" doc:"by whom since it was adopted: local, head or both" example:"head"`
	Base    json.RawMessage `json:"base" doc:"as head office had it when it was adopted or last updated"`
	Head    json.RawMessage `json:"head" doc:"as head office has it now"`
	Local   json.RawMessage `json:"local" doc:"as the market has it"`
}

// Differences are the fields in which a market's product is not head office's, in
// order. base is the version that it was adopted from or last brought up to.
func Differences(base, head, local world.BrandProduct, locales []string) []Difference {
	b, h, l := fields(base, locales), fields(head, locales), fields(local, locales)
	out := []Difference{}
	for _, field := range slices.Sorted(maps.Keys(h)) {
		if h[field] == l[field] {
			continue
		}
		d := Difference{Field: field, Base: json.RawMessage(b[field]), Head: json.RawMessage(h[field]), Local: json.RawMessage(l[field])}
		switch {
		case b[field] == h[field]:
			d.Changed = Local
		case b[field] == l[field]:
			d.Changed = Head
		default:
			d.Changed = Both
		}
		out = append(out, d)
	}
	return out
}

// Merge brings a market's product up to head office's by fields: one that the
// market has not changed since base becomes head office's, one that it has stays,
// unless it is among take. It returns the product and what stays different.
func Merge(base, head, local world.BrandProduct, locales, take []string) (world.BrandProduct, []Difference) {
	merged := fields(local, locales)
	theirs := fields(head, locales)
	for _, d := range Differences(base, head, local, locales) {
		if d.Changed == Head || slices.Contains(take, d.Field) {
			merged[d.Field] = theirs[d.Field]
		}
	}
	out := unfold(merged, locales)
	return out, Differences(base, head, out, locales)
}

// texts is what the name of a field of words begins with.
const texts = "texts."

// fields are a product's fields as JSON by their names: those of each locale's words
// one by one.
func fields(p world.BrandProduct, locales []string) map[string]string {
	p.Allergens, p.MayContain = ordered(p.Allergens), ordered(p.MayContain)
	out := map[string]string{}
	v := reflect.ValueOf(p)
	for i := range v.NumField() {
		if name, _, _ := strings.Cut(v.Type().Field(i).Tag.Get("json"), ","); name != "texts" {
			out[name] = asJSON(v.Field(i).Interface())
		}
	}
	for _, locale := range locales {
		t := p.Texts[locale]
		out[texts+locale+".name"], out[texts+locale+".description"], out[texts+locale+".ingredients"] = asJSON(t.Name), asJSON(t.Description), asJSON(t.Ingredients)
	}
	return out
}

// unfold is the product of its fields.
func unfold(from map[string]string, locales []string) (p world.BrandProduct) {
	doc := map[string]json.RawMessage{}
	for name, value := range from {
		if !strings.HasPrefix(name, texts) {
			doc[name] = json.RawMessage(value)
		}
	}
	_ = json.Unmarshal([]byte(asJSON(doc)), &p) // what was made of a product
	p.Texts = map[string]world.BrandText{}
	for _, locale := range locales {
		var t world.BrandText
		for field, into := range map[string]*string{"name": &t.Name, "description": &t.Description, "ingredients": &t.Ingredients} {
			_ = json.Unmarshal([]byte(from[texts+locale+"."+field]), into)
		}
		if t != (world.BrandText{}) {
			p.Texts[locale] = t
		}
	}
	return p
}

func asJSON(v any) string {
	b, _ := json.Marshal(v) // of plain values
	return string(b)
}

// ordered are allergens in the order of the list that everybody has.
func ordered(list []world.Allergen) []world.Allergen {
	out := []world.Allergen{}
	for _, a := range world.Allergens() {
		if slices.Contains(list, a) {
			out = append(out, a)
		}
	}
	return out
}

// Locales are those in which a market's product and head office's have words: the
// market's, and their languages where either has them.
func Locales(m world.Market, of ...world.BrandProduct) (out []string) {
	for _, l := range m.Locales {
		language, _, _ := strings.Cut(l, "-")
		for _, l := range []string{l, language} {
			has := slices.ContainsFunc(of, func(p world.BrandProduct) bool { _, ok := p.Texts[l]; return ok })
			if has && !slices.Contains(out, l) {
				out = append(out, l)
			}
		}
	}
	slices.Sort(out)
	return out
}

// Branded is what a draft has of what head office's products have.
func (d Draft) Branded() world.BrandProduct {
	p := world.BrandProduct{Art: d.Art, TaxClass: d.TaxClass, ServedHot: d.ServedHot, ServedWith: d.ServedWith, TakesPhoto: d.TakesPhoto, LeadMinutes: d.LeadMinutes, Allergens: d.Allergens, MayContain: d.MayContain, Texts: map[string]world.BrandText{}}
	if d.Nutrition != nil {
		p.Nutrition = *d.Nutrition
	}
	for locale, t := range d.Texts {
		p.Texts[locale] = world.BrandText{Name: t.Name, Description: t.Description, Ingredients: t.Ingredients}
	}
	return p
}

// With is the draft with what head office's product has in these places.
func (d Draft) With(p world.BrandProduct) Draft {
	d.ServedHot, d.ServedWith = p.ServedHot, p.ServedWith
	d.Art, d.TaxClass, d.TakesPhoto, d.LeadMinutes, d.Allergens, d.MayContain, d.Nutrition = p.Art, p.TaxClass, p.TakesPhoto, p.LeadMinutes, p.Allergens, p.MayContain, nil
	if p.Nutrition.Known() {
		d.Nutrition = &p.Nutrition
	}
	words := map[string]DraftText{}
	for locale, t := range p.Texts {
		own := d.Texts[locale]
		own.Name, own.Description, own.Ingredients = t.Name, t.Description, t.Ingredients
		words[locale] = own
	}
	d.Texts = words
	return d
}

// Draft is the product that a market gets by adopting one of head office's.
func (a Adoption) Draft(brand string, p world.BrandProduct, m world.Market) Draft {
	d := Draft{Slug: cmp.Or(a.Slug, brand), Category: a.Category, Place: a.Place, SKUs: a.SKUs, Texts: map[string]DraftText{}}
	for locale, address := range a.Addresses {
		d.Texts[locale] = DraftText{Address: address}
	}
	words := map[string]world.BrandText{}
	for _, locale := range Locales(m, p) {
		words[locale] = p.Texts[locale]
	}
	p.Texts = words
	p.TaxClass = cmp.Or(a.TaxClass, p.TaxClass)
	d = d.With(p)
	maps.Copy(d.Texts, a.Texts)
	d.From, d.Until = a.From, a.Until
	return d
}

// UpTo is the draft brought up to a version of head office's from the one that it
// is up to; see [Merge]. Errors: invalid for a field among take that is none.
func (d Draft) UpTo(base, head world.BrandProduct, m world.Market, take []string) (Draft, []Difference, error) {
	mine := d.Branded()
	locales := Locales(m, base, head, mine)
	known := fields(head, locales)
	for i, field := range take {
		if _, ok := known[field]; !ok {
			return d, nil, world.E(world.CodeInvalid, "catalog.update", fmt.Sprintf("Change the request: take[%d]: there is no field %.60q: diff names those that differ.", i, field))
		}
	}
	merged, left := Merge(base, head, mine, locales, take)
	return d.With(merged), left, nil
}

// CheckBrand tells what cannot be in a product of head office's; invalid, with the
// fields named. Its words may be in any language: each market takes its own.
func (r Rules) CheckBrand(brand string, p world.BrandProduct) error {
	var f faults
	f.key("brand", brand)
	if p.Art != "" {
		f.key("art", p.Art)
	}
	f.key("tax_class", strings.ReplaceAll(p.TaxClass, "_", "-"))
	f.served(p.ServedWith)
	if p.LeadMinutes < 0 || p.LeadMinutes > MaxLead {
		f.add("lead_minutes", "write 0 to %d", MaxLead)
	}
	f.allergens(p.Allergens, p.MayContain)
	if p.Nutrition.Known() {
		f.nutrition(&p.Nutrition)
	}
	if len(p.Texts) < 1 || len(p.Texts) > MaxLocales {
		f.add("texts", "give 1 to %d", MaxLocales)
	}
	for _, locale := range slices.Sorted(maps.Keys(p.Texts)) {
		t := p.Texts[locale]
		if !localeForm.MatchString(locale) {
			f.add("texts", "%.20q is no locale", locale)
		}
		f.text("texts."+locale+".name", t.Name, 1, MaxName)
		f.text("texts."+locale+".description", t.Description, 0, MaxDescription)
		f.text("texts."+locale+".ingredients", t.Ingredients, 0, MaxIngredients)
	}
	return f.err("catalog.brand")
}

var localeForm = regexp.MustCompile(`^[a-z]{2,3}(-[A-Z][a-z]{3})?(-[A-Z]{2})?$`)
