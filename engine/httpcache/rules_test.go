package httpcache

import (
	"errors"
	"net/http"
	"slices"
	"testing"
	"time"
)

func exchangeOf(status int, request, response []string) exchange {
	return exchange{
		request:  header(request...),
		response: &http.Response{StatusCode: status, Header: header(response...), ContentLength: 0},
		asked:    epoch, answered: epoch, policy: &Config{MaxGroups: 4, MaxGroupBytes: 8, TargetedFields: []string{fieldTargeted}},
	}
}

func TestWhatMayBeStored(t *testing.T) {
	const date = "Date: Sun, 01 Jun 2025 12:00:00 GMT"
	one := func(f ...string) []string { return f }
	for _, tc := range []struct {
		name     string
		status   int
		request  []string
		response []string
		why      string
	}{
		{"RFC 9111 §3: explicit max-age", 200, nil, one("Cache-Control: max-age=60"), ""},
		{"RFC 9111 §3: s-maxage", 200, nil, one("Cache-Control: s-maxage=60"), ""},
		{"RFC 9111 §5.3: Expires", 200, nil, one(date, "Expires: Sun, 01 Jun 2025 12:01:00 GMT"), ""},
		{"RFC 9111 §4.2.2: no heuristics here", 200, nil, one("Last-Modified: Sun, 01 Jun 2025 10:00:00 GMT"), "no-freshness"},
		{"RFC 9111 §5.2.2.5: no-store", 200, nil, one("Cache-Control: max-age=60, no-store"), "no-store"},
		{"RFC 9111 §5.2.2.7: private", 200, nil, one("Cache-Control: max-age=60, private"), "private"},
		{"RFC 9111 §5.2.2.7: private with field names", 200, nil, one(`Cache-Control: max-age=60, private="x, y"`), ""},
		{"RFC 9111 §5.2.2.7: with and without", 200, nil, one(`Cache-Control: max-age=60, private="x", private`), "private"},
		{"RFC 9111 §5.2.2.7: without and with", 200, nil, one(`Cache-Control: max-age=60, private, private="x"`), "private"},
		{"RFC 9111 §5.2.2.7: no name is all", 200, nil, one(`Cache-Control: max-age=60, private=""`), "private"},
		{"RFC 9111 §5.2.2.7: not names", 200, nil, one(`Cache-Control: max-age=60, private="x y"`), "private"},
		{"RFC 9111 §5.2.2.7: a field that cannot be spared", 200, nil, one(`Cache-Control: max-age=60, private="x, content-encoding"`), "private"},
		{"RFC 9111 §5.2.2.4: no-cache with field names", 200, nil, one(`Cache-Control: max-age=60, no-cache="x"`), ""},
		{"RFC 9111 §5.2.2.4: names without freshness", 200, nil, one(`Cache-Control: no-cache="x"`, `ETag: "a"`), "no-freshness"},
		{"RFC 9111 §7.3: Set-Cookie that is withheld", 200, nil, one(`Cache-Control: max-age=60, no-cache="set-cookie"`, "Set-Cookie: a=b"), ""},
		{"RFC 9213 §2.1: private with field names", 200, nil, one(`CDN-Cache-Control: max-age=60, private="set-cookie"`, "Set-Cookie: a=b"), ""},
		{"RFC 9111 §5.2: names ignore case", 200, nil, one("Cache-Control: Max-Age=60, PRIVATE"), "private"},
		{"RFC 9111 §5.2.2.4: no-cache that can be validated", 200, nil, one("Cache-Control: no-cache", `ETag: "a"`), ""},
		{"RFC 9111 §5.2.2.4: no-cache that cannot", 200, nil, one("Cache-Control: no-cache"), "no-cache"},
		{"RFC 9111 §4.2.1: malformed max-age is stale", 200, nil, one("Cache-Control: max-age=1h"), "no-freshness"},
		{"RFC 9111 §5.3: Expires 0 is expired", 200, nil, one("Expires: 0"), "no-freshness"},
		{"max-age=0 that can be validated", 200, nil, one("Cache-Control: max-age=0", `ETag: "a"`), ""},
		{"max-age=0 with stale-if-error", 200, nil, one("Cache-Control: max-age=0, stale-if-error=9"), ""},
		{"RFC 9111 §7.3: Set-Cookie", 200, nil, one("Cache-Control: max-age=60", "Set-Cookie: a=b"), "set-cookie"},
		{"RFC 9111 §4.1: Vary *", 200, nil, one("Cache-Control: max-age=60", "Vary: Accept, *"), "vary"},
		{"RFC 9111 §3.5: Authorization", 200, one("Authorization: x"), one("Cache-Control: max-age=60"), "authorization"},
		{"RFC 9111 §3.5: Authorization, public", 200, one("Authorization: x"), one("Cache-Control: max-age=60, public"), ""},
		{"RFC 9111 §3.5: Authorization, s-maxage", 200, one("Authorization: x"), one("Cache-Control: s-maxage=60"), ""},
		{"RFC 9111 §3.5: Authorization, must-revalidate", 200, one("Authorization: x"), one("Cache-Control: max-age=60, must-revalidate"), ""},
		{"RFC 9110 §15.1: 404", 404, nil, one("Cache-Control: max-age=60"), ""},
		{"RFC 9110 §15.1: 410", 410, nil, one("Cache-Control: max-age=60"), ""},
		{"RFC 9110 §15.4.3: 302 with explicit freshness", 302, nil, one("Cache-Control: max-age=60"), ""},
		{"RFC 9111 §3.3: 206 is not stored", 206, nil, one("Cache-Control: max-age=60"), "status"},
		{"RFC 9111 §3: any final status, known or not", 299, nil, one("Cache-Control: max-age=60"), ""},
		{"RFC 9111 §3: an error that says so", 503, nil, one("Cache-Control: max-age=60"), ""},
		{"an error that does not", 503, nil, nil, "no-freshness"},
		{"RFC 9111 §5.2.2.3: must-understand and a status unknown", 599, nil, one("Cache-Control: max-age=60, must-understand"), "status"},
		{"RFC 9111 §5.2.2.3: with no-store and a status unknown", 599, nil, one("Cache-Control: max-age=60, must-understand, no-store"), "no-store"},
		{"RFC 9111 §5.2.2.3: with no-store and a status known", 303, nil, one("Cache-Control: max-age=60, must-understand, no-store"), ""},
		{"RFC 9111 §4.3.3: 304 alone is nothing to store", 304, nil, one("Cache-Control: max-age=60"), "status"},
		{"RFC 9110 §15.5.17: 416 is about a range", 416, nil, one("Cache-Control: max-age=60"), "status"},
		{"RFC 9213 §2.1: CDN-Cache-Control over no-store", 200, nil, one("Cache-Control: no-store", "CDN-Cache-Control: max-age=60"), ""},
		{"RFC 9213 §2.1: CDN-Cache-Control over max-age", 200, nil, one("Cache-Control: max-age=60", "CDN-Cache-Control: no-store"), "no-store"},
		{"RFC 9213 §2.1: CDN-Cache-Control over Expires", 200, nil, one(date, "Expires: Sun, 01 Jun 2025 12:01:00 GMT", "CDN-Cache-Control: public"), "no-freshness"},
		{"RFC 9213 §2.1: malformed, so ignored", 200, nil, one("Cache-Control: max-age=60", "CDN-Cache-Control: no store,,"), ""},
		{"RFC 9213 §2.1: a String is no delta", 200, nil, one(`CDN-Cache-Control: max-age="60"`), "no-freshness"},
		{"RFC 9213 §2.1: a false Boolean", 200, nil, one("CDN-Cache-Control: max-age=60, no-store=?0"), ""},
		{"groups at the limit", 200, nil, one("Cache-Control: max-age=60", "Surrogate-Key: a b c 12345678"), ""},
		{"a group too many", 200, nil, one("Cache-Control: max-age=60", "Surrogate-Key: a b c d e"), "groups"},
		{"a group too long", 200, nil, one("Cache-Control: max-age=60", "Surrogate-Key: 123456789"), "groups"},
		{"RFC 9875 §2: malformed groups could miss a purge", 200, nil, one("Cache-Control: max-age=60", "Cache-Groups: a, b"), "groups"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if _, why := newHead(exchangeOf(tc.status, tc.request, tc.response)); why != tc.why {
				t.Errorf("why not stored: %q, want %q", why, tc.why)
			}
		})
	}
}

func TestFreshnessLifetimeAndStaleUse(t *testing.T) {
	const date = "Date: Sun, 01 Jun 2025 12:00:00 GMT"
	for _, tc := range []struct {
		name           string
		fields         []string
		life, swr, sie time.Duration
	}{
		{"RFC 9111 §4.2.1: s-maxage over max-age", []string{"Cache-Control: max-age=10, s-maxage=20"}, 20 * time.Second, 0, 0},
		{"RFC 9111 §4.2.1: max-age over Expires", []string{"Cache-Control: max-age=10", date, "Expires: Sun, 01 Jun 2025 13:00:00 GMT"}, 10 * time.Second, 0, 0},
		{"RFC 9213: CDN-Cache-Control over s-maxage", []string{"Cache-Control: s-maxage=20", "CDN-Cache-Control: max-age=30"}, 30 * time.Second, 0, 0},
		{"RFC 9111 §4.2.1: the first of two", []string{"Cache-Control: max-age=10", "Cache-Control: max-age=99"}, 10 * time.Second, 0, 0},
		{"RFC 9111 §1.2.2: too large to hold", []string{"Cache-Control: max-age=99999999999999999999"}, maxDelta, 0, 0},
		{"RFC 9111 §1.2.2: negative is malformed", []string{"Cache-Control: max-age=-5"}, 0, 0, 0},
		{"RFC 9111 §5.3: Expires less Date", []string{date, "Expires: Sun, 01 Jun 2025 12:00:40 GMT"}, 40 * time.Second, 0, 0},
		{"RFC 5861: both", []string{"Cache-Control: max-age=10, stale-while-revalidate=5, stale-if-error=7"}, 10 * time.Second, 5 * time.Second, 7 * time.Second},
		{"RFC 9111 §5.2.2.2: must-revalidate", []string{"Cache-Control: max-age=10, stale-while-revalidate=5, stale-if-error=7, must-revalidate"}, 10 * time.Second, 0, 0},
		{"RFC 9111 §5.2.2.8: proxy-revalidate", []string{"Cache-Control: max-age=10, stale-if-error=7, proxy-revalidate"}, 10 * time.Second, 0, 0},
		{"RFC 9111 §5.2.2.10: s-maxage", []string{"Cache-Control: s-maxage=10, stale-if-error=7"}, 10 * time.Second, 0, 0},
		{"RFC 9213: CDN directives lift that of Cache-Control", []string{"Cache-Control: must-revalidate", "CDN-Cache-Control: max-age=10, stale-if-error=7"}, 10 * time.Second, 0, 7 * time.Second},
		{"RFC 9111 §5.2.2.4: no-cache", []string{"Cache-Control: no-cache, max-age=10, stale-if-error=7"}, 10 * time.Second, 0, 0},
	} {
		t.Run(tc.name, func(t *testing.T) {
			h, _ := newHead(exchangeOf(200, nil, tc.fields))
			if h.life != tc.life || h.swr != tc.swr || h.sie != tc.sie {
				t.Errorf("life %v swr %v sie %v, want %v %v %v", h.life, h.swr, h.sie, tc.life, tc.swr, tc.sie)
			}
		})
	}
}

// RFC 9111 §4.2.3, with a response that took two seconds and ten seconds in the store.
func TestAge(t *testing.T) {
	for _, tc := range []struct {
		name   string
		fields []string
		want   time.Duration
	}{
		{"no Date, no Age: the delay counts", nil, 12 * time.Second},
		{"an upstream's Age is added to", []string{"Age: 30"}, 42 * time.Second},
		{"an old Date is the larger", []string{"Date: Sun, 01 Jun 2025 11:59:00 GMT", "Age: 30"}, 72 * time.Second},
		{"a Date in the future counts nothing", []string{"Date: Sun, 01 Jun 2025 13:00:00 GMT"}, 12 * time.Second},
		{"§5.1: the first of a list", []string{"Age: 5, 90"}, 17 * time.Second},
		{"§5.1: a malformed Age is ignored", []string{"Age: old"}, 12 * time.Second},
	} {
		t.Run(tc.name, func(t *testing.T) {
			x := exchangeOf(200, nil, tc.fields)
			x.answered = epoch.Add(2 * time.Second)
			h, _ := newHead(x)
			if got := h.age(epoch.Add(12 * time.Second)); got != tc.want {
				t.Errorf("age %v, want %v", got, tc.want)
			}
		})
	}
}

func TestClientConditions(t *testing.T) {
	response := []string{`ETag: "v1"`, "Last-Modified: Sun, 01 Jun 2025 11:00:00 GMT", "Date: Sun, 01 Jun 2025 12:00:00 GMT"}
	weak := []string{`ETag: W/"v1"`, "Date: Sun, 01 Jun 2025 12:00:00 GMT"}
	for _, tc := range []struct {
		name     string
		response []string
		status   int
		request  []string
		want     bool
	}{
		{"RFC 9110 §13.1.2: same", response, 200, []string{`If-None-Match: "v1"`}, true},
		{"RFC 9110 §13.1.2: other", response, 200, []string{`If-None-Match: "v2"`}, false},
		{"RFC 9110 §13.1.2: one of several", response, 200, []string{`If-None-Match: "a,b", W/"v1"`}, true},
		{"RFC 9110 §13.1.2: in a second line", response, 200, []string{`If-None-Match: "a"`, `If-None-Match: "v1"`}, true},
		{"RFC 9110 §8.8.3.2: weak comparison", weak, 200, []string{`If-None-Match: "v1"`}, true},
		{"RFC 9110 §13.1.2: any", response, 200, []string{"If-None-Match: *"}, true},
		{"RFC 9110 §13.1.2: malformed", response, 200, []string{"If-None-Match: v1"}, false},
		{"RFC 9110 §13.1.3: not since", response, 200, []string{"If-Modified-Since: Sun, 01 Jun 2025 11:00:00 GMT"}, true},
		{"RFC 9110 §13.1.3: since", response, 200, []string{"If-Modified-Since: Sun, 01 Jun 2025 10:59:59 GMT"}, false},
		{"RFC 9110 §13.1.3: malformed", response, 200, []string{"If-Modified-Since: yesterday"}, false},
		{"RFC 9110 §13.1.3: twice", response, 200, []string{"If-Modified-Since: Sun, 01 Jun 2025 11:00:00 GMT", "If-Modified-Since: Sun, 01 Jun 2025 11:00:00 GMT"}, false},
		{"RFC 9110 §13.2.2: If-None-Match rules", response, 200, []string{`If-None-Match: "v2"`, "If-Modified-Since: Sun, 01 Jun 2025 11:00:00 GMT"}, false},
		{"RFC 9111 §4.3.2: Date where there is no Last-Modified", weak, 200, []string{"If-Modified-Since: Sun, 01 Jun 2025 12:00:00 GMT"}, true},
		{"RFC 9110 §13.2.1: only where it would be a success", response, 404, []string{`If-None-Match: "v1"`}, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			h, _ := newHead(exchangeOf(tc.status, nil, tc.response))
			r := &http.Request{Method: "GET", Header: header(tc.request...)}
			if got := notModified(r, h); got != tc.want {
				t.Errorf("not modified: %v, want %v", got, tc.want)
			}
		})
	}
}

func TestOneRange(t *testing.T) {
	for _, tc := range []struct {
		field  string
		length int64
		want   span
		kind   rangeVerdict
	}{
		{"bytes=0-0", 10, span{0, 1}, partOfContent}, // all of RFC 9110 §14.1.2
		{"bytes=2-5", 10, span{2, 6}, partOfContent},
		{"bytes=2-", 10, span{2, 10}, partOfContent},
		{"bytes=2-99", 10, span{2, 10}, partOfContent},
		{"bytes=9-9", 10, span{9, 10}, partOfContent},
		{"bytes=10-", 10, span{}, noSuchPart},
		{"bytes=99999999999999999999-", 10, span{}, noSuchPart},
		{"bytes=-3", 10, span{7, 10}, partOfContent},
		{"bytes=-99", 10, span{0, 10}, partOfContent},
		{"bytes=-0", 10, span{}, noSuchPart},
		{"bytes=0-", 0, span{}, noSuchPart},
		{"bytes=-1", 0, span{}, noSuchPart},
		{"bytes=5-2", 10, span{}, wholeContent},
		{"bytes=a-2", 10, span{}, wholeContent},
		{"bytes=-", 10, span{}, wholeContent},
		{"bytes=0-1,3-4", 10, span{}, wholeContent},
		{"items=0-1", 10, span{}, wholeContent},
		{"bytes", 10, span{}, wholeContent},
		{"BYTES=0-1", 10, span{0, 2}, partOfContent}, // RFC 9110 §14.1: units ignore case
	} {
		if got, kind := parseRange(tc.field, tc.length); got != tc.want || kind != tc.kind {
			t.Errorf("%s of %d: %v %v, want %v %v", tc.field, tc.length, got, kind, tc.want, tc.kind)
		}
	}
}

func TestIfRange(t *testing.T) {
	strong := []string{`ETag: "v1"`, "Last-Modified: Sun, 01 Jun 2025 11:00:00 GMT", "Date: Sun, 01 Jun 2025 12:00:00 GMT"}
	weak := []string{`ETag: W/"v1"`, "Last-Modified: Sun, 01 Jun 2025 12:00:00 GMT", "Date: Sun, 01 Jun 2025 12:00:00 GMT"}
	for _, tc := range []struct {
		name, field string
		response    []string
		want        bool
	}{
		{"RFC 9110 §13.1.5: same ETag", `"v1"`, strong, true},
		{"RFC 9110 §13.1.5: other ETag", `"v2"`, strong, false},
		{"RFC 9110 §13.1.5: weak ETag never", `W/"v1"`, weak, false},
		{"RFC 9110 §13.1.5: same date", "Sun, 01 Jun 2025 11:00:00 GMT", strong, true},
		{"RFC 9110 §13.1.5: later date is not the same", "Sun, 01 Jun 2025 11:30:00 GMT", strong, false},
		{"RFC 9110 §8.8.2.2: a date of this second is weak", "Sun, 01 Jun 2025 12:00:00 GMT", weak, false},
		{"RFC 9110 §13.1.5: malformed", "v1", strong, false},
	} {
		h, _ := newHead(exchangeOf(200, nil, tc.response))
		if got := ifRangeHolds([]string{tc.field}, h); got != tc.want {
			t.Errorf("%s: %v, want %v", tc.name, got, tc.want)
		}
	}
}

func TestGroups(t *testing.T) {
	for _, tc := range []struct {
		name   string
		fields []string
		want   []string
		err    error
	}{
		{"none", nil, nil, nil},
		{"Surrogate-Key, twice the same", []string{"Surrogate-Key: b  a b"}, []string{"a", "b"}, nil},
		{"RFC 9875 §2: strings, parameters ignored", []string{`Cache-Groups: "a b";x=1, "c\"d"`}, []string{"a b", `c"d`}, nil},
		{"both fields and two lines", []string{"Surrogate-Key: a", `Cache-Groups: "b"`, `Cache-Groups: "c"`}, []string{"a", "b", "c"}, nil},
		{"RFC 9875 §2: tokens are not strings", []string{"Cache-Groups: a"}, nil, errGroups},
		{"RFC 9651 §4.2: trailing comma", []string{`Cache-Groups: "a",`}, nil, errGroups},
	} {
		got, err := parseGroups(header(tc.fields...), 4, 8)
		if !slices.Equal(got, tc.want) || !errors.Is(err, tc.err) {
			t.Errorf("%s: %q %v, want %q %v", tc.name, got, err, tc.want, tc.err)
		}
	}
}

func TestCacheStatusMember(t *testing.T) { // RFC 9211 §2
	for _, tc := range []struct {
		v         verdict
		name, key string
		want      string
	}{
		{verdict{hit: true, ttl: 297 * time.Second, hasTTL: true}, "edge-iad", "", "edge-iad; hit; ttl=297"},
		{verdict{hit: true, ttl: -5 * time.Second, hasTTL: true}, "edge", `a"b`, `edge; hit; ttl=-5; key="a\"b"`},
		{verdict{fwd: "uri-miss", fwdStatus: 200, stored: true, ttl: 300 * time.Second, hasTTL: true, collapsed: "collapsed"},
			"edge iad", "", `"edge iad"; fwd=uri-miss; fwd-status=200; stored; ttl=300; collapsed`},
		{verdict{fwd: "bypass", detail: "behind"}, "9", "", `"9"; fwd=bypass; detail=behind`},
		{verdict{fwd: "stale", detail: "not a token"}, "a", "", `a; fwd=stale; detail="not a token"`},
	} {
		if got := tc.v.member(memberName(tc.name), tc.key); got != tc.want {
			t.Errorf("got  %s\nwant %s", got, tc.want)
		}
	}
	if got := appendMember([]string{"origin; hit", "shield; hit"}, "edge; hit"); got[0] != "origin; hit, shield; hit, edge; hit" {
		t.Errorf("the nearest to the origin comes first: %q", got)
	}
}
