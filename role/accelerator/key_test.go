package accelerator

import (
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"meridian/engine/contentcoding"
	"meridian/platform/front"
)

// Both ways of an answer have one key, whatever is written of host and port.
func TestKeysOfBothWaysAreOne(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		host := rapid.SampledFrom([]string{"a.example", "A.Example", "10.0.0.1", "[::1]"}).Draw(t, "host") + rapid.SampledFrom([]string{"", ":", ":80", ":443", ":8080", ":4430"}).Draw(t, "port")
		tls := rapid.Bool().Draw(t, "tls")
		scheme := "http"
		if tls {
			scheme = "https"
		}
		var room [maxKey]byte
		short, ok := appendKey(room[:0], &front.Request{Host: []byte(host), Target: []byte("/x.webp?y"), TLS: tls})
		if long := keyFor(scheme, host, "/x.webp?y"); !ok || string(short) != long {
			t.Errorf("%s: %s, %s", host, short, long)
		}
	})
}

// Who purges a URL means it under both schemes, with the default port of either
// or without one, in each coding (RFC 9110 §4.2.3); and nothing under another port.
func TestAPurgeMeansEachWayToWriteAURL(t *testing.T) {
	const host = "a.example"
	rapid.Check(t, func(t *rapid.T) {
		draw := func(what string) (scheme, port string) {
			return rapid.SampledFrom([]string{"http", "https"}).Draw(t, what+" scheme"), rapid.SampledFrom([]string{"", ":", ":80", ":443", ":8080", ":8443"}).Draw(t, what+" port")
		}
		target := rapid.SampledFrom([]string{"/", "/x?y", "/x:443", "/?u=http://b:80"}).Draw(t, "target")
		scheme, port := draw("stored")
		stored := contentcoding.AppendKey(keyFor(scheme, host+port, target), contentcoding.Brotli)
		said, sport := draw("purged")
		keys, err := keysOfURL(said + "://" + strings.ToUpper(host) + sport + target)
		if err != nil {
			t.Fatal(err)
		}
		plain := func(port string) string {
			if port == ":" || port == ":80" || port == ":443" {
				return ""
			}
			return port
		}
		var all []string
		for _, k := range keys {
			all = append(all, alike(k)...)
		}
		if got, want := slices.Contains(all, stored), plain(port) == plain(sport); got != want {
			t.Errorf("%s is purged by %s://%s%s%s: %v, want %v; of %q", stored, said, host, sport, target, got, want, all)
		}
		if again := slices.Sorted(slices.Values(alike(stored))); plain(port) == plain(sport) && !slices.Equal(again, slices.Sorted(slices.Values(all))) {
			t.Errorf("%q from what is stored, %q from what is purged", again, all)
		}
	})
}

// A copy that was stored under the other scheme's port goes with the purge.
func TestPurgeOfACopyUnderTheOtherSchemesPort(t *testing.T) {
	for _, from := range []string{"http://a.example:443/x", "http://a.example:80/x", "https://a.example:80/x", "https://a.example:443/x", "http://a.example/x"} {
		for _, purge := range []string{"https://a.example/x", "http://a.example/x", "https://a.example:443/x", "a.example:80/x"} {
			g := purgeRig(t)
			g.ask("GET " + from)
			if w := g.order("POST", PurgesPath, `{"urls": ["`+purge+`"]}`, secret); w.Body.String() != "{\"removed\":1}\n" {
				t.Errorf("%s by %s: %s", from, purge, w.Body)
			}
		}
	}
}
