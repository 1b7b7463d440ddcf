package accelerator

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"meridian/engine/httpcache"
	"meridian/platform/httpserver"
	"meridian/world"
)

// Limits of the purge API.
const (
	maxPurgeBody = 64 << 10 // bytes
	maxGuessers  = 4096     // addresses whose wrong tokens are counted
)

// PurgesPath is where purges are posted, on the admin address.
const PurgesPath = "/-/purges"

// order is what is posted to [PurgesPath].
type order struct {
	URLs   []string `json:"urls"`
	Groups []string `json:"groups"`
	All    bool     `json:"all"`
	Soft   bool     `json:"soft"`
}

// Purges is the purge API: PURGE of a resource, with the Host it is stored
// under, or POST of a list to [PurgesPath]. It belongs on the admin address: on
// the visitors' one, PURGE is a method like any other and goes to the origin.
func (a *Accelerator) Purges() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := a.mayPurge(r); err != nil {
			if world.Is(err, world.CodeUnsigned) {
				w.Header().Set("WWW-Authenticate", `Bearer realm="purge"`)
			}
			a.fail(w, r, err)
			return
		}
		p, err := readOrder(w, r)
		if err != nil {
			a.fail(w, r, err)
			return
		}
		removed := a.cache.Purge(p)
		a.deps.Log.Info("purged", "urls", len(p.Keys), "groups", len(p.Groups), "all", p.All, "soft", p.Soft, "removed", removed, "by", r.RemoteAddr, "id", httpserver.RequestID(r.Context()))
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(map[string]int{"removed": removed}) // who has gone asks again
	})
}

// Admin is the purge API before who answers the admin address's other requests.
func (a *Accelerator) Admin(others http.Handler) http.Handler {
	purges := a.Purges()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == "PURGE" || r.URL.Path == PurgesPath {
			purges.ServeHTTP(w, r)
			return
		}
		others.ServeHTTP(w, r)
	})
}

// mayPurge checks the token. Who sends wrong ones has to wait, by address.
func (a *Accelerator) mayPurge(r *http.Request) error {
	if a.cfg.PurgeToken == "" {
		return world.E(world.CodeForbidden, "accelerator.purge", "Purges are off: set purge_token.")
	}
	forgive, wait := a.tries.Try(bareHost(r.RemoteAddr), a.deps.Now())
	if wait > 0 {
		return world.E(world.CodeBusy, "accelerator.purge", fmt.Sprintf("Too many wrong tokens from this address. Wait %d seconds.", int(wait/time.Second)+1))
	}
	if err := httpserver.CheckBearer(r, a.cfg.PurgeToken); err != nil {
		a.deps.Log.Warn("a purge with a wrong token was refused", "by", r.RemoteAddr)
		return err
	}
	forgive()
	return nil
}

// readOrder is the purge that a request asks for.
func readOrder(w http.ResponseWriter, r *http.Request) (httpcache.Purge, error) {
	if r.Method == "PURGE" {
		soft, err := softly(r.Header.Get("Soft-Purge"))
		return httpcache.Purge{Keys: keysOf(r.Host, r.URL.RequestURI()), Soft: soft}, err
	}
	if r.Method != http.MethodPost || r.URL.Path != PurgesPath {
		w.Header().Set("Allow", "POST, PURGE")
		return httpcache.Purge{}, world.E(world.CodeMethod, "accelerator.purge", "PURGE a resource, or POST to "+PurgesPath+".")
	}
	var o order
	d := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxPurgeBody))
	d.DisallowUnknownFields()
	if err := d.Decode(&o); err != nil {
		var large *http.MaxBytesError
		if errors.As(err, &large) {
			return httpcache.Purge{}, world.Because(world.CodeTooLarge, "accelerator.purge", fmt.Sprintf("A purge may have %d bytes: send several.", maxPurgeBody), err)
		}
		return httpcache.Purge{}, world.Because(world.CodeInvalid, "accelerator.purge", `Send JSON: {"urls": […], "groups": […], "all": false, "soft": false}.`, err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return httpcache.Purge{}, world.E(world.CodeInvalid, "accelerator.purge", "Send one JSON object and nothing behind it.")
	}
	return o.purge()
}

func softly(said string) (bool, error) {
	if said == "" {
		return false, nil
	}
	soft, err := strconv.ParseBool(said)
	if err != nil {
		return false, world.E(world.CodeInvalid, "accelerator.purge", "Soft-Purge must be 1 or 0.")
	}
	return soft, nil
}

func (o order) purge() (httpcache.Purge, error) {
	p := httpcache.Purge{Groups: o.Groups, All: o.All, Soft: o.Soft}
	switch names := len(o.URLs) + len(o.Groups); {
	case names == 0 && !o.All:
		return p, world.E(world.CodeInvalid, "accelerator.purge", "Name urls or groups, or all.")
	case names > world.MaxPurgeNames:
		return p, world.E(world.CodeTooLarge, "accelerator.purge", fmt.Sprintf("A purge may name %d URLs and groups: send several, or purge all.", world.MaxPurgeNames))
	}
	for _, g := range o.Groups {
		if !world.Printable(g, world.MaxGroup) {
			return p, world.E(world.CodeInvalid, "accelerator.purge", fmt.Sprintf("A group is 1 to %d visible ASCII characters.", world.MaxGroup))
		}
	}
	for _, s := range o.URLs {
		keys, err := keysOfURL(s)
		if err != nil {
			return p, err
		}
		p.Keys = append(p.Keys, keys...)
	}
	return p, nil
}

// keysOfURL are the keys of a URL, which is meant as it stands, with its query.
func keysOfURL(s string) ([]string, error) {
	bad := func(err error) error {
		return world.Because(world.CodeInvalid, "accelerator.purge", "Write a URL to purge as https://host/path?query, as visitors ask for it.", err)
	}
	if !world.Printable(s, world.MaxPurgeURL) {
		return nil, bad(nil)
	}
	if !strings.Contains(s, "://") {
		s = "https://" + s
	}
	u, err := url.Parse(s)
	if err != nil || u.Host == "" || u.User != nil || u.Scheme != "http" && u.Scheme != "https" {
		return nil, bad(err)
	}
	return keysOf(u.Host, u.RequestURI()), nil
}

// keysOf is the key of a target; the cache takes those of both schemes ([alike]).
func keysOf(host, target string) []string {
	return []string{keyFor("https", host, target)}
}
