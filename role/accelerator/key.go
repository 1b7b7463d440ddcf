package accelerator

import (
	"net/http"
	"strings"
)

// keyOf is scheme, host and target: origins answer by all three. The scheme is
// part of it because they see it in X-Forwarded-Proto, and redirect by it.
func keyOf(r *http.Request) (string, bool) {
	return keyFor(r.Header.Get(schemeField), r.Host, r.URL.RequestURI()), true
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

// alike are a key under both schemes: who purges or changes a resource means
// both, since they lead to one origin.
func alike(key string) []string {
	if rest, ok := strings.CutPrefix(key, "https://"); ok {
		return []string{key, "http://" + rest}
	}
	return []string{key, "https://" + strings.TrimPrefix(key, "http://")}
}
