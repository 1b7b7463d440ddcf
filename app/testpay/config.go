package testpay

import (
	"crypto/rand"
	"fmt"
	"net/url"
	"regexp"
	"time"

	"meridian/engine/webhooksig"
	"meridian/platform/netaddr"
	"meridian/world"
)

// Config is what the provider is told.
type Config struct {
	Listen   string    `yaml:"listen" doc:"address to listen on: tcp:host:port or unix:/path"`
	Dir      string    `yaml:"dir" doc:"folder of the ledger"`
	URL      string    `yaml:"url" doc:"how buyers reach it: http://pay.localhost:8720, without a path"`
	Accounts []Account `yaml:"accounts" doc:"the shops that may take payments"`

	Late     time.Duration `yaml:"late" doc:"how late what comes late comes, by the number of the card"`
	PageLife time.Duration `yaml:"page_life" doc:"how long a buyer may take; then the payment has failed as abandoned"`
	Declines int           `yaml:"declines" doc:"most tries of a buyer that may be declined"`
	HookWait time.Duration `yaml:"hook_wait" doc:"longest wait for a webhook's answer"`
	Retry    time.Duration `yaml:"retry" doc:"wait before a webhook is sent again, doubled each time, at most an hour"`
	Tries    int           `yaml:"tries" doc:"how often a webhook is sent before it is given up"`
	Payments int           `yaml:"payments" doc:"most payments that it keeps"`
}

// Account is one shop at the provider.
type Account struct {
	Name    string   `yaml:"name" doc:"its name, such as the market's id"`
	Key     string   `yaml:"key" doc:"what it shows as Authorization: Bearer, 24 signs or more" secret:"true"`
	Webhook string   `yaml:"webhook" doc:"where it is told of changes; none: it is told nothing"`
	Dial    string   `yaml:"dial" doc:"address to connect to for the webhook, where its host has none: tcp:host:port or unix:/path"`
	Secrets []string `yaml:"secrets" doc:"what webhooks are signed with, whsec_ and base 64; two while one takes the place of the other" secret:"true"`
}

// minKey is the fewest signs of an account's key.
const minKey = 24

// Default is a config that lacks only addresses and accounts.
func Default() Config {
	return Config{
		Late: 10 * time.Second, PageLife: 24 * time.Hour, Declines: 10,
		HookWait: 5 * time.Second, Retry: time.Second, Tries: 16, Payments: 1_000_000,
	}
}

// Validate fails with invalid for the first setting that cannot be.
func (c Config) Validate() error {
	bad := func(setting, fix string) error {
		return world.E(world.CodeInvalid, "testpay.config", fmt.Sprintf("%s: %s", setting, fix))
	}
	if _, err := netaddr.Parse(c.Listen); err != nil {
		return err
	}
	switch {
	case c.Dir == "":
		return bad("dir", "name the folder of the ledger")
	case !bareURL(c.URL):
		return bad("url", "write http or https, a host, and no path")
	case len(c.Accounts) == 0:
		return bad("accounts", "name at least one shop")
	case c.Late < 0 || c.PageLife <= 0 || c.HookWait <= 0 || c.Retry <= 0:
		return bad("late, page_life, hook_wait, retry", "write a time above zero, such as 5s")
	case c.Declines < 1 || c.Tries < 1 || c.Payments < 1:
		return bad("declines, tries, payments", "write at least 1")
	}
	names, keys := map[string]bool{}, map[string]bool{}
	for i, a := range c.Accounts {
		at := fmt.Sprintf("accounts[%d]", i)
		switch {
		case !world.ValidName(a.Name) || names[a.Name]:
			return bad(at+".name", "write a name of its own, of small letters, digits and hyphens")
		case len(a.Key) < minKey || keys[a.Key]:
			return bad(at+".key", fmt.Sprintf("write a key of its own, of %d signs or more", minKey))
		case a.Webhook != "" && !webURL(a.Webhook):
			return bad(at+".webhook", "write an http or https address")
		case a.Webhook != "" && len(a.Secrets) == 0:
			return bad(at+".secrets", "write at least one: webhooks are signed")
		}
		if _, err := netaddr.Parse(a.Dial); a.Dial != "" && err != nil {
			return err
		}
		for _, s := range a.Secrets {
			if _, err := webhooksig.ParseSecret(s); err != nil {
				return bad(at+".secrets", "write whsec_ and base 64 of 24 to 64 random bytes")
			}
		}
		names[a.Name], keys[a.Key] = true, true
	}
	return nil
}

func bareURL(text string) bool {
	u, err := url.Parse(text)
	return err == nil && webURL(text) && u.Path == "" && u.RawQuery == ""
}

// maxURL is the most bytes of an address that we are given.
const maxURL = 2000

func webURL(text string) bool {
	u, err := url.Parse(text)
	return err == nil && len(text) <= maxURL && (u.Scheme == "http" || u.Scheme == "https") && u.Host != "" && u.User == nil && u.Fragment == ""
}

// validKey is the form of keys that name one deed.
var validKey = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`).MatchString

// newName is an unguessable name.
func newName(prefix string) string { return prefix + rand.Text() }
