package shield

import (
	"fmt"
	"time"

	"meridian/world"
)

// Config is what a shield is told.
type Config struct {
	Listen      string        `yaml:"listen" doc:"address for edges, other regions and their roles"`
	Region      string        `yaml:"region" doc:"the region's id in the world file"`
	Media       string        `yaml:"media" doc:"address of the region's media role"`
	Shop        string        `yaml:"shop" doc:"address of the region's shop role"`
	Owner       string        `yaml:"owner" doc:"address of the region's owner role"`
	Peers       []Peer        `yaml:"peers" doc:"the other regions' shields, whose feeds are followed"`
	FeedKey     string        `yaml:"feed_key" doc:"bearer key of the purge feeds" secret:"true"`
	CacheBytes  int64         `yaml:"cache_bytes" doc:"RAM for cached responses, in bytes"`
	ObjectBytes int64         `yaml:"object_bytes" doc:"largest response that is cached, in bytes"`
	RoleTimeout time.Duration `yaml:"role_timeout" doc:"longest wait for a role's response header"`
	FillTimeout time.Duration `yaml:"fill_timeout" doc:"longest time for one read that fills the cache"`
	FeedLimit   time.Duration `yaml:"feed_limit" doc:"a feed silent for longer is lost"`
	BodyBytes   int64         `yaml:"body_bytes" doc:"largest request body that is passed on, in bytes"`
}

// Peer is another region's shield.
type Peer struct {
	Region  string `yaml:"region" doc:"the region's id"`
	Address string `yaml:"address" doc:"where its shield is reached from here"`
}

// Default is a config that lacks only what has no default.
func Default() Config {
	return Config{
		CacheBytes: 128 << 20, ObjectBytes: 8 << 20,
		RoleTimeout: 20 * time.Second, FillTimeout: 30 * time.Second, FeedLimit: 15 * time.Second, BodyBytes: 64 << 20,
	}
}

// Validate says what is missing or out of range.
func (c Config) Validate() error {
	bad := func(m string) error { return world.E(world.CodeInvalid, "shield.config", "shield: "+m) }
	switch {
	case c.Listen == "" || c.Region == "":
		return bad("listen and region must be set")
	case c.Media == "" || c.Shop == "" || c.Owner == "":
		return bad("media, shop and owner must be addresses")
	case c.FeedKey == "":
		return bad("feed_key must be set")
	case c.CacheBytes < 1<<20:
		return bad("cache_bytes must be at least 1048576")
	case c.ObjectBytes < 1 || c.ObjectBytes > c.CacheBytes:
		return bad("object_bytes must be between 1 and cache_bytes")
	case c.RoleTimeout <= 0 || c.FillTimeout <= 0 || c.FeedLimit <= 0:
		return bad("role_timeout, fill_timeout and feed_limit must be above 0")
	case c.BodyBytes < 1:
		return bad("body_bytes must be at least 1")
	}
	for i, p := range c.Peers {
		if p.Region == "" || p.Address == "" {
			return bad(fmt.Sprintf("peers[%d] needs region and address", i))
		}
	}
	return nil
}
