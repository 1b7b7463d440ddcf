// Package wire carries what one role says to another over HTTP: originals and
// manifests between the media roles of two regions, and the purge feed from a
// region's shop to the cache tiers. Other adapters speak to foreign
// technology; this one is the far end of Meridian's own internal paths.
package wire
