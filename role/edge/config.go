package edge

import (
	"fmt"
	"time"

	"meridian/world"
)

// Config is what an edge is told.
type Config struct {
	Listen          string        `yaml:"listen" doc:"address for visitors, tcp:host:port or unix:/path"`
	PoP             string        `yaml:"pop" doc:"the PoP's id in the world file"`
	Shields         []Shield      `yaml:"shields" doc:"the regions' shields, nearest first"`
	FeedKey         string        `yaml:"feed_key" doc:"bearer key of the purge feeds" secret:"true"`
	CacheBytes      int64         `yaml:"cache_bytes" doc:"RAM for cached responses, in bytes"`
	ObjectBytes     int64         `yaml:"object_bytes" doc:"largest response that is cached, in bytes"`
	UpstreamTimeout time.Duration `yaml:"upstream_timeout" doc:"longest wait for a shield's response header"`
	FillTimeout     time.Duration `yaml:"fill_timeout" doc:"longest time for one read that fills the cache"`
	Rest            time.Duration `yaml:"rest" doc:"how long a shield that failed is not asked first; doubles up to sixteen-fold while it goes on failing"`
	FeedLimit       time.Duration `yaml:"feed_limit" doc:"a feed silent for longer is lost"`
	UploadBytes     int64         `yaml:"upload_bytes" doc:"largest request body that is passed on, in bytes"`
}

// Shield is a region's door.
type Shield struct {
	Region  string `yaml:"region" doc:"the region's id"`
	Address string `yaml:"address" doc:"where its shield is reached from here"`
}

// Default is a config that lacks only what has no default.
func Default() Config {
	return Config{
		CacheBytes: 64 << 20, ObjectBytes: 8 << 20,
		UpstreamTimeout: 10 * time.Second, FillTimeout: 30 * time.Second,
		Rest: 2 * time.Second, FeedLimit: 15 * time.Second, UploadBytes: 40 << 20,
	}
}

// Validate says what is missing or out of range.
func (c Config) Validate() error {
	switch {
	case c.Listen == "" || c.PoP == "":
		return bad("listen and pop must be set")
	case len(c.Shields) == 0:
		return bad("shields must name at least one region")
	case c.FeedKey == "":
		return bad("feed_key must be set")
	case c.CacheBytes < 1<<20:
		return bad("cache_bytes must be at least 1048576")
	case c.ObjectBytes < 1 || c.ObjectBytes > c.CacheBytes:
		return bad("object_bytes must be between 1 and cache_bytes")
	case c.UpstreamTimeout <= 0 || c.FillTimeout <= 0 || c.Rest <= 0 || c.FeedLimit <= 0:
		return bad("upstream_timeout, fill_timeout, rest and feed_limit must be above 0")
	case c.UploadBytes < 1:
		return bad("upload_bytes must be at least 1")
	}
	for i, s := range c.Shields {
		if s.Region == "" || s.Address == "" {
			return bad(fmt.Sprintf("shields[%d] needs region and address", i))
		}
	}
	return nil
}

func bad(message string) error { return world.E(world.CodeInvalid, "edge.config", "edge: "+message) }
