package httpcache

import (
	"testing"
	"time"
)

func TestCacheControlGrammar(t *testing.T) {
	const sec = time.Second
	for _, tc := range []struct {
		name, field string
		maxAge      time.Duration
		noStore     bool
	}{
		{"RFC 9111 §5.2: a quoted delta", `max-age="60"`, 60 * sec, false},
		{"RFC 9111 §5.2: letter case", "MAX-age=60, No-Store", 60 * sec, true},
		{"RFC 9110 §5.6.1: empty list members", ", ,max-age=60,,no-store,", 60 * sec, true},
		{"RFC 9110 §5.6.4: a quoted pair", `x="a\", max-age=1", max-age=60`, 60 * sec, false},
		{"RFC 9110 §5.6.4: a directive's name in a string", `x="no-store", max-age=60`, 60 * sec, false},
		{"RFC 9110 §5.6.4: a string that is never closed hides nothing", `x="a, no-store, max-age=60`, 60 * sec, true},
		{"RFC 9110 §5.6.4: nor one that ends in a backslash", `x="a, no-store, max-age=60, y\`, 60 * sec, true},
		{"RFC 9110 §5.6.4: in a token", `x=no-store, max-age=60`, 60 * sec, false},
		{"RFC 9111 §5.2.3: an unknown directive", "max-age=60, community=\"UCI\"", 60 * sec, false},
		{"RFC 9111 §1.2.2: leading zeros", "max-age=0060", 60 * sec, false},
		{"RFC 9111 §4.2.1: the first of two", "max-age=60, max-age=10", 60 * sec, false},
		{"RFC 9111 §4.2.1: single quotes, so stale", "max-age='60'", 0, false},
		{"RFC 9111 §4.2.1: a fraction, so stale", "max-age=60.0", 0, false},
		{"RFC 9111 §4.2.1: a letter, so stale", "max-age=60s", 0, false},
		{"RFC 9111 §4.2.1: no value, so stale", "max-age", 0, false},
		{"RFC 9111 §4.2.1: an empty value, so stale", "max-age=", 0, false},
		{"RFC 9111 §5.2: a space before =, so stale", "max-age =60", 0, false},
		{"RFC 9111 §5.2: a space behind =, so stale", "max-age= 60", 0, false},
		{"RFC 9111 §4.2.1: a sign, so stale", "max-age=+60", 0, false},
		{"RFC 9111 §5.2: a longer name is another", "xmax-age=60, no-store2", absent, false},
		{"RFC 9111 §5.2.2.5: no-store with a value", `no-store="x"`, absent, true},
	} {
		d := parseCacheControl([]string{tc.field})
		if d.maxAge != tc.maxAge || d.noStore != tc.noStore {
			t.Errorf("%s: max-age %v no-store %v, want %v %v", tc.name, d.maxAge, d.noStore, tc.maxAge, tc.noStore)
		}
	}
}

func TestTargetedField(t *testing.T) {
	const plain = "Cache-Control: max-age=10"
	for _, tc := range []struct {
		name   string
		fields []string
		life   time.Duration
	}{
		{"RFC 9213 §2.2: valid", []string{"CDN-Cache-Control: max-age=60"}, time.Minute},
		{"RFC 9213 §2.2: in two lines", []string{"CDN-Cache-Control: public", "CDN-Cache-Control: max-age=60"}, time.Minute},
		{"RFC 9213 §2.1: parameters are ignored", []string{"CDN-Cache-Control: max-age=60;x=1;y"}, time.Minute},
		{"RFC 9213 §2.1: an unknown directive of any type", []string{`CDN-Cache-Control: x=:YQ==:, y=%"%c3%a9", z=@7, max-age=60, a=(1 "b");c`}, time.Minute},
		{"RFC 9651 §3.2: the last of two", []string{"CDN-Cache-Control: max-age=5, max-age=60"}, time.Minute},
		{"RFC 9651 §4.2: space and tab around members", []string{"CDN-Cache-Control: public \t,\t max-age=60"}, time.Minute},
		{"RFC 9213 §2.2: empty, so ignored", []string{"CDN-Cache-Control: "}, 10 * time.Second},
		{"RFC 9651 §4.2: upper case, so ignored", []string{"CDN-Cache-Control: Max-Age=60"}, 10 * time.Second},
		{"RFC 9651 §4.2: a space before =", []string{"CDN-Cache-Control: max-age =60"}, 10 * time.Second},
		{"RFC 9651 §4.2: a space behind =", []string{"CDN-Cache-Control: max-age= 60"}, 10 * time.Second},
		{"RFC 9651 §4.2: a trailing comma", []string{"CDN-Cache-Control: max-age=60,"}, 10 * time.Second},
		{"RFC 9651 §4.2: an empty member", []string{"CDN-Cache-Control: max-age=60,, public"}, 10 * time.Second},
		{"RFC 9651 §4.2.4: sixteen digits", []string{"CDN-Cache-Control: max-age=1000000000000000"}, 10 * time.Second},
		{"RFC 9651 §4.2.4: a unit", []string{"CDN-Cache-Control: max-age=60s"}, 10 * time.Second},
		{"RFC 9651 §4.2.5: an open String", []string{`CDN-Cache-Control: max-age=60, x="a`}, 10 * time.Second},
		{"RFC 9651 §4.2.5: another escape", []string{`CDN-Cache-Control: max-age=60, x="\n"`}, 10 * time.Second},
		{"RFC 9651 §4.2.7: malformed bytes", []string{"CDN-Cache-Control: max-age=60, x=:Y=Q:"}, 10 * time.Second},
		{"RFC 9651 §4.2.8: malformed Boolean", []string{"CDN-Cache-Control: max-age=60, x=?2"}, 10 * time.Second},
		{"RFC 9651 §4.2.9: a Date that is a Decimal", []string{"CDN-Cache-Control: max-age=60, x=@1.5"}, 10 * time.Second},
		{"RFC 9651 §4.2.10: upper-case hexadecimal", []string{`CDN-Cache-Control: max-age=60, x=%"%C3%A9"`}, 10 * time.Second},
		{"RFC 9651 §4.2.10: a cut escape", []string{`CDN-Cache-Control: max-age=60, x=%"%c"`}, 10 * time.Second},
		{"RFC 9651 §4.2.10: not UTF-8", []string{`CDN-Cache-Control: max-age=60, x=%"%ff"`}, 10 * time.Second},
		{"RFC 9651 §4.2.1.2: an open Inner List", []string{"CDN-Cache-Control: max-age=60, x=(1 2"}, 10 * time.Second},
		{"RFC 9651 §3.1.2: a parameter without a key", []string{"CDN-Cache-Control: max-age=60;"}, 10 * time.Second},
	} {
		h, _ := newHead(exchangeOf(200, nil, append([]string{plain}, tc.fields...)))
		if h.life != tc.life {
			t.Errorf("%s: fresh for %v, want %v", tc.name, h.life, tc.life)
		}
	}
}

func TestMustUnderstand(t *testing.T) { // RFC 9111 §5.2.2.3
	for _, tc := range []struct {
		status int
		field  string
		why    string
	}{
		{200, "must-understand, no-store, max-age=60", ""},
		{404, "no-store, max-age=60, must-understand", ""},
		{299, "must-understand, no-store, max-age=60", "no-store"},
		{299, "must-understand, max-age=60", "status"},
		{200, "must-understand, no-store, private, max-age=60", "private"},
		{200, "must-understand, no-store", "no-freshness"},
	} {
		for _, name := range []string{"Cache-Control: ", "CDN-Cache-Control: "} {
			if _, why := newHead(exchangeOf(tc.status, nil, []string{name + tc.field})); why != tc.why {
				t.Errorf("%d %s%s: %q, want %q", tc.status, name, tc.field, why, tc.why)
			}
		}
	}
}
