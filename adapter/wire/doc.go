// Package wire carries what one role says to another over HTTP: originals and
// manifests between the media roles of two regions, the purge feed from a
// region's shop to the cache tiers, the health feed from a region's monitor to
// whoever picks a place. Other adapters speak to foreign technology; this one is
// the far end of Meridian's own internal paths.
package wire
