package dnsserver

import (
	"encoding/hex"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"

	"meridian/world"
)

// The example of RFC 9018 appendix A.1.
func TestCookieOfTheRFC(t *testing.T) {
	keys, err := ParseCookieKeys([]string{"e5e973e5a6b2a43f48e7dc849e37bfcf"})
	if err != nil {
		t.Fatal(err)
	}
	client, _ := hex.DecodeString("2464c4abcf10c957")
	got := keys.make(0, client, netip.MustParseAddr("198.51.100.100"), 1559731985)
	if hex.EncodeToString(got[:]) != "010000005cf79f111f8130c3eee29480" {
		t.Errorf("%x", got)
	}
	for _, bad := range []string{"", "00", strings.Repeat("g", 32), strings.Repeat("0", 34)} {
		if _, err := ParseCookieKeys([]string{bad}); !world.Is(err, world.CodeInvalid) || bad != "" && strings.Contains(err.Error(), bad) {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

func TestCookies(t *testing.T) {
	r := newRig(t, func(c *Config) { c.Rate = 1 })
	ask := func(from, cookie string) (*dns.Msg, string) {
		m := r.ask(from, "www.shop.example.", dns.TypeA, withOption(&dns.EDNS0_COOKIE{Code: dns.EDNS0COOKIE, Cookie: cookie}))
		if m == nil {
			return nil, ""
		}
		if e := option[*dns.EDNS0_COOKIE](m); e != nil {
			return m, e.Cookie
		}
		return m, ""
	}
	client := "2464c4abcf10c957"
	_, cookie := ask("203.0.113.9", client)
	if !strings.HasPrefix(cookie, client) || len(cookie) != 2*(clientCookie+serverCookie) {
		t.Fatalf("cookie %q", cookie)
	}
	for range 5 { // far above the rate
		if m, again := ask("203.0.113.9", cookie); m == nil || m.Truncated || again == "" {
			t.Fatalf("with its cookie: %v", m)
		}
	}
	changed := cookie[:len(cookie)-1] + map[bool]string{true: "1", false: "0"}[cookie[len(cookie)-1] == '0']
	for what, c := range map[string]struct{ from, cookie string }{
		"another's cookie": {"203.0.113.10", cookie}, "a changed one": {"203.0.113.9", changed}, "none of the server's": {"203.0.113.9", client},
	} {
		if m, _ := ask(c.from, c.cookie); m != nil && !m.Truncated {
			t.Errorf("%s was believed: %v", what, m)
		}
	}
	keys := r.cfg.Cookies
	whole, _ := hex.DecodeString(cookie)
	for age, want := range map[time.Duration]bool{
		cookieAge: true, cookieAge + time.Second: false, -cookieAhead: true, -cookieAhead - time.Second: false,
	} {
		if keys.hold(whole, netip.MustParseAddr("203.0.113.9"), r.now.Add(age)) != want {
			t.Errorf("%v old: holds %v", age, !want)
		}
	}
	older := append(CookieKeys{{1}}, keys...)
	if !older.hold(whole, netip.MustParseAddr("203.0.113.9"), r.now) {
		t.Error("a cookie of the key before is not taken")
	}
}

func TestRate(t *testing.T) {
	l := newLimiter(3, 1<<16)
	now := time.Unix(1_800_000_000, 0)
	verdicts := func(from, alike string, n int) string {
		var out strings.Builder
		for range n {
			out.WriteByte("sTd"[l.of(netip.MustParseAddr(from), alike, now)])
		}
		return out.String()
	}
	if got := verdicts("203.0.113.9", "a", 4) + verdicts("203.0.113.200", "a", 4); got != "sssTdTdT" {
		t.Errorf("one network: %s", got)
	}
	if got := verdicts("203.0.113.9", "b", 4); got != "sssT" {
		t.Errorf("another answer: %s", got)
	}
	now = now.Add(time.Second)
	if got := verdicts("2001:db8:0:7::1", "a", 2) + verdicts("2001:db8:0:8::1", "a", 2); got != "sssT" {
		t.Errorf("one network of IPv6, a second later: %s", got)
	}
	if got := verdicts("203.0.113.9", "a", 70_000); strings.Count(got, "s") != 3 || !strings.HasSuffix(got, "ddd") {
		t.Error("a count that has no more room begins anew")
	}
	l = newLimiter(1, 1)
	if got := verdicts("203.0.113.9", "a", 2) + verdicts("203.0.114.9", "a", 3); got != "sTsss" {
		t.Errorf("a network beyond those that are counted: %s", got)
	}
	now = now.Add(time.Second)
	if got := verdicts("203.0.114.9", "a", 2); got != "sT" {
		t.Errorf("a place that is free again: %s", got)
	}
}

// Made-up names count as one; those of a name that exists by that name.
func TestRateOfNamesThatDoNotExist(t *testing.T) {
	r := newRig(t, func(c *Config) { c.Rate = 2 })
	var got strings.Builder
	for _, name := range []string{"a", "b", "c", "d", "www", "www"} {
		switch m := r.ask("203.0.113.9", name+".shop.example.", dns.TypeA); {
		case m == nil:
			got.WriteByte('d')
		case m.Truncated:
			got.WriteByte('T')
		default:
			got.WriteByte('s')
		}
	}
	if got.String() != "ssTdss" {
		t.Error(got.String())
	}
}
