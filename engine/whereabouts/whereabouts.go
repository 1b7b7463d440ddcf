// Package whereabouts says near which site a client is, by its address: from the
// operator's prefixes and a location database. Who then serves the client is
// georoute's to say.
package whereabouts

import (
	"fmt"
	"io"
	"net/netip"
	"time"

	"meridian/engine/prefixes"
	"meridian/world"
)

// Sources name what tells where clients are. It is one section of a config file,
// for every role that wants to know.
type Sources struct {
	Prefixes    string            `yaml:"prefixes" doc:"file of address prefixes with the site that their clients are near; it goes before the database"`
	Database    string            `yaml:"database" doc:"location database in MaxMind's format (.mmdb)"`
	Countries   map[string]string `yaml:"countries" doc:"site of each country's clients (ISO 3166-1 alpha-2), for a database without coordinates"`
	MaxPrefixes int               `yaml:"max_prefixes" doc:"most prefixes of the file"`
	Look        time.Duration     `yaml:"look" doc:"how often these files, and a name server's config and keys, are looked at for changes"`
}

// MostPrefixes bounds max_prefixes.
const MostPrefixes = 100_000_000

// Default names no source.
func Default() Sources { return Sources{MaxPrefixes: 10_000_000, Look: 10 * time.Second} }

// Validate says what is out of range; of the files, [Read] does. Errors are
// [world.CodeInvalid].
func (s Sources) Validate() error {
	switch {
	case s.MaxPrefixes < 1 || s.MaxPrefixes > MostPrefixes:
		return bad("max_prefixes must be 1 to %d", MostPrefixes)
	case s.Look <= 0:
		return bad("look must be above 0")
	}
	return nil
}

// None reports whether no source is named: nobody's place is known.
func (s Sources) None() bool { return s.Prefixes == "" && s.Database == "" }

// Files are the paths of the sources; the same list for the same sources.
func (s Sources) Files() (paths []string) {
	for _, p := range []string{s.Prefixes, s.Database} {
		if p != "" {
			paths = append(paths, p)
		}
	}
	return paths
}

func bad(format string, args ...any) error {
	return world.E(world.CodeInvalid, "location", "location: "+fmt.Sprintf(format, args...)+".")
}

// Location is what a location database says of a network.
type Location struct {
	Latitude, Longitude float64
	Located             bool   // whether it has coordinates
	Country             string // ISO 3166-1 alpha-2; "": not told
	Continent           string // as [world.Continents]; "": not told
}

// Place is where clients are, as far as it matters. The zero Place is not known.
type Place struct {
	Site      string // the world's site that is nearest; "": not known
	Continent string // "": not told
}

// Readers read the files that [Sources] name.
type Readers struct {
	// Open begins to read a file.
	Open func(path string) (io.ReadCloser, error)
	// Database reads a location database in MaxMind's format: every network in it.
	Database func(path string, each func(netip.Prefix, Location)) error
}

// Read is the places of all addresses that the sources know: the operator's
// prefixes lie over the database, whatever their lengths. Errors are
// [world.CodeInvalid] for what cannot be read and for sites that the world has not,
// and those of the readers.
func Read(w *world.World, s Sources, r Readers) (*prefixes.Table[Place], error) {
	for country, site := range s.Countries {
		if _, ok := w.SiteByID(site); !ok {
			return nil, bad("countries: %s: the world has no site %q", country, site)
		}
	}
	var b prefixes.Builder[Place]
	if s.Database != "" {
		if err := r.Database(s.Database, placing(w, s.Countries, b.Add)); err != nil {
			return nil, err
		}
	}
	if s.Prefixes != "" {
		layer, err := r.prefixes(w, s)
		if err != nil {
			return nil, err
		}
		b.Lay(layer)
	}
	return b.Table(), nil
}

// mostKnown is how many locations of a database are remembered while it is read.
const mostKnown = 1 << 20

// placing hands on each network of a database with the place of its location.
func placing(w *world.World, countries map[string]string, add func(netip.Prefix, Place)) func(netip.Prefix, Location) {
	known := map[Location]Place{}
	return func(p netip.Prefix, l Location) {
		at, ok := known[l]
		if !ok {
			at = placeOf(w, countries, l)
			if len(known) < mostKnown {
				known[l] = at
			}
		}
		add(p, at)
	}
}

// placeOf is where a location of the database is: at the site of its country, if
// the operator has named one, or near the site that is nearest.
func placeOf(w *world.World, countries map[string]string, l Location) Place {
	at := Place{Continent: l.Continent}
	switch {
	case countries[l.Country] != "" && l.Country != "":
		at.Site = countries[l.Country]
	case l.Located:
		at.Site = Nearest(w, world.Site{Latitude: l.Latitude, Longitude: l.Longitude})
	}
	return at
}
