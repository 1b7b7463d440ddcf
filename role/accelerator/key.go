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

// keyFor writes a key. A default port is left out (RFC 9110 §4.2.3).
func keyFor(scheme, host, target string) string {
	host = strings.ToLower(host)
	if scheme == "http" {
		host = strings.TrimSuffix(host, ":80")
	} else {
		host = strings.TrimSuffix(host, ":443")
	}
	return scheme + "://" + host + target
}

// alike are a key under both schemes and in each content coding: who purges or
// changes a resource means all, since they lead to one origin.
func alike(key string) []string {
	rest, ok := strings.CutPrefix(key, "https://")
	if !ok {
		rest = strings.TrimPrefix(key, "http://")
	}
	return append(contentcoding.AllKeys("http://"+rest), contentcoding.AllKeys("https://"+rest)...)
}
