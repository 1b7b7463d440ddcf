package tier

import (
	"net/http"
	"strings"

	"meridian/world"
)

// unsure reports whether what is stored for a request counts as stale: a purge
// may have been missed, because the feed that would bring it is lost.
func (t *Tier) unsure(r *http.Request) bool { return t.lost(t.governing(r.Host, r.URL.Path)) }

func (t *Tier) lost(cluster string) bool {
	if cluster == "" {
		return t.feeds.AnyLost(t.cfg.Now())
	}
	return t.feeds.Lost(cluster, t.cfg.Now())
}

// governing is the cluster whose feed purges what is under a path: that of the
// asset's write region, or of the market's home region. Empty where it cannot be
// told: then any feed might.
func (t *Tier) governing(host, path string) string {
	switch world.RouteOf(http.MethodGet, path) {
	case world.RouteImage, world.RoutePrivate, world.RouteManifest:
		parts := strings.SplitN(path, "/", 5) // "", img, private or media, app, media id
		if len(parts) < 4 {
			return ""
		}
		if region, ok := t.cfg.World.RegionOfMedia(parts[3]); ok {
			return world.CatalogCluster(region.ID)
		}
		return ""
	}
	if m, ok := t.cfg.World.MarketByHost(host); ok {
		return world.CatalogCluster(m.HomeRegion)
	}
	return ""
}
