package monitor

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"meridian/engine/health"
	"meridian/platform/operator"
	"meridian/world"
)

// Config is what a monitor can be told.
type Config struct {
	Listen  string       `yaml:"listen" doc:"address to listen on: tcp:host:port or unix:/path"`
	Region  string       `yaml:"region" doc:"the region that this role runs in"`
	WireKey string       `yaml:"wire_key" doc:"key that roles and tiers show one another" secret:"true"`
	Key     string       `yaml:"key" doc:"Ed25519 seed that this monitor signs with: 32 bytes in base64url without padding" secret:"true"`
	Keys    []health.Key `yaml:"keys" doc:"the public keys of all monitors, this one's too; a quorum is more than half of them"`
	Tokens  []Token      `yaml:"tokens" doc:"who may see the health page and drain; none: nobody"`
	Public  bool         `yaml:"public" doc:"whether everybody may see the health page; draining takes a token in any case"`
	State   string       `yaml:"state" doc:"file that keeps the drains across restarts; none: the other monitors remember them"`

	Every      time.Duration `yaml:"every" doc:"time between two probes of a region's shield that is well"`
	PoPEvery   time.Duration `yaml:"pop_every" doc:"likewise of a PoP, at which the monitors of all regions look in turn"`
	DeepEvery  time.Duration `yaml:"deep_every" doc:"likewise of a region's media and shop, which read the object store and the database"`
	RetryEvery time.Duration `yaml:"retry_every" doc:"time between two probes of a target that gives reason to doubt, whether or not the first has ended"`
	Timeout    time.Duration `yaml:"timeout" doc:"longest wait for a probe's answer, beyond two round trips"`
	Patience   time.Duration `yaml:"patience" doc:"silence after which a probe is doubted and another begun, beyond two round trips"`
	SlowBy     time.Duration `yaml:"slow_by" doc:"an answer that takes longer than this beyond the round trip is slow"`
	Fresh      time.Duration `yaml:"fresh" doc:"a monitor whose views have not moved on for longer is not heard"`

	health.Damping `yaml:",inline"`

	MaxAnswer    int64         `yaml:"max_answer" doc:"most bytes of a probe's answer"`
	MaxBody      int64         `yaml:"max_body" doc:"most bytes of a request"`
	MaxFollowers int           `yaml:"max_followers" doc:"most consumers that follow the feed at once"`
	FeedWrite    time.Duration `yaml:"feed_write" doc:"how long a follower may take for a line"`
	MaxDrain     time.Duration `yaml:"max_drain" doc:"longest drain that may be asked for with an end"`
	BadTokens    int           `yaml:"bad_tokens" doc:"wrong tokens a minute from one client network; past it, everybody of it must wait"`
	Tracked      int           `yaml:"tracked" doc:"most networks whose wrong tokens are counted at once; past it, new ones must wait"`
}

// Token is an operator's credential by its hash, and its scope.
type Token struct {
	operator.Credential `yaml:",inline"`

	Drain []string `yaml:"drain" doc:"prefixes of targets that it may drain: pop/, or pop/fra; all: /"`
}

// AllTargets is the scope of a token that may drain everything.
const AllTargets = "/"

// may reports whether the token's scope has a target.
func (t Token) may(target string) bool {
	return slices.ContainsFunc(t.Drain, func(p string) bool { return p == AllTargets || strings.HasPrefix(target, p) })
}

// Default is a config that lacks only its place and its keys.
func Default() Config {
	return Config{
		Every: 3 * time.Second, PoPEvery: 5 * time.Second, DeepEvery: 8 * time.Second, RetryEvery: 300 * time.Millisecond,
		Timeout: 800 * time.Millisecond, Patience: 300 * time.Millisecond, SlowBy: 250 * time.Millisecond, Fresh: 6500 * time.Millisecond,
		Damping: health.DefaultDamping(), MaxAnswer: 2 << 20, MaxBody: 16 << 10, MaxFollowers: 1000, FeedWrite: 5 * time.Second,
		MaxDrain: 30 * 24 * time.Hour, BadTokens: 10, Tracked: 10_000,
	}
}

// Validate fails with invalid for the first setting that cannot be, and says what
// to write.
func (c Config) Validate() error {
	bad := func(what string) error { return world.E(world.CodeInvalid, "monitor.config", what) }
	key, err := health.ParsePrivate(c.Key)
	if err != nil {
		return world.Wrap("monitor.config", err)
	}
	if _, err := health.Ring(c.Keys); err != nil {
		return world.Wrap("monitor.config", err)
	}
	own := slices.IndexFunc(c.Keys, func(k health.Key) bool { return k.Region == c.Region })
	switch {
	case c.Listen == "" || !world.ValidName(c.Region) || c.WireKey == "":
		return bad("listen, region and wire_key must be set")
	case own < 0 || c.Keys[own].Public != health.PublicOf(key):
		return bad("keys: name this monitor's public key too: " + health.PublicOf(key))
	case c.Every <= 0 || c.PoPEvery <= 0 || c.DeepEvery <= 0 || c.RetryEvery <= 0 || c.Patience <= 0 || c.SlowBy <= 0:
		return bad("every, pop_every, deep_every, retry_every, patience and slow_by must be above 0")
	case c.Timeout < c.Patience:
		return bad("timeout must not be below patience")
	case c.Fresh < 2*world.HealthBeat:
		return bad(fmt.Sprintf("fresh must be at least %v, two beats", 2*world.HealthBeat))
	case c.MaxAnswer < 1024 || c.MaxBody < 1024:
		return bad("max_answer and max_body must be at least 1024")
	case c.MaxFollowers < 1 || c.FeedWrite <= 0 || c.MaxDrain <= 0:
		return bad("max_followers must be at least 1, feed_write and max_drain above 0")
	case c.BadTokens < 1 || c.Tracked < 1:
		return bad("bad_tokens and tracked must be at least 1")
	}
	if wrong := c.Damping.Validate(); wrong != "" {
		return bad(wrong)
	}
	if wrong := operator.Validate(c.credentials(), func(i int) string { return c.Tokens[i].validate() }); wrong != "" {
		return bad(wrong)
	}
	return nil
}

func (c Config) credentials() []operator.Credential {
	out := make([]operator.Credential, len(c.Tokens))
	for i, t := range c.Tokens {
		out[i] = t.Credential
	}
	return out
}

func (t Token) validate() string {
	if wrong := t.Credential.Validate(); wrong != "" {
		return wrong
	}
	for _, p := range t.Drain {
		if kind, _, ok := strings.Cut(p, "/"); p != AllTargets && (!ok || !world.ValidName(kind)) {
			return "drain: write prefixes of targets, such as pop/ or shop/eu-central, or / for all"
		}
	}
	return ""
}

// names are the monitors that are configured, in order.
func (c Config) names() []string {
	var out []string
	for _, k := range c.Keys {
		out = append(out, k.Region)
	}
	slices.Sort(out)
	return out
}
