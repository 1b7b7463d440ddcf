package owner

import (
	"fmt"
	"time"

	"meridian/engine/imagegrid"
	"meridian/engine/signedurl"
	"meridian/platform/operator"
	"meridian/world"
)

// Config is what an owner role can be told.
type Config struct {
	Listen          string             `yaml:"listen" doc:"address to listen on: tcp:host:port or unix:/path"`
	Region          string             `yaml:"region" doc:"the region that this role runs in"`
	PublicScheme    string             `yaml:"public_scheme" doc:"http or https: how owners reach the pages; https makes the cookie Secure"`
	App             string             `yaml:"app" doc:"the app whose pictures owners use: the {app} of image URLs"`
	UploadToken     string             `yaml:"upload_token" doc:"what is shown to media for putting and listing pictures" secret:"true"`
	ModerationToken string             `yaml:"moderation_token" doc:"what is shown to media for deciding whether pictures are shown; without it owners see the queue and cannot decide" secret:"true"`
	Tokens          []Token            `yaml:"tokens" doc:"who may use the API; none: nobody"`
	SessionAge      time.Duration      `yaml:"session_age" doc:"how long an owner stays signed in"`
	SweepEvery      time.Duration      `yaml:"sweep_every" doc:"time between two looks for sessions that have ended"`
	SweepBatch      int                `yaml:"sweep_batch" doc:"most sessions that are removed at once"`
	SignInLimit     SignInLimit        `yaml:"sign_in_limit"`
	APILimit        APILimit           `yaml:"api_limit"`
	MaxForm         int64              `yaml:"max_form" doc:"most bytes of a form, a picture apart"`
	MaxContent      int64              `yaml:"max_content" doc:"most bytes of a request's content in the API"`
	MaxPrice        int64              `yaml:"max_price" doc:"highest price, in minor units of the market's currency"`
	PageSize        int                `yaml:"page_size" doc:"most orders, pictures or former prices on a page"`
	UploadBytes     int64              `yaml:"upload_bytes" doc:"most bytes of a picture"`
	MediaWait       time.Duration      `yaml:"media_wait" doc:"longest wait for media's answer to a question"`
	PhotoLife       time.Duration      `yaml:"photo_life" doc:"how long the addresses hold by which a page shows a customer's photo"`
	Private         signedurl.Settings `yaml:"private"`
	HooksHTTP       bool               `yaml:"hooks_http" doc:"whether endpoints of owners' systems may have http:// addresses; for systems in networks of our own (shop: hooks.private)"`
	SecretOverlap   time.Duration      `yaml:"secret_overlap" doc:"how long messages to an owner's system are signed with the old secret too, after it has got a new one"`
	UploadWait      time.Duration      `yaml:"upload_wait" doc:"longest time for a picture to arrive and be taken by media"`
}

// SignInLimit bounds guessing at passwords.
type SignInLimit struct {
	PerAccount int `yaml:"per_account" doc:"attempts a minute for one market and e-mail address"`
	PerNetwork int `yaml:"per_network" doc:"attempts a minute from one client network"`
	Tracked    int `yaml:"tracked" doc:"most accounts and networks whose attempts are counted at once; past it, new ones must wait"`
	AtOnce     int `yaml:"at_once" doc:"most passwords that are checked at once; each takes 19 MiB of memory"`
}

// APILimit bounds the requests to the API.
type APILimit struct {
	PerToken int `yaml:"per_token" doc:"most requests a minute with one token, at one process of this role"`
}

// mediaListMost is the most pictures that a media role lists at once, unless
// it is told otherwise.
const mediaListMost = 200

// Default is a config that lacks only its place, its app and its token.
func Default() Config {
	return Config{
		PublicScheme: "https",
		SessionAge:   12 * time.Hour,
		SweepEvery:   time.Hour,
		SweepBatch:   500,
		SignInLimit:  SignInLimit{PerAccount: 10, PerNetwork: 30, Tracked: 10_000, AtOnce: 2},
		APILimit:     APILimit{PerToken: 600},
		MaxForm:      64 << 10,
		MaxContent:   512 << 10,
		MaxPrice:     10_000_000,
		PageSize:     25,
		UploadBytes:  64 << 20,
		PhotoLife:    time.Hour,
		Private:      signedurl.DefaultSettings(),
		MediaWait:    10 * time.Second,
		UploadWait:   90 * time.Second,

		SecretOverlap: 24 * time.Hour,
	}
}

// Validate fails with invalid for the first setting that cannot be, and says
// what to write.
func (c Config) Validate() error {
	bad := func(setting, fix string) error {
		return world.E(world.CodeInvalid, "owner.config", fmt.Sprintf("%s: %s", setting, fix))
	}
	l := c.SignInLimit
	switch {
	case !world.ValidName(c.Region):
		return bad("region", "name the region that this role runs in")
	case c.PublicScheme != "http" && c.PublicScheme != "https":
		return bad("public_scheme", "write http or https")
	case imagegrid.CheckApp(c.App) != nil:
		return bad("app", "name the app whose pictures owners use")
	case c.UploadToken == "":
		return bad("upload_token", "give the token that media asks uploaders for")
	case c.SessionAge < time.Minute:
		return bad("session_age", "write a minute or more, such as 12h")
	case c.SweepEvery <= 0:
		return bad("sweep_every", "write a time above zero, such as 1h")
	case c.SweepBatch < 1:
		return bad("sweep_batch", "write at least 1")
	case l.PerAccount < 1 || l.PerNetwork < 1 || l.Tracked < 1 || l.AtOnce < 1:
		return bad("sign_in_limit: per_account, per_network, tracked, at_once", "write at least 1")
	case c.APILimit.PerToken < 1:
		return bad("api_limit.per_token", "write at least 1")
	case c.MaxForm < 1024 || c.MaxContent < 1024:
		return bad("max_form, max_content", "allow at least 1024 bytes")
	case c.MaxPrice < 1 || c.UploadBytes < 1:
		return bad("max_price, upload_bytes", "write at least 1")
	case c.PageSize < 1 || c.PageSize > mediaListMost:
		return bad("page_size", fmt.Sprintf("write 1 to %d", mediaListMost))
	case c.PhotoLife < time.Minute || c.PhotoLife*5/4 >= c.Private.Longest:
		return bad("photo_life", "write a minute or more, and less than three quarters of private.longest")
	case c.SecretOverlap < 0 || c.SecretOverlap > 30*24*time.Hour:
		return bad("secret_overlap", "write a time of up to 720h, such as 24h")
	case c.MediaWait <= 0 || c.UploadWait <= 0:
		return bad("media_wait, upload_wait", "write a time above zero, such as 10s")
	}
	if wrong := operator.Validate(c.credentials(), func(i int) string { return c.Tokens[i].validate() }); wrong != "" {
		return world.E(world.CodeInvalid, "owner.config", wrong)
	}
	return nil
}
