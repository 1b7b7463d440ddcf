package app

import (
	"fmt"
	"io"
	"log/slog"
	"os"
	"sort"
	"strings"
	"time"

	"meridian"
	"meridian/adapter/objectstore"
	"meridian/adapter/smtp"
	"meridian/adapter/vies"
	"meridian/adapter/yaml"
	"meridian/engine/keyring"
	"meridian/engine/tier"
	"meridian/engine/whereabouts"
	"meridian/platform/httpserver"
	"meridian/role/edge"
	"meridian/role/geodns"
	"meridian/role/media"
	"meridian/role/monitor"
	"meridian/role/ops"
	"meridian/role/owner"
	"meridian/role/shield"
	"meridian/role/shop"
	"meridian/world"
)

// File is what one machine is told: the world, and a section for each role
// that it may run. `meridian serve --config` reads it; `meridian up` makes one
// for every place of the local world.
type File struct {
	World string `yaml:"world" doc:"path of the world file; none: the one that is shipped"`
	Place string `yaml:"place" doc:"the region or PoP that this machine is part of"`
	Admin string `yaml:"admin" doc:"address for /metrics and /healthz; none: not served"`
	Log   Log    `yaml:"log"`

	Rehearse bool `yaml:"rehearse" doc:"drills may set clocks wrong and fill stores here, by PUT /rehearsal at the admin address"`

	Location whereabouts.Sources `yaml:"location" doc:"where clients are, for name servers and for edges with a policy of nearer PoPs"`

	CDNs []CDN `yaml:"cdns" doc:"outside CDNs in front of our edges; the same list everywhere, but for the credentials that only some roles need (docs/cdns.md)"`

	Edge   *Edge   `yaml:"edge,omitempty"`
	Shield *Shield `yaml:"shield,omitempty"`
	Media  *Media  `yaml:"media,omitempty"`
	Shop   *Shop   `yaml:"shop,omitempty"`
	Owner  *Owner  `yaml:"owner,omitempty"`
	Ops    *Ops    `yaml:"ops,omitempty"`
	GeoDNS *GeoDNS `yaml:"geodns,omitempty"`

	Monitor *Monitor `yaml:"monitor,omitempty"`

	path string // where it was read; "" for one that was made
}

// Log is how the process reports.
type Log struct {
	Format string `yaml:"format" doc:"text or json"`
	Level  string `yaml:"level" doc:"debug, info, warn or error"`
}

// Edge is the section of role edge.
type Edge struct {
	edge.Config `yaml:",inline"`
	HTTP        httpserver.Limits `yaml:"http"`
	TLS         TLS               `yaml:"tls"`
	Health      HealthFeed        `yaml:"health"`
	AccessEvery int               `yaml:"access_every" doc:"one request in so many is logged, chosen by chance, with its visitor's network in place of the address; 0: none"`
}

// Shield is the section of role shield.
type Shield struct {
	shield.Config `yaml:",inline"`
	HTTP          httpserver.Limits `yaml:"http"`
}

// Media is the section of role media.
type Media struct {
	media.Config `yaml:",inline"`
	Catalogs     []Database           `yaml:"catalogs" doc:"every region's catalog cluster, as it is reached from here"`
	Objects      objectstore.Location `yaml:"objects" doc:"the region's object store"`
	Resident     objectstore.Location `yaml:"resident_objects" doc:"the object store of private pictures, another one, with credentials of its own: nothing outside the zone may reach it"`
	Peers        []tier.Shield        `yaml:"peers" doc:"the other regions' shields"`
	Health       HealthFeed           `yaml:"health"`
	HTTP         httpserver.Limits    `yaml:"http"`
}

// Shop is the section of role shop.
type Shop struct {
	shop.Config `yaml:",inline"`
	Catalogs    []Database        `yaml:"catalogs" doc:"every region's catalog cluster, as it is reached from here"`
	Resident    Database          `yaml:"resident" doc:"the region's resident cluster"`
	Media       string            `yaml:"media" doc:"address of the region's media role, which keeps visitors' photos"`
	UploadKeys  []keyring.Key     `yaml:"upload_keys" doc:"keys of upload grants, as media has them: each photo is sent under a grant of its own"`
	Peers       []tier.Shield     `yaml:"peers" doc:"the other regions' shields"`
	SMTP        smtp.Settings     `yaml:"smtp"`
	VIES        vies.Settings     `yaml:"vies"`
	Payments    []PaymentAccount  `yaml:"payments" doc:"accounts at providers of payments; the first of a market takes its new payments, others stand for those that were begun with them"`
	HTTP        httpserver.Limits `yaml:"http"`
}

// Owner is the section of role owner.
type Owner struct {
	owner.Config `yaml:",inline"`
	Catalogs     []Database        `yaml:"catalogs" doc:"every region's catalog cluster, as it is reached from here"`
	Resident     Database          `yaml:"resident" doc:"the region's resident cluster"`
	Media        string            `yaml:"media" doc:"address of the region's media role"`
	HTTP         httpserver.Limits `yaml:"http"`
}

// Ops is the section of role ops.
type Ops struct {
	ops.Config `yaml:",inline"`
	Catalogs   []Database        `yaml:"catalogs" doc:"every region's catalog cluster, as it is reached from here"`
	Peers      []tier.Shield     `yaml:"peers" doc:"the other regions' shields"`
	HTTP       httpserver.Limits `yaml:"http"`
}

// Database is a database cluster and how it is reached.
type Database struct {
	Region  string `yaml:"region" doc:"the cluster's home region"`
	Primary bool   `yaml:"primary" doc:"whether this is its primary"`
	Conn    string `yaml:"conn" doc:"PostgreSQL connection string" secret:"true"`
}

// sections gives each role's section its defaults.
func sections() map[string]func(*File) {
	l := httpserver.DefaultLimits()
	return map[string]func(*File){
		"edge": func(f *File) {
			f.Edge = &Edge{Config: edge.Default(), HTTP: l, TLS: DefaultTLS(), Health: DefaultHealthFeed(), AccessEvery: 100}
		},
		"shield": func(f *File) { f.Shield = &Shield{Config: shield.Default(), HTTP: l} },
		"media": func(f *File) {
			f.Media = &Media{Config: media.Default(), Objects: objectstore.DefaultLocation(), Resident: objectstore.DefaultLocation(), Health: DefaultHealthFeed(), HTTP: l}
		},
		"shop": func(f *File) {
			f.Shop = &Shop{Config: shop.Default(), SMTP: smtp.Default(), VIES: vies.Default(), HTTP: l}
		},
		"owner":   func(f *File) { f.Owner = &Owner{Config: owner.Default(), HTTP: l} },
		"geodns":  func(f *File) { f.GeoDNS = &GeoDNS{Config: geodns.Default(), Health: DefaultHealthFeed()} },
		"monitor": func(f *File) { f.Monitor = &Monitor{Config: monitor.Default(), HTTP: l} },
		"ops":     func(f *File) { f.Ops = &Ops{Config: ops.Default(), HTTP: l} },
	}
}

// NewFile is a file with the given roles' sections and their defaults.
func NewFile(roles ...string) *File {
	f := &File{Log: Log{Format: "text", Level: "info"}, Location: whereabouts.Default()}
	for _, r := range roles {
		sections()[r](f)
	}
	return f
}

// ReadFile reads a config file. Sections that are in it begin with their
// role's defaults; unknown fields are refused by line.
func ReadFile(path string) (*File, error) {
	fd, err := os.Open(path)
	if err != nil {
		return nil, world.Because(world.CodeInvalid, "config.read", "The config file cannot be read: "+path, err)
	}
	defer fd.Close()
	text, err := io.ReadAll(io.LimitReader(fd, yaml.MaxFileBytes+1))
	if err != nil {
		return nil, world.Because(world.CodeInvalid, "config.read", "The config file cannot be read: "+path, err)
	}
	keys, err := yaml.Keys(path, strings.NewReader(string(text)))
	if err != nil {
		return nil, err
	}
	f := NewFile()
	f.path = path
	for _, k := range keys {
		if fill := sections()[k]; fill != nil {
			fill(f)
		}
	}
	return f, yaml.Decode(path, strings.NewReader(string(text)), f)
}

// Roles are the roles that the file has a section for, by name.
func (f *File) Roles() []string {
	var out []string
	for _, r := range Roles() {
		if r.has(f) {
			out = append(out, r.Name)
		}
	}
	sort.Strings(out)
	return out
}

// ReadWorld reads the world file that f names, or the shipped one.
func ReadWorld(path string) (*world.World, error) {
	if path == "" {
		return yaml.World("world.yaml", strings.NewReader(string(meridian.WorldFile)))
	}
	fd, err := os.Open(path)
	if err != nil {
		return nil, world.Because(world.CodeInvalid, "world.read", "The world file cannot be read: "+path, err)
	}
	defer fd.Close()
	return yaml.World(path, fd)
}

// ParseWorld reads the text of a world file.
func ParseWorld(name, text string) (*world.World, error) {
	return yaml.World(name, strings.NewReader(text))
}

// Slog is the level for log/slog.
func (l Log) Slog() (slog.Level, error) {
	var level slog.Level
	if err := level.UnmarshalText([]byte(l.Level)); err != nil {
		return 0, world.E(world.CodeInvalid, "config.log", fmt.Sprintf("log.level: %q is not one of debug, info, warn, error", l.Level))
	}
	if l.Format != "text" && l.Format != "json" {
		return 0, world.E(world.CodeInvalid, "config.log", fmt.Sprintf("log.format: %q is neither text nor json", l.Format))
	}
	return level, nil
}

// now is the clock that roles are handed.
func now() time.Time { return time.Now() }

// Follow has the name server of a file that was made read its config again from
// another, which says the same now, when that changes.
func (f *File) Follow(path string) { f.path = path }

// Only is the file with one role's section and no other's.
func (f *File) Only(role string) *File {
	one := &File{World: f.World, Place: f.Place, Admin: f.Admin, Log: f.Log, Rehearse: f.Rehearse, Location: f.Location}
	for _, c := range f.CDNs {
		one.CDNs = append(one.CDNs, c.forRole(role))
	}
	switch role {
	case "edge":
		one.Edge = f.Edge
	case "shield":
		one.Shield = f.Shield
	case "media":
		one.Media = f.Media
	case "shop":
		one.Shop = f.Shop
	case "owner":
		one.Owner = f.Owner
	case "monitor":
		one.Monitor = f.Monitor
	case "ops":
		one.Ops = f.Ops
	case "geodns":
		one.GeoDNS = f.GeoDNS
	}
	return one
}
