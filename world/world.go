package world

import (
	"cmp"
	"slices"
	"strings"
	"time"
)

// World is everything that the world file says: the legal zones, the places,
// and the shops. Nothing in the code knows a country, a currency or a city.
type World struct {
	Name    string   `yaml:"name"`
	App     string   `yaml:"app"`         // owner of the pictures: the {app} of image URLs
	Main    string   `yaml:"main_region"` // writes brand-wide rows
	Zones   []Zone   `yaml:"zones"`
	Sites   []Site   `yaml:"sites"`
	RTT     []RTT    `yaml:"rtt"`
	Regions []Region `yaml:"regions"`
	PoPs    []PoP    `yaml:"pops"`
	Markets []Market `yaml:"markets"`
	Cities  []City   `yaml:"cities"`
	Link    LinkSpec `yaml:"link"`

	Pictures []Pictures `yaml:"pictures,omitempty"`
}

// Zone is a residency zone: the legal boundary that resident data never crosses.
type Zone struct {
	ID   string `yaml:"id"`
	Name string `yaml:"name"`
}

// Site is a point on the map between which round-trip times are known.
type Site struct {
	ID        string  `yaml:"id"`
	Name      string  `yaml:"name"`
	Latitude  float64 `yaml:"lat"`                 // degrees, north positive
	Longitude float64 `yaml:"lon"`                 // degrees, east positive
	Continent string  `yaml:"continent,omitempty"` // one of [Continents]; "": not told
}

// Continents are the codes that location databases have for them.
var Continents = []string{"AF", "AN", "AS", "EU", "NA", "OC", "SA"}

// RTT is a measured round-trip time between two sites, the same both ways.
type RTT struct {
	Between [2]string `yaml:"between,flow"`
	MS      float64   `yaml:"ms"` // milliseconds
}

// Region is a place with a database, an object store, a shield and the shop's API.
type Region struct {
	ID     string `yaml:"id"`
	Name   string `yaml:"name"`
	Zone   string `yaml:"zone"`
	Site   string `yaml:"site"`
	Number int    `yaml:"number"` // 1 to 31, in every media id made here; never reused
}

// PoP is an edge location near people.
type PoP struct {
	ID   string `yaml:"id"`
	Name string `yaml:"name"`
	Site string `yaml:"site"`
	Zone string `yaml:"zone"` // whose law holds there; "": none of ours, so it keeps nothing resident
}

// Market is one country's shop.
type Market struct {
	ID         string   `yaml:"id"`          // "de"
	Name       string   `yaml:"name"`        // the country, in its own language: "Deutschland"
	Country    string   `yaml:"country"`     // ISO 3166-1 alpha-2
	Host       string   `yaml:"host"`        // without a port: "de.localhost"
	Currency   string   `yaml:"currency"`    // ISO 4217
	Locales    []string `yaml:"locales"`     // BCP 47; the first is the default
	HomeRegion string   `yaml:"home_region"` // accepts this market's writes
	TimeZone   string   `yaml:"time_zone"`   // IANA; the date of a sale is read on its clock
	Tax        TaxSpec  `yaml:"tax"`
	Postal     Postal   `yaml:"postal"`
	UnitPrices bool     `yaml:"unit_prices"` // whether the law wants the price of a kilogram or a litre told
	Delivery   []Area   `yaml:"delivery"`    // where to; the first that has a postal code counts, and the first of all has Postal.Example
	Company    Company  `yaml:"company"`     // who sells
	Business   bool     `yaml:"business"`    // whether the checkout asks businesses for their name and tax number
	EatIn      bool     `yaml:"eat_in"`      // whether what is ordered can be eaten at the shop; the tax table has its rates then
	City       string   `yaml:"city"`        // where a traveller of the local world first stands
}

// Company is who sells in a market, as its invoices name it.
type Company struct {
	Name    string   `yaml:"name"`
	Address []string `yaml:"address"` // in lines, as they are printed
	TaxID   string   `yaml:"tax_id"`  // the number under which it is registered for tax; "" for none
}

// TaxSpec is how a market's law has tax reckoned; the rates are data of their own.
type TaxSpec struct {
	Prices   string `yaml:"prices"`   // "inclusive" or "exclusive" of tax
	Rounding string `yaml:"rounding"` // "half_up", "half_even" or "down"
	Per      string `yaml:"per"`      // "line", "rate" or "document"
	Seller   string `yaml:"seller"`   // path of where the shop stands, such as IN-MH; "" is the country
}

// Area is a part of its country that a market delivers to. Its postal codes say
// whose tax is owed there: a state alone does not, where cities add to it.
type Area struct {
	Name   string   `yaml:"name"`
	Tax    string   `yaml:"tax"`              // path of the place whose tax is owed, such as DE or US-NY-NYC
	Postal []string `yaml:"postal,omitempty"` // RE2, whole match of a code, as [Postal.Pattern]; none: every code
}

// State is the code of the state that an area lies in; "" for a whole country.
func (a Area) State() string {
	_, within, _ := strings.Cut(a.Tax, "-")
	state, _, _ := strings.Cut(within, "-")
	return state
}

// Fulfilments are the ways in which the market's orders reach their buyers.
func (m Market) Fulfilments() []Fulfilment {
	if m.EatIn {
		return []Fulfilment{Delivery, PickUp, EatIn}
	}
	return []Fulfilment{Delivery, PickUp}
}

// TaxPlaces are the places whose tax is owed where a market delivers, each once.
func (m Market) TaxPlaces() []string { return m.each(func(a Area) string { return a.Tax }) }

// Seller is the path of where the market's shop stands: a place whose tax it owes for
// what is handed over there.
func (m Market) Seller() string { return cmp.Or(m.Tax.Seller, m.Country) }

// States are the codes of the states that a market delivers to, each once; none
// where it delivers to its country as a whole.
func (m Market) States() []string { return m.each(Area.State) }

func (m Market) each(of func(Area) string) (out []string) {
	for _, a := range m.Delivery {
		if v := of(a); v != "" && !slices.Contains(out, v) {
			out = append(out, v)
		}
	}
	return out
}

// Postal is what an address of the market must look like.
type Postal struct {
	Pattern string `yaml:"pattern"` // RE2, whole match, after trimming and upper-casing
	Example string `yaml:"example"` // shown beside the field and in its error
	States  bool   `yaml:"states"`  // whether an address names a state
}

// City is where a traveller of the local world may stand.
type City struct {
	ID       string  `yaml:"id"`
	Name     string  `yaml:"name"`
	Site     string  `yaml:"site"`
	AccessMS float64 `yaml:"access_ms"` // round trip of the last mile, added to the site's own times
}

// LinkSpec is what the emulated links are like beside their round-trip time.
type LinkSpec struct {
	JitterMS   float64 `yaml:"jitter_ms"`    // ± each way
	RegionMbit float64 `yaml:"region_mbit"`  // between regions and PoPs, Mbit/s
	AccessMbit float64 `yaml:"access_mbit"`  // a city's last mile, Mbit/s
	SameSiteMS float64 `yaml:"same_site_ms"` // round trip between two places at one site
}

// RegionByID finds a region.
func (w *World) RegionByID(id string) (Region, bool) {
	for _, r := range w.Regions {
		if r.ID == id {
			return r, true
		}
	}
	return Region{}, false
}

// SiteByID finds a site.
func (w *World) SiteByID(id string) (Site, bool) {
	for _, s := range w.Sites {
		if s.ID == id {
			return s, true
		}
	}
	return Site{}, false
}

// PoPByID finds a PoP.
func (w *World) PoPByID(id string) (PoP, bool) {
	for _, p := range w.PoPs {
		if p.ID == id {
			return p, true
		}
	}
	return PoP{}, false
}

// RegionOfMedia finds the region that made a media id.
func (w *World) RegionOfMedia(id string) (Region, bool) {
	number, ok := MediaIDRegion(id)
	for _, r := range w.Regions {
		if ok && r.Number == number {
			return r, true
		}
	}
	return Region{}, false
}

// MarketByID finds a market.
func (w *World) MarketByID(id string) (Market, bool) {
	for _, m := range w.Markets {
		if m.ID == id {
			return m, true
		}
	}
	return Market{}, false
}

// HomedIn lists the markets whose home region is the given one, in file order.
func (w *World) HomedIn(region string) []Market {
	var out []Market
	for _, m := range w.Markets {
		if m.HomeRegion == region {
			out = append(out, m)
		}
	}
	return out
}

// RoundTrip is the round-trip time between two sites. ok is false when the
// file has no figure for the pair.
func (w *World) RoundTrip(a, b string) (d time.Duration, ok bool) {
	if a == b {
		return millis(w.Link.SameSiteMS), true
	}
	for _, r := range w.RTT {
		if (r.Between[0] == a && r.Between[1] == b) || (r.Between[0] == b && r.Between[1] == a) {
			return millis(r.MS), true
		}
	}
	return 0, false
}

func millis(ms float64) time.Duration { return time.Duration(ms * float64(time.Millisecond)) }
