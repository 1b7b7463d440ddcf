package edge

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"meridian/engine/keyring"
	"meridian/engine/signedurl"
	"meridian/test/tiertest"
)

// onlyPrivate is a shield that has private pictures, and nothing else.
func onlyPrivate(r *http.Request) (*http.Response, error) {
	if strings.HasPrefix(r.URL.Path, "/private/") {
		return asMedia(r)
	}
	res, err := tiertest.Says("nothing", "Cache-Control", "no-store")(r)
	res.StatusCode = 404
	return res, err
}

// A signature holds for one spelling of one address. Whatever else leads to the
// same picture, in the eyes of some part on the way, is another address.
func TestNoOtherSpellingOfASignedAddressGivesThePicture(t *testing.T) {
	f := newFixture(t, nil)
	var asked []string
	noting := func(r *http.Request) (*http.Response, error) {
		if strings.HasPrefix(r.URL.Path, "/private/") {
			asked = append(asked, r.URL.Path)
		}
		return onlyPrivate(r)
	}
	f.near.Will(noting)
	f.home.Will(noting)
	path := ours + "webp/320x0"
	good := f.signed(t, path, time.Minute)
	query := good[len(path):]
	tricks := map[string]string{
		"escaped slash": "/private%2fsweet-crumbs/3000000000000000/v1/webp/320x0", "escaped slash inside": "/private/sweet-crumbs%2F3000000000000000/v1/webp/320x0",
		"escaped letter": "/%70rivate/sweet-crumbs/3000000000000000/v1/webp/320x0", "escaped last": "/private/sweet-crumbs/3000000000000000/v1/webp/320x%30",
		"two slashes": "//private/sweet-crumbs/3000000000000000/v1/webp/320x0", "two slashes inside": "/private//sweet-crumbs/3000000000000000/v1/webp/320x0",
		"slash behind": path + "/", "dot": "/private/./sweet-crumbs/3000000000000000/v1/webp/320x0", "dots": "/private/a/../sweet-crumbs/3000000000000000/v1/webp/320x0",
		"dots from outside": "/img/../private/sweet-crumbs/3000000000000000/v1/webp/320x0", "escaped dots": "/img/%2e%2e/private/sweet-crumbs/3000000000000000/v1/webp/320x0",
		"capitals": "/PRIVATE/sweet-crumbs/3000000000000000/v1/webp/320x0", "a capital id": "/private/Sweet-crumbs/3000000000000000/v1/webp/320x0",
		"a format's capitals": ours + "WEBP/320x0", "a zero": ours + "webp/0320x0", "a version's zero": strings.Replace(path, "v1", "v01", 1),
		"a parameter": path + ";a=b", "an escaped question mark": path + "%3F" + query[1:], "a null": path + "%00", "a space": path + "%20", "a plus": strings.Replace(path, "sweet-crumbs", "sweet+crumbs", 1),
		"as a public one": "/img/sweet-crumbs/3000000000000000/v1/webp/320x0", "without a version": "/private/sweet-crumbs/3000000000000000/webp/320x0",
		"a backslash": strings.Replace(path, "/v1", "%5Cv1", 1),
	}
	queries := map[string]string{
		"another name": query + "&size=640x0", "a name twice": query + "&" + strings.Split(query[1:], "&")[0], "escaped name": strings.Replace(query, "exp", "%65xp", 1),
		"escaped value": strings.Replace(query, "kid=k1", "kid=%6b1", 1), "two question marks": "?" + query, "an empty member": query + "&", "semicolons": strings.ReplaceAll(query, "&", ";"),
		"a later expiry": strings.Replace(query, "exp=", "exp=9", 1), "an expiry that overflows": "?exp=99999999999999999999" + query[strings.Index(query, "&"):],
		"an expiry with a sign": strings.Replace(query, "exp=", "exp=%2B", 1), "an unknown key": strings.Replace(query, "kid=k1", "kid=k2", 1), "no key": strings.Replace(query, "&kid=k1", "", 1),
		"an empty key": strings.Replace(query, "kid=k1", "kid=", 1),
	}
	targets := map[string]string{}
	for what, trick := range tricks {
		targets[what] = trick + query
	}
	for what, q := range queries {
		targets[what] = path + q
	}
	for _, cached := range []bool{false, true} {
		for what, target := range targets {
			if w := f.do("GET", target); w.Code == 200 || strings.Contains(w.Body.String(), "photo") {
				t.Errorf("%s, cached %v: %d %s", what, cached, w.Code, w.Body)
			}
		}
		if w := f.do("GET", good); w.Code != 200 || w.Body.String() != "photo" {
			t.Fatalf("as it is: %d %s", w.Code, w.Body)
		}
	}
	if len(asked) != 1 || asked[0] != path {
		t.Errorf("the shields were asked for %q", asked)
	}
}

// The order of a query's members is nobody's secret.
func TestTheOrderOfTheMembersDoesNotMatter(t *testing.T) {
	f := newFixture(t, nil)
	f.near.Will(onlyPrivate)
	path := ours + "webp/320x0"
	part := strings.Split(f.signed(t, path, time.Minute)[len(path)+1:], "&")
	for _, order := range [][3]int{{0, 1, 2}, {2, 1, 0}, {1, 2, 0}} {
		if w := f.do("GET", path+"?"+part[order[0]]+"&"+part[order[1]]+"&"+part[order[2]]); w.Code != 200 {
			t.Errorf("%v: %d %s", order, w.Code, w.Body)
		}
	}
	if f.near.Count() != 1 {
		t.Errorf("%d reads upstream", f.near.Count())
	}
}

// Whatever a request says beside its address, a picture is only read.
func TestMethodsOfAPrivatePicture(t *testing.T) {
	f := newFixture(t, nil)
	f.near.Will(onlyPrivate)
	target := f.signed(t, ours+"webp/320x0", time.Minute)
	for _, method := range []string{"POST", "PUT", "DELETE", "PATCH", "OPTIONS", "PURGE", "get"} {
		for _, override := range []string{"", "X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override"} {
			w := f.do(method, target, override, "GET")
			if w.Code != http.StatusMethodNotAllowed || strings.Contains(w.Body.String(), "photo") || w.Header().Get("Cache-Control") != "no-store" {
				t.Errorf("%s %s: %d %v", method, override, w.Code, w.Header())
			}
		}
	}
	if f.near.Count() != 0 {
		t.Errorf("%d reads upstream", f.near.Count())
	}
	for i, fields := range [][]string{{}, {"X-HTTP-Method-Override", "DELETE"}, {"X-Original-URL", "/x", "X-Rewrite-URL", "/x", "X-Forwarded-Host", "evil.example"}} {
		if w := f.do("GET", target, fields...); w.Code != 200 || w.Body.String() != "photo" || f.near.Count() != 1 {
			t.Errorf("%d: %d %s, %d reads", i, w.Code, w.Body, f.near.Count())
		}
	}
	if w := f.do("HEAD", target); w.Code != 200 || w.Body.Len() != 0 || w.Header().Get("Cache-Control") != "private, max-age=60" || f.near.Count() != 1 {
		t.Errorf("HEAD: %d %v", w.Code, w.Header())
	}
}

// Conditions and ranges are answered to who may see the picture, and tell nobody
// else whether there is one.
func TestConditionsTellNothingWithoutASignature(t *testing.T) {
	f := newFixture(t, nil)
	f.near.Will(onlyPrivate)
	path := ours + "webp/320x0"
	good := f.signed(t, path, time.Minute)
	if w := f.do("GET", good); w.Code != 200 {
		t.Fatal(w.Code)
	}
	for name, fields := range map[string][]string{
		"If-None-Match": {"If-None-Match", `"e"`}, "any tag": {"If-None-Match", "*"}, "If-Match": {"If-Match", `"other"`},
		"a range": {"Range", "bytes=0-0"}, "a range outside": {"Range", "bytes=99999-"}, "If-Range": {"Range", "bytes=0-0", "If-Range", `"e"`},
		"If-Modified-Since": {"If-Modified-Since", "Sat, 01 Jan 2050 00:00:00 GMT"}, "only-if-cached": {"Cache-Control", "only-if-cached"}, "no-cache": {"Cache-Control", "no-cache"},
	} {
		for _, method := range []string{"GET", "HEAD"} {
			w := f.do(method, path+"?exp=1&kid=k1&sig=x", fields...)
			if w.Code != http.StatusForbidden || w.Header().Get("ETag") != "" || w.Header().Get("Content-Range") != "" || w.Header().Get("Cache-Status") != "" {
				t.Errorf("%s %s: %d %v", method, name, w.Code, w.Header())
			}
		}
	}
	if w := f.do("GET", good, "Range", "bytes=99999-"); w.Code != 416 || w.Header().Get("Cache-Control") != "no-store" {
		t.Errorf("outside: %d %v", w.Code, w.Header())
	}
}

// A refusal is no answer for the next who asks, wherever it comes from.
func TestARefusalIsNotKept(t *testing.T) {
	f := newFixture(t, nil)
	path := ours + "webp/320x0"
	f.near.Will(func(r *http.Request) (*http.Response, error) { // a shield whose keys are behind
		res, err := tiertest.Says(`{"code":"forbidden"}`, "Cache-Control", "no-store")(r)
		res.StatusCode = 403
		return res, err
	})
	if w := f.do("GET", f.signed(t, path, time.Minute)); w.Code != 403 || w.Header().Get("Cache-Control") != "no-store" {
		t.Fatalf("%d %v", w.Code, w.Header())
	}
	f.near.Will(onlyPrivate)
	if w := f.do("GET", f.signed(t, path, time.Minute)); w.Code != 200 || f.near.Count() != 2 {
		t.Errorf("%d, %d reads", w.Code, f.near.Count())
	}
}

// What is stale, and served after a failure, is served to valid signatures alone,
// and to none beyond its own end.
func TestAStalePrivatePictureNeedsAValidSignatureToo(t *testing.T) {
	f := newFixture(t, nil)
	f.near.Will(tiertest.Says("photo", "Cache-Control", "private, no-store", "CDN-Cache-Control", "max-age=10, stale-if-error=86400, stale-while-revalidate=86400", "Age", "3", "ETag", `"e"`))
	path := ours + "webp/320x0"
	first := f.signed(t, path, time.Minute)
	if w := f.do("GET", first); w.Code != 200 {
		t.Fatal(w.Code)
	}
	f.near.Will(tiertest.Refuses)
	f.turn(t0.Add(50 * time.Second))
	w := f.do("GET", first)
	if w.Code != 200 || w.Header().Get("Cache-Control") != "private, max-age=10" || w.Header().Get("Age") != "" || !strings.Contains(w.Header().Get("Cache-Status"), "stale") {
		t.Errorf("stale: %d %v", w.Code, w.Header())
	}
	f.turn(t0.Add(60 * time.Second))
	refused(t, "stale and expired", f.do("GET", first))
	if w := f.do("GET", f.signed(t, path, time.Second)); w.Code != 200 || w.Header().Get("Cache-Control") != "private, max-age=1" {
		t.Errorf("stale, with a new address: %d %v", w.Code, w.Header())
	}
}

// While keys rotate two addresses of one picture hold, and are one entry; when the
// old key is gone its addresses hold no more.
func TestAddressesOfTwoKeysShareAnEntry(t *testing.T) {
	next := keyring.Key{ID: "k2", Secret: "the next secret of a test, long enough"}
	ring, err := signedurl.New(signedurl.Settings{Keys: []keyring.Key{next}, Longest: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	path := ours + "webp/320x0"
	query, err := ring.Sign(path, t0.Add(time.Minute))
	if err != nil {
		t.Fatal(err)
	}
	byNext := path + "?" + query
	with := func(keys ...keyring.Key) *fixture {
		f := newFixture(t, nil, func(c *Config) { c.Private.Keys = keys })
		f.near.Will(onlyPrivate)
		return f
	}
	before, both, after := with(tiertest.SigningKey), with(tiertest.SigningKey, next), with(next)
	for i, target := range []string{both.signed(t, path, time.Minute), byNext, both.signed(t, path, 2*time.Minute)} {
		if w := both.do("GET", target); w.Code != 200 || both.near.Count() != 1 || w.Header().Get("Cache-Control") != fmt.Sprintf("private, max-age=%d", []int{60, 60, 120}[i]) {
			t.Errorf("%d: %d %v, %d reads", i, w.Code, w.Header(), both.near.Count())
		}
	}
	refused(t, "before the key is known", before.do("GET", byNext))
	refused(t, "when the old key is gone", after.do("GET", after.signed(t, path, time.Minute)))
	if w := after.do("GET", byNext); w.Code != 200 {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}
