package ops

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"meridian/engine/fx"
	"meridian/engine/tax"
	"meridian/world"
)

// ratesFake keeps quotes in memory.
type ratesFake struct {
	mu     sync.Mutex
	quotes []fx.Quote
	newest tax.Date
	fail   error
}

func (r *ratesFake) Rates(_ context.Context, on tax.Date) (fx.Table, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return fx.NewTable(on, r.quotes), r.fail
}

func (r *ratesFake) NewestRates(context.Context) (tax.Date, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.newest, r.fail
}

func (r *ratesFake) AddRates(_ context.Context, lists []fx.List) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.fail != nil {
		return 0, r.fail
	}
	n := len(r.quotes)
	for _, l := range lists {
		r.quotes = append(r.quotes, l.Quotes()...)
		if l.Day.Compare(r.newest) > 0 {
			r.newest = l.Day
		}
	}
	return len(r.quotes) - n, nil
}

func (r *ratesFake) newestDay() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.newest.String()
}

func listOf(day, rate string) string {
	return fmt.Sprintf(`<Envelope><Cube><Cube time="%s"><Cube currency="USD" rate="%s"/></Cube></Cube></Envelope>`, day, rate)
}

func withRates(store *ratesFake, fetch func(context.Context) ([]byte, error)) func(*Deps) {
	return func(d *Deps) { d.Rates, d.FetchRates = store, fetch }
}

func TestRatesAreImportedAndShown(t *testing.T) {
	store := &ratesFake{}
	f := newFixtureWith(t, allAtOnce, &ledgerFake{}, withRates(store, nil), func(c *Config) {
		c.Rates.MaxBytes = minRatesBytes
		c.Tokens = append(c.Tokens, tokenOf("bank", "bank-token", func(t *Token) { t.Rates = true }))
	})
	for token, want := range map[string]int{"bank-token": 200, "root-token": 200, "german-token": 403, "": 401} {
		w := f.do("POST", world.RatesPath, token, listOf("2026-11-20", "1.1625"))
		if w.Code != want || want == 200 && w.Body.String() != `{"lists":1,"rates_added":1,"newest":"2026-11-20"}`+"\n" {
			t.Errorf("%q: %d %s", token, w.Code, w.Body)
		}
	}
	const shown = `{"base":"EUR","day":"2026-11-22","rates":[{"currency":"USD","per_euro":"1.1625","day":"2026-11-20","source":"European Central Bank"}]}` + "\n"
	for path, want := range map[string]string{"?on=2026-11-22": shown, "?on=2026-11-19": `{"base":"EUR","day":"2026-11-19","rates":[]}` + "\n"} {
		if w := f.do("GET", world.RatesPath+path, "german-token", ""); w.Code != 200 || w.Body.String() != want {
			t.Errorf("%s: %d %s", path, w.Code, w.Body)
		}
	}
	if w := f.do("GET", world.RatesPath+"?on=never", "german-token", ""); w.Code != 400 {
		t.Errorf("no day: %d", w.Code)
	}
	if w := f.do("GET", world.RatesPath, "", ""); w.Code != 401 {
		t.Errorf("no token: %d", w.Code)
	}
}

func TestAFileThatIsNoListChangesNothing(t *testing.T) {
	store := &ratesFake{}
	f := newFixtureWith(t, allAtOnce, &ledgerFake{}, withRates(store, nil), func(c *Config) { c.Rates.MaxBytes = minRatesBytes })
	tomorrow := f.today()
	tomorrow.Year++
	fits := listOf("2026-11-20", "1")
	fits += strings.Repeat(" ", minRatesBytes-len(fits))
	for name, c := range map[string]struct {
		file string
		code int
	}{
		"a page":        {"<html></html>", 400},
		"nothing":       {"", 400},
		"a day to come": {listOf("2026-11-20", "1")[:16] + listOf(tomorrow.String(), "1")[16:], 400},
		"too long":      {fits + " ", 413},
	} {
		if w := f.do("POST", world.RatesPath, "root-token", c.file); w.Code != c.code || len(store.quotes) != 0 {
			t.Errorf("%s: %d %s, %d rates kept", name, w.Code, w.Body, len(store.quotes))
		}
	}
	if w := f.do("POST", world.RatesPath, "root-token", fits); w.Code != 200 {
		t.Errorf("at the limit: %d %s", w.Code, w.Body)
	}
	store.fail = world.E(world.CodeMisdirected, "store", "Elsewhere.")
	if w := f.do("POST", world.RatesPath, "root-token", fits); w.Code != 421 {
		t.Errorf("away from the main region: %d %s", w.Code, w.Body)
	}
}

// The clock of the test stands at Saturday, 1 January 2000.
func TestEachDaysListIsFetchedOnceItIsDue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, asked := &ratesFake{}, []string{}
		fetch := func(context.Context) ([]byte, error) {
			now := time.Now().UTC()
			asked = append(asked, now.Format("01-02 15:04"))
			due := fx.Due(now, time.FixedZone("CET", 3600))
			if now.Format("01-02") == "01-04" && now.Hour() < 17 {
				due.Day-- // late that day
			}
			return []byte(listOf(due.String(), "1.1")), nil
		}
		f := newFixtureWith(t, allAtOnce, &ledgerFake{}, withRates(store, fetch))
		ctx, cancel := context.WithTimeout(t.Context(), 5*24*time.Hour)
		defer cancel()
		f.Run(ctx)
		// At the start; Monday at 16:15 in Frankfurt; Tuesday, where it comes late,
		// until it is there; Wednesday.
		want := "01-01 00:00, 01-03 15:15, 01-04 15:15, 01-04 15:20, 01-04 15:30, 01-04 15:50, 01-04 16:30, 01-04 17:30, 01-05 15:15"
		if got := strings.Join(asked, ", "); got != want {
			t.Errorf("asked at %s\nwant %s", got, want)
		}
		if got := store.newestDay(); got != "2000-01-05" {
			t.Errorf("the newest is of %s", got)
		}
		if s := f.RatesStats(); s.Fetched != 4 || s.Failed != 5 || s.Newest.Format(time.DateOnly) != "2000-01-05" {
			t.Errorf("%+v", s)
		}
	})
}

func TestAFailureKeepsTheLastRatesAndIsToldOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, n := &ratesFake{}, 0
		if _, err := store.AddRates(t.Context(), []fx.List{{Day: tax.Date{Year: 1999, Month: 12, Day: 30}, Rates: map[string]fx.Rate{"USD": "1"}}}); err != nil {
			t.Fatal(err)
		}
		fetch := func(ctx context.Context) ([]byte, error) {
			n++
			switch {
			case n%3 == 0:
				<-ctx.Done() // it hangs
				return nil, ctx.Err()
			case n%3 == 1:
				return []byte("<html>We are closed</html>"), nil
			}
			return nil, errors.New("no way there")
		}
		f := newFixtureWith(t, allAtOnce, &ledgerFake{}, withRates(store, fetch))
		ctx, cancel := context.WithTimeout(t.Context(), 24*time.Hour)
		defer cancel()
		f.Run(ctx)
		if got := store.newestDay(); got != "1999-12-30" || len(store.quotes) != 1 {
			t.Errorf("the last rates are gone: %s, %v", got, store.quotes)
		}
		if s := f.RatesStats(); n < 20 || n > 40 || s.Failed != int64(n) || s.Newest.Format(time.DateOnly) != "1999-12-30" {
			t.Errorf("asked %d times in a day, %+v", n, s)
		}
		if told := strings.Count(f.log.String(), "are not renewed"); told != 1 {
			t.Errorf("told %d times", told)
		}
	})
}
