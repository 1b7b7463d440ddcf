package postgres

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
)

// SeedMarket is what a new shop starts with beside its products.
type SeedMarket struct {
	Market     string
	Currency   string
	Categories []SeedCategory // in their order
	Lists      []SeedList
	Promotions []SeedPromotion
	Slots      []SeedSlot
	Closed     []string // days, 2026-12-25
}

// SeedCategory is a category with its words by locale.
type SeedCategory struct {
	Key   string
	Texts map[string]SeedCategoryText
}

// SeedCategoryText are a category's words and address in one locale.
type SeedCategoryText struct{ Name, Description, Address string }

// SeedList is a dated price list.
type SeedList struct {
	List        string
	Rank        int
	From, Until time.Time
	Prices      map[string]int64 // by SKU, in minor units
}

// SeedPromotion is a row of promotions; see the schema for its columns.
type SeedPromotion struct {
	Promotion, Kind, Percent, Code string
	Labels                         map[string]string // by locale
	AmountMinor, MinMinor          int64
	Buy, Get, MaxUses, MaxPerBuyer int
	SKUs, Categories               []string
	From, Until                    time.Time // zero: for ever
}

// SeedSlot is a rule of slots on one weekday, 0 for Sunday.
type SeedSlot struct {
	Kind                    string
	Weekday                 int
	StartMinute, EndMinute  int // since midnight
	Capacity, CutoffMinutes int
}

// seedMarket brings categories to what is given, and the rest to what it was when
// the shop was new: what somebody has changed since stays.
func seedMarket(ctx context.Context, tx pgx.Tx, m SeedMarket) (changed bool, err error) {
	b := &pgx.Batch{}
	edited, err := editedCategories(ctx, tx, m.Market)
	if err != nil {
		return false, err
	}
	for i, k := range m.Categories {
		if slices.Contains(edited, k.Key) {
			continue
		}
		b.Queue(`insert into category as o (market, category, place) values ($1, $2, $3)
			on conflict (market, category) do update set place = excluded.place where o.place <> excluded.place`, m.Market, k.Key, i)
		for _, locale := range slices.Sorted(maps.Keys(k.Texts)) {
			t := k.Texts[locale]
			b.Queue(`insert into category_text as o (market, category, locale, name, description, address) values ($1, $2, $3, $4, $5, $6)
				on conflict (market, category, locale) do update set name = excluded.name, description = excluded.description, address = excluded.address
				where (o.name, o.description, o.address) is distinct from (excluded.name, excluded.description, excluded.address)`,
				m.Market, k.Key, locale, t.Name, t.Description, t.Address)
		}
	}
	n, err := runBatch(ctx, tx, b)
	return n > 0, err
}

// editedCategories are those that an owner has changed.
func editedCategories(ctx context.Context, tx pgx.Tx, market string) ([]string, error) {
	rows, err := tx.Query(ctx, `select category from category where market = $1 and version > 1`, market)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowTo[string])
}

// seedTerms gives a market its lists, promotions and slots, which come after its
// products. Lists and promotions that are there stay as they are, as do the slots
// of a market that has any.
func seedTerms(ctx context.Context, tx pgx.Tx, m SeedMarket) (changed bool, err error) {
	b := &pgx.Batch{}
	for _, l := range m.Lists {
		b.Queue(`insert into price_list (market, list, rank, from_at, until_at) values ($1, $2, $3, coalesce($4::timestamptz, '-infinity'), coalesce($5::timestamptz, 'infinity')) on conflict do nothing`,
			m.Market, l.List, l.Rank, moment(l.From), moment(l.Until))
		for _, sku := range slices.Sorted(maps.Keys(l.Prices)) {
			b.Queue(`insert into price (market, sku, version, amount_minor, currency, list)
				select $1, $2, max(version) + 1, $3, $4, $5 from price where market = $1 and sku = $2 having not bool_or(list = $5)`,
				m.Market, sku, l.Prices[sku], m.Currency, l.List)
			// What is lowered from the first day on was dearer before that, or it
			// would be no reduction.
			b.Queue(`update price set valid_from = $3::timestamptz - interval '60 days' where market = $1 and sku = $2 and version = 1 and list = 'base' and valid_from > $3`,
				m.Market, sku, moment(l.From))
		}
	}
	for _, p := range m.Promotions {
		labels, err := json.Marshal(p.Labels)
		if err != nil {
			return false, fmt.Errorf("promotion %s: %w", p.Promotion, err)
		}
		b.Queue(`insert into promotion (market, promotion, labels, kind, percent, amount_minor, buy, get, code, skus, categories, min_minor, from_at, until_at, max_uses, max_per_buyer)
			values ($1, $2, $3, $4, nullif($5, '')::numeric, nullif($6::bigint, 0), nullif($7::integer, 0), nullif($8::integer, 0), $9, coalesce($10::text[], '{}'), coalesce($11::text[], '{}'), $12,
				coalesce($13::timestamptz, '-infinity'), coalesce($14::timestamptz, 'infinity'), $15, $16) on conflict do nothing`,
			m.Market, p.Promotion, labels, p.Kind, p.Percent, p.AmountMinor, p.Buy, p.Get, p.Code, p.SKUs, p.Categories, p.MinMinor,
			moment(p.From), moment(p.Until), p.MaxUses, p.MaxPerBuyer)
	}
	if err := seedSlots(ctx, tx, b, m); err != nil {
		return false, err
	}
	n, err := runBatch(ctx, tx, b)
	return n > 0, err
}

func seedSlots(ctx context.Context, tx pgx.Tx, b *pgx.Batch, m SeedMarket) error {
	var has bool
	if err := tx.QueryRow(ctx, `select exists (select from slot_rule where market = $1)`, m.Market).Scan(&has); err != nil || has {
		return err
	}
	for _, s := range m.Slots {
		b.Queue(`insert into slot_rule (market, kind, weekday, start_minute, end_minute, capacity, cutoff) values ($1, $2, $3, $4, $5, $6, $7)`,
			m.Market, s.Kind, s.Weekday, s.StartMinute, s.EndMinute, s.Capacity, s.CutoffMinutes)
	}
	for _, day := range m.Closed {
		b.Queue(`insert into slot_closed (market, day, kind) values ($1, $2::text::date, '')`, m.Market, day)
	}
	return nil
}

// SeedBrand is head office's product: the first version of it, as a document.
type SeedBrand struct {
	Brand   string
	Product json.RawMessage
}

// seedBrands writes the first version of each brand product that has none.
func seedBrands(ctx context.Context, tx pgx.Tx, brands []SeedBrand) error {
	b := &pgx.Batch{}
	for _, p := range brands {
		b.Queue(`insert into brand_product (brand, version, product) values ($1, 1, $2) on conflict do nothing`, p.Brand, p.Product)
	}
	_, err := runBatch(ctx, tx, b)
	return err
}
