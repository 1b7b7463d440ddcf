package shop

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"meridian/engine/fx"
	"meridian/engine/tax"
	"meridian/world"
)

// fakeRates has rates of one day.
type fakeRates struct {
	err error
	on  tax.Date // that was asked for last
}

func (f *fakeRates) Rates(_ context.Context, on tax.Date) (fx.Table, error) {
	f.on = on
	day := tax.Date{Year: 2026, Month: 11, Day: 20}
	return fx.NewTable(on, []fx.Quote{
		{Currency: "USD", Rate: "1.1625", Day: day, Source: "a bank"},
		{Currency: "JPY", Rate: "178.40", Day: day, Source: "a bank"},
	}), f.err
}

func TestRatesAreTheSameForEverybody(t *testing.T) {
	b := open(t, "us-east", "de.localhost", nil)
	w := b.get("/rates.json")
	const want = `{"base":"EUR","source":"a bank","rates":{"JPY":{"rate":"178.40","day":"2026-11-20"},"USD":{"rate":"1.1625","day":"2026-11-20"}}}`
	if w.Code != 200 || w.Body.String() != want || w.Header().Get("Content-Type") != "application/json" {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	if got := w.Header().Get("Cache-Control") + "; " + w.Header().Get(headerTiers); got != "public, max-age=3600; max-age=3600, stale-if-error=86400" {
		t.Error(got)
	}
	if b.rates.on.String() != "2026-11-21" {
		t.Errorf("asked for %s", b.rates.on)
	}
	if again := b.get("/rates.json", "If-None-Match", w.Header().Get("ETag")); again.Code != http.StatusNotModified {
		t.Errorf("unchanged: %d", again.Code)
	}
	if w.Header().Get("Set-Cookie") != "" || w.Header().Get("Vary") != "" {
		t.Errorf("%v", w.Header())
	}
	b.rates.err = world.E(world.CodeUnavailable, "fake", "")
	if w := b.get("/rates.json"); w.Code != 503 || strings.Contains(w.Header().Get("Cache-Control"), "public") {
		t.Errorf("without the database: %d %v", w.Code, w.Header())
	}
}

// Without new lists the last rates stay, and the answer says how many are missing;
// a weekend lacks none.
func TestRatesTellWhichListsAreMissing(t *testing.T) {
	for day, want := range map[int]string{22: `"2026-11-20"}`, 23: `"2026-11-20"}`, 24: `"2026-11-20","missed":1}`, 27: `"2026-11-20","missed":4}`} {
		b := open(t, "us-east", "de.localhost", func(_ *Config, d *Deps) {
			d.Now = func() time.Time { return time.Date(2026, 11, day, 12, 0, 0, 0, time.UTC) }
		})
		if got := b.get("/rates.json").Body.String(); strings.Count(got, want) != 2 {
			t.Errorf("on the %dth: %s", day, got)
		}
	}
}

// A page names its prices for the script, and hides the choice until the script
// shows it.
func TestPagesNameTheirPricesForTheScript(t *testing.T) {
	b := open(t, "us-east", "de.localhost", nil)
	for path, want := range map[string][]string{
		"/":        {`data-price="1234.50">1.234,50`, `data-price="5.20">5,20`},
		"/p/torte": {`data-price="1234.50">1.234,50`},
	} {
		page := b.get(path).Body.String()
		want = append(want, `<div hidden data-rates="/rates.json" data-currency="EUR" data-about="etwa {amount}">`, `<option value="USD">USD</option>`,
			`<p hidden data-note="Nach Referenzkursen vom {day} ({source}). Sie zahlen in EUR." data-missed="Seitdem fehlen {missed} neuere Kurslisten; die Kurse können veraltet sein." data-unsaid="1"`)
		for _, part := range want {
			if !strings.Contains(page, part) {
				t.Errorf("%s: no %s", path, part)
			}
		}
		if strings.Contains(page, `<option value="EUR">`) {
			t.Errorf("%s: prices are offered in the currency that they are in", path)
		}
	}
	if page := b.get("/cart").Body.String(); strings.Contains(page, "data-rates") || strings.Contains(page, "data-price") {
		t.Error("the cart shows another currency than the one that is paid")
	}
}

func TestCurrenciesOnOfferAreCurrencies(t *testing.T) {
	cfg := Default()
	cfg.Region, cfg.WireKey, cfg.Private.Keys = "us-east", "k", nil
	cfg.AlsoIn = []string{"EUR", "euro"}
	if err := cfg.Validate(); !world.Is(err, world.CodeInvalid) || !strings.Contains(err.Error(), `also_in: "euro"`) {
		t.Error(err)
	}
	b := open(t, "us-east", "de.localhost", nil)
	b.shop.cfg.AlsoIn = []string{"EUR"}
	if page := b.get("/").Body.String(); strings.Contains(page, "data-rates") {
		t.Error("a choice of nothing is offered")
	}
}

// The script's own key is not one of ours to read: what a visitor chose stays in
// the browser.
func TestNoRequestTellsTheChoice(t *testing.T) {
	b := open(t, "us-east", "de.localhost", nil)
	plain := b.get("/").Body.String()
	b.cookies["also_in"] = "USD"
	if b.get("/?also_in=USD").Body.String() != plain {
		t.Error("the page depends on a visitor's choice")
	}
	var shown ratesShown
	if err := json.Unmarshal(b.get("/rates.json?also_in=USD").Body.Bytes(), &shown); err != nil || len(shown.Rates) != 2 {
		t.Errorf("%+v, %v", shown, err)
	}
}
