package shop

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"

	"meridian/engine/fx"
	"meridian/engine/tax"
	"meridian/world"
)

// ratesPath is where a page's script reads the rates by which it shows about what
// a price is in a visitor's own currency. Pages stay the same for everybody.
const ratesPath = "/rates.json"

// Rates are the reference rates of exchange.
type Rates interface {
	// Rates are those that hold on a day, as far as is known here.
	Rates(ctx context.Context, on tax.Date) (fx.Table, error)
}

// ratesShown is what the script is given: for each currency how many units one of
// the base is, and of which day that is.
type ratesShown struct {
	Base   string               `json:"base"`
	Source string               `json:"source"`
	Rates  map[string]rateShown `json:"rates"`
}

type rateShown struct {
	Rate   fx.Rate `json:"rate"`
	Day    string  `json:"day"`
	Missed int     `json:"missed,omitempty"` // lists that should have come since
}

// missedUnsaid is how many lists may be missing before a page says so: one comes a day
// late now and then, and a page may be kept for a while.
const missedUnsaid = 1

// rates answers with the rates of today, the same for every market.
func (s *Shop) rates(w http.ResponseWriter, r *http.Request) {
	if err := s.giveRates(w, r); err != nil {
		s.fail(w, r, nil, err)
	}
}

func (s *Shop) giveRates(w http.ResponseWriter, r *http.Request) error {
	table, err := s.deps.Rates.Rates(r.Context(), tax.DateOf(s.deps.Now(), time.UTC))
	if err != nil {
		return world.Wrap("shop.rates", err)
	}
	out := ratesShown{Base: fx.Base, Rates: map[string]rateShown{}}
	var sources []string
	for _, q := range table.Quotes() {
		out.Rates[q.Currency] = rateShown{q.Rate, q.Day.String(), table.Missed(q)}
		if len(sources) == 0 || sources[len(sources)-1] != q.Source {
			sources = append(sources, q.Source)
		}
	}
	out.Source = strings.Join(sources, "; ")
	body, err := json.Marshal(out)
	if err != nil {
		return world.Wrap("shop.rates", err)
	}
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Cache-Control", fmt.Sprintf("public, max-age=%d", int(s.cfg.RatesTTL.Seconds())))
	h.Set(headerTiers, fmt.Sprintf("max-age=%d, stale-if-error=%d", int(s.cfg.RatesTTL.Seconds()), int(s.cfg.PageStale.Seconds())))
	send(w, r, body)
	return nil
}

// also is what a page's script is told, to show about what prices are in another
// currency too. Without the script nothing of it is seen.
type also struct {
	URL, Own   string
	Currencies []string // that may be chosen
	Unsaid     int      // missing lists that nothing is said of
}

func (s *Shop) also(at *site) *also {
	out := &also{URL: ratesPath, Own: at.market.Currency, Unsaid: missedUnsaid}
	for _, code := range s.cfg.AlsoIn {
		if code != out.Own {
			out.Currencies = append(out.Currencies, code)
		}
	}
	if len(out.Currencies) == 0 {
		return nil
	}
	return out
}
