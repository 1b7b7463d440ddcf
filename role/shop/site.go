package shop

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"meridian/engine/checkout"
	"meridian/engine/money"
	"meridian/engine/taxid"
	"meridian/platform/i18n"
	"meridian/world"
)

// site is one market in one language: what a request is about.
type site struct {
	market world.Market
	texts  i18n.Locale
	prefix string // "" for the market's default locale, else "/hi-in"
	zone   *time.Location
	digits int // of the currency's minor units
	dates  i18n.DateForm
	slots  i18n.SlotForm
	terms  checkout.Terms
	rules  checkout.ContactRules
	home   bool // whether this shop's region takes the market's writes
}

func (s *site) locale() string { return s.texts.Tag }

// money prints an amount in the market's currency for the site's readers.
func (s *site) money(minor int64) string {
	return money.Amount{Minor: minor, Currency: s.market.Currency}.Format(s.locale())
}

// forScript is an amount in the market's currency as programs read it: "34.90".
func (s *site) forScript(minor int64) string {
	return money.Amount{Minor: minor, Currency: s.market.Currency}.Decimal()
}

// name is the shop's: the brand and the country in its own words.
func (s *site) name(brand string) string { return brand + " " + s.market.Name }

// date prints a moment on the market's clocks, as its readers write it.
func (s *site) date(t time.Time) string { return s.dates.Format(t.In(s.zone)) }

// jurisdiction is whose tax an order owes before an address is known; "" when
// the address decides.
func (s *site) jurisdiction() string {
	if places := s.market.TaxPlaces(); len(places) == 1 {
		return places[0]
	}
	return ""
}

// sites are one market's, by the path prefix without its slash: "" and "hi-in".
type sites map[string]*site

// buildSites reads every market's rules once, so that a bad one is found at
// the start and not by a visitor.
func buildSites(cfg Config, d Deps) (map[string]sites, error) {
	all := make(map[string]sites, len(d.World.Markets))
	for _, m := range d.World.Markets {
		zone, err := time.LoadLocation(m.TimeZone)
		if err != nil {
			return nil, world.Because(world.CodeInvalid, "shop.new", fmt.Sprintf("market %s: there is no time zone %q", m.ID, m.TimeZone), err)
		}
		terms, err := checkout.TermsOf(m, checkout.Limits{MaxLines: cfg.MaxLines, MaxQuantity: cfg.MaxQuantity, MaxTotal: cfg.MaxTotal})
		if err != nil {
			return nil, world.Wrap("shop.new "+m.ID, err)
		}
		// A country whose numbers are not known takes any.
		if _, err := taxid.Parse(m.Country, m.Company.TaxID); m.Company.TaxID != "" && world.Is(err, world.CodeInvalid) {
			return nil, world.Because(world.CodeInvalid, "shop.new", fmt.Sprintf("market %s: company.tax_id is wrong; copy it from the certificate of registration", m.ID), err)
		}
		rules, err := checkout.NewContactRules(m, checkout.DefaultContactLimits)
		if err != nil {
			return nil, world.Wrap("shop.new "+m.ID, err)
		}
		digits, err := money.Digits(m.Currency)
		if err != nil {
			return nil, world.Wrap("shop.new "+m.ID, err)
		}
		byPrefix := sites{}
		for i, l := range m.Locales {
			texts := d.Texts.Locale(l)
			dates, err := texts.DateForm(i18n.DateLongKey)
			if err != nil {
				return nil, world.Wrap("shop.new "+m.ID, err)
			}
			slots, err := texts.SlotForm()
			if err != nil {
				return nil, world.Wrap("shop.new "+m.ID, err)
			}
			s := &site{market: m, texts: texts, zone: zone, digits: digits, dates: dates, slots: slots, terms: terms, rules: rules, home: m.HomeRegion == cfg.Region}
			if i > 0 {
				s.prefix = "/" + strings.ToLower(l)
			}
			byPrefix[strings.TrimPrefix(s.prefix, "/")] = s
		}
		all[m.ID] = byPrefix
	}
	return all, nil
}

type siteKey struct{}

// siteOf is the site that the request was found to be about.
func siteOf(r *http.Request) *site {
	s, _ := r.Context().Value(siteKey{}).(*site)
	return s
}

// withSite finds the market by host and the locale by the path's first
// segment, and hands the request on with that segment taken away. The default
// locale has one address only: with its prefix it is redirected.
func (s *Shop) withSite(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		m, ok := s.world.MarketByHost(r.Host)
		if !ok {
			s.fail(w, r, nil, world.E(world.CodeNotFound, "shop.site", "There is no shop at this address."))
			return
		}
		first, rest, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
		if strings.EqualFold(first, m.Locales[0]) {
			// Trimmed and escaped: "//host" would lead away from here, and browsers
			// leave out a tab or a line end between the two slashes.
			to := url.URL{Path: "/" + strings.TrimLeft(rest, `/\`)}
			http.Redirect(w, r, to.EscapedPath(), http.StatusPermanentRedirect)
			return
		}
		found, ok := s.sites[m.ID][first]
		if !ok || first == "" {
			found = s.sites[m.ID][""]
		} else {
			r2 := *r.URL
			r2.Path, r2.RawPath = "/"+rest, ""
			r = r.WithContext(r.Context())
			r.URL = &r2
		}
		next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), siteKey{}, found)))
	})
}

// origin is how visitors reach a host: "https://de.example".
func (s *Shop) origin(host string) string {
	o := s.cfg.PublicScheme + "://" + host
	if p := s.cfg.PublicPort; p != 0 {
		o += fmt.Sprintf(":%d", p)
	}
	return o
}
