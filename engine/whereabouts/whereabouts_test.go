package whereabouts_test

import (
	"errors"
	"io"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"meridian/engine/whereabouts"
	"meridian/world"
)

var three = &world.World{Sites: []world.Site{
	{ID: "frankfurt", Latitude: 50.1, Longitude: 8.7, Continent: "EU"},
	{ID: "mumbai", Latitude: 19.1, Longitude: 72.9, Continent: "AS"},
	{ID: "tokyo", Latitude: 35.7, Longitude: 139.7, Continent: "AS"},
}}

// readers have one file, of a text, and one database of four networks.
func readers(text string) whereabouts.Readers {
	return whereabouts.Readers{
		Open: func(path string) (io.ReadCloser, error) {
			if path != "places" {
				return nil, errors.New("no such file")
			}
			return io.NopCloser(strings.NewReader(text)), nil
		},
		Database: func(path string, each func(netip.Prefix, whereabouts.Location)) error {
			if path != "places.mmdb" {
				return world.E(world.CodeInvalid, "test", "no such database")
			}
			each(netip.MustParsePrefix("192.0.0.0/16"), whereabouts.Location{Latitude: 18.5, Longitude: 73.8, Located: true, Country: "IN", Continent: "AS"})
			each(netip.MustParsePrefix("193.0.0.0/16"), whereabouts.Location{Country: "DE", Continent: "EU"})
			each(netip.MustParsePrefix("194.0.0.0/16"), whereabouts.Location{Continent: "SA"})
			each(netip.MustParsePrefix("2001:db8::/32"), whereabouts.Location{Latitude: 35, Longitude: 139, Located: true})
			return nil
		},
	}
}

func TestWhereClientsAre(t *testing.T) {
	s := whereabouts.Default()
	s.Prefixes, s.Database, s.Countries = "places", "places.mmdb", map[string]string{"DE": "frankfurt"}
	table, err := whereabouts.Read(three, s, readers("192.0.0.0/12 tokyo # ours\n192.0.7.0/24 frankfurt\n192.1.0.0/17 mumbai\n"))
	if err != nil {
		t.Fatal(err)
	}
	for from, want := range map[string]whereabouts.Place{
		"192.0.1.1":         {Site: "tokyo", Continent: "AS"}, // the operator's shorter prefix over the database's
		"192.0.7.1":         {Site: "frankfurt", Continent: "EU"},
		"::ffff:192.0.7.1":  {Site: "frankfurt", Continent: "EU"},
		"193.0.1.1":         {Site: "frankfurt", Continent: "EU"}, // by its country
		"194.0.1.1":         {Continent: "SA"},
		"2001:db8::1":       {Site: "tokyo"}, // by its coordinates
		"203.0.113.1":       {},
		"2001:db9::":        {},
		"192.1.127.255":     {Site: "mumbai", Continent: "AS"},
		"2001:db8:ffff::42": {Site: "tokyo"},
	} {
		if got, _ := table.Lookup(netip.MustParseAddr(from)); got != want {
			t.Errorf("%s: %+v, want %+v", from, got, want)
		}
	}
	s.Prefixes = ""
	if table, err = whereabouts.Read(three, s, readers("")); err != nil {
		t.Fatal(err)
	}
	if got, _ := table.Lookup(netip.MustParseAddr("192.0.1.1")); got.Site != "mumbai" {
		t.Errorf("without the operator's file: %+v", got)
	}
}

func TestSourcesThatAreRefused(t *testing.T) {
	for want, change := range map[string]func(*whereabouts.Sources){
		`no site "atlantis"`: func(s *whereabouts.Sources) { s.Countries = map[string]string{"GR": "atlantis"} },
		`no site "nowhere"`:  func(s *whereabouts.Sources) { s.Prefixes = "places" },
		"cannot be read":     func(s *whereabouts.Sources) { s.Prefixes = "gone" },
		"no such database":   func(s *whereabouts.Sources) { s.Database = "gone" },
	} {
		s := whereabouts.Default()
		change(&s)
		if _, err := whereabouts.Read(three, s, readers("10.0.0.0/8 nowhere")); !world.Is(err, world.CodeInvalid) || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want a word on %s", err, want)
		}
	}
	s := whereabouts.Default()
	s.Prefixes, s.MaxPrefixes = "places", 1
	if _, err := whereabouts.Read(three, s, readers("10.0.0.0/8 tokyo\n11.0.0.0/8 tokyo")); !world.Is(err, world.CodeTooLarge) {
		t.Error(err)
	}
}

func TestSourcesAtTheirEdges(t *testing.T) {
	for i, c := range []struct {
		change func(*whereabouts.Sources)
		ok     bool
	}{
		{func(*whereabouts.Sources) {}, true},
		{func(s *whereabouts.Sources) { s.MaxPrefixes = 1 }, true},
		{func(s *whereabouts.Sources) { s.MaxPrefixes = 0 }, false},
		{func(s *whereabouts.Sources) { s.MaxPrefixes = whereabouts.MostPrefixes }, true},
		{func(s *whereabouts.Sources) { s.MaxPrefixes = whereabouts.MostPrefixes + 1 }, false},
		{func(s *whereabouts.Sources) { s.Look = 1 }, true},
		{func(s *whereabouts.Sources) { s.Look = 0 }, false},
	} {
		s := whereabouts.Default()
		c.change(&s)
		if err := s.Validate(); (err == nil) != c.ok {
			t.Errorf("%d: %v", i, err)
		}
	}
	if s := (whereabouts.Sources{Database: "d"}); s.None() || !(whereabouts.Sources{}).None() || !slices.Equal(s.Files(), []string{"d"}) {
		t.Errorf("%v %v", s.None(), s.Files())
	}
}

func TestNearestIsTheSameForTies(t *testing.T) {
	twins := &world.World{Sites: []world.Site{{ID: "b", Latitude: 1, Longitude: 1}, {ID: "a", Latitude: 1, Longitude: 1}}}
	if got := whereabouts.Nearest(twins, world.Site{Latitude: 2, Longitude: 2}); got != "a" {
		t.Error(got)
	}
	if got := whereabouts.Nearest(&world.World{}, world.Site{}); got != "" {
		t.Error(got)
	}
	if got := whereabouts.Nearest(three, world.Site{Latitude: 22, Longitude: 80}); got != "mumbai" {
		t.Error(got)
	}
}
