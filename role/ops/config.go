package ops

import (
	"fmt"
	"strings"
	"time"

	"meridian/engine/fx"
	"meridian/platform/operator"
	"meridian/world"
)

// Config is what an ops role can be told.
type Config struct {
	Listen     string        `yaml:"listen" doc:"address to listen on: tcp:host:port or unix:/path"`
	Region     string        `yaml:"region" doc:"the region that this role runs in"`
	WireKey    string        `yaml:"wire_key" doc:"key that roles and tiers show one another" secret:"true"`
	Tokens     []Token       `yaml:"tokens" doc:"who may have something purged; none: nobody"`
	Wait       time.Duration `yaml:"wait" doc:"how long acknowledgements are waited for unless the request says so; a tier that has not acknowledged by then is missing"`
	MaxWait    time.Duration `yaml:"max_wait" doc:"longest wait that a request may ask for"`
	MaxNames   int           `yaml:"max_names" doc:"most URLs and groups of one purge"`
	MaxBody    int64         `yaml:"max_body" doc:"most bytes of a request"`
	MaxRunning int           `yaml:"max_running" doc:"most purges whose acknowledgements are waited for at once"`
	BadTokens  int           `yaml:"bad_tokens" doc:"wrong tokens a minute from one client network; past it, everybody of it must wait"`
	Tracked    int           `yaml:"tracked" doc:"most networks whose wrong tokens are counted at once; past it, new ones must wait"`
	ListPage   int           `yaml:"list_page" doc:"most purges on one page of the list"`
	RetryEvery time.Duration `yaml:"retry_every" doc:"how often a region whose feed a purge did not reach is asked again"`
	RetryFor   time.Duration `yaml:"retry_for" doc:"for how long it is asked"`
	EventAge   time.Duration `yaml:"event_age" doc:"how long the feed keeps an event; a cache that was away for longer forgets everything"`
	PurgeAge   time.Duration `yaml:"purge_age" doc:"how long the list keeps a purge"`
	SweepEvery time.Duration `yaml:"sweep_every" doc:"time between two looks for events and purges past their age"`
	SweepBatch int           `yaml:"sweep_batch" doc:"most events or purges that are removed at once"`
	Outside    Outside       `yaml:"outside"`
	Rates      RatesConfig   `yaml:"rates"`
}

// RatesConfig is where reference rates of exchange come from.
type RatesConfig struct {
	From       string        `yaml:"from" doc:"where each day's list is fetched, in the main region: https://www.ecb.europa.eu/stats/eurofxref/eurofxref-daily.xml, or another address or file:/path of that form; a history brings the days that were missed too; none: nothing is fetched, lists are imported by meridian fx import"`
	Timeout    time.Duration `yaml:"timeout" doc:"longest time for fetching and keeping a list"`
	RetryFirst time.Duration `yaml:"retry_first" doc:"wait after the first failure, or where the day's list is not out yet; doubles"`
	RetryMost  time.Duration `yaml:"retry_most" doc:"longest wait between two attempts"`
	MaxBytes   int64         `yaml:"max_bytes" doc:"most bytes of a file of lists, and of what is packed in it"`
}

// Outside is how providers are brought what they are to forget.
type Outside struct {
	Soon         time.Duration `yaml:"soon" doc:"longest wait for our own caches until a provider is first told to forget: what it fetches anew should be new"`
	After        time.Duration `yaml:"after" doc:"longest wait for our own caches until a purge counts at a provider; above their feed_limit, since a cache that is cut off serves nothing unvalidated after that"`
	Again        time.Duration `yaml:"again" doc:"time after which a provider is told once more, for what it was fetching from us just then; 0: never"`
	MaxKeys      int           `yaml:"max_keys" doc:"most keys that a provider is told to forget in one go; past it, everything"`
	MaxPending   int           `yaml:"max_pending" doc:"most keys that wait for one provider; past it, everything"`
	RetryFirst   time.Duration `yaml:"retry_first" doc:"wait after a provider's first failure; doubles"`
	RetryMost    time.Duration `yaml:"retry_most" doc:"longest wait between two attempts, unless the provider asks for a longer one; at once where a failure does not pass by itself, such as a bad token"`
	GiveUp       time.Duration `yaml:"give_up" doc:"a provider that has failed for so long is given up: it is asked every given_up_every, and then to forget everything"`
	GivenUpEvery time.Duration `yaml:"given_up_every" doc:"how often a provider that was given up is asked"`
	SaveEvery    time.Duration `yaml:"save_every" doc:"how often a provider's place in a quiet feed is kept"`
}

// The least ages: nothing younger is removed, whatever is asked of the database.
const (
	MinEventAge = time.Hour
	MinPurgeAge = 24 * time.Hour
)

// minRatesBytes leaves room for a day's list.
const minRatesBytes = 16 << 10

// Token is a credential by its hash, and its scope.
type Token struct {
	operator.Credential `yaml:",inline"`

	Groups []string `yaml:"groups" doc:"prefixes of groups that it may purge, such as de/"`
	URLs   []string `yaml:"urls" doc:"prefixes of URLs that it may purge: host and path, or for pictures and manifests, which have no host, the path"`
	Apps   []string `yaml:"apps" doc:"apps that it may purge whole"`
	All    bool     `yaml:"all" doc:"whether it may purge everything, and so anything"`
	Hard   bool     `yaml:"hard" doc:"whether it may remove; without it only make stale"`
	Log    bool     `yaml:"log" doc:"whether it sees the purges of other tokens"`
	Rates  bool     `yaml:"rates" doc:"whether it may import rates of exchange"`
}

// Default is a config that lacks only its place, its key and its tokens.
func Default() Config {
	return Config{
		Wait: 10 * time.Second, MaxWait: time.Minute, MaxNames: 5000, MaxBody: 1 << 20, MaxRunning: 256,
		BadTokens: 10, Tracked: 10_000, ListPage: 200, RetryEvery: 5 * time.Second, RetryFor: 7 * 24 * time.Hour,
		EventAge: 7 * 24 * time.Hour, PurgeAge: 400 * 24 * time.Hour, SweepEvery: time.Hour, SweepBatch: 500,
		Outside: Outside{
			Soon: time.Second, After: 6 * time.Second, Again: 2 * time.Second, MaxKeys: 2000, MaxPending: 20_000,
			RetryFirst: time.Second, RetryMost: time.Minute, GiveUp: 24 * time.Hour, GivenUpEvery: time.Hour, SaveEvery: 20 * time.Minute,
		},
		Rates: RatesConfig{Timeout: time.Minute, RetryFirst: 5 * time.Minute, RetryMost: time.Hour, MaxBytes: fx.DefaultLimits.Bytes},
	}
}

// Validate fails with invalid for the first setting that cannot be, and says
// what to write.
func (c Config) Validate() error {
	bad := func(setting, fix string) error {
		return world.E(world.CodeInvalid, "ops.config", fmt.Sprintf("%s: %s", setting, fix))
	}
	switch {
	case !world.ValidName(c.Region):
		return bad("region", "name the region that this role runs in")
	case c.WireKey == "":
		return bad("wire_key", "give the key that the roles share")
	case c.Wait <= 0 || c.MaxWait < c.Wait:
		return bad("wait, max_wait", "write a time above zero, and max_wait not below wait")
	case c.MaxNames < 1 || c.MaxBody < 1024 || c.MaxRunning < 1 || c.ListPage < 1:
		return bad("max_names, max_body, max_running, list_page", "write at least 1, for max_body at least 1024")
	case c.BadTokens < 1 || c.Tracked < 1:
		return bad("bad_tokens, tracked", "write at least 1")
	case c.RetryEvery <= 0 || c.RetryFor < 0:
		return bad("retry_every, retry_for", "write a time above zero, such as 5s")
	case c.EventAge < MinEventAge:
		return bad("event_age", fmt.Sprintf("write at least %v: caches that were cut off for less go on where they were", MinEventAge))
	case c.PurgeAge < max(MinPurgeAge, c.RetryFor):
		return bad("purge_age", fmt.Sprintf("write at least %v, and not less than retry_for: what is to be tried again must not be removed", MinPurgeAge))
	case c.SweepEvery <= 0 || c.SweepBatch < 1:
		return bad("sweep_every, sweep_batch", "write a time above zero, such as 1h, and at least 1")
	case c.Rates.Timeout <= 0 || c.Rates.RetryFirst <= 0 || c.Rates.RetryMost < c.Rates.RetryFirst:
		return bad("rates.timeout, rates.retry_first, rates.retry_most", "write times above zero, and retry_most not below retry_first")
	case c.Rates.MaxBytes < minRatesBytes:
		return bad("rates.max_bytes", fmt.Sprintf("write at least %d: a day's list has two thousand", minRatesBytes))
	}
	if wrong, fix := c.Outside.wrong(c.EventAge); wrong != "" {
		return bad("outside."+wrong, fix)
	}
	if wrong := operator.Validate(c.credentials(), func(i int) string { return c.Tokens[i].validate() }); wrong != "" {
		return world.E(world.CodeInvalid, "ops.config", wrong)
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

// wrong names the first setting that cannot be, and says what to write.
func (c Outside) wrong(eventAge time.Duration) (setting, fix string) {
	switch {
	case c.Soon < 0 || c.After < c.Soon || c.Again < 0:
		return "soon, after, again", "write times that are not below zero, and after not below soon"
	case c.MaxKeys < 1 || c.MaxPending < c.MaxKeys:
		return "max_keys, max_pending", "write at least 1, and max_pending not below max_keys"
	case c.RetryFirst <= 0 || c.RetryMost < c.RetryFirst:
		return "retry_first, retry_most", "write a time above zero, such as 1s, and retry_most not below retry_first"
	case c.GiveUp < c.RetryMost || c.GivenUpEvery < c.RetryMost:
		return "give_up, given_up_every", "write times not below retry_most"
	case c.SaveEvery <= 0 || c.SaveEvery > eventAge/2:
		return "save_every", "write a time above zero, at most half of event_age: a place that is older than the feed is worth nothing"
	}
	return "", ""
}

// validate says what to write in place of what is wrong; "" for nothing.
func (t Token) validate() string {
	if wrong := t.Credential.Validate(); wrong != "" {
		return wrong
	}
	for _, g := range t.Groups {
		if !world.Printable(g, world.MaxGroup) {
			return "groups: write prefixes such as de/; a token for everything has all"
		}
	}
	for _, u := range t.URLs {
		if !world.Printable(u, world.MaxPurgeURL) || !strings.Contains(u, "/") || strings.Contains(u, "://") {
			return "urls: write prefixes of host and path without a scheme, such as de.example/p/, or of a path, such as /img/sweet-crumbs/"
		}
	}
	for _, a := range t.Apps {
		if !world.ValidName(a) {
			return "apps: write names of apps"
		}
	}
	return ""
}
