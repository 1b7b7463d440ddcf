package edge

import (
	"bytes"
	"net/http"

	"meridian/engine/hotlink"
	"meridian/platform/front"
	"meridian/world"
)

// pageOf is what a request tells of the page that shows a picture.
func pageOf(r *http.Request) hotlink.Asked {
	return hotlink.Asked{Host: r.Host, FetchSite: r.Header.Get("Sec-Fetch-Site"), Origin: r.Header.Get("Origin"), Referer: r.Header.Get("Referer")}
}

// refuseHotlink answers for a page that may not show a picture. No cache keeps
// that: the next page may. What is given is not marked by Vary: who may show a
// picture may keep it, and a browser keeps other sites' pictures apart.
func (e *Edge) refuseHotlink(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Vary", "Sec-Fetch-Site, Origin, Referer")
	e.fail(w, r, world.E(world.CodeForbidden, "edge.hotlink", "This picture may not be shown on other sites' pages. Open it by itself, or ask its owner."))
}

// mayShow is the same question on the short way to a hit. What is not to be
// given goes to the handler, which says why.
func (e *Edge) mayShow(r *front.Request, path []byte) bool {
	app, _, _ := bytes.Cut(path[len("/img/"):], []byte("/"))
	if _, ruled := e.hotlinks[string(app)]; !ruled {
		return true
	}
	asked := hotlink.Asked{Host: string(r.Host)}
	for i := range r.Fields {
		var to *string
		switch string(r.Fields[i].Name) {
		case "sec-fetch-site":
			to = &asked.FetchSite
		case "origin":
			to = &asked.Origin
		case "referer":
			to = &asked.Referer
		default:
			continue
		}
		if *to != "" {
			return false // twice: the handler knows which one counts
		}
		*to = string(r.Fields[i].Value)
	}
	return e.hotlinks.Allows(string(app), asked)
}
