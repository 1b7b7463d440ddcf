package edge

import (
	"time"

	"meridian/engine/hotlink"
	"meridian/engine/signedurl"
	"meridian/engine/tier"
)

// Config is what an edge is told.
type Config struct {
	Listen  string        `yaml:"listen" doc:"address for visitors, tcp:host:port or unix:/path"`
	PoP     string        `yaml:"pop" doc:"the PoP's id in the world file"`
	Shields []tier.Shield `yaml:"shields" doc:"the regions' shields, nearest first"`
	FeedKey string        `yaml:"feed_key" doc:"bearer key of the purge feeds" secret:"true"`

	tier.Limits `yaml:",inline"`

	UpstreamTimeout   time.Duration      `yaml:"upstream_timeout" doc:"longest wait for a shield's response header"`
	HedgeAfter        time.Duration      `yaml:"hedge_after" doc:"how long a shield may be silent before the next is asked too, for what can be asked twice; not below upstream_timeout: never"`
	HedgeAfterPicture time.Duration      `yaml:"hedge_after_picture" doc:"the same for a picture, which a region may have to make first"`
	HedgeFloor        time.Duration      `yaml:"hedge_floor" doc:"a shield that usually answers sooner than hedge_after may be silent for as long as 95 in 100 of its answers take, but this long at least; 0: for hedge_after. Not for pictures"`
	Rest              time.Duration      `yaml:"rest" doc:"how long a shield that failed is not asked first; doubles up to sixteen-fold while it goes on failing"`
	RetryPercent      int                `yaml:"retry_percent" doc:"second tries of either kind, for a hundred requests: so that an outage is not multiplied"`
	Providers         []Provider         `yaml:"-"` // outside CDNs that have this edge as their origin: the machine's cdns with a key
	Hotlinks          []hotlink.Policy   `yaml:"hotlinks" doc:"on whose pages an app's public pictures may be shown; none: on everybody's"`
	Private           signedurl.Settings `yaml:"private"`
	Nearer            Nearer             `yaml:"nearer"`
	UploadBytes       int64              `yaml:"upload_bytes" doc:"largest request body that is passed on, in bytes"`
	WholeBytes        int64              `yaml:"whole_bytes" doc:"a request body of up to so many bytes has to arrive whole before a shield is asked; 0: each is passed on as it comes"`
}

// Default is a config that lacks only what has no default.
func Default() Config {
	return Config{
		Limits:          tier.DefaultLimits(),
		UpstreamTimeout: 10 * time.Second, HedgeAfter: time.Second, HedgeAfterPicture: 4 * time.Second, HedgeFloor: 250 * time.Millisecond,
		Nearer:  Nearer{By: 50 * time.Millisecond, MaxAge: 10 * time.Minute},
		Private: signedurl.DefaultSettings(), Rest: 2 * time.Second, RetryPercent: 20, UploadBytes: 72 << 20, WholeBytes: 64 << 10,
	}
}

// Validate says what is missing or out of range.
func (c Config) Validate() error {
	bad := func(m string) error { return tier.Bad("edge", m) }
	switch {
	case c.Listen == "" || c.PoP == "":
		return bad("listen and pop must be set")
	case len(c.Shields) == 0:
		return bad("shields must name at least one region")
	case c.FeedKey == "":
		return bad("feed_key must be set")
	case c.UpstreamTimeout <= 0 || c.Rest <= 0:
		return bad("upstream_timeout and rest must be above 0")
	case c.HedgeAfter <= 0 || c.HedgeAfterPicture <= 0:
		return bad("hedge_after and hedge_after_picture must be above 0")
	case c.HedgeFloor < 0:
		return bad("hedge_floor must not be below 0")
	case c.RetryPercent < 1 || c.RetryPercent > 100:
		return bad("retry_percent must be between 1 and 100")
	case c.UploadBytes < 1:
		return bad("upload_bytes must be at least 1")
	case c.WholeBytes < 0 || c.WholeBytes > c.UploadBytes:
		return bad("whole_bytes must be between 0 and upload_bytes")
	}
	if err := c.Nearer.validate(); err != nil {
		return err
	}
	if err := c.Limits.Validate("edge"); err != nil {
		return err
	}
	if err := validateProviders(c.Providers); err != nil {
		return err
	}
	return tier.ValidateShields("edge", "shields", c.Shields)
}
