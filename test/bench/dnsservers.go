package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"

	"github.com/maxmind/mmdbwriter"
	"github.com/maxmind/mmdbwriter/mmdbtype"
)

// dnsServers are the name servers that are measured, ours first: the same zone,
// the same location database, one thread for UDP each.
func dnsServers(bin, database string) []contender {
	start := func(window int, set func(dir, at, database string) (string, []string, error)) func(context.Context, setup) (*server, error) {
		return func(ctx context.Context, u setup) (*server, error) {
			ports, err := freePorts(1)
			if err != nil {
				return nil, err
			}
			if err := os.MkdirAll(u.dir, 0o700); err != nil {
				return nil, err
			}
			s := &server{plain: local(ports[0]), window: window}
			name, args, err := set(u.dir, s.plain, database)
			if err != nil {
				return nil, err
			}
			return s, s.spawn(ctx, u.core, name, args...)
		}
	}
	return []contender{
		{name: ourName, start: start(dnsWindow, func(dir, at, database string) (string, []string, error) {
			path := filepath.Join(dir, "dns.yaml")
			return bin, []string{"serve", "--role", "geodns", "--config", path}, os.WriteFile(path, []byte(ourZone(at, database)), 0o600)
		})},
		{name: "PowerDNS geoip", needs: "pdns_server", pkg: "pdns-server pdns-backend-geoip", start: start(dnsSmallWindow, setPowerDNS)},
		{name: "gdnsd", needs: "gdnsd", pkg: "gdnsd", start: start(dnsWindow, setGdnsd)},
	}
}

// ourZone is our config; responses are not limited, as the others do not either.
func ourZone(at, database string) string {
	var addresses strings.Builder
	for _, p := range dnsPlaces {
		fmt.Fprintf(&addresses, "    %s: [%v]\n", p.pop, p.answer)
	}
	return fmt.Sprintf(`place: fra
log: {format: text, level: error}
location: {database: %q}
geodns:
  listen: [%q]
  place: fra
  zone: shop.example
  name_servers: [ns1.shop.example]
  hostmaster: host.shop.example
  records: ns1 IN A 192.0.2.53
  rate: 0
  names: [{name: www}]
  addresses:
%s`, database, at, addresses.String())
}

// setPowerDNS has one thread that receives and one that answers; it caches no
// answer that depends on the client's network.
func setPowerDNS(dir, at, database string) (string, []string, error) {
	var zone strings.Builder
	zone.WriteString("domains:\n- domain: shop.example\n  ttl: 30\n  records:\n    shop.example:\n      - soa: ns1.shop.example host.shop.example 1 7200 3600 86400 60\n      - ns: ns1.shop.example\n")
	for _, p := range dnsPlaces {
		fmt.Fprintf(&zone, "    %s.pop.shop.example:\n      - a: %v\n", strings.ToLower(p.country), p.answer)
	}
	zone.WriteString("  services:\n    www.shop.example: '%cc.pop.shop.example'\n")
	file := filepath.Join(dir, "zone.yaml")
	if err := os.WriteFile(file, []byte(zone.String()), 0o644); err != nil {
		return "", nil, err
	}
	host, port, err := net.SplitHostPort(at)
	return program("pdns_server"), []string{
		"--config-dir=" + dir, "--no-config", "--socket-dir=" + dir, "--launch=geoip", "--geoip-zones-file=" + file, "--geoip-database-files=mmdb:" + database,
		"--edns-subnet-processing=yes", "--local-address=" + host, "--local-port=" + port, "--daemon=no", "--guardian=no", "--disable-syslog",
		"--loglevel=2", "--receiver-threads=1", "--distributor-threads=1", "--webserver=no", "--api=no",
	}, err
}

// setGdnsd has one thread for UDP, as it is set up for one core, and the longest
// queue that it takes.
func setGdnsd(dir, at, database string) (string, []string, error) {
	var data, regions strings.Builder
	var names []string
	for _, p := range dnsPlaces {
		names = append(names, p.pop)
		fmt.Fprintf(&data, "        %s => %v\n", p.pop, p.answer)
	}
	for _, continent := range []string{"NA", "EU", "AS"} {
		fmt.Fprintf(&regions, "          %s => {\n", continent)
		for _, p := range dnsPlaces {
			if p.continent == continent {
				fmt.Fprintf(&regions, "            %s => [%s]\n", p.country, p.pop)
			}
		}
		regions.WriteString("          }\n")
	}
	config := fmt.Sprintf(`options => {
  listen => %[1]s
  udp_threads => 1
  udp_rcvbuf => 1048576
  tcp_threads => 1
  run_dir => %[2]s/run
  state_dir => %[2]s/state
  zones_default_ttl => 30
}
plugins => {
  geoip => {
    maps => {
      all => {
        geoip2_db => %[3]s
        datacenters => [%[4]s]
        map => {
%[5]s        }
      }
    }
    resources => {
      www => {
        map => all
        service_types => up
        dcmap => {
%[6]s        }
      }
    }
  }
}
`, at, dir, database, strings.Join(names, ", "), regions.String(), data.String())
	const zone = "@ SOA ns1 host 1 7200 1800 259200 60\n@ NS ns1\nns1 A 192.0.2.53\nwww 30 DYNA geoip!www\n"
	if err := os.MkdirAll(filepath.Join(dir, "zones"), 0o755); err != nil {
		return "", nil, err
	}
	if err := os.WriteFile(filepath.Join(dir, "config"), []byte(config), 0o644); err != nil {
		return "", nil, err
	}
	return program("gdnsd"), []string{"-c", dir, "start"}, os.WriteFile(filepath.Join(dir, "zones", "shop.example"), []byte(zone), 0o644)
}

// writeDatabase makes the location database of all clients.
func writeDatabase(path string) error {
	w, err := mmdbwriter.New(mmdbwriter.Options{DatabaseType: "Bench-City", RecordSize: 28})
	if err != nil {
		return err
	}
	for i := range dnsClients {
		client, p := dnsClient(i)
		network := &net.IPNet{IP: client.Addr().AsSlice(), Mask: net.CIDRMask(client.Bits(), 32)}
		if err := w.Insert(network, mmdbtype.Map{
			"continent": mmdbtype.Map{"code": mmdbtype.String(p.continent)},
			"country":   mmdbtype.Map{"iso_code": mmdbtype.String(p.country)},
			"location":  mmdbtype.Map{"latitude": mmdbtype.Float64(p.latitude), "longitude": mmdbtype.Float64(p.longitude)},
		}); err != nil {
			return err
		}
	}
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	if _, err := w.WriteTo(f); err != nil {
		f.Close()
		return err
	}
	return f.Close()
}
