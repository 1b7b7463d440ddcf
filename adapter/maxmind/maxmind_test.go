package maxmind

import (
	"bytes"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"testing"

	"github.com/maxmind/mmdbwriter"
	"github.com/maxmind/mmdbwriter/mmdbtype"
	"github.com/oschwald/maxminddb-golang/v2"

	"meridian/world"
)

func place(lat, lon float64, country, continent string) mmdbtype.Map {
	return mmdbtype.Map{
		"location":  mmdbtype.Map{"latitude": mmdbtype.Float64(lat), "longitude": mmdbtype.Float64(lon)},
		"country":   mmdbtype.Map{"iso_code": mmdbtype.String(country), "names": mmdbtype.Map{"en": mmdbtype.String(country)}},
		"continent": mmdbtype.Map{"code": mmdbtype.String(continent)},
	}
}

// made is a database of what a test says of networks.
func made(t testing.TB, version int, networks map[string]mmdbtype.DataType) []byte {
	t.Helper()
	w, err := mmdbwriter.New(mmdbwriter.Options{DatabaseType: "Test-City", IPVersion: version, RecordSize: 24, IncludeReservedNetworks: true})
	if err != nil {
		t.Fatal(err)
	}
	for network, what := range networks {
		_, n, err := net.ParseCIDR(network)
		if err != nil {
			t.Fatal(err)
		}
		if err := w.Insert(n, what); err != nil {
			t.Fatal(err)
		}
	}
	var out bytes.Buffer
	if _, err := w.WriteTo(&out); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

var networks = map[string]mmdbtype.DataType{
	"203.0.113.0/24":  place(50.1, 8.7, "DE", "EU"),
	"198.51.100.0/24": mmdbtype.Map{"country": mmdbtype.Map{"iso_code": mmdbtype.String("JP")}},
	"192.0.2.0/24":    place(91, 0, "", "AF"),
}

func TestEach(t *testing.T) {
	want := map[string]Record{
		"203.0.113.0/24":  {50.1, 8.7, true, "DE", "EU"},
		"198.51.100.0/24": {Country: "JP"},
		"192.0.2.0/24":    {Continent: "AF"},
	}
	for _, version := range []int{4, 6} {
		all := networks
		if version == 6 {
			all = map[string]mmdbtype.DataType{"2001:db8::/32": place(1, 2, "SG", "AS")}
			for k, v := range networks {
				all[k] = v
			}
			want["2001:db8::/32"] = Record{1, 2, true, "SG", "AS"}
		}
		path := filepath.Join(t.TempDir(), "places.mmdb")
		if err := os.WriteFile(path, made(t, version, all), 0o600); err != nil {
			t.Fatal(err)
		}
		got := map[string]Record{}
		if err := Each(path, func(p netip.Prefix, r Record) { got[p.String()] = r }); err != nil {
			t.Fatal(err)
		}
		if len(got) != len(want) {
			t.Errorf("version %d: %v", version, got)
		}
		for network, r := range want {
			if got[network] != r {
				t.Errorf("version %d: %s: %+v, want %+v", version, network, got[network], r)
			}
		}
	}
}

func TestWhatIsNoDatabase(t *testing.T) {
	dir := t.TempDir()
	whole := made(t, 4, networks)
	text := filepath.Join(dir, "text")
	cut := filepath.Join(dir, "cut")
	if err := os.WriteFile(text, []byte("no database"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(cut, whole[200:], 0o600); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{text, cut, filepath.Join(dir, "missing"), dir} {
		if err := Each(path, func(netip.Prefix, Record) {}); !world.Is(err, world.CodeInvalid) {
			t.Errorf("%s: %v", path, err)
		}
	}
}

// A database is read up to a bound, those networks counted that say nothing.
func TestReadIsBounded(t *testing.T) {
	db, err := maxminddb.OpenBytes(made(t, 4, networks))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	all := 0
	for range db.Networks(maxminddb.IncludeNetworksWithoutData()) {
		all++
	}
	nothing := func(netip.Prefix, Record) {}
	if err := read(db, all, nothing); err != nil {
		t.Errorf("%d networks: %v", all, err)
	}
	if err := read(db, all-1, nothing); err == nil {
		t.Errorf("%d networks, where one less may be", all)
	}
}

// A damaged database ends in an error or in records, never otherwise.
func FuzzRead(f *testing.F) {
	f.Add(made(f, 4, networks))
	f.Add(made(f, 6, networks))
	f.Add([]byte("\xab\xcd\xefMaxMind.com"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		db, err := maxminddb.OpenBytes(raw)
		if err != nil {
			return
		}
		defer db.Close()
		_ = read(db, 1<<12, func(p netip.Prefix, r Record) {
			if r.Located && (r.Latitude < -90 || r.Latitude > 90) {
				t.Fatalf("%v: %+v", p, r)
			}
		})
	})
}
