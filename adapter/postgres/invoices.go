package postgres

import (
	"context"
	"encoding/json"

	"github.com/jackc/pgx/v5"

	"meridian/engine/invoice"
	"meridian/world"
)

// InvoiceStore keeps invoices, receipts and credit notes in a region's resident
// cluster, as they were issued.
type InvoiceStore struct{ c *Cluster }

// NewInvoiceStore keeps documents in the given resident cluster.
func NewInvoiceStore(c *Cluster) *InvoiceStore { return &InvoiceStore{c: c} }

// Owed are documents that are not issued yet, the oldest first and of one order
// its own before its refunds', at most limit.
func (s *InvoiceStore) Owed(ctx context.Context, limit int) ([]invoice.Entry, error) {
	return s.entries(ctx, `document is null order by owed_at, order_id, refund_n limit $1`, limit)
}

// OfOrder are an order's documents, its own first; those that are owed have no
// number. None for an order that was never placed.
func (s *InvoiceStore) OfOrder(ctx context.Context, orderID string) ([]invoice.Entry, error) {
	return s.entries(ctx, `order_id = $1 order by refund_n`, orderID)
}

func (s *InvoiceStore) entries(ctx context.Context, where string, args ...any) ([]invoice.Entry, error) {
	rows, err := s.c.Pool.Query(ctx, `select order_id, refund_n, document from invoice where `+where, args...)
	if err != nil {
		return nil, mapError("postgres.invoices", err)
	}
	out, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (e invoice.Entry, err error) {
		var kept []byte
		if err = row.Scan(&e.OrderID, &e.Refund, &kept); err == nil && kept != nil {
			err = json.Unmarshal(kept, &e.Document)
		}
		return e, err
	})
	return out, mapError("postgres.invoices", err)
}

// Issue gives an owed document the next number of a series and keeps it as build
// makes it, once: one that is issued already is returned as it was. build may be
// called again by another number, and its error leaves the series as it is.
// not_found when no such document is owed or issued.
func (s *InvoiceStore) Issue(ctx context.Context, e invoice.Entry, series invoice.Series, build func(number string) (invoice.Document, error)) (d invoice.Document, err error) {
	const op = "postgres.invoice"
	err = s.c.durably(ctx, func(tx pgx.Tx) error {
		var kept []byte
		err := tx.QueryRow(ctx, `select document from invoice where order_id = $1 and refund_n = $2 for update`, e.OrderID, e.Refund).Scan(&kept)
		if err != nil {
			return err
		}
		if kept != nil {
			return json.Unmarshal(kept, &d)
		}
		var n int
		err = tx.QueryRow(ctx, `insert into invoice_series as s (market, credit, year, last) values ($1, $2, $3, 1)
			on conflict (market, credit, year) do update set last = s.last + 1 returning last`, series.Market, series.Credit, series.Year).Scan(&n)
		if err != nil {
			return err
		}
		number, err := series.Number(n)
		if err != nil {
			return err
		}
		if d, err = build(number); err != nil {
			return err
		}
		text, err := json.Marshal(d)
		if err != nil {
			return world.Wrap(op, err)
		}
		_, err = tx.Exec(ctx, `update invoice set year = $3, n = $4, number = $5, issued_on = ($6::text)::date, model = $7, document = $8 where order_id = $1 and refund_n = $2`,
			e.OrderID, e.Refund, series.Year, n, number, d.Issued.String(), invoice.Model, text)
		return err
	})
	return d, mapError(op, err)
}
