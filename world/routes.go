package world

import (
	"net"
	"net/http"
	"slices"
	"strings"
)

// Route is what kind of request a path is, which decides who answers it,
// where, and whether a cache may hold the answer.
type Route int

// The routes. See docs/ARCHITECTURE.md, "Requests".
const (
	RoutePage     Route = iota // catalog pages and their assets: any region, cached
	RouteImage                 // a picture's variant: any region, cached
	RoutePrivate               // a private picture's variant: a region of its zone, cached in the zone, given with a signature only
	RouteManifest              // a picture's manifest: any region, cached
	RouteUpload                // a resumable upload: the region that its id names, never cached
	RouteMedia                 // uploads and listings: nearest region, never cached
	RouteHome                  // carts, checkout, orders and unsafe methods: the market's home region
	RouteOwner                 // the owners' pages: the market's home region
	RouteOps                   // what operators ask for: nearest region, never cached
	RouteOpsMain               // what operators write for all regions: the main region
	RouteInternal              // between roles only
)

// InternalPrefix begins every path that is not for visitors.
const InternalPrefix = "/-/"

// PrivatePrefix begins the address of a private picture. What lies under it is
// given by no tier without a valid signature: see docs/decisions.
const PrivatePrefix = "/private/"

// PurgesPath is where operators have something purged and see what was.
const PurgesPath = "/purges"

// ProvidersPath is where operators see how far the outside CDNs are.
const ProvidersPath = PurgesPath + "/providers"

// RatesPath is where operators read reference rates of exchange and, in the main
// region, add to them.
const RatesPath = "/fx"

// PeerPurgesPath is where a region's ops takes from another's what belongs into
// the feed of its own catalog cluster.
const PeerPurgesPath = "/-/purges"

// UploadID is the id in the address of a resumable upload,
// /media/{app}/tus/{id}. It is the media id of the asset to be, so its first
// character names the region that has the upload.
func UploadID(path string) (id string, ok bool) {
	part := strings.Split(path, "/")
	if len(part) != 5 || part[0] != "" || part[1] != "media" || part[3] != "tus" {
		return "", false
	}
	_, ok = MediaIDRegion(part[4])
	return part[4], ok
}

// APIPrefix begins every path of the shop's API, behind a locale or not.
const APIPrefix = "/api/"

// homePaths are the first path segments that hold resident data, homeAPI those
// behind the API's version.
var (
	homePaths = []string{"cart", "checkout", "orders"}
	homeAPI   = []string{"carts", "quotes", "orders"}
)

// RouteOf classifies a request by method and path.
func RouteOf(method, path string) Route {
	switch {
	case strings.HasPrefix(path, InternalPrefix) || path == "/-":
		return RouteInternal
	case strings.HasPrefix(path, "/img/"):
		return RouteImage
	case strings.HasPrefix(path, PrivatePrefix):
		return RoutePrivate
	case strings.HasPrefix(path, "/media/"):
		if safe(method) && strings.HasSuffix(path, "/manifest") {
			return RouteManifest
		}
		if _, ok := UploadID(path); ok {
			return RouteUpload
		}
		return RouteMedia
	case under(path, PurgesPath), IsHealthPath(path), path == RatesPath && safe(method):
		return RouteOps
	case path == RatesPath:
		return RouteOpsMain
	case under(path, "/owner"):
		return RouteOwner
	case !safe(method) || isHome(path):
		return RouteHome
	}
	return RoutePage
}

// IsHealthPath reports whether a path is of what operators ask a monitor.
func IsHealthPath(path string) bool { return under(path, HealthPagePath) }

// under reports whether a path is another, or lies below it.
func under(path, top string) bool { return path == top || strings.HasPrefix(path, top+"/") }

func safe(method string) bool { return method == http.MethodGet || method == http.MethodHead }

// APIPath is what a path of the API has behind its version, "products/brezel" of
// "/hi-in/api/v1/products/brezel"; ok is false for a path of no API.
func APIPath(path string) (rest string, ok bool) {
	if !strings.HasPrefix(path, APIPrefix) {
		first, behind, _ := strings.Cut(strings.TrimPrefix(path, "/"), "/")
		if !looksLikeLocale(first) || !strings.HasPrefix("/"+behind, APIPrefix) {
			return "", false
		}
		path = "/" + behind
	}
	_, rest, _ = strings.Cut(strings.TrimPrefix(path, APIPrefix), "/")
	return rest, true
}

// isHome looks at the first segment, or at the second behind a locale.
func isHome(path string) bool {
	if rest, ok := APIPath(path); ok {
		resource, _, _ := strings.Cut(rest, "/")
		return slices.Contains(homeAPI, resource)
	}
	first, rest, _ := strings.Cut(strings.TrimPrefix(path, "/"), "/")
	second, _, _ := strings.Cut(rest, "/")
	for _, p := range homePaths {
		if first == p || second == p && looksLikeLocale(first) {
			return true
		}
	}
	return false
}

func looksLikeLocale(s string) bool {
	lang, _, _ := strings.Cut(s, "-")
	return len(lang) >= 2 && len(lang) <= 3 && len(s) <= MaxLocale
}

// MarketByHost finds the market of a Host header, whatever its port and case.
func (w *World) MarketByHost(host string) (Market, bool) {
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	for _, m := range w.Markets {
		if m.Host == host {
			return m, true
		}
	}
	return Market{}, false
}

// Headers between tiers and towards visitors.
const (
	HeaderRegion = "Meridian-Region" // the region whose role answered
	HeaderPoP    = "Meridian-Pop"    // the PoP that answered
	HeaderClient = "Meridian-Client" // the visitor's address, truncated (towards regions only)
)

// CatalogCluster names the catalog cluster of a home region.
func CatalogCluster(region string) string { return "catalog-" + region }

// ResidentCluster names the resident cluster of a region.
func ResidentCluster(region string) string { return "resident-" + region }
