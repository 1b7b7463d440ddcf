// Package signedurl signs the addresses of private pictures for a while, and
// says whether an address that comes back was signed and still holds. What may
// be asked for with one, and from where, is for its callers.
package signedurl

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"strconv"
	"time"

	"meridian/world"
)

// Limits of keys. Both are what the package is made for, not tuning.
const (
	MaxKeys   = 2  // live at once: the one that signs, and one while keys rotate
	MaxKeyID  = 16 // bytes of a key's id, a-z and 0-9
	MinSecret = 26 // bytes: 128 random bits in base 32
)

// Key is a secret under an id that may be seen.
type Key struct {
	ID     string `yaml:"kid" doc:"the key's id, 1 to 16 characters of a-z and 0-9; it is part of each address that it signs"`
	Secret string `yaml:"secret" doc:"the secret, 26 characters at least" secret:"true"`
}

// Settings are what a role that signs or verifies is told.
type Settings struct {
	Keys    []Key         `yaml:"keys" doc:"the keys that hold, two at most; the first one signs. To rotate: add the new one behind the old everywhere, then exchange the two, then drop the old one once longest has passed. None: no private picture is given"`
	Longest time.Duration `yaml:"longest" doc:"how far away an address's expiry may be; farther ones are refused, whoever signed them"`
}

// DefaultSettings lack only the keys.
func DefaultSettings() Settings { return Settings{Longest: 24 * time.Hour} }

// Ring is a role's keys. It is safe for concurrent use.
type Ring struct {
	keys    []Key
	longest time.Duration
}

// New makes a ring. One without keys verifies nothing. Errors: invalid.
func New(s Settings) (*Ring, error) {
	if s.Longest < time.Second {
		return nil, bad("longest must be a second at least")
	}
	if len(s.Keys) > MaxKeys {
		return nil, bad(fmt.Sprintf("keys: %d are too many; %d hold at once", len(s.Keys), MaxKeys))
	}
	for i, k := range s.Keys {
		switch {
		case !validKeyID(k.ID):
			return nil, bad(fmt.Sprintf("keys[%d].kid must be 1 to %d characters of a-z and 0-9", i, MaxKeyID))
		case len(k.Secret) < MinSecret:
			return nil, bad(fmt.Sprintf("keys[%d].secret must have %d characters at least", i, MinSecret))
		case i > 0 && (k.ID == s.Keys[0].ID || k.Secret == s.Keys[0].Secret):
			return nil, bad("keys: two keys must differ in kid and in secret")
		}
	}
	return &Ring{keys: append([]Key(nil), s.Keys...), longest: s.Longest}, nil
}

func bad(message string) error {
	return world.E(world.CodeInvalid, "signedurl.config", "private: "+message)
}

// Sign is the query that lets whoever has it ask for a path until a moment,
// cut to the second. unavailable without a key.
func (r *Ring) Sign(path string, until time.Time) (query string, err error) {
	if len(r.keys) == 0 {
		return "", world.E(world.CodeUnavailable, "signedurl.sign", "Private pictures cannot be shown: no key is configured.")
	}
	k := r.keys[0]
	p := proof{kid: k.ID, exp: strconv.FormatInt(until.Unix(), 10)}
	return "exp=" + p.exp + "&kid=" + p.kid + "&sig=" + k.mac(path, p), nil
}

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
	if !r.signed(path, p) {
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

// signed compares with what each key of that id would have signed. A secret is
// only ever met in constant time.
func (r *Ring) signed(path string, p proof) bool {
	for _, k := range r.keys {
		if k.ID == p.kid && hmac.Equal([]byte(k.mac(path, p)), []byte(p.sig)) {
			return true
		}
	}
	return false
}

// purpose begins what is signed: a secret that is used elsewhere too would
// still sign nothing that holds here.
const purpose = "meridian private picture 1"

// mac is the signature's text: HMAC-SHA256 (RFC 2104) in the URL-safe base 64
// of RFC 4648 §5 without padding. Lines end what none of their parts can hold,
// so that no two addresses have the same text.
func (k Key) mac(path string, p proof) string {
	h := hmac.New(sha256.New, []byte(k.Secret))
	h.Write([]byte(purpose + "\n" + p.kid + "\n" + p.exp + "\n" + path))
	return base64.RawURLEncoding.EncodeToString(h.Sum(nil))
}

func refuse(message string) error { return world.E(world.CodeForbidden, "signedurl", message) }
