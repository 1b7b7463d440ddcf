package data

import (
	"bytes"
	"encoding/csv"
	"encoding/xml"
	"io"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"sort"
	"strings"
	"testing"
	"text/template"
	"time"

	"go.yaml.in/yaml/v3"
)

type words struct {
	Name        string `yaml:"name"`
	Description string `yaml:"description"`
	Ingredients string `yaml:"ingredients"`
	Address     string `yaml:"address"`
}

type product struct {
	Slug       string           `yaml:"slug"`
	Art        string           `yaml:"art"`
	TaxClass   string           `yaml:"tax_class"`
	ServedHot  bool             `yaml:"served_hot"`
	ServedWith string           `yaml:"served_with"`
	PriceMinor int64            `yaml:"price_minor"`
	Stock      int              `yaml:"stock"`
	Featured   bool             `yaml:"featured"`
	Photo      bool             `yaml:"photo"`
	Category   string           `yaml:"category"`
	Brand      string           `yaml:"brand"`
	LeadHours  int              `yaml:"lead_hours"`
	Net        map[string]int   `yaml:"net"`
	Allergens  []string         `yaml:"allergens"`
	MayContain []string         `yaml:"may_contain"`
	Nutrition  map[string]int   `yaml:"nutrition"`
	Sizes      []size           `yaml:"sizes"`
	Text       map[string]words `yaml:"text"`
}

type size struct {
	Key        string            `yaml:"key"`
	PriceMinor int64             `yaml:"price_minor"`
	Net        int               `yaml:"net"`
	Stock      int               `yaml:"stock"`
	Name       map[string]string `yaml:"name"`
}

type category struct {
	Key  string `yaml:"key"`
	Text map[string]struct {
		Name        string `yaml:"name"`
		Description string `yaml:"description"`
		Address     string `yaml:"address"`
	} `yaml:"text"`
}

type catalog struct {
	Market     string     `yaml:"market"`
	Currency   string     `yaml:"currency"`
	Categories []category `yaml:"categories"`
	Products   []product  `yaml:"products"`
	Lists      []struct {
		List   string           `yaml:"list"`
		Rank   int              `yaml:"rank"`
		From   time.Time        `yaml:"from"`
		Until  time.Time        `yaml:"until"`
		Prices map[string]int64 `yaml:"prices"`
	} `yaml:"lists"`
	Promotions []map[string]any `yaml:"promotions"`
	Slots      []map[string]any `yaml:"slots"`
	Closed     []string         `yaml:"closed"`
}

// markets is what README.md promises of each. low and high bound a believable
// price in minor units, so that a price in the wrong unit is found.
var markets = map[string]struct {
	currency, jurisdiction string
	locales                []string
	low, high              int64
}{
	"us": {"USD", "US-", []string{"en-US"}, 500, 10000},
	"gb": {"GBP", "GB", []string{"en-GB"}, 200, 8000},
	"de": {"EUR", "DE", []string{"de-DE"}, 200, 8000},
	"jp": {"JPY", "JP", []string{"ja-JP"}, 150, 8000},
	"in": {"INR", "IN", []string{"en-IN", "hi-IN"}, 4000, 250000},
}

var locales = []string{"en-US", "en-GB", "de-DE", "ja-JP", "en-IN", "hi-IN"}

func read(t *testing.T, name string) []byte {
	t.Helper()
	b, err := FS.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func names(t *testing.T, pattern string) []string {
	t.Helper()
	found, err := fs.Glob(FS, pattern)
	if err != nil {
		t.Fatal(err)
	}
	var bare []string
	for _, f := range found {
		bare = append(bare, strings.TrimSuffix(path.Base(f), path.Ext(f)))
	}
	return bare
}

func readCatalog(t *testing.T, market string) catalog {
	t.Helper()
	d := yaml.NewDecoder(bytes.NewReader(read(t, "catalog/"+market+".yaml")))
	d.KnownFields(true)
	var c catalog
	if err := d.Decode(&c); err != nil {
		t.Fatalf("catalog of %s: %v", market, err)
	}
	return c
}

func TestCatalogs(t *testing.T) {
	if got := names(t, "catalog/*.yaml"); len(got) != len(markets) {
		t.Fatalf("catalogs %v, want one for each of %d markets", got, len(markets))
	}
	slug := regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`)
	for market, want := range markets {
		c := readCatalog(t, market)
		if c.Market != market || c.Currency != want.currency {
			t.Errorf("%s says it is market %q in %q", market, c.Market, c.Currency)
		}
		if len(c.Products) < 14 {
			t.Errorf("%s has %d products, want at least 14", market, len(c.Products))
		}
		slugs, arts, featured, photo := map[string]bool{}, map[string]bool{}, 0, 0
		for _, p := range c.Products {
			if !slug.MatchString(p.Slug) || len(p.Slug) > 60 || slugs[p.Slug] {
				t.Errorf("%s: slug %q is malformed, too long or used twice", market, p.Slug)
			}
			if arts[p.Art] {
				t.Errorf("%s: two products share the drawing %q", market, p.Art)
			}
			slugs[p.Slug], arts[p.Art] = true, true
			if p.PriceMinor < want.low || p.PriceMinor > want.high {
				t.Errorf("%s/%s: a price of %d is not believable in %s", market, p.Slug, p.PriceMinor, c.Currency)
			}
			if p.Stock <= 0 {
				t.Errorf("%s/%s: stock %d", market, p.Slug, p.Stock)
			}
			if p.Featured {
				featured++
			}
			if p.Photo {
				photo++
			}
			checkText(t, market+"/"+p.Slug, p.Text, want.locales)
			checkLabel(t, market, c, p, want.locales)
		}
		if photo != 1 {
			t.Errorf("%s has %d products with the buyer's photo, want one", market, photo)
		}
		if featured < 3 || featured > 5 {
			t.Errorf("%s features %d products", market, featured)
		}
	}
}

// checkLabel holds a product to what the law wants on its label, and its sizes and
// its category to what the market has.
func checkLabel(t *testing.T, market string, c catalog, p product, locales []string) {
	t.Helper()
	where := market + "/" + p.Slug
	if !slices.ContainsFunc(c.Categories, func(k category) bool {
		return k.Key == p.Category && len(k.Text) == len(locales)
	}) {
		t.Errorf("%s: its category %q is none of the market, or lacks words", where, p.Category)
	}
	for _, a := range p.MayContain {
		if slices.Contains(p.Allergens, a) {
			t.Errorf("%s: %s is in it and may be in it", where, a)
		}
	}
	n := p.Nutrition
	if len(n) != 8 || n["saturates_mg"] > n["fat_mg"] || n["sugars_mg"] > n["carbohydrate_mg"] || n["fat_mg"]+n["carbohydrate_mg"]+n["protein_mg"]+n["salt_mg"] > 100_000 {
		t.Errorf("%s: 100 g cannot have %v", where, n)
	}
	// Regulation (EU) No 1169/2011, Annex XIV: 37 kJ a gram of fat, 17 of the others.
	if kj := (37*n["fat_mg"] + 17*n["carbohydrate_mg"] + 17*n["protein_mg"]) / 1000; n["energy_kj"] < kj*9/10-5 || n["energy_kj"] > kj*11/10+5 {
		t.Errorf("%s: %d kJ, and its parts have %d", where, n["energy_kj"], kj)
	}
	if len(p.Net) != 1 || p.Net["g"]+p.Net["ml"] <= 0 {
		t.Errorf("%s: it is %v", where, p.Net)
	}
	if len(p.Sizes) > 0 && (p.Sizes[0].Key != p.Slug || p.Sizes[0].PriceMinor != p.PriceMinor || len(p.Sizes) < 2) {
		t.Errorf("%s: the first of its sizes is not the product's own", where)
	}
	for _, z := range p.Sizes {
		if z.PriceMinor <= 0 || z.Net <= 0 || z.Stock <= 0 || len(z.Name) != len(locales) {
			t.Errorf("%s: the size %+v is not whole", where, z)
		}
	}
}

func checkText(t *testing.T, where string, text map[string]words, want []string) {
	t.Helper()
	if len(text) != len(want) {
		t.Errorf("%s has text in %d locales, want %v", where, len(text), want)
	}
	for _, l := range want {
		w := text[l]
		if w.Name == "" || w.Ingredients == "" || strings.Count(w.Ingredients, "*")%2 != 0 {
			t.Errorf("%s lacks a name or well-formed ingredients in %s", where, l)
		}
		ends := strings.Count(w.Description, ". ") + strings.Count(w.Description, "。") + strings.Count(w.Description, "। ")
		if !strings.HasSuffix(w.Description, "。") {
			ends++
		}
		if ends < 2 || ends > 4 {
			t.Errorf("%s: the description in %s has %d sentences: %q", where, l, ends, w.Description)
		}
	}
}

func TestEveryDrawingExistsAndIsUsed(t *testing.T) {
	used := map[string]bool{}
	for market := range markets {
		for _, p := range readCatalog(t, market).Products {
			used[p.Art] = true
			if _, err := fs.Stat(FS, "art/"+p.Art+".svg"); err != nil {
				t.Errorf("%s/%s: %v", market, p.Slug, err)
			}
		}
	}
	drawings := names(t, "art/*.svg")
	if len(drawings) < 26 {
		t.Errorf("%d drawings, want at least 26", len(drawings))
	}
	for _, d := range drawings {
		if !used[d] {
			t.Errorf("no product uses art/%s.svg", d)
		}
	}
}

// safeElements are all that a drawing may be made of.
var safeElements = []string{"svg", "defs", "g", "use", "path", "rect", "ellipse", "linearGradient", "radialGradient", "stop", "clipPath"}

// svgFault says what makes a drawing unfit to be shown, or "".
func svgFault(src []byte) string {
	if len(src) >= 30000 {
		return "is 30 000 bytes or more"
	}
	ids, refs := map[string]bool{}, []string{}
	d := xml.NewDecoder(bytes.NewReader(src))
	for depth, seen := 0, 0; ; {
		tok, err := d.Token()
		if err == io.EOF && seen > 0 {
			break
		}
		if err != nil {
			return "is not well formed: " + err.Error()
		}
		switch e := tok.(type) {
		case xml.StartElement:
			if depth == 0 && attr(e, "viewBox") != "0 0 1600 1200" {
				return "has not the viewBox 0 0 1600 1200"
			}
			depth, seen = depth+1, seen+1
			if !slices.Contains(safeElements, e.Name.Local) {
				return "holds <" + e.Name.Local + ">"
			}
			for _, a := range e.Attr {
				if f := attrFault(a, ids, &refs); f != "" {
					return f
				}
			}
		case xml.EndElement:
			depth--
		case xml.Directive, xml.ProcInst:
			return "holds a directive"
		}
	}
	for _, r := range refs {
		if !ids[r] {
			return "refers to #" + r + ", which it does not hold"
		}
	}
	return ""
}

func attr(e xml.StartElement, name string) string {
	for _, a := range e.Attr {
		if a.Name.Local == name {
			return a.Value
		}
	}
	return ""
}

func attrFault(a xml.Attr, ids map[string]bool, refs *[]string) string {
	name := strings.ToLower(a.Name.Local)
	switch {
	case strings.HasPrefix(name, "on"):
		return "has the event attribute " + name
	case name == "style", name == "filter":
		return "has the attribute " + name
	case name == "id":
		ids[a.Value] = true
	case name == "href", name == "src":
		if !strings.HasPrefix(a.Value, "#") {
			return "refers to " + a.Value
		}
		*refs = append(*refs, a.Value[1:])
	case strings.Contains(a.Value, "url("):
		id, ok := strings.CutPrefix(a.Value, "url(#")
		if !ok {
			return "refers to " + a.Value
		}
		*refs = append(*refs, strings.TrimSuffix(id, ")"))
	}
	return ""
}

func TestDrawingsAreSafe(t *testing.T) {
	for _, n := range names(t, "art/*.svg") {
		if f := svgFault(read(t, "art/"+n+".svg")); f != "" {
			t.Errorf("art/%s.svg %s", n, f)
		}
	}
}

func TestUnsafeDrawingsAreFound(t *testing.T) {
	wrap := func(s string) []byte {
		return []byte(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1600 1200">` + s + `</svg>`)
	}
	if f := svgFault(wrap(`<g id="a"/><use href="#a"/>`)); f != "" {
		t.Errorf("a safe drawing %s", f)
	}
	for _, bad := range [][]byte{
		wrap(`<script>x</script>`), wrap(`<text>x</text>`), wrap(`<image href="#a"/>`), wrap(`<use href="https://example.com/a.svg#a"/>`),
		wrap(`<g onclick="x"/>`), wrap(`<path fill="url(https://example.com/a)"/>`), wrap(`<path fill="url(#none)"/>`), wrap(`<path>`),
		wrap(strings.Repeat(" ", 30000)), []byte(`<svg/>`), {},
	} {
		if svgFault(bad) == "" {
			t.Errorf("%.80q passed", bad)
		}
	}
}

// taxClasses are the classes that have a rule in each jurisdiction, whatever
// its date and circumstances; engine/tax tests what the rules say.
func taxClasses(t *testing.T) map[string]map[string]bool {
	t.Helper()
	rows, err := csv.NewReader(bytes.NewReader(read(t, "tax.csv"))).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	at := map[string]int{}
	for i, column := range rows[0] {
		at[column] = i
	}
	places := map[string]map[string]bool{}
	for _, row := range rows[1:] {
		place := row[at["jurisdiction"]]
		if places[place] == nil {
			places[place] = map[string]bool{}
		}
		for class := range strings.FieldsSeq(row[at["classes"]]) {
			places[place][class] = true
		}
	}
	return places
}

func TestEveryProductHasARateWhereItIsSold(t *testing.T) {
	places := taxClasses(t)
	state := regexp.MustCompile(`^[A-Z]{2}(-[A-Z]{2})?$`) // smaller places add to their state's rules
	for market, want := range markets {
		found := 0
		for place, classes := range places {
			if !strings.HasPrefix(place, want.jurisdiction) || !state.MatchString(place) {
				continue
			}
			found++
			for _, p := range readCatalog(t, market).Products {
				if !classes[p.TaxClass] {
					t.Errorf("%s/%s: no rate for %s in %s", market, p.Slug, p.TaxClass, place)
				}
			}
		}
		if found == 0 {
			t.Errorf("%s has no jurisdiction", market)
		}
	}
}

// readLocale gives each key's forms: "" for a plain text, else by plural category.
func readLocale(t *testing.T, locale string) map[string]map[string]string {
	t.Helper()
	var nodes map[string]yaml.Node
	if err := yaml.Unmarshal(read(t, "locales/"+locale+".yaml"), &nodes); err != nil {
		t.Fatalf("%s: %v", locale, err)
	}
	texts := map[string]map[string]string{}
	for key, n := range nodes {
		forms := map[string]string{}
		if n.Kind == yaml.ScalarNode {
			forms[""] = n.Value
		} else if err := n.Decode(&forms); err != nil {
			t.Fatalf("%s: %s: %v", locale, key, err)
		}
		texts[key] = forms
	}
	return texts
}

var placeholder = regexp.MustCompile(`\{\{\.([A-Za-z]+)\}\}`)

func placeholders(forms map[string]string) []string {
	seen := map[string]bool{}
	for _, text := range forms {
		for _, m := range placeholder.FindAllStringSubmatch(text, -1) {
			seen[m[1]] = true
		}
	}
	var list []string
	for name := range seen {
		list = append(list, name)
	}
	sort.Strings(list)
	return list
}

func TestLocalesSayTheSame(t *testing.T) {
	got := names(t, "locales/*.yaml")
	want := slices.Clone(locales)
	sort.Strings(want)
	if !slices.Equal(got, want) {
		t.Fatalf("locales %v, want %v", got, want)
	}
	model := readLocale(t, "en-GB")
	key := regexp.MustCompile(`^[a-z]+(_[a-z]+)*(\.[a-z0-9]+(_[a-z0-9]+)*)+$`)
	for _, locale := range locales {
		texts := readLocale(t, locale)
		if len(texts) != len(model) {
			t.Errorf("%s has %d keys, en-GB %d", locale, len(texts), len(model))
		}
		for k, forms := range texts {
			if _, ok := model[k]; !ok || !key.MatchString(k) {
				t.Errorf("%s: the key %q is not in en-GB or is malformed", locale, k)
			}
			checkForms(t, locale+": "+k, forms, pluralsOf(locale, len(model[k][""]) == 0))
			// Only the tax lines differ: the US names the place, and a zero rate has no number.
			if p := placeholders(forms); !strings.HasPrefix(k, "tax.") && !slices.Equal(p, placeholders(model[k])) {
				t.Errorf("%s: %s uses %v, en-GB %v", locale, k, p, placeholders(model[k]))
			}
		}
	}
}

// pluralsOf are the plural categories of a text in a locale (CLDR).
func pluralsOf(locale string, plural bool) []string {
	switch {
	case !plural:
		return []string{""}
	case locale == "ja-JP":
		return []string{"other"}
	}
	return []string{"one", "other"}
}

func checkForms(t *testing.T, where string, forms map[string]string, want []string) {
	t.Helper()
	if len(forms) != len(want) {
		t.Errorf("%s has the forms %v, want %q", where, forms, want)
	}
	known := map[string]string{"Count": "3", "Rate": "7", "Place": "Texas", "Label": "VAT", "Name": "Pie", "Old": "1", "New": "2", "Max": "9", "ID": "x", "Price": "€1", "Unit": "kg", "Brand": "Crumbs", "Number": "SC-1", "Amount": "1", "Until": "noon", "Day": "1 May", "Source": "a bank", "Currency": "EUR", "Code": "TEN", "By": "Ten", "Need": "€5", "Pieces": "3", "When": "noon", "Year": "2026", "Month": "05", "N": "1", "Missed": "2"}
	for _, f := range want {
		if strings.TrimSpace(forms[f]) == "" {
			t.Errorf("%s has no form %q", where, f)
		}
		tmpl, err := template.New(where).Option("missingkey=error").Parse(forms[f])
		if err == nil {
			err = tmpl.Execute(io.Discard, known)
		}
		if err != nil {
			t.Errorf("%s: %v", where, err)
		}
	}
}
