package media

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"time"

	"meridian/engine/uploadgrant"
	"meridian/platform/httpserver"
	"meridian/world"
)

// maxGrantBody is the most bytes of a demand for a grant.
const maxGrantBody = 4 << 10

// grantWanted is what an app's server asks a grant to allow. What is left out
// is as wide as it can be.
type grantWanted struct {
	Method     uploadgrant.Method `json:"method"`     // any, plain or resumable
	ExpiresIn  int64              `json:"expires_in"` // seconds
	MaxBytes   int64              `json:"max_bytes"`
	Types      []string           `json:"types"`
	Visibility world.Visibility   `json:"visibility"` // public or private
	Zone       string             `json:"zone"`       // of a private asset; this region's unless another is named
	Owner      string             `json:"owner"`
}

// granted is a grant, and how it is shown.
type granted struct {
	ID            string             `json:"id"`
	App           string             `json:"app"`
	Method        uploadgrant.Method `json:"method"`
	ExpiresAt     time.Time          `json:"expires_at"`
	MaxBytes      int64              `json:"max_bytes"`
	Types         []string           `json:"types,omitempty"`
	Visibility    world.Visibility   `json:"visibility"`
	Zone          string             `json:"zone,omitempty"`
	Owner         string             `json:"owner,omitempty"`
	Authorization string             `json:"authorization"` // the header's value
}

// mint makes a grant for a server of the app, which shows the upload token.
func (m *Media) mint(w http.ResponseWriter, r *http.Request) error {
	const op = "media.mint"
	if err := httpserver.CheckBearer(r, m.cfg.UploadToken); err != nil {
		return err
	}
	app := r.PathValue("app")
	if err := m.knownApp(app); err != nil {
		return err
	}
	want, err := readGrantWanted(http.MaxBytesReader(w, r.Body, maxGrantBody))
	if err != nil {
		return err
	}
	g, err := m.grant(app, want)
	if err != nil {
		return world.Wrap(op, err)
	}
	token, err := g.Token(m.grants)
	if err != nil {
		return world.Wrap(op, err)
	}
	return writeJSON(w, http.StatusCreated, granted{
		g.ID, g.App, g.Method, g.Expires, g.MaxBytes, g.Types, g.Visibility, g.Zone, g.Owner, uploadgrant.Authorization(token),
	})
}

// readGrantWanted reads a demand; no content at all demands the widest grant.
func readGrantWanted(body io.Reader) (grantWanted, error) {
	var want grantWanted
	d := json.NewDecoder(body)
	d.DisallowUnknownFields()
	err := d.Decode(&want)
	if errors.Is(err, io.EOF) {
		return want, nil
	}
	if err == nil && d.More() {
		err = errors.New("more than one document")
	}
	if err != nil {
		return want, world.Because(world.CodeInvalid, "media.mint", "Send a JSON object with any of method, expires_in (seconds), max_bytes, types, visibility, zone and owner.", err)
	}
	return want, nil
}

// grant is what was wanted, within the role's limits.
func (m *Media) grant(app string, want grantWanted) (uploadgrant.Grant, error) {
	const op = "media.grant"
	l := m.cfg.Limits
	life, most := time.Duration(want.ExpiresIn)*time.Second, int64(l.GrantLife/time.Second)
	if want.ExpiresIn == 0 {
		life = min(defaultGrantLife, l.GrantLife)
	}
	switch {
	case want.ExpiresIn < 0 || want.ExpiresIn > most:
		return uploadgrant.Grant{}, world.E(world.CodeInvalid, op, fmt.Sprintf("expires_in is a number of seconds from 1 to %d.", most))
	case want.Zone != "" && !slices.ContainsFunc(m.world.Regions, func(r world.Region) bool { return r.Zone == want.Zone }):
		return uploadgrant.Grant{}, world.E(world.CodeInvalid, op, "zone must be one that has a region.")
	case want.MaxBytes < 0 || want.MaxBytes > l.MaxBytes:
		return uploadgrant.Grant{}, world.E(world.CodeInvalid, op, fmt.Sprintf("max_bytes is a number from 1 to %d.", l.MaxBytes))
	}
	g := uploadgrant.Grant{
		App: app, Method: cmp.Or(want.Method, uploadgrant.Any), Expires: m.now().Add(life).UTC().Truncate(time.Second),
		MaxBytes: cmp.Or(want.MaxBytes, l.MaxBytes), Types: want.Types, Visibility: cmp.Or(want.Visibility, world.Public), Owner: want.Owner,
	}
	if g.Visibility == world.Private {
		g.Zone = cmp.Or(want.Zone, m.region.Zone)
	}
	var random [16]byte
	if _, err := io.ReadFull(m.random, random[:]); err != nil {
		return g, world.Wrap(op, err)
	}
	g.ID = fmt.Sprintf("%x", random)
	return g, nil
}

// defaultGrantLife is how long a grant is good unless more or less is asked for.
const defaultGrantLife = 15 * time.Minute
