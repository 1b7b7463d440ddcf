package edge

import (
	"net/http"
	"strings"

	"meridian/engine/imagegrid"
	"meridian/world"
)

// cellAge is how long whoever asked for another spelling of a picture's address,
// or for a size that is not served, may remember the one that is: a month. The
// grid may change, and then that address leads on.
const cellAge = "public, max-age=2592000"

func (e *Edge) image(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		e.fail(w, r, world.E(world.CodeMethod, "edge.image", "A picture can only be read: use GET."))
		return
	}
	img, cell, err := e.servedPicture(r.URL.Path)
	if err != nil {
		e.fail(w, r, err)
		return
	}
	if !e.hotlinks.Allows(img.App, pageOf(r)) {
		e.refuseHotlink(w, r)
		return
	}
	if cell != img {
		w.Header().Set("Cache-Control", cellAge)
		w.Header().Set("Location", cell.String())
		w.WriteHeader(http.StatusMovedPermanently)
		return
	}
	e.cached(e.negotiate(w, r, img), r)
}

// servedPicture is the picture that a path names, and the cell of its app's grid
// that is served for it; invalid for what is not served.
func (e *Edge) servedPicture(path string) (img, cell imagegrid.Request, err error) {
	if img, err = imagegrid.Parse(path); err == nil {
		cell, err = e.pictures.For(img.App).Resolve(img)
	}
	return img, cell, err
}

// ownCell refuses a private picture's address that is not a cell's own: the
// signature is for one address, so it cannot lead to another.
func (e *Edge) ownCell(img imagegrid.Request) error {
	cell, err := e.pictures.For(img.App).Resolve(img)
	if err == nil && cell != img {
		err = world.E(world.CodeInvalid, "edge.private", "This picture is served under another address, which has to be signed: "+cell.String())
	}
	return err
}

// negotiate makes a request name the format that it gets.
func (e *Edge) negotiate(w http.ResponseWriter, r *http.Request, img imagegrid.Request) http.ResponseWriter {
	if img.Format == imagegrid.Auto {
		// The visitor's caches must know that Accept chose; ours need not.
		w = &varying{ResponseWriter: w, field: "Accept"}
		img = img.Resolve(strings.Join(r.Header.Values("Accept"), ","), e.pictures.For(img.App).Formats)
	}
	r.URL.Path, r.URL.RawPath = img.String(), ""
	return w
}
