package accelerator

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	"meridian/engine/upstream"
)

// ownField is a targeted field (RFC 9213) for this cache alone: lifetimes that
// the config gives are written into it, so that no cache further on takes them
// for the origin's. An origin may send it too.
const ownField = "Meridian-Cache-Control"

// lifetimes gives responses that say nothing of it a lifetime, where the config
// has one for their status, and the times of RFC 5861 where it has them.
type lifetimes struct {
	pool *upstream.Pool
	cfg  Config
}

// RoundTrip asks the origin.
func (l lifetimes) RoundTrip(r *http.Request) (*http.Response, error) {
	res, err := l.pool.RoundTrip(r)
	if err == nil {
		l.give(res)
	}
	return res, err
}

func (l lifetimes) give(res *http.Response) {
	h := res.Header
	if h["Cdn-Cache-Control"] != nil || h[ownField] != nil {
		return
	}
	if life := l.cfg.Lifetimes[res.StatusCode]; life > 0 && h["Cache-Control"] == nil && h["Expires"] == nil && h["Pragma"] == nil {
		h.Set(ownField, l.stale("max-age="+seconds(life), ""))
		return
	}
	said := strings.ToLower(strings.Join(h["Cache-Control"], ","))
	if more := l.stale("", said); more != "" && h["Cache-Control"] != nil {
		h.Add("Cache-Control", more)
	}
}

// stale adds the times of RFC 5861 that said does not name to a list of directives.
func (l lifetimes) stale(to, said string) string {
	add := func(name string, d time.Duration) {
		if d <= 0 || strings.Contains(said, name) {
			return
		}
		if to != "" {
			to += ", "
		}
		to += name + "=" + seconds(d)
	}
	add("stale-while-revalidate", l.cfg.StaleWhileRevalidate)
	add("stale-if-error", l.cfg.StaleIfError)
	return to
}

func seconds(d time.Duration) string { return strconv.FormatInt(int64(max(d/time.Second, 1)), 10) }
