package shield

import (
	"time"

	"meridian/engine/contentcoding"
	"meridian/engine/signedurl"
	"meridian/engine/tier"
)

// Config is what a shield is told.
type Config struct {
	Listen  string        `yaml:"listen" doc:"address for edges, other regions and their roles"`
	Region  string        `yaml:"region" doc:"the region's id in the world file"`
	Media   string        `yaml:"media" doc:"address of the region's media role"`
	Shop    string        `yaml:"shop" doc:"address of the region's shop role"`
	Owner   string        `yaml:"owner" doc:"address of the region's owner role"`
	Ops     string        `yaml:"ops" doc:"address of the region's ops role"`
	Monitor string        `yaml:"monitor" doc:"address of the region's monitor, whose health feed is read through here; none: there is no monitor"`
	Peers   []tier.Shield `yaml:"peers" doc:"the other regions' shields, whose feeds are followed"`
	FeedKey string        `yaml:"feed_key" doc:"bearer key of the purge feeds" secret:"true"`

	tier.Limits            `yaml:",inline"`
	contentcoding.Settings `yaml:",inline"`
	Private                signedurl.Settings `yaml:"private"`

	RoleTimeout time.Duration `yaml:"role_timeout" doc:"longest wait for a role's response header"`
	Rest        time.Duration `yaml:"rest" doc:"how long media or shop, once it did not answer, is tried by one request at a time, the others being told so at once; doubles up to sixteen-fold while it goes on failing"`
	BodyBytes   int64         `yaml:"body_bytes" doc:"largest request body that is passed on, in bytes"`
}

// Default is a config that lacks only what has no default. A region's cache
// has more RAM than a PoP's: it stands before all of them.
func Default() Config {
	c := Config{Limits: tier.DefaultLimits(), Settings: contentcoding.DefaultSettings(), Private: signedurl.DefaultSettings(), RoleTimeout: 20 * time.Second, Rest: 2 * time.Second, BodyBytes: 80 << 20}
	c.CacheBytes = 128 << 20
	c.StallTimeout = 3 * time.Second // before the edges behind it lose patience
	return c
}

// Validate says what is missing or out of range.
func (c Config) Validate() error {
	bad := func(m string) error { return tier.Bad("shield", m) }
	switch {
	case c.Listen == "" || c.Region == "":
		return bad("listen and region must be set")
	case c.Media == "" || c.Shop == "" || c.Owner == "" || c.Ops == "":
		return bad("media, shop, owner and ops must be addresses")
	case c.FeedKey == "":
		return bad("feed_key must be set")
	case c.RoleTimeout <= 0 || c.Rest <= 0:
		return bad("role_timeout and rest must be above 0")
	case c.BodyBytes < 1:
		return bad("body_bytes must be at least 1")
	}
	if err := c.Settings.Validate(); err != nil {
		return bad(err.Error())
	}
	if err := c.Limits.Validate("shield"); err != nil {
		return err
	}
	return tier.ValidateShields("shield", "peers", c.Peers)
}
