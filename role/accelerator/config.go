package accelerator

import (
	"fmt"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"

	"meridian/engine/contentcoding"
	"meridian/engine/httpcache"
	"meridian/engine/tier"
)

// What Config.Host may say beside a name.
const (
	HostOrigin  = "origin"
	HostVisitor = "visitor"
)

// minToken is the shortest purge token, in characters.
const minToken = 16

// Config is what an accelerator is told.
type Config struct {
	Listen  string   `yaml:"listen" doc:"address for visitors, tcp:host:port or unix:/path"`
	Origins []string `yaml:"origins" doc:"the origin's servers, each http:// or https:// and a host; the first that is healthy is asked"`
	Name    string   `yaml:"name" doc:"how this cache is called in Cache-Status, Via and CDN-Loop"`

	Host    string   `yaml:"host" doc:"what the origin is asked for: origin (the host in its URL), visitor (the host the visitor asked for), or a name"`
	Hosts   []string `yaml:"hosts" doc:"hosts that visitors may ask for, without port; others get 421; none: all"`
	Proxies []string `yaml:"trusted_proxies" doc:"networks of proxies in front, as 10.0.0.0/8, whose X-Forwarded-For and X-Forwarded-Proto are believed"`

	contentcoding.Settings `yaml:",inline"`

	CacheBytes  int64  `yaml:"cache_bytes" doc:"RAM for cached responses, in bytes"`
	MemoryFrom  int64  `yaml:"memory_file_from" doc:"contents of so many bytes and more are kept in a file of memory, which the system sends without copying it; 0: none. On Linux"`
	ObjectBytes int64  `yaml:"object_bytes" doc:"largest response that is kept in RAM, in bytes"`
	DiskDir     string `yaml:"disk_dir" doc:"directory of the cache on disk; none: RAM alone"`
	DiskBytes   int64  `yaml:"disk_bytes" doc:"room for cached responses on disk, in bytes"`
	DiskObject  int64  `yaml:"disk_object_bytes" doc:"largest response that is kept on disk, in bytes, at most a sixteenth of disk_bytes; one that is too large for RAM is written there at once, and sent from there"`

	Lifetimes            map[int]time.Duration `yaml:"lifetimes" doc:"how long a response of a status is fresh that says nothing of it, as {200: 10m, 404: 1m}"`
	HeuristicPercent     int                   `yaml:"heuristic_percent" doc:"for those without either: share of the time since Last-Modified, RFC 9111 §4.2.2; 0: none"`
	HeuristicMost        time.Duration         `yaml:"heuristic_most" doc:"longest lifetime by that share"`
	NegativeError        time.Duration         `yaml:"negative_error" doc:"how long the origin is not asked again for what no answer came for; 0: it is at once. Its own error pages have lifetimes"`
	StaleIfError         time.Duration         `yaml:"stale_if_error" doc:"how long a stale response is used when the origin fails, where the response does not say, RFC 5861"`
	StaleWhileRevalidate time.Duration         `yaml:"stale_while_revalidate" doc:"how long a stale response is used while it is validated, where the response does not say, RFC 5861"`
	HonourRequest        bool                  `yaml:"honour_request" doc:"visitors' Cache-Control is obeyed: no-cache, max-age and the like; without it they cannot command the cache"`
	PassGroups           bool                  `yaml:"pass_groups" doc:"Surrogate-Key, Cache-Tag and Cache-Groups are passed on to visitors"`
	ShowKey              bool                  `yaml:"show_key" doc:"Cache-Status tells the cache key"`

	ConnectTimeout time.Duration `yaml:"connect_timeout" doc:"longest wait for a connection to the origin"`
	HeaderTimeout  time.Duration `yaml:"header_timeout" doc:"longest wait for the header of the origin's answer"`
	Misses         int           `yaml:"misses" doc:"most requests under way to the origin at once, those that are not cached too; those beyond wait"`
	MissWait       time.Duration `yaml:"miss_wait" doc:"how long one of those waits until it is answered 503, with Retry-After, or with what is stale where that is allowed"`
	FillTimeout    time.Duration `yaml:"fill_timeout" doc:"longest time for one read that fills the cache"`
	HedgeAfter     time.Duration `yaml:"hedge_after" doc:"how long an origin may be silent before the next is asked too, for what can be asked twice; 0: never"`
	HedgeFloor     time.Duration `yaml:"hedge_floor" doc:"with hedge_after: an origin that usually answers sooner may be silent for as long as 95 in 100 of its answers take, but this long at least; 0: for hedge_after"`
	Rest           time.Duration `yaml:"rest" doc:"how long an origin that failed is not asked first; doubles up to sixteen-fold while it goes on failing"`
	BodyBytes      int64         `yaml:"body_bytes" doc:"largest request content that is passed on, in bytes"`
	OriginRoots    string        `yaml:"origin_roots" doc:"path of a PEM file with the roots to trust the origin by; none: the system's"`

	PurgeToken string `yaml:"purge_token" doc:"bearer token for purges on the admin address, 16 characters at least; none: no purges" secret:"true"`
	PurgeTries int    `yaml:"purge_tries" doc:"wrong purge tokens a minute from one address before it has to wait"`
}

// Default is a config that lacks only listen and origins.
func Default() Config {
	return Config{
		Name: "meridian", Settings: contentcoding.DefaultSettings(), Host: HostOrigin, CacheBytes: 256 << 20, MemoryFrom: httpcache.DefaultMemoryFrom, ObjectBytes: 16 << 20, DiskBytes: 10 << 30, DiskObject: 64 << 20,
		HeuristicMost: 24 * time.Hour, ConnectTimeout: 5 * time.Second, HeaderTimeout: 30 * time.Second, FillTimeout: 2 * time.Minute,
		Misses: 1024, MissWait: 5 * time.Second, NegativeError: time.Second, HedgeFloor: 100 * time.Millisecond, Rest: 2 * time.Second, BodyBytes: 64 << 20, PurgeTries: 5,
	}
}

// Validate says what is missing or out of range.
func (c Config) Validate() error {
	bad := func(format string, args ...any) error { return tier.Bad("accelerator", fmt.Sprintf(format, args...)) }
	switch {
	case c.Listen == "":
		return bad("listen must be set")
	case len(c.Origins) == 0:
		return bad("origins must name at least one server")
	case !token(c.Name):
		return bad("name must be of letters, digits, dots and hyphens")
	case !hostOnly(c.Host):
		return bad("host must be origin, visitor or a host name")
	case c.CacheBytes < tier.MinCacheBytes:
		return bad("cache_bytes must be at least %d", tier.MinCacheBytes)
	case c.MemoryFrom < 0:
		return bad("memory_file_from must not be below 0")
	case c.ObjectBytes < 1 || c.ObjectBytes > c.CacheBytes:
		return bad("object_bytes must be between 1 and cache_bytes")
	case c.DiskDir != "" && c.DiskBytes < minDisk:
		return bad("disk_bytes must be at least %d", minDisk)
	case c.DiskObject < 1 || c.DiskObject > maxDiskObject:
		return bad("disk_object_bytes must be between 1 and %d", maxDiskObject)
	case c.HeuristicPercent < 0 || c.HeuristicPercent > 100:
		return bad("heuristic_percent must be between 0 and 100")
	case c.StaleIfError < 0 || c.StaleWhileRevalidate < 0 || c.NegativeError < 0 || c.HedgeAfter < 0 || c.HedgeFloor < 0:
		return bad("stale_if_error, stale_while_revalidate, negative_error, hedge_after and hedge_floor must not be below 0")
	case c.HeuristicMost <= 0 || c.ConnectTimeout <= 0 || c.HeaderTimeout <= 0 || c.FillTimeout <= 0 || c.Rest <= 0:
		return bad("heuristic_most, connect_timeout, header_timeout, fill_timeout and rest must be above 0")
	case c.Misses < 1 || c.MissWait <= 0:
		return bad("misses must be at least 1, miss_wait above 0")
	case c.BodyBytes < 1 || c.PurgeTries < 1:
		return bad("body_bytes and purge_tries must be at least 1")
	case c.PurgeToken != "" && len(c.PurgeToken) < minToken:
		return bad("purge_token must have at least %d characters", minToken)
	}
	if err := c.Settings.Validate(); err != nil {
		return bad("%v", err)
	}
	return c.validateLists()
}

// minDisk is the least room on a disk, in bytes.
const minDisk = 16 << 20

// maxDiskObject is the most that a response on the disk may have, in bytes: half of
// one of its files.
const maxDiskObject = 128 << 20

// minOnDisk is how many of the largest responses a disk has room for at least.
const minOnDisk = 16

func (c Config) validateLists() error {
	bad := func(format string, args ...any) error { return tier.Bad("accelerator", fmt.Sprintf(format, args...)) }
	for i, o := range c.Origins {
		u, err := ParseOrigin(o)
		if err != nil {
			return err
		}
		if slices.ContainsFunc(c.Origins[:i], func(p string) bool { v, err := ParseOrigin(p); return err == nil && *v == *u }) {
			return bad("origins: %s stands there twice", o)
		}
	}
	for _, h := range c.Hosts {
		if !hostOnly(h) {
			return bad("hosts: %q is no host name without port", h)
		}
	}
	for status, d := range c.Lifetimes {
		if status < 200 || status > 599 || d <= 0 {
			return bad("lifetimes: %d: %v is no status with a time above 0", status, d)
		}
	}
	_, err := c.networks()
	return err
}

// ParseOrigin reads an origin's URL: http or https, a host, a port perhaps, and
// nothing behind it, since what visitors ask for is passed on as it is.
func ParseOrigin(s string) (*url.URL, error) {
	bad := func(why string) error {
		return tier.Bad("accelerator", fmt.Sprintf("the origin %q does not serve: %s", s, why))
	}
	u, err := url.Parse(s)
	switch {
	case err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "":
		return nil, bad("write https://origin.example or http://10.0.0.1:3000")
	case u.User != nil:
		return nil, bad("it must not hold credentials")
	case u.Path != "" && u.Path != "/" || u.RawQuery != "" || u.Fragment != "" || u.ForceQuery:
		return nil, bad("it must end after the host and port: paths are passed on as visitors ask for them")
	}
	return &url.URL{Scheme: u.Scheme, Host: strings.ToLower(u.Host)}, nil
}

func (c Config) networks() ([]netip.Prefix, error) {
	var out []netip.Prefix
	for _, s := range c.Proxies {
		p, err := netip.ParsePrefix(s)
		if err != nil {
			return nil, tier.Bad("accelerator", fmt.Sprintf("trusted_proxies: %q is no network: write 10.0.0.0/8 or 10.0.0.1/32", s))
		}
		out = append(out, p.Masked())
	}
	return out, nil
}

// token takes what may stand as a token in Cache-Status, Via and CDN-Loop alike.
func token(s string) bool {
	first := func(c rune) bool { return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' }
	for i, c := range s {
		if !first(c) && (i == 0 || !(c >= '0' && c <= '9') && c != '.' && c != '-' && c != '_') {
			return false
		}
	}
	return s != "" && len(s) <= 64
}

func hostOnly(h string) bool {
	if _, err := netip.ParseAddr(h); err == nil {
		return true
	}
	return h != "" && len(h) <= 253 && strings.Trim(h, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._") == ""
}
