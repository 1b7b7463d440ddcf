package postgres_test

import (
	"encoding/json"
	"os"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"meridian/adapter/postgres"
	"meridian/test/pgtest"
)

// A step of a schema is what one migration may change of the rows that are there,
// and rows that its tables are given for the migrations after it.
type step struct {
	renamed map[string]string // "table.column" by "table.column"
	dropped []string          // tables whose rows are elsewhere from then on
	fill    string
}

var residentSteps = map[int64]step{
	6: {fill: before + `
insert into owner_account values ('de', 'anna@example.com', 'hash');
insert into owner_session values ('\x01', 'de', 'anna@example.com', '2027-01-01');
insert into unused_photo values ('20abcdefghjkmnpr', '2026-03-01', '2026-03-02', 'away'), ('20abcdefghjkmnps', '2026-03-03', null, '');`},
	7: {renamed: map[string]string{"cart_line.slug": "cart_line.sku", "order_line.slug": "order_line.sku", "orders.state": "orders.address_state"}, dropped: []string{"stock"}, fill: `
insert into orders (id, number, market, cart_id, idempotency_key, locale, name, email, line1, city, postal_code, jurisdiction, currency, net_minor, tax_minor, total_minor, placed_at,
                    state, version, state_at, expires_at, payment_method, fulfilment, inclusive, discount_minor, refunded_minor, slot, slot_start, slot_end)
values ('w0000000000000000000000000', 'SC-DE-2', 'de', 'c0000000000000000000000004', 'k5', 'de-DE', 'Eve', 'eve@example.com', '', '', '', 'DE', 'EUR', 280, 20, 300, '2026-04-01', 'awaiting_payment', 1, '2026-04-01', '2026-04-01 00:15', 'card', 'pickup', true, 60, 0, 'pickup-2026-04-02-0900', '2026-04-02 07:00+00', '2026-04-02 08:00+00'),
       ('p0000000000000000000000000', 'SC-DE-3', 'de', 'c0000000000000000000000005', 'k6', 'de-DE', 'Flo', 'flo@example.com', 'Weg 2', 'Bonn', '53111', 'DE', 'EUR', 336, 24, 360, '2026-04-01', 'completed', 4, '2026-04-02', null, 'card', 'delivery', true, 0, 180, '', null, null);
insert into order_line (order_id, n, sku, name, tax_class, quantity, unit_minor, line_minor, tax_minor, price_version, product, product_version, discount_minor)
values ('w0000000000000000000000000', 1, 'brezel', 'Brezel', 'bread', 2, 180, 360, 20, 3, 'brezel', 1, 60), ('p0000000000000000000000000', 1, 'brezel', 'Brezel', 'bread', 2, 180, 360, 24, 3, 'brezel', 1, 0);
insert into order_tax values ('w0000000000000000000000000', 1, 'USt 7 %', '7', 280, 20), ('p0000000000000000000000000', 1, 'USt 7 %', '7', 336, 24);
insert into order_tax_share values ('w0000000000000000000000000', 1, 1, 280, 20), ('p0000000000000000000000000', 1, 1, 336, 24);
insert into order_discount values ('w0000000000000000000000000', 1, 'spring', 'Spring', 'SPRING', 60);
insert into order_event (order_id, n, at, event, actor, from_state, to_state) values ('w0000000000000000000000000', 1, '2026-04-01', 'place', 'buyer', '', 'awaiting_payment'),
       ('p0000000000000000000000000', 1, '2026-04-01', 'place', 'buyer', '', 'awaiting_payment'), ('p0000000000000000000000000', 2, '2026-04-01', 'authorise', 'payment', 'awaiting_payment', 'placed'),
       ('p0000000000000000000000000', 3, '2026-04-02', 'complete', 'owner', 'placed', 'completed'), ('p0000000000000000000000000', 4, '2026-04-02', 'refund', 'owner', 'completed', 'completed');
insert into refund values ('p0000000000000000000000000', 1, 'refund-1', '2026-04-02', 'owner', 'anna@example.com', 'burnt', 168, 12, 180, null);
insert into refund_line values ('p0000000000000000000000000', 1, 1, 1, true, 168, 12, 180);
insert into refund_tax values ('p0000000000000000000000000', 1, 1, 'USt 7 %', '7', 168, 12);
select stock_move('de', 'brezel', 'reserve', 0, 2, 'w0000000000000000000000000', null, '', '');
select stock_move('de', 'brezel', 'sell', -2, 0, 'p0000000000000000000000000', null, '', '');
select stock_move('de', 'brezel', 'give_back', 1, 0, 'p0000000000000000000000000', 1, 'anna@example.com', '');
select slot_take('de', 'pickup-2026-04-02-0900', 4);
select promotion_take('de', 'spring', '', 9);
select promotion_take('de', 'spring', 'eve@example.com', 1);
insert into idempotency_key (scope, key) values ('stock/de', 'count-1');`},
	8: {fill: `
insert into payment (key, order_id, market, attempt, provider, ref, state, currency, amount_minor, captured_minor, refunded_minor, failure, version, opened_at, changed_at, due_at)
values ('w0000000000000000000000000-1', 'w0000000000000000000000000', 'de', 1, 'testpay', 'a', 'failed', 'EUR', 300, 0, 0, 'abandoned', 2, '2026-04-01', '2026-04-01', null),
       ('w0000000000000000000000000-2', 'w0000000000000000000000000', 'de', 2, 'testpay', 'b', 'action_required', 'EUR', 300, 0, 0, '', 1, '2026-04-01', '2026-04-01', '2026-04-01'),
       ('p0000000000000000000000000-1', 'p0000000000000000000000000', 'de', 1, 'stripe', 'cs_c', 'captured', 'EUR', 360, 360, 0, '', 9, '2026-04-01', '2026-04-01', '2026-04-02');
insert into payment_event values ('stripe', 'evt_1', 'p0000000000000000000000000-1', '2026-04-01', '2026-04-01');`},
	9: {fill: `insert into mail (order_id, kind, n, state, attempts, done_at, failure) values ('p0000000000000000000000000', 'placed', 2, 'sent', 1, now(), ''), ('p0000000000000000000000000', 'refunded', 1, 'parked', 9, now(), 'gone'), ('w0000000000000000000000000', 'payment_failed', 1, 'waiting', 0, null, '')`},
	10: {fill: `insert into hook_endpoint (id, market, url, kinds, secret) values ('e0000000000000000000000000', 'de', 'https://example.com/hook', '{order.placed,order.cancelled}', 'whsec_x');
insert into hook_delivery (endpoint, message, kind, data) values ('e0000000000000000000000000', 'm1', 'order.placed', '{"number": "SC-DE-3"}')`},
	11: {fill: `insert into invoice (order_id, market) values ('p0000000000000000000000000', 'de'); insert into invoice_series values ('de', false, 2026, 1);
update invoice set year = 2026, n = 1, number = 'DE-26-000001', issued_on = '2026-04-02', model = 1, document = '{}' where order_id = 'p0000000000000000000000000';
insert into invoice (order_id, refund_n, market) values ('p0000000000000000000000000', 1, 'de')`},
}

var catalogSteps = map[int64]step{
	10: {fill: `
insert into product (market, slug, tax_class, featured, place, takes_photo) values ('in', 'pav', 'bread', true, 3, false), ('in', 'bare', 'bread', false, 4, false), ('de', 'fototorte', 'cake', true, 1, true), ('jp', 'anpan', 'bread', false, 0, false);
insert into product_text (market, slug, locale, name, description, allergens) values ('in', 'pav', 'en-IN', 'Ladi pav', 'Soft.', 'Wheat.'), ('in', 'pav', 'hi-IN', 'लादी पाव', 'नरम।', 'गेहूं'), ('de', 'fototorte', 'de-DE', 'Fototorte', 'Mit Ihrem Bild.', ''), ('jp', 'anpan', 'ja-JP', 'あんパン', '甘い。', '小麦');
insert into price (market, slug, version, amount_minor, currency, valid_from) values ('in', 'pav', 1, 6000, 'INR', '2026-01-01'), ('in', 'pav', 2, 6500, 'INR', '2026-02-01'), ('de', 'fototorte', 1, 3490, 'EUR', '2026-01-01'), ('jp', 'anpan', 1, 200, 'JPY', '2026-01-01');
begin;
insert into asset (media_id, app, name, write_region, owner, audience, zone, moderation, current_version) values ('20abcdefghjkmnpa', 'crumbs', 'a.jpg', 'us-east', '', 'public', '', 'approved', 2), ('20abcdefghjkmnpb', 'crumbs', 'b.jpg', 'eu-central', 'shop', 'private', 'europe', 'approved', 1),
       ('20abcdefghjkmnpc', 'crumbs', 'c.jpg', 'us-east', '', 'public', '', 'pending', 1), ('20abcdefghjkmnpd', 'crumbs', 'd.jpg', 'us-east', '', 'public', '', 'withheld', 1);
insert into asset_version (media_id, version, sha256, media_type, bytes, width, height, color) select m, v, repeat('a', 64), 'image/jpeg', 9, 3, 3, '#aabbcc'
  from (values ('20abcdefghjkmnpa', 1), ('20abcdefghjkmnpa', 2), ('20abcdefghjkmnpb', 1), ('20abcdefghjkmnpc', 1), ('20abcdefghjkmnpd', 1)) x (m, v);
update asset set deleted_at = '2026-03-01' where media_id = '20abcdefghjkmnpd';
commit;
insert into replica (sha256, region, state) values (repeat('a', 64), 'us-east', 'copied'), (repeat('a', 64), 'eu-central', 'failed'), (repeat('a', 64), 'ap-southeast', 'pending');
insert into moderation (media_id, state, by) values ('20abcdefghjkmnpd', 'withheld', 'ops');
insert into deletion values ('20abcdefghjkmnpe', '20abcdefghjkmnpd', 'ops', '2026-03-01');
insert into removal (media_id, region, state, at) values ('20abcdefghjkmnpd', 'us-east', 'removed', '2026-03-01'), ('20abcdefghjkmnpd', 'eu-central', 'pending', '2026-03-01');
insert into outbox (kind, groups) values ('purge', '{market-de}');
insert into purge (id, token, idempotency_key, client, at, groups, urls, everything, soft, regions) values ('20abcdefghjkmnpf', 't', 'k', '10.0.0.0/24', '2026-03-01', '{g}', '{}', false, true, '{us-east}');
insert into provider values ('fastly', '1', '2026-03-01', '', null, false);
insert into scrub values ('us-east', 1, 'replicas', '', '2026-03-01');
insert into variant_asked values ('v', '2026-03-01');`},
	11: {renamed: map[string]string{"product_text.allergens": "product_text.allergen_note", "price.slug": "price.sku"}, fill: `
insert into category (market, category) values ('de', 'cakes');
insert into category_text values ('de', 'cakes', 'de-DE', 'Torten', '', 'torten');
update product set category = 'cakes', allergens = '{egg,milk}' where market = 'de';
insert into sku (market, sku, slug, place, net, net_unit) values ('de', 'fototorte-gross', 'fototorte', 1, 2000, 'g');
insert into sku_text values ('de', 'fototorte-gross', 'de-DE', '26 cm');
insert into price_list values ('de', 'advent', 5, '2026-12-01', '2026-12-25');
insert into price (market, sku, version, amount_minor, currency, list) values ('de', 'fototorte-gross', 1, 4990, 'EUR', 'base'), ('de', 'fototorte-gross', 2, 4490, 'EUR', 'advent');
insert into promotion (market, promotion, labels, kind, percent, code) values ('de', 'spring', '{"de-DE": "Frühling"}', 'percent', 10, 'SPRING');
insert into slot_rule values ('de', 'pickup', 1, 540, 600, 4, 60);
insert into slot_closed values ('de', '2026-12-25', '');
insert into brand_product (brand, version, product) values ('cake', 1, '{"slug": "cake"}');`},
	12: {fill: `insert into fx_rate (source, day, currency, per_euro) values ('ECB', '2026-03-02', 'USD', 1.0842)`},
	16: {fill: `insert into slot_week values ('de', 3)`},
}

// Whatever a shop of an earlier version had, each row of each table is there after
// every migration since, with what it said; and nobody has lost a right.
func TestMigrationsLoseNothing(t *testing.T) {
	for kind, c := range map[string]struct {
		from  int64
		steps map[int64]step
	}{postgres.Catalog: {10, catalogSteps}, postgres.Resident: {6, residentSteps}} {
		t.Run(kind, func(t *testing.T) {
			pool, err := pgxpool.New(t.Context(), pgtest.Empty(t))
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(pool.Close)
			var was map[string][]map[string]any
			var rights map[string]bool
			for _, version := range versionsOf(t, kind) {
				if version < c.from {
					continue
				}
				if err := postgres.MigrateTo(t.Context(), pool, kind, version); err != nil {
					t.Fatal(err)
				}
				pool.Reset() // what was prepared names columns by what they were
				s := c.steps[version]
				for table, rows := range was {
					if len(rows) == 0 {
						t.Errorf("%d meets no row of %s, which proves nothing: give it one in the step that makes it", version, table)
					}
					if !slices.Contains(s.dropped, table) {
						held(t, version, table, rows, rowsOf(t, pool, table), s.renamed)
					}
				}
				now := rightsOf(t, pool)
				for right := range rights {
					if table, of := cut(right); !now[right] && s.renamed[of] == "" && !slices.Contains(s.dropped, table) {
						t.Errorf("%d takes a right: %s", version, right)
					}
				}
				if _, err := pool.Exec(t.Context(), s.fill); err != nil {
					t.Fatalf("rows for %d: %v", version, err)
				}
				was, rights = allRows(t, pool), now
			}
		})
	}
}

// versionsOf are the versions of a kind of schema, in order. A number is used once,
// and none is left out for somebody to come in before what is there already; 5 of
// the catalog was, and is none now.
func versionsOf(t *testing.T, kind string) (out []int64) {
	t.Helper()
	files, err := os.ReadDir("migrations/" + kind)
	if err != nil {
		t.Fatal(err)
	}
	want := int64(1)
	for _, f := range files {
		n, err := strconv.ParseInt(f.Name()[:5], 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		if want == 5 && kind == postgres.Catalog {
			want++
		}
		if n != want {
			t.Errorf("%s: %s, the next is %d", kind, f.Name(), want)
		}
		out, want = append(out, n), n+1
	}
	return out
}

func allRows(t *testing.T, pool *pgxpool.Pool) map[string][]map[string]any {
	t.Helper()
	rows, err := pool.Query(t.Context(), `select table_name from information_schema.tables where table_schema = 'public' and table_type = 'BASE TABLE' and table_name <> 'schema_version'`)
	if err != nil {
		t.Fatal(err)
	}
	tables, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatal(err)
	}
	out := map[string][]map[string]any{}
	for _, table := range tables {
		out[table] = rowsOf(t, pool, table)
	}
	return out
}

func rowsOf(t *testing.T, pool *pgxpool.Pool, table string) []map[string]any {
	t.Helper()
	rows, err := pool.Query(t.Context(), `select to_jsonb(x)::text from `+pgx.Identifier{table}.Sanitize()+` x`)
	if err != nil {
		t.Fatal(err)
	}
	out, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (m map[string]any, err error) {
		var text string
		if err = row.Scan(&text); err == nil {
			err = json.Unmarshal([]byte(text), &m)
		}
		return m, err
	})
	if err != nil {
		t.Fatalf("%s: %v", table, err)
	}
	return out
}

// held tells of each row of before that no row of now says the same as.
func held(t *testing.T, version int64, table string, was, now []map[string]any, renamed map[string]string) {
	t.Helper()
	for _, row := range was {
		want := map[string]any{}
		for column, v := range row {
			if to := renamed[table+"."+column]; to != "" {
				column = to[len(table)+1:]
			}
			want[column] = v
		}
		if !slices.ContainsFunc(now, func(have map[string]any) bool {
			for column, v := range want {
				if got, ok := have[column]; !ok || !reflect.DeepEqual(got, v) {
					return false
				}
			}
			return true
		}) {
			t.Errorf("%d loses a row of %s: %v of\n%v", version, table, want, now)
		}
	}
}

// rightsOf are the rights of our roles, as "table.column role right".
func rightsOf(t *testing.T, pool *pgxpool.Pool) map[string]bool {
	t.Helper()
	rows, err := pool.Query(t.Context(), `select table_name || '.' || column_name || ' ' || grantee || ' ' || privilege_type from information_schema.role_column_grants
		where table_schema = 'public' and grantee like 'meridian%' and table_name <> 'schema_version'
		union select table_name || '. ' || grantee || ' ' || privilege_type from information_schema.role_table_grants where table_schema = 'public' and grantee like 'meridian%'`)
	if err != nil {
		t.Fatal(err)
	}
	all, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil || len(all) == 0 {
		t.Fatal(len(all), err)
	}
	out := make(map[string]bool, len(all))
	for _, r := range all {
		out[r] = true
	}
	return out
}

// cut is the table that a right is on, and its column with it.
func cut(right string) (table, column string) {
	column, _, _ = strings.Cut(right, " ")
	table, _, _ = strings.Cut(right, ".")
	return table, column
}
