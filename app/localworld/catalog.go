package localworld

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"
	"time"

	"meridian/adapter/postgres"
	"meridian/adapter/yaml"
	"meridian/data"
	"meridian/world"
)

// catalogFile is data/catalog/{market}.yaml; data/README.md describes it.
type catalogFile struct {
	Market     string `yaml:"market"`
	Currency   string `yaml:"currency"`
	Categories []struct {
		Key  string                               `yaml:"key"`
		Text map[string]postgres.SeedCategoryText `yaml:"text"`
	} `yaml:"categories"`
	Products   []fileProduct `yaml:"products"`
	Lists      []fileList    `yaml:"lists"`
	Promotions []filePromo   `yaml:"promotions"`
	Slots      []fileSlot    `yaml:"slots"`
	Closed     []string      `yaml:"closed"`
}

type fileProduct struct {
	Slug       string           `yaml:"slug"`
	Art        string           `yaml:"art"`
	TaxClass   string           `yaml:"tax_class"`
	ServedHot  bool             `yaml:"served_hot"`
	ServedWith string           `yaml:"served_with"`
	PriceMinor int64            `yaml:"price_minor"`
	Stock      int              `yaml:"stock"`
	Category   string           `yaml:"category"`
	Brand      string           `yaml:"brand"`
	LeadHours  int              `yaml:"lead_hours"`
	Net        map[string]int   `yaml:"net"`
	Allergens  []world.Allergen `yaml:"allergens"`
	MayContain []world.Allergen `yaml:"may_contain"`
	Nutrition  map[string]int   `yaml:"nutrition"`
	Featured   bool             `yaml:"featured"`
	Photo      bool             `yaml:"photo"`
	Sizes      []struct {
		Key        string            `yaml:"key"`
		PriceMinor int64             `yaml:"price_minor"`
		Net        int               `yaml:"net"`
		Stock      int               `yaml:"stock"`
		Name       map[string]string `yaml:"name"`
	} `yaml:"sizes"`
	Text map[string]struct {
		Name        string `yaml:"name"`
		Description string `yaml:"description"`
		Ingredients string `yaml:"ingredients"`
		Address     string `yaml:"address"`
	} `yaml:"text"`
}

type fileList struct {
	List   string           `yaml:"list"`
	Rank   int              `yaml:"rank"`
	From   time.Time        `yaml:"from"`
	Until  time.Time        `yaml:"until"`
	Prices map[string]int64 `yaml:"prices"`
}

type filePromo struct {
	Promotion   string            `yaml:"promotion"`
	Labels      map[string]string `yaml:"labels"`
	Kind        string            `yaml:"kind"`
	Percent     string            `yaml:"percent"`
	AmountMinor int64             `yaml:"amount_minor"`
	MinMinor    int64             `yaml:"min_minor"`
	Buy         int               `yaml:"buy"`
	Get         int               `yaml:"get"`
	Code        string            `yaml:"code"`
	SKUs        []string          `yaml:"skus"`
	Categories  []string          `yaml:"categories"`
	From        time.Time         `yaml:"from"`
	Until       time.Time         `yaml:"until"`
	MaxUses     int               `yaml:"max_uses"`
	MaxPerBuyer int               `yaml:"max_per_buyer"`
}

type fileSlot struct {
	Kind          string `yaml:"kind"`
	Weekdays      []int  `yaml:"weekdays"`
	Start         string `yaml:"start"`
	End           string `yaml:"end"`
	Capacity      int    `yaml:"capacity"`
	CutoffMinutes int    `yaml:"cutoff_minutes"`
}

// seed is what the markets that a region is home of begin with, and in the main
// region head office's products. A market of another world than the shipped one
// begins with an empty catalog.
func (p *plan) seed(region string) (out postgres.Seed, err error) {
	brands := map[string]fileProduct{}
	for _, m := range p.w.Markets {
		f, ok, err := readCatalog(m)
		if err != nil {
			return out, err
		}
		if !ok {
			continue
		}
		if m.HomeRegion == region {
			if err := f.add(&out); err != nil {
				return out, err
			}
		}
		f.addBrands(brands)
	}
	if region == p.w.Main {
		out.Brands, err = brandSeeds(brands)
	}
	return out, err
}

// readCatalog reads a market's file; ok is false where the world that ships has
// none for it.
func readCatalog(m world.Market) (f *catalogFile, ok bool, err error) {
	name := "catalog/" + m.ID + ".yaml"
	text, err := fs.ReadFile(data.FS, name)
	if err != nil {
		return nil, false, nil
	}
	f = &catalogFile{}
	if err := yaml.Decode("data/"+name, strings.NewReader(string(text)), f); err != nil {
		return nil, false, err
	}
	return f, f.Currency == m.Currency, nil // else another country's shop goes by the same name
}

func (f *catalogFile) add(out *postgres.Seed) error {
	m := postgres.SeedMarket{Market: f.Market, Currency: f.Currency, Closed: f.Closed}
	for _, c := range f.Categories {
		m.Categories = append(m.Categories, postgres.SeedCategory{Key: c.Key, Texts: c.Text})
	}
	for _, l := range f.Lists {
		m.Lists = append(m.Lists, postgres.SeedList(l))
	}
	for _, q := range f.Promotions {
		m.Promotions = append(m.Promotions, postgres.SeedPromotion{Promotion: q.Promotion, Labels: q.Labels, Kind: q.Kind, Percent: q.Percent, AmountMinor: q.AmountMinor,
			MinMinor: q.MinMinor, Buy: q.Buy, Get: q.Get, Code: q.Code, SKUs: q.SKUs, Categories: q.Categories, From: q.From, Until: q.Until,
			MaxUses: q.MaxUses, MaxPerBuyer: q.MaxPerBuyer})
	}
	for _, s := range f.Slots {
		start, err1 := minuteOf(s.Start)
		end, err2 := minuteOf(s.End)
		if err1 != nil || err2 != nil {
			return world.E(world.CodeInvalid, "up.catalog", fmt.Sprintf("data/catalog/%s.yaml: a slot from %q to %q: write times such as 08:00", f.Market, s.Start, s.End))
		}
		for _, day := range s.Weekdays {
			m.Slots = append(m.Slots, postgres.SeedSlot{Kind: s.Kind, Weekday: day, StartMinute: start, EndMinute: end, Capacity: s.Capacity, CutoffMinutes: s.CutoffMinutes})
		}
	}
	for i, q := range f.Products {
		out.Products = append(out.Products, q.seed(f, i))
	}
	out.Markets = append(out.Markets, m)
	return nil
}

// minuteOf is a time of the day in minutes since midnight.
func minuteOf(text string) (int, error) {
	t, err := time.Parse("15:04", text)
	return t.Hour()*60 + t.Minute(), err
}

func (q fileProduct) seed(f *catalogFile, at int) postgres.SeedProduct {
	s := postgres.SeedProduct{
		Market: f.Market, Slug: q.Slug, Art: q.Art, TaxClass: q.TaxClass, ServedHot: q.ServedHot, ServedWith: q.ServedWith, Category: q.Category, Brand: q.Brand, Featured: q.Featured, TakesPhoto: q.Photo, Place: at,
		Lead: time.Duration(q.LeadHours) * time.Hour, Allergens: q.Allergens, MayContain: q.MayContain, Nutrition: q.nutrition(),
		PriceMinor: q.PriceMinor, Currency: f.Currency, Stock: q.Stock, Texts: map[string]postgres.SeedText{},
	}
	for unit, net := range q.Net {
		s.Net, s.NetUnit = net, unit
	}
	for _, z := range q.Sizes {
		s.SKUs = append(s.SKUs, postgres.SeedSKU{Key: z.Key, PriceMinor: z.PriceMinor, Stock: z.Stock, Net: z.Net, Names: z.Name})
	}
	for locale, t := range q.Text {
		s.Texts[locale] = postgres.SeedText{Name: t.Name, Description: t.Description, Ingredients: t.Ingredients, Address: t.Address}
	}
	return s
}

func (q fileProduct) nutrition() world.Nutrition {
	n := q.Nutrition
	return world.Nutrition{EnergyKJ: n["energy_kj"], EnergyKcal: n["energy_kcal"], FatMg: n["fat_mg"], SaturatesMg: n["saturates_mg"],
		CarbohydrateMg: n["carbohydrate_mg"], SugarsMg: n["sugars_mg"], ProteinMg: n["protein_mg"], SaltMg: n["salt_mg"]}
}

// addBrands adds the file's brand products to those of other markets: a brand
// product has the words of every market that has adopted it.
func (f *catalogFile) addBrands(brands map[string]fileProduct) {
	for _, q := range f.Products {
		if q.Brand == "" {
			continue
		}
		b, known := brands[q.Brand]
		if !known {
			b = q
			b.Text = maps.Clone(q.Text)
		}
		for locale, t := range q.Text {
			b.Text[locale] = t
		}
		brands[q.Brand] = b
	}
}

// brandSeeds are head office's products as documents.
func brandSeeds(brands map[string]fileProduct) (out []postgres.SeedBrand, err error) {
	for _, key := range slices.Sorted(maps.Keys(brands)) {
		q := brands[key]
		p := world.BrandProduct{Art: q.Art, TaxClass: q.TaxClass, ServedHot: q.ServedHot, ServedWith: q.ServedWith, TakesPhoto: q.Photo, LeadMinutes: q.LeadHours * 60,
			Allergens: q.Allergens, MayContain: q.MayContain, Nutrition: q.nutrition(), Texts: map[string]world.BrandText{}}
		for locale, t := range q.Text {
			p.Texts[locale] = world.BrandText{Name: t.Name, Description: t.Description, Ingredients: t.Ingredients}
		}
		doc, err := json.Marshal(p)
		if err != nil {
			return nil, world.Wrap("up.brands", err)
		}
		out = append(out, postgres.SeedBrand{Brand: key, Product: doc})
	}
	return out, nil
}
