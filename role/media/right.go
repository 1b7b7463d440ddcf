package media

import (
	"fmt"
	"net/http"
	"strings"

	"meridian/engine/uploadgrant"
	"meridian/platform/httpserver"
	"meridian/world"
)

// right is what somebody may put in.
type right struct {
	uploadgrant.Grant        // of a token's holder: all that is taken here
	key               string // names the upload: with the same key it is the same asset; "" for none
	id                string // media id that it was given when it began; "": it is given one at its end
}

// MaxIdempotencyKey is the most characters of an Idempotency-Key.
const MaxIdempotencyKey = 255

// headerIdempotencyKey is the field of draft-ietf-httpapi-idempotency-key-header.
const headerIdempotencyKey = "Idempotency-Key"

// mayUpload is what the request's credential allows for an app: a grant, or
// the upload token. unsigned and forbidden say what is wrong with it.
func (m *Media) mayUpload(r *http.Request, app string, by uploadgrant.Method) (right, error) {
	const op = "media.right"
	token, ok := uploadgrant.Shown(r.Header)
	if !ok {
		return m.holder(r, app)
	}
	g, err := uploadgrant.Open(token, m.grants)
	if err != nil {
		return right{}, world.Wrap(op, err)
	}
	switch {
	case g.App != app:
		return right{}, otherApp(op)
	case !g.By(by):
		return right{}, world.E(world.CodeForbidden, op, fmt.Sprintf("The grant is for uploads that are %s; this one is %s.", g.Method, by))
	}
	if g.Visibility == world.Private && g.Zone != m.region.Zone {
		return right{}, world.E(world.CodeMisdirected, op, "This picture is to be kept in the zone "+g.Zone+". Send it to a region there.")
	}
	g.MaxBytes = min(g.MaxBytes, m.cfg.Limits.MaxBytes)
	return right{Grant: g, key: uploadgrant.Key(g.ID)}, nil
}

func otherApp(op string) error {
	return world.E(world.CodeForbidden, op, "The grant is for another app: have the app's server make one for this.")
}

// mayRemove checks that the request's credential allows to delete the asset that
// it names: a grant for that, or the upload token. unsigned and forbidden say
// what is wrong with it.
func (m *Media) mayRemove(r *http.Request) error {
	const op = "media.right"
	token, ok := uploadgrant.Shown(r.Header)
	if !ok {
		return httpserver.CheckBearer(r, m.cfg.UploadToken)
	}
	g, err := uploadgrant.Open(token, m.grants)
	if err == nil {
		err = g.Good(m.now())
	}
	switch {
	case err != nil:
		return world.Wrap(op, err)
	case g.App != r.PathValue("app"):
		return otherApp(op)
	case !g.By(uploadgrant.Remove) || g.ID != r.PathValue("id"):
		return world.E(world.CodeForbidden, op, "The grant does not let this picture be deleted.")
	case g.Zone != m.region.Zone:
		return world.E(world.CodeMisdirected, op, "This picture is kept in the zone "+g.Zone+". Ask a region there.")
	}
	return nil
}

// holder is the right of one who holds the upload token.
func (m *Media) holder(r *http.Request, app string) (right, error) {
	if err := httpserver.CheckBearer(r, m.cfg.UploadToken); err != nil {
		return right{}, err
	}
	key, err := idempotencyKey(r.Header)
	return right{
		Grant: uploadgrant.Grant{
			App: app, Method: uploadgrant.Any, Expires: m.now().Add(m.cfg.Limits.GrantLife),
			MaxBytes: m.cfg.Limits.MaxBytes, Visibility: world.Public,
		},
		key: key,
	}, err
}

// idempotencyKey is the key that a sender has named its upload by. The draft
// writes it in quotes; many leave them out.
func idempotencyKey(h http.Header) (string, error) {
	values := h.Values(headerIdempotencyKey)
	if len(values) == 0 {
		return "", nil
	}
	key := strings.TrimSpace(values[0])
	if n := len(key); n >= 2 && key[0] == '"' && key[n-1] == '"' {
		key = key[1 : n-1]
	}
	odd := func(c rune) bool { return c <= ' ' || c > '~' || c == '"' || c == '\\' }
	if len(values) > 1 || key == "" || len(key) > MaxIdempotencyKey || strings.ContainsFunc(key, odd) {
		return "", world.E(world.CodeInvalid, "media.key", fmt.Sprintf("Idempotency-Key must be one text of 1 to %d visible ASCII characters, without quotes inside.", MaxIdempotencyKey))
	}
	return "key " + key, nil
}

// checkType refuses a picture that the right is not for.
func (r right) checkType(mediaType string) error {
	if !r.Takes(mediaType) {
		return world.E(world.CodeUnsupported, "media.right", fmt.Sprintf("The grant is for %s; this picture is %s.", strings.Join(r.Types, ", "), mediaType))
	}
	return nil
}
