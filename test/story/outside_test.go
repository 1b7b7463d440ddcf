package story

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"meridian/test/varnishtest"
	"meridian/test/worldtest"
	"meridian/world"
)

// second is the provider of this story, as acknowledgements name it.
const second = "varnish:second"

// behindVarnish has a Varnish as the origin's client, and as a provider that is
// told to forget.
const behindVarnish = `
cdns: [{name: second, kind: varnish, key: %s, timeout: 5s, varnish: {address: "%s", key: %s}}]
ops:
  outside: {retry_most: 2s}
`

// toldWithin is how long an outside CDN may take to be told of a change, with
// a machine that does much else: it is told within a second of our own tiers, or
// six where one of those is away.
const toldWithin = 15 * time.Second

// TestAnOutsideCDNForgetsWithTheRest has a Varnish in front of a PoP. While it is
// away a purge names it as missing, and it catches up when it is there; then a
// changed price leaves it as it leaves our own caches.
func TestAnOutsideCDNForgetsWithTheRest(t *testing.T) {
	cdn := varnishtest.New(t, "meridian-ban.vcl")
	w := theWorldAs(t, worldtest.Options{Settings: sparing + fmt.Sprintf(behindVarnish, varnishtest.ProviderKey, cdn.Address, varnishtest.PurgeKey)})
	slugs := w.AtPoP(t, "de", "fra").Page(t, "/").Slugs()
	path := "/p/" + slugs[0]
	c, p := purge(t, w, "--group", world.GroupMarket("de"), "--wait", waitForRest)
	if c.Code == 0 || !slices.Equal(p.Missing, []string{second}) || p.Errors[second] != "Varnish cannot be reached." {
		t.Fatalf("with Varnish away: %d %+v %s", c.Code, p, c.Err)
	}

	cdn.Start(t, w.Port+1+slices.Index(pops(w), "fra"))
	// Each region has it forget everything first, for nobody knows what it holds.
	eventually(t, 2*toldWithin, "Varnish catches up with every region's feed", func() bool {
		shown := w.Run(t, "purge", "providers", "--dir", w.Dir)
		return shown.Code == 0 && strings.Count(shown.Out, "up to date") == len(w.Plan.Regions)
	})
	if list := w.Run(t, "purge", "log", "--dir", w.Dir, "--limit", "3"); !strings.Contains(list.Out, "late "+second) {
		t.Errorf("the list does not say that Varnish has caught up: %s", list.Out)
	}
	front := behind{t, cdn, fmt.Sprintf("%s:%d", w.Market(t, "de").Host, w.Port)}
	abroad := behind{t, cdn, fmt.Sprintf("%s:%d", w.Market(t, "gb").Host, w.Port)} // what is done to one market's pages is not done to another's
	front.keeps(path)
	abroad.keeps("/")

	shop, owner := w.Visitor(t, "de", ""), w.Owner(t, "de")
	minor := owner.PriceTyped(t, slugs[0]) + 1
	before, after := front.price(path), shop.Money(minor)
	saved := owner.SavePrice(t, slugs[0], minor)
	eventually(t, toldWithin, "Varnish shows the price "+after, func() bool {
		switch now := front.price(path); now {
		case after:
			return true
		case before:
			return false
		default:
			t.Fatalf("Varnish shows %s, which is neither %s nor %s", now, before, after)
			return false
		}
	})
	t.Logf("behind Varnish the new price was there %d ms after it was saved", time.Since(saved.Came).Milliseconds())
	for end := time.Now().Add(watchFor); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if now := front.price(path); now != after {
			t.Fatalf("Varnish shows %s again", now)
		}
	}
	if a := cdn.Get(t, abroad.host, "/", "Accept", "text/html"); !a.Hit() {
		t.Errorf("another market's page went too: %v", a.Header)
	}

	front.keeps(path)
	abroad.keeps("/")
	c, p = purge(t, w, "--url", "https://"+w.Market(t, "de").Host+path, "--wait", "15s")
	if c.Code != 0 || !slices.ContainsFunc(p.Acks, func(a world.PurgeAck) bool { return a.Tier == second }) {
		t.Fatalf("by URL: %d %+v %s", c.Code, p, c.Err)
	}
	if a := cdn.Get(t, front.host, path, "Accept", "text/html"); a.Hit() {
		t.Errorf("a purge by URL did not take its own page: %v", a.Header)
	}
	if a := cdn.Get(t, abroad.host, "/", "Accept", "text/html"); !a.Hit() {
		t.Errorf("a purge by URL took another page: %v", a.Header)
	}
}

// behind is a visitor of a host whose requests go through the outside CDN.
type behind struct {
	t    *testing.T
	cdn  *varnishtest.Server
	host string
}

func (b behind) keeps(path string) {
	b.t.Helper()
	eventually(b.t, cachedWithin, path+" is kept by Varnish", func() bool { return b.cdn.Get(b.t, b.host, path, "Accept", "text/html").Hit() })
}

func (b behind) price(path string) string {
	b.t.Helper()
	a := b.cdn.Get(b.t, b.host, path, "Accept", "text/html")
	return worldtest.Answer{Status: a.Status, Header: a.Header, Body: []byte(a.Body)}.Page(b.t).Price()
}
