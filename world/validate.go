package world

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"
)

// Problem is one thing that is wrong with a world file.
type Problem struct {
	Path string // "markets[2].currency"
	What string // what is wrong
	Fix  string // what to write instead
}

// String is the problem on one line.
func (p Problem) String() string { return fmt.Sprintf("%s: %s; %s", p.Path, p.What, p.Fix) }

// Limits of a world file.
const (
	MaxRegions   = 31 // a region's number has 5 bits in a media id
	MaxPoPs      = 200
	MaxMarkets   = 250
	MaxRTTMillis = 2000
	MaxPlaceID   = 24 // characters: names of servers and sockets hold two of them
	MaxLocale    = 12 // bytes: a longer first segment of a path is not taken for a locale
)

// Validate lists everything that is wrong, in file order; none means the
// world can be run.
func (w *World) Validate() []Problem {
	c := &checker{w: w}
	c.top()
	c.sites()
	c.regions()
	c.pops()
	c.markets()
	c.cities()
	c.links()
	return c.problems
}

type checker struct {
	w        *World
	problems []Problem
}

func (c *checker) bad(path, what, fix string, args ...any) {
	c.problems = append(c.problems, Problem{path, what, fmt.Sprintf(fix, args...)})
}

// ids checks the names of one list: well formed, and each once.
func (c *checker) ids(list string, names []string) {
	seen := map[string]bool{}
	for i, n := range names {
		path := fmt.Sprintf("%s[%d].id", list, i)
		if !ValidName(n) {
			c.bad(path, fmt.Sprintf("%q is not a name", n), "write a lower-case letter, then letters, digits and hyphens")
		} else if seen[n] {
			c.bad(path, fmt.Sprintf("%q is there twice", n), "give each of the %s its own id", list)
		}
		if len(n) > MaxPlaceID {
			c.bad(path, fmt.Sprintf("%q is too long", n), "write at most %d characters", MaxPlaceID)
		}
		seen[n] = true
	}
	if len(names) == 0 {
		c.bad(list, "the list is empty", "write at least one of the %s", list)
	}
}

// known checks that a name is one of those that another list defines.
func (c *checker) known(path, name, list string, all []string) {
	if !slices.Contains(all, name) {
		c.bad(path, fmt.Sprintf("%q is not one of the %s", name, list), "write one of: %s", strings.Join(all, ", "))
	}
}

func names[T any](list []T, name func(T) string) []string {
	out := make([]string, len(list))
	for i, v := range list {
		out[i] = name(v)
	}
	return out
}

func (w *World) siteIDs() []string   { return names(w.Sites, func(s Site) string { return s.ID }) }
func (w *World) regionIDs() []string { return names(w.Regions, func(r Region) string { return r.ID }) }
func (w *World) zoneIDs() []string   { return names(w.Zones, func(z Zone) string { return z.ID }) }

func (c *checker) top() {
	if strings.TrimSpace(c.w.Name) == "" {
		c.bad("name", "it is missing", "write the company's name")
	}
	if !ValidName(c.w.App) || len(c.w.App) > 32 {
		c.bad("app", fmt.Sprintf("%q is not a name of at most 32 characters", c.w.App), "write a lower-case letter, then letters, digits and hyphens")
	}
	c.ids("zones", c.w.zoneIDs())
	c.known("main_region", c.w.Main, "regions", c.w.regionIDs())
}

func (c *checker) sites() {
	c.ids("sites", c.w.siteIDs())
	for i, s := range c.w.Sites {
		if s.Latitude < -90 || s.Latitude > 90 {
			c.bad(fmt.Sprintf("sites[%d].lat", i), "it is outside -90 to 90", "write degrees, north positive")
		}
		if s.Longitude < -180 || s.Longitude > 180 {
			c.bad(fmt.Sprintf("sites[%d].lon", i), "it is outside -180 to 180", "write degrees, east positive")
		}
		if s.Continent != "" && !slices.Contains(Continents, s.Continent) {
			c.bad(fmt.Sprintf("sites[%d].continent", i), fmt.Sprintf("%q is no continent", s.Continent), "write one of %s, or leave it out", strings.Join(Continents, ", "))
		}
	}
	seen := map[[2]string]bool{}
	for i, r := range c.w.RTT {
		path := fmt.Sprintf("rtt[%d]", i)
		c.known(path+".between", r.Between[0], "sites", c.w.siteIDs())
		c.known(path+".between", r.Between[1], "sites", c.w.siteIDs())
		pair := r.Between
		if pair[0] > pair[1] {
			pair[0], pair[1] = pair[1], pair[0]
		}
		if pair[0] == pair[1] {
			c.bad(path+".between", "both sites are the same", "leave the line out; link.same_site_ms holds for it")
		} else if seen[pair] {
			c.bad(path+".between", "this pair is there twice", "keep one of the two lines")
		}
		seen[pair] = true
		if !(r.MS > 0 && r.MS <= MaxRTTMillis) {
			c.bad(path+".ms", fmt.Sprintf("%v is not a round-trip time", r.MS), "write milliseconds between 0 and %d", MaxRTTMillis)
		}
	}
}

func (c *checker) regions() {
	c.ids("regions", c.w.regionIDs())
	if len(c.w.Regions) > MaxRegions {
		c.bad("regions", "there are too many", "keep at most %d", MaxRegions)
	}
	numbers := map[int]bool{}
	for i, r := range c.w.Regions {
		path := fmt.Sprintf("regions[%d]", i)
		c.known(path+".zone", r.Zone, "zones", c.w.zoneIDs())
		c.known(path+".site", r.Site, "sites", c.w.siteIDs())
		if r.Number < 1 || r.Number > MaxRegions {
			c.bad(path+".number", fmt.Sprintf("%d is out of range", r.Number), "write a number from 1 to %d that no region ever had", MaxRegions)
		} else if numbers[r.Number] {
			c.bad(path+".number", fmt.Sprintf("%d is there twice", r.Number), "give each region its own number")
		}
		numbers[r.Number] = true
		c.reaches(path+".site", r.Site)
	}
}

// reaches checks that the matrix has a time from a site to every region.
func (c *checker) reaches(path, site string) {
	for _, r := range c.w.Regions {
		if _, ok := c.w.RoundTrip(site, r.Site); !ok && slices.Contains(c.w.siteIDs(), site) {
			c.bad(path, fmt.Sprintf("no round-trip time from %s to %s (region %s)", site, r.Site, r.ID), "add {between: [%s, %s], ms: …} to rtt", site, r.Site)
		}
	}
}

func (c *checker) pops() {
	c.ids("pops", names(c.w.PoPs, func(p PoP) string { return p.ID }))
	if len(c.w.PoPs) > MaxPoPs {
		c.bad("pops", "there are too many", "keep at most %d", MaxPoPs)
	}
	for i, p := range c.w.PoPs {
		path := fmt.Sprintf("pops[%d]", i)
		if slices.Contains(c.w.regionIDs(), p.ID) {
			c.bad(path+".id", fmt.Sprintf("%q is a region's id too", p.ID), "places need names of their own, since links are named by them")
		}
		c.known(path+".site", p.Site, "sites", c.w.siteIDs())
		c.reaches(path+".site", p.Site)
		if p.Zone != "" {
			c.known(path+".zone", p.Zone, "zones", c.w.zoneIDs())
		}
	}
}

func (c *checker) markets() {
	c.ids("markets", names(c.w.Markets, func(m Market) string { return m.ID }))
	if len(c.w.Markets) > MaxMarkets {
		c.bad("markets", "there are too many", "keep at most %d", MaxMarkets)
	}
	hosts := map[string]bool{}
	for i, m := range c.w.Markets {
		path := fmt.Sprintf("markets[%d]", i)
		c.market(path, m)
		if hosts[m.Host] {
			c.bad(path+".host", fmt.Sprintf("%q is there twice", m.Host), "give each market its own host")
		}
		hosts[m.Host] = true
	}
}

var (
	currencyForm = regexp.MustCompile(`^[A-Z]{3}$`)
	countryForm  = regexp.MustCompile(`^[A-Z]{2}$`)
	localeForm   = regexp.MustCompile(`^[a-z]{2,3}(-[A-Z][a-z]{3})?(-[A-Z]{2})?$`)
	hostForm     = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$`)
	jurisdiction = regexp.MustCompile(`^[A-Z]{2}(-[A-Z0-9]{1,10}){0,3}$`)
)

func (c *checker) market(path string, m Market) {
	c.known(path+".home_region", m.HomeRegion, "regions", c.w.regionIDs())
	c.form(path+".currency", m.Currency, currencyForm, "write the ISO 4217 code, such as EUR")
	c.form(path+".country", m.Country, countryForm, "write the ISO 3166-1 code, such as DE")
	c.form(path+".host", m.Host, hostForm, "write a host name without a port, such as de.localhost")
	if len(m.Locales) == 0 {
		c.bad(path+".locales", "the list is empty", "write at least one BCP 47 tag, such as de-DE")
	}
	for j, l := range m.Locales {
		field := fmt.Sprintf("%s.locales[%d]", path, j)
		c.form(field, l, localeForm, "write a BCP 47 tag, such as de-DE")
		if len(l) > MaxLocale { // its cart would be taken for a page, and cached
			c.bad(field, fmt.Sprintf("%q is too long", l), "write at most %d characters", MaxLocale)
		}
	}
	if _, err := time.LoadLocation(m.TimeZone); err != nil || m.TimeZone == "" {
		c.bad(path+".time_zone", fmt.Sprintf("%q is not a time zone", m.TimeZone), "write an IANA name, such as Europe/Berlin")
	}
	c.known(path+".city", m.City, "cities", names(c.w.Cities, func(t City) string { return t.ID }))
	c.known(path+".tax.prices", m.Tax.Prices, "ways to price", []string{"inclusive", "exclusive"})
	c.known(path+".tax.rounding", m.Tax.Rounding, "rounding rules", []string{"half_up", "half_even", "down"})
	c.known(path+".tax.per", m.Tax.Per, "units of rounding", []string{"line", "rate", "document"})
	if m.Tax.Seller != "" {
		c.form(path+".tax.seller", m.Tax.Seller, jurisdiction, "write where the shop stands, such as DE or US-NY-NYC")
	}
	re, err := regexp.Compile(`^(?:` + m.Postal.Pattern + `)$`)
	switch {
	case err != nil || m.Postal.Pattern == "":
		c.bad(path+".postal.pattern", "it is not a regular expression", "write one in RE2's syntax, such as '[0-9]{5}'")
	case !re.MatchString(m.Postal.Example):
		c.bad(path+".postal.example", fmt.Sprintf("%q does not fit the pattern", m.Postal.Example), "write an example that does")
	}
	c.delivery(path, m)
}

func (c *checker) form(path, value string, form *regexp.Regexp, fix string) {
	if !form.MatchString(value) {
		c.bad(path, fmt.Sprintf("%q is not well formed", value), "%s", fix)
	}
}

func (c *checker) cities() {
	c.ids("cities", names(c.w.Cities, func(t City) string { return t.ID }))
	for i, t := range c.w.Cities {
		path := fmt.Sprintf("cities[%d]", i)
		if c.isPlace(t.ID) {
			c.bad(path+".id", fmt.Sprintf("%q is a region's or PoP's id too", t.ID), "places need names of their own, since links are named by them")
		}
		c.known(path+".site", t.Site, "sites", c.w.siteIDs())
		c.within(path+".access_ms", t.AccessMS, MaxRTTMillis, "milliseconds")
	}
}

func (c *checker) isPlace(id string) bool {
	return slices.Contains(c.w.regionIDs(), id) || slices.ContainsFunc(c.w.PoPs, func(p PoP) bool { return p.ID == id })
}

func (c *checker) links() {
	l := c.w.Link
	c.within("link.jitter_ms", l.JitterMS, MaxRTTMillis, "milliseconds")
	c.within("link.same_site_ms", l.SameSiteMS, MaxRTTMillis, "milliseconds")
	c.within("link.region_mbit", l.RegionMbit, 1e6, "Mbit/s, 0 for no limit,")
	c.within("link.access_mbit", l.AccessMbit, 1e6, "Mbit/s, 0 for no limit,")
}

func (c *checker) within(path string, v, most float64, unit string) {
	if !(v >= 0 && v <= most) {
		c.bad(path, fmt.Sprintf("%v is out of range", v), "write %s between 0 and %v", unit, most)
	}
}
