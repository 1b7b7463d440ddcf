package postgres

import (
	"context"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype/zeronull"

	"meridian/world"
)

// searchLooks is how many products one search looks at, at most, whatever it looks
// for. What fewer have is ranked as a whole and counted; what more have is shown in
// the order of where they have it, and goes on from where it was looked to.
const searchLooks = 500

// searchQuery is the statement of a search. $4 is what is looked for, $5 to $7 the
// place that the page begins behind, $8 its length, $9 [searchLooks].
const searchQuery = `with shown as (
  select b.hits as total, b.turn, p.* from search_page($1, $2, $4, $3, $5, $6, $7, $8, $9) b
    cross join lateral (select * from product p where p.market = $1 and p.slug = b.product offset 0) p)` +
	productColumns + noPrior + productTables + byPlace

// lookedAt is the total of a product that says how far a search looked.
const lookedAt = -1

// Search is one page of the products whose words have everything that is looked
// for, the best first. The last word may be the beginning of one. It looks at
// so many products at most: a page that has fewer than it might, or none, still has
// a Next when there are more to look at. Total says how many products there are on
// all pages, or 0 when they are too many to be counted.
// It fails with invalid for a limit out of range, or an After that is none.
func (s *CatalogStore) Search(ctx context.Context, q world.SearchQuery) (world.Listing, error) {
	return s.search(ctx, q, searchLooks)
}

func (s *CatalogStore) search(ctx context.Context, q world.SearchQuery, looks int) (world.Listing, error) {
	const op = "postgres.search"
	m, c, err := s.of(op, q.Market)
	if err != nil {
		return world.Listing{}, err
	}
	after, ok := spot{turn: math.MinInt32}, true
	if q.After != "" {
		after, ok = parseSpot(q.After)
	}
	if !ok || q.Limit < 1 || q.Limit > world.MaxList {
		return world.Listing{}, world.E(world.CodeInvalid, op, fmt.Sprintf("A page of a search has 1 to %d products and goes on where one ended: search anew.", world.MaxList))
	}
	f, err := s.products(ctx, c, m, searchQuery, m.ID, wordsOf(m, q.Locale), q.At, world.SearchText(q.Text), after.turn, after.n, after.slug, q.Limit, looks)
	if err != nil {
		return world.Listing{}, mapError(op, err)
	}
	l := world.Listing{Products: f.products, Until: f.until, Total: int(f.total)}
	if f.seen == q.Limit || f.more {
		l.Next = f.last.String()
	}
	return l, s.addPictures(ctx, op, l.Products)
}

// categoriesQuery reads the categories of the market $1 that have something for sale at
// the moment $3, with all their words: of each first those of $2, the best first. There
// is a row when there are none, too.
const categoriesQuery = `
select u.until, k.category, t.locale, t.address, t.name, t.description
  from (select nullif(catalog_until($1, $3), 'infinity') as until offset 0) u
  left join (select * from category k where k.market = $1
               and exists (select from product p where p.market = k.market and p.category = k.category and p.published_until > $3 and p.published_from <= $3) offset 0) k on true
  left join category_text t on t.market = k.market and t.category = k.category
 order by k.place, k.category, array_position($2, t.locale), t.locale`

// Categories are a market's, in its order, with the words of a locale. One without
// words, or without a product that is for sale, is left out. until is when there may be
// others by the calendar alone; zero for never.
func (s *CatalogStore) Categories(ctx context.Context, market, locale string, at time.Time) (all []world.Category, until time.Time, err error) {
	const op = "postgres.categories"
	m, c, err := s.of(op, market)
	if err != nil {
		return nil, time.Time{}, err
	}
	words := wordsOf(m, locale)
	rows, err := c.Pool.Query(ctx, categoriesQuery, m.ID, words, at)
	if err != nil {
		return nil, time.Time{}, mapError(op, err)
	}
	var k world.Category
	var in string
	_, err = pgx.ForEachRow(rows, []any{(*zeronull.Timestamptz)(&until), (*zeronull.Text)(&k.Key), (*zeronull.Text)(&in), (*zeronull.Text)(&k.Address), (*zeronull.Text)(&k.Name), (*zeronull.Text)(&k.Description)}, func() error {
		if n := len(all); n > 0 && all[n-1].Key == k.Key {
			all[n-1].Addresses = append(all[n-1].Addresses, k.Address)
		} else if slices.Contains(words, in) {
			k.Addresses = []string{k.Address}
			all = append(all, k)
		}
		return nil
	})
	return all, until, mapError(op, err)
}
