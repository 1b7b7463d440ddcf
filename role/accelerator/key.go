package accelerator

import (
	"net/http"
	"strings"

	"meridian/engine/contentcoding"
)

// keyOf is scheme, host and target, and the content coding that suits the client
// best: origins answer by the first three, and text is coded here. The scheme is
// part of it because they see it in X-Forwarded-Proto, and redirect by it.
func keyOf(r *http.Request) (string, bool) {
	key := keyFor(r.Header.Get(schemeField), r.Host, r.URL.RequestURI())
	return contentcoding.AppendKey(key, contentcoding.ForPath(r.URL.EscapedPath(), contentcoding.Of(r.Header["Accept-Encoding"]))), true
}

// keyFor writes a key. The scheme's default port is left out, and one that is
// empty (RFC 9110 §4.2.3). Another's stays: http://host:443 is not http://host.
func keyFor(scheme, host, target string) string {
	host = strings.TrimSuffix(strings.ToLower(host), ":")
	return scheme + "://" + strings.TrimSuffix(host, defaultPort[scheme]) + target
}

// defaultPort is how a URL writes it (RFC 9110 §4.2.1, §4.2.2).
var defaultPort = map[string]string{"http": ":80", "https": ":443"}

// alike are all keys of a resource: under both schemes, in each content coding,
// and with each scheme's default port under the other, since visitors that ask a
// proxy in front for https://host may be heard of as http://host:443. Who purges
// or changes a resource means all of it: they lead to one origin.
func alike(key string) []string {
	_, rest, _ := strings.Cut(key, "://")
	host, target := rest, ""
	if i := strings.IndexAny(rest, "/?*"); i >= 0 {
		host, target = rest[:i], rest[i:]
	}
	for _, port := range defaultPort {
		host = strings.TrimSuffix(host, port)
	}
	hosts := []string{host}
	if bareHost(host) == strings.Trim(host, "[]") { // it has no port of its own
		hosts = append(hosts, host+":80", host+":443")
	}
	var keys []string
	for scheme := range defaultPort {
		for _, h := range hosts {
			if !strings.HasSuffix(h, defaultPort[scheme]) {
				keys = append(keys, contentcoding.AllKeys(scheme+"://"+h+target)...)
			}
		}
	}
	return keys
}
