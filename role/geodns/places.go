package geodns

import (
	"net/netip"

	"meridian/engine/prefixes"
	"meridian/world"
)

// Location is what a location database says of a network.
type Location struct {
	Latitude, Longitude float64
	Located             bool   // whether it has coordinates
	Country             string // ISO 3166-1 alpha-2; "": not told
	Continent           string // as [world.Continents]; "": not told
}

// place is where clients are, as far as it matters here.
type place struct {
	site      string
	continent string
}

// places reads where clients are: the operator's prefixes lie over the database.
func (s *Server) places(c Config) (*prefixes.Table[place], error) {
	var b prefixes.Builder[place]
	for country, site := range c.Countries {
		if _, ok := s.deps.World.SiteByID(site); !ok {
			return nil, bad("countries: %s: %v", country, noSite(site))
		}
	}
	if c.Database != "" {
		known := map[Location]place{}
		err := s.deps.Database(c.Database, func(p netip.Prefix, l Location) {
			at, ok := known[l]
			if !ok {
				at = placeOf(s.deps.World, c.Countries, l)
				if len(known) < mostKnown {
					known[l] = at
				}
			}
			b.Add(p, at)
		})
		if err != nil {
			return nil, err
		}
	}
	if c.Prefixes != "" {
		layer, err := s.readPrefixes(c)
		if err != nil {
			return nil, err
		}
		b.Lay(layer)
	}
	return b.Table(), nil
}

// mostKnown is how many locations of a database are remembered while it is read.
const mostKnown = 1 << 20

// placeOf is where a location of the database is: near the site that is nearest,
// or at that of its country.
func placeOf(w *world.World, countries map[string]string, l Location) place {
	at := place{continent: l.Continent}
	switch {
	case countries[l.Country] != "" && l.Country != "":
		at.site = countries[l.Country]
	case l.Located:
		at.site = nearest(w, world.Site{Latitude: l.Latitude, Longitude: l.Longitude})
	}
	return at
}

// readPrefixes reads the operator's file.
func (s *Server) readPrefixes(c Config) ([]prefixes.Entry[place], error) {
	f, err := s.deps.Files(c.Prefixes).Open()
	if err != nil {
		return nil, world.Because(world.CodeInvalid, "geodns.prefixes", "The file of prefixes cannot be read: "+c.Prefixes, err)
	}
	defer f.Close()
	lines, err := prefixes.Read(f, c.MaxPrefixes)
	if err != nil {
		return nil, err
	}
	out := make([]prefixes.Entry[place], len(lines))
	for i, l := range lines {
		site, ok := s.deps.World.SiteByID(l.Value)
		if !ok {
			return nil, bad("prefixes: %v: %v", l.Prefix, noSite(l.Value))
		}
		out[i] = prefixes.Entry[place]{Prefix: l.Prefix, Value: place{site: site.ID, continent: site.Continent}}
	}
	return out, nil
}
