package tier

import (
	"net/http"
	"strconv"
	"time"

	"meridian/engine/imagegrid"
	"meridian/world"
)

// vouched is how long the address holds that a tier asks the next one for: above
// the longest time for one read, with its second tries, and the difference of
// two machines' clocks.
const vouched = 2 * time.Minute

// Admit reads a request for a private picture, for whoever it comes from and
// before anything is told or asked of it. forbidden unless its address is signed
// and holds; left is for how long it still does.
func (t *Tier) Admit(r *http.Request) (img imagegrid.Request, left time.Duration, err error) {
	const op = "tier.private"
	if t.cfg.Private == nil {
		return img, 0, world.E(world.CodeForbidden, op, "No private picture is given here.")
	}
	// What is signed is the path as it was written: there is one spelling of it.
	left, err = t.cfg.Private.Verify(r.URL.EscapedPath(), r.URL.RawQuery, t.cfg.Now())
	if err != nil {
		return img, 0, world.Wrap(op, err)
	}
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		return img, 0, world.E(world.CodeMethod, op, "A picture can only be read: use GET.")
	}
	img, err = imagegrid.Parse(r.URL.Path)
	return img, left, err
}

// vouch signs what is asked of the next tier. A visitor's own signature goes no
// further than the tier that he meets: one read is shared by visitors whose
// addresses end at different times, and its format may have been negotiated.
func (t *Tier) vouch(out *http.Request) {
	if world.RouteOf(out.Method, out.URL.Path) != world.RoutePrivate {
		return
	}
	out.URL.RawQuery = ""
	if t.cfg.Private == nil {
		return
	}
	if query, err := t.cfg.Private.Sign(out.URL.EscapedPath(), t.cfg.Now().Add(vouched)); err == nil {
		out.URL.RawQuery = query // without a key it is refused there, as it was here
	}
}

// ForOne is an answer to a visitor who may see a private picture: his own
// browser may keep it for as long as his address holds, and nobody else at all.
type ForOne struct {
	http.ResponseWriter
	Left time.Duration

	begun bool
}

// shared are the fields by which caches of others would keep a picture, or name it.
var shared = []string{"CDN-Cache-Control", "Surrogate-Control", "Surrogate-Key", "Expires", "Age"}

// WriteHeader replaces what the picture's own tiers are told.
func (f *ForOne) WriteHeader(status int) {
	if status < 200 || f.begun {
		f.ResponseWriter.WriteHeader(status)
		return
	}
	f.begun = true
	h := f.Header()
	for _, name := range shared {
		h.Del(name)
	}
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	switch status {
	case http.StatusOK, http.StatusPartialContent, http.StatusNotModified:
		h.Set("Cache-Control", "private, max-age="+strconv.FormatInt(int64(f.Left/time.Second), 10))
	default:
		h.Set("Cache-Control", "no-store")
	}
	f.ResponseWriter.WriteHeader(status)
}

// Write begins the answer where nobody has.
func (f *ForOne) Write(b []byte) (int, error) {
	if !f.begun {
		f.WriteHeader(http.StatusOK)
	}
	return f.ResponseWriter.Write(b)
}

// Unwrap lets http.ResponseController reach the connection.
func (f *ForOne) Unwrap() http.ResponseWriter { return f.ResponseWriter }
