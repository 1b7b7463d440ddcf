// Package maxmind reads location databases in MaxMind's format (.mmdb), whoever
// made them: which network is where.
package maxmind

import (
	"errors"
	"fmt"
	"net/netip"
	"os"

	"github.com/oschwald/maxminddb-golang/v2"

	"meridian/world"
)

// Record is what a database says of a network, of what is of use here.
type Record struct {
	Latitude, Longitude float64
	Located             bool   // whether it has coordinates
	Country             string // ISO 3166-1 alpha-2; "": not told
	Continent           string // two letters; "": not told
}

// stored is a record as databases of cities and of countries have it.
type stored struct {
	Continent struct {
		Code string `maxminddb:"code"`
	} `maxminddb:"continent"`
	Country struct {
		Code string `maxminddb:"iso_code"`
	} `maxminddb:"country"`
	Location struct {
		Latitude  *float64 `maxminddb:"latitude"`
		Longitude *float64 `maxminddb:"longitude"`
	} `maxminddb:"location"`
}

// MaxBytes is the longest database that is read.
const MaxBytes = 4 << 30

// Each hands every network of a database to each, none of which lies in another.
// Records that are not of the form that is known here are empty ones. Errors are
// [world.CodeInvalid] for what is no database, or one that is damaged.
func Each(path string, each func(netip.Prefix, Record)) error {
	const op = "maxmind.read"
	info, err := os.Stat(path)
	if err != nil {
		return world.Because(world.CodeInvalid, op, "The location database cannot be read: "+path, err)
	}
	if info.Size() > MaxBytes {
		return world.E(world.CodeTooLarge, op, fmt.Sprintf("The location database %s has more than %d bytes.", path, int64(MaxBytes)))
	}
	db, err := maxminddb.Open(path)
	if err != nil {
		return world.Because(world.CodeInvalid, op, "This is no database in MaxMind's format: "+path, err)
	}
	defer db.Close()
	if err := read(db, MaxNetworks, each); err != nil {
		return world.Because(world.CodeInvalid, op, "The location database is damaged: "+path, err)
	}
	return nil
}

// MaxNetworks is how many networks a database has at most, those without data
// included. A damaged one may run in circles, and have no end.
const MaxNetworks = 100_000_000

// mostKept is how many records are remembered: networks of one place have one.
const mostKept = 1 << 20

func read(db *maxminddb.Reader, most int, each func(netip.Prefix, Record)) error {
	kept := map[uintptr]Record{}
	for r := range db.Networks(maxminddb.IncludeNetworksWithoutData()) {
		if err := r.Err(); err != nil {
			return err
		}
		if most--; most < 0 {
			return errors.New("more networks than a database can have")
		}
		if !r.Found() {
			continue
		}
		of, ok := kept[r.Offset()]
		if !ok {
			var s stored
			if err := r.Decode(&s); err != nil {
				return err
			}
			if of = s.record(); len(kept) < mostKept {
				kept[r.Offset()] = of
			}
		}
		each(unmapped(r.Prefix()), of)
	}
	return nil
}

// record leaves out what cannot be: a place off the globe.
func (s stored) record() Record {
	r := Record{Country: s.Country.Code, Continent: s.Continent.Code}
	if at := s.Location; at.Latitude != nil && at.Longitude != nil &&
		*at.Latitude >= -90 && *at.Latitude <= 90 && *at.Longitude >= -180 && *at.Longitude <= 180 {
		r.Latitude, r.Longitude, r.Located = *at.Latitude, *at.Longitude, true
	}
	return r
}

// unmapped is an IPv4 network as one: databases of both have them under ::/96.
func unmapped(p netip.Prefix) netip.Prefix {
	raw := p.Addr().As16()
	if p.Addr().Is4() || p.Bits() < 96 || [12]byte(raw[:12]) != [12]byte{} {
		return p
	}
	return netip.PrefixFrom(netip.AddrFrom4([4]byte(raw[12:])), p.Bits()-96)
}
