package ops

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"

	"meridian/engine/fx"
	"meridian/engine/tax"
	"meridian/world"
)

// Rates keeps reference rates of exchange: public rows of the main region's
// catalog cluster.
type Rates interface {
	// Rates are those that hold on a day, as far as is known here.
	Rates(ctx context.Context, on tax.Date) (fx.Table, error)
	// NewestRates is the day of the newest list; the zero Date before the first.
	NewestRates(ctx context.Context) (tax.Date, error)
	// AddRates writes lists down, all or nothing, and returns how many rates were
	// new. misdirected away from the main region.
	AddRates(ctx context.Context, lists []fx.List) (added int, err error)
}

// RatesTable is the answer to GET /fx.
type RatesTable struct {
	Base  string      `json:"base"`
	Day   string      `json:"day"` // that was asked for
	Rates []RatesLine `json:"rates"`
}

// RatesLine is one currency's last rate up to the day.
type RatesLine struct {
	Currency string  `json:"currency"`
	PerEuro  fx.Rate `json:"per_euro"`
	Day      string  `json:"day"`
	Source   string  `json:"source"`
}

// RatesAdded is the answer to POST /fx.
type RatesAdded struct {
	Lists  int    `json:"lists"`
	Added  int    `json:"rates_added"` // that were not there as they are
	Newest string `json:"newest"`      // the day of the newest list in the file
}

// showRates answers GET /fx: the rates that hold on a day, ?on=, or today.
func (o *Ops) showRates(w http.ResponseWriter, r *http.Request) error {
	if _, err := o.authorize(w, r); err != nil {
		return err
	}
	on := o.today()
	if text := r.URL.Query().Get("on"); text != "" {
		day, err := tax.ParseDate(text)
		if err != nil {
			return world.Wrap("ops.rates", err)
		}
		on = day
	}
	table, err := o.deps.Rates.Rates(r.Context(), on)
	if err != nil {
		return world.Wrap("ops.rates", err)
	}
	out := RatesTable{Base: fx.Base, Day: table.Day().String(), Rates: []RatesLine{}}
	for _, q := range table.Quotes() {
		out.Rates = append(out.Rates, RatesLine{q.Currency, q.Rate, q.Day.String(), q.Source})
	}
	return writeJSON(w, http.StatusOK, out)
}

// takeRates answers POST /fx: a file of the ECB's, in the main region.
func (o *Ops) takeRates(w http.ResponseWriter, r *http.Request) error {
	token, err := o.authorize(w, r)
	if err != nil {
		return err
	}
	if !token.Rates && !token.All {
		return world.E(world.CodeForbidden, "ops.scope", fmt.Sprintf("The token %s may not import rates.", token.Name))
	}
	file, err := io.ReadAll(http.MaxBytesReader(w, r.Body, o.cfg.Rates.MaxBytes))
	var big *http.MaxBytesError
	switch {
	case errors.As(err, &big):
		return world.E(world.CodeTooLarge, "ops.rates", fmt.Sprintf("The file has more than %d bytes.", big.Limit))
	case err != nil:
		return world.Because(world.CodeInvalid, "ops.rates", "The file did not arrive whole. Send it again.", err)
	}
	lists, added, err := o.addRates(r.Context(), file)
	if err != nil {
		return err
	}
	o.deps.Log.Info("rates of exchange are imported", "token", token.Name, "lists", len(lists), "added", added, "newest", lists[len(lists)-1].Day.String())
	return writeJSON(w, http.StatusOK, RatesAdded{Lists: len(lists), Added: added, Newest: lists[len(lists)-1].Day.String()})
}

// addRates reads a file and writes its lists down, the oldest first. A list of a
// day to come is refused: it would hide those that come before it.
func (o *Ops) addRates(ctx context.Context, file []byte) (lists []fx.List, added int, err error) {
	limits := fx.DefaultLimits
	limits.Bytes = o.cfg.Rates.MaxBytes
	if lists, err = fx.Read(file, limits); err != nil {
		return nil, 0, world.Wrap("ops.rates", err)
	}
	if newest := lists[len(lists)-1].Day; newest.Compare(o.today()) > 0 {
		return nil, 0, world.E(world.CodeInvalid, "ops.rates", fmt.Sprintf("The list for %s is of a day to come; take one up to %s.", newest, o.today()))
	}
	added, err = o.deps.Rates.AddRates(ctx, lists)
	return lists, added, world.Wrap("ops.rates", err)
}

// today is the day on the clocks of who publishes the rates.
func (o *Ops) today() tax.Date { return tax.DateOf(o.deps.Now(), o.frankfurt) }
