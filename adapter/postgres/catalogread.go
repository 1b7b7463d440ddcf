package postgres

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype/zeronull"

	"meridian/world"
)

// productColumns are a product's row, one for each of its SKUs, from the products
// of shown in their order. $1 is the market, $2 the locales whose text will do, the
// best first, $3 the moment. What has no text, SKU or price has nulls: the list
// goes on behind it. Of the price lists in force the one of the highest rank that
// has a price for the SKU holds; the base price is looked for only where that is of
// another list.
const productColumns = `
select u.until, p.total, p.turn, p.place, p.slug, p.version, p.category, p.brand, p.brand_version, p.tax_class, coalesce(p.served_hot, false), p.served_with,
       coalesce(p.featured, false), coalesce(p.takes_photo, false), p.lead_minutes, p.allergens, p.may_contain, coalesce(p.nutrition, 'null'), p.media_id,
       t.address, t.name, t.description, t.ingredients, t.allergen_note,
       s.sku, coalesce(s.sold_out, false), x.name, coalesce(s.net, 0), s.net_unit, e.amount_minor, e.currency, e.version, e.list,
       coalesce(b.amount_minor, case when e.list = 'base' then e.amount_minor end), coalesce(b.version, case when e.list = 'base' then e.version end), `

const productTables = `
  from (select nullif(catalog_until($1, $3), 'infinity') as until offset 0) u
  left join shown p on true
  left join lateral (select * from product_text t where t.market = p.market and t.slug = p.slug and t.locale = any($2)
                      order by array_position($2, t.locale) limit 1) t on true
  left join lateral (select * from sku s where s.market = p.market and s.slug = p.slug and s.sold offset 0) s on true
  left join lateral (select x.name from sku_text x where x.market = s.market and x.sku = s.sku and x.locale = any($2)
                      order by array_position($2, x.locale) limit 1) x on true
  left join lateral (select r.amount_minor, r.currency, r.version, r.valid_from, l.list, l.from_at from price_list l
                       join lateral (select amount_minor, currency, version, valid_from from price r
                                      where r.market = s.market and r.sku = s.sku and r.list = l.list order by r.version desc limit 1) r on r.amount_minor is not null
                      where l.market = s.market and l.from_at <= $3 and l.until_at > $3
                      order by l.rank desc, l.list limit 1) e on true
  left join lateral (select amount_minor, version from price r
                      where e.list is distinct from 'base' and r.market = s.market and r.sku = s.sku and r.list = 'base' order by r.version desc limit 1) b on true`

const byPlace = `
 order by p.turn, p.place, p.slug, s.place, s.sku`

// forSale is written so that the planner takes nearly every product to be for sale,
// as it is. Of a moment that it does not know yet it expects a third of all to be
// before, and a third behind: with a ninth of a category it would rather read and
// sort all of that than look along its index as far as one page needs.
const forSale = ` and nullif(p.published_from <= $3 and p.published_until > $3, false) is not null`

// noPrior stands where a page says nothing of what a SKU cost before.
const noPrior = `0::bigint`

// prior is the lowest price of the thirty days before a list lowered it: what
// must be told beside it (Directive 98/6/EC, article 6a). Every price counts that
// a list in force then had, even one that another was ranked above, so it is
// never told too high.
const prior = `case when e.list <> 'base' and e.amount_minor < b.amount_minor then (
    select min(r.amount_minor) from price r join price_list l on l.market = r.market and l.list = r.list,
           lateral (select greatest(e.from_at, e.valid_from) as began) o
     where r.market = s.market and r.sku = s.sku and r.version <> e.version and r.amount_minor is not null
       and greatest(r.valid_from, l.from_at) < o.began
       and least(l.until_at, coalesce((select min(n.valid_from) from price n where n.market = r.market and n.sku = r.sku and n.list = r.list and n.version > r.version), 'infinity'))
           > o.began - interval '30 days') else 0 end`

// found is what a query of products comes to.
type found struct {
	products []world.Product
	until    time.Time
	last     spot  // of the last that was looked at, whether it can be shown or not
	seen     int   // how many were
	total    int64 // of a search, how many there are on all pages
	more     bool  // of a search, that it goes on behind the last though the page is not full
}

// spot is where a product stands in a list: in its market's order, or behind what
// the search found better.
type spot struct {
	turn int32
	n    int32
	slug string
}

// products runs a query made of the parts above.
func (s *CatalogStore) products(ctx context.Context, c *Cluster, m world.Market, query string, args ...any) (f found, err error) {
	rows, err := c.Pool.Query(ctx, query, args...)
	if err != nil {
		return f, err
	}
	defer rows.Close()
	for rows.Next() {
		if err := f.take(rows, m); err != nil {
			return f, err
		}
	}
	return f, rows.Err()
}

// take reads one row: a product's first SKU or a further one of its.
func (f *found) take(rows pgx.Rows, m world.Market) error {
	p, k := world.Product{Market: m.ID}, world.SKU{}
	var at spot
	var lead int64
	var nutrition []byte
	var allergens, mayContain []string
	err := rows.Scan((*zeronull.Timestamptz)(&f.until), (*zeronull.Int8)(&f.total), (*zeronull.Int4)(&at.turn), (*zeronull.Int4)(&at.n), (*zeronull.Text)(&p.Slug), (*zeronull.Int8)(&p.Version),
		(*zeronull.Text)(&p.Category), (*zeronull.Text)(&p.Brand), (*zeronull.Int8)(&p.BrandVersion), (*zeronull.Text)(&p.TaxClass), &p.ServedHot, (*zeronull.Text)(&p.ServedWith),
		&p.Featured, &p.TakesPhoto, (*zeronull.Int8)(&lead), &allergens, &mayContain, &nutrition, (*zeronull.Text)(&p.PictureID),
		(*zeronull.Text)(&p.Address), (*zeronull.Text)(&p.Name), (*zeronull.Text)(&p.Description), (*zeronull.Text)(&p.Ingredients), (*zeronull.Text)(&p.AllergenNote),
		(*zeronull.Text)(&k.Key), &k.SoldOut, (*zeronull.Text)(&k.Sort), &k.Net, (*zeronull.Text)(&k.NetUnit),
		(*zeronull.Int8)(&k.PriceMinor), (*zeronull.Text)(&k.Currency), (*zeronull.Int8)(&k.PriceVersion), (*zeronull.Text)(&k.PriceList),
		(*zeronull.Int8)(&k.BaseMinor), (*zeronull.Int8)(&k.BaseVersion), (*zeronull.Int8)(&k.PriorMinor))
	if err != nil || p.Slug == "" { // nothing was found but the moment
		return err
	}
	if f.last.slug != p.Slug {
		f.seen++
	}
	at.slug = p.Slug
	f.last = at
	if f.total == lookedAt {
		f.total, f.more = 0, true
		return nil
	}
	if p.Name == "" || k.PriceVersion == 0 {
		return nil
	}
	if n := len(f.products); n == 0 || f.products[n-1].Slug != p.Slug {
		p.Lead = time.Duration(lead) * time.Minute
		p.Allergens, p.MayContain = codes(allergens), codes(mayContain)
		if err := json.Unmarshal(nutrition, &p.Nutrition); err != nil {
			return err
		}
		f.products = append(f.products, p)
	}
	last := &f.products[len(f.products)-1]
	last.SKUs = append(last.SKUs, k)
	return nil
}

func codes(list []string) []world.Allergen {
	var out []world.Allergen
	for _, a := range list {
		out = append(out, world.Allergen(a))
	}
	return out
}

// wordsOf are the locales whose text will do for one, the best first: itself, its
// language, and the market's first with its language.
func wordsOf(m world.Market, locale string) []string {
	var out []string
	for _, l := range []string{locale, m.Locales[0]} {
		language, _, _ := strings.Cut(l, "-")
		for _, l := range []string{l, language} {
			if !slices.Contains(out, l) {
				out = append(out, l)
			}
		}
	}
	return out
}
