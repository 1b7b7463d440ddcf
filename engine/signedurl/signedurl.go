// Package signedurl signs the addresses of private pictures for a while, and
// says whether an address that comes back was signed and still holds. What may
// be asked for with one, and from where, is for its callers.
package signedurl

import (
	"encoding/base64"
	"strconv"
	"time"

	"meridian/engine/keyring"
	"meridian/world"
)

// purpose keeps a secret that is used elsewhere too from signing what holds here.
const purpose = "private picture"

// Settings are what a role that signs or verifies is told.
type Settings struct {
	Keys    []keyring.Key `yaml:"keys" doc:"the keys that hold; the first one signs. To change it: add the new one behind the old everywhere, then put it before, then drop the old one once longest has passed. None: no private picture is given"`
	Longest time.Duration `yaml:"longest" doc:"how far away an address's expiry may be; farther ones are refused, whoever signed them"`
}

// DefaultSettings lack only the keys.
func DefaultSettings() Settings { return Settings{Longest: 24 * time.Hour} }

// Ring is a role's keys. It is safe for concurrent use.
type Ring struct {
	keys    keyring.Ring
	longest time.Duration
}

// New makes a ring. One without keys verifies nothing. Errors: invalid.
func New(s Settings) (*Ring, error) {
	if s.Longest < time.Second {
		return nil, world.E(world.CodeInvalid, "signedurl.config", "private: longest must be a second at least")
	}
	r := &Ring{longest: s.Longest}
	var err error
	if len(s.Keys) > 0 {
		r.keys, err = keyring.New(purpose, s.Keys)
	}
	return r, world.Wrap("signedurl.config private.keys", err)
}

// Sign is the query that lets whoever has it ask for a path until a moment,
// cut to the second. unavailable without a key.
func (r *Ring) Sign(path string, until time.Time) (query string, err error) {
	kid := r.keys.Signer()
	if kid == "" {
		return "", world.E(world.CodeUnavailable, "signedurl.sign", "Private pictures cannot be shown: no key is configured.")
	}
	exp := strconv.FormatInt(until.Unix(), 10)
	return "exp=" + exp + "&kid=" + kid + "&sig=" + encoding.EncodeToString(r.keys.Sign(path, exp)), nil
}

// encoding is the URL-safe base 64 of RFC 4648 §5 without padding, with one
// spelling for each signature.
var encoding = base64.RawURLEncoding.Strict()

// Until is the expiry for an address that is made now and should hold for life
// at least. It moves in steps of a quarter of that, so that a page that is
// shown again soon has the same addresses, and browsers have those pictures.
func Until(now time.Time, life time.Duration) time.Time {
	step := max(life/4, time.Second)
	return now.Add(life + step).Truncate(step)
}

// Verify reports for how long an address still holds: its path, as it was
// written, and its query. The error is always forbidden, and says what to do.
func (r *Ring) Verify(path, query string, now time.Time) (left time.Duration, err error) {
	p, ok := parse(query)
	if !ok {
		return 0, refuse("This picture is private. Its address must end in exp, kid and sig, each once and nothing else; take it from the page that shows the picture.")
	}
	if !r.keys.Verify(p.kid, p.sum, path, p.exp) {
		return 0, refuse("The signature does not fit this address. Take the address, as it is, from the page that shows the picture.")
	}
	left = time.Unix(p.until, 0).Sub(now)
	switch {
	case left <= 0:
		return 0, refuse("This address has expired. Load the page that shows the picture again.")
	case left > r.longest:
		return 0, refuse("This address would hold for longer than is allowed here. Load the page that shows the picture again.")
	}
	return left, nil
}

func refuse(message string) error { return world.E(world.CodeForbidden, "signedurl", message) }
