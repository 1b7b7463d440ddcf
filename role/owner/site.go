package owner

import (
	"fmt"
	"strings"
	"time"
	"unicode"

	"meridian/engine/money"
	"meridian/platform/i18n"
	"meridian/world"
)

// site is one market as its owner sees it.
type site struct {
	market world.Market
	zone   *time.Location
	texts  i18n.Locale
	dates  i18n.DateForm
	slots  i18n.SlotForm
	price  money.PriceForm
	point  string // between whole units and decimals, as the locale writes it
}

// buildSites reads the rules of the markets at home in the region once, so
// that a bad one is found at the start and not by an owner.
func buildSites(cfg Config, d Deps) (map[string]*site, error) {
	sites := map[string]*site{}
	for _, m := range d.World.HomedIn(cfg.Region) {
		zone, err := time.LoadLocation(m.TimeZone)
		if err != nil {
			return nil, world.Because(world.CodeInvalid, "owner.new", fmt.Sprintf("market %s: there is no time zone %q", m.ID, m.TimeZone), err)
		}
		if _, err := money.Digits(m.Currency); err != nil {
			return nil, world.Wrap("owner.new "+m.ID, err)
		}
		locale := m.Locales[0]
		if err := d.Texts.Check([]string{locale}, []string{i18n.AddressKey}); err != nil {
			return nil, err
		}
		texts := d.Texts.Locale(locale)
		dates, err := texts.DateForm(i18n.DateShortKey)
		if err != nil {
			return nil, world.Wrap("owner.new "+m.ID, err)
		}
		slots, err := texts.SlotForm()
		if err != nil {
			return nil, world.Wrap("owner.new "+m.ID, err)
		}
		sites[m.ID] = &site{
			market: m, zone: zone, texts: texts, dates: dates, slots: slots, point: decimalPoint(m.Currency, locale),
			price: money.PriceForm{Currency: m.Currency, Locale: locale, MaxMinor: cfg.MaxPrice},
		}
	}
	return sites, nil
}

func (at *site) locale() string { return at.market.Locales[0] }

// money prints an amount in the market's currency.
func (at *site) money(minor int64) string {
	return money.Amount{Minor: minor, Currency: at.market.Currency}.Format(at.locale())
}

// typed is an amount as it stands in a field: what the price form reads back.
func (at *site) typed(minor int64) string {
	text := money.Amount{Minor: minor, Currency: at.market.Currency}.Decimal()
	return strings.Replace(text, ".", at.point, 1)
}

// date prints a moment on the market's clocks, as its locale writes it.
func (at *site) date(t time.Time) string { return at.dates.Format(t.In(at.zone)) }

// today is the market's day that now lies in; it may have 23 or 25 hours.
func (at *site) today(now time.Time) (from, to time.Time) {
	year, month, day := now.In(at.zone).Date()
	return time.Date(year, month, day, 0, 0, 0, 0, at.zone), time.Date(year, month, day+1, 0, 0, 0, 0, at.zone)
}

// decimalPoint is what a locale puts before the decimals, read off a price
// that is too small to have group separators.
func decimalPoint(currency, locale string) string {
	digits, err := money.Digits(currency)
	if err != nil || digits == 0 {
		return "."
	}
	small := money.Amount{Minor: 1, Currency: currency}
	for range digits {
		small.Minor *= 10
	}
	text := small.Format(locale)
	first, last := strings.IndexFunc(text, unicode.IsDigit), strings.LastIndexFunc(text, unicode.IsDigit)
	if first < 0 {
		return "."
	}
	return strings.TrimFunc(text[first:last], unicode.IsDigit)
}
