// Package keyring makes and checks signatures by named keys: the first of a
// ring signs, and the others go on being good while one takes another's place.
package keyring

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"fmt"

	"meridian/world"
)

// Limits of a ring. A change of keys needs two at once: the new one is added
// behind the old everywhere, then put before it, then the old one is taken out
// when what it signed has expired.
const (
	MaxKeys   = 4
	MaxID     = 16  // characters
	MinSecret = 20  // bytes
	MaxSecret = 256 // bytes
)

// Key is a secret and the name by which a signature tells which one made it.
type Key struct {
	ID     string `yaml:"id" doc:"name that a signature carries: 1 to 16 characters a-z, 0-9 and -"`
	Secret string `yaml:"secret" doc:"random text of at least 20 characters" secret:"true"`
}

// Size is how many bytes a signature has.
const Size = sha256.Size

// Ring signs for one purpose: what is signed for one is not good for another,
// also where both have the same keys. The zero Ring takes nothing.
type Ring struct {
	purpose string
	keys    []Key
}

// New is a ring for a purpose, such as "upload". It fails with invalid for no
// keys, too many, two of one name, or one that is out of its limits.
func New(purpose string, keys []Key) (Ring, error) {
	bad := func(fix string) (Ring, error) { return Ring{}, world.E(world.CodeInvalid, "keyring.new", fix) }
	if len(keys) == 0 || len(keys) > MaxKeys {
		return bad(fmt.Sprintf("give 1 to %d keys, each with id and secret; the first signs", MaxKeys))
	}
	seen := map[string]bool{}
	for _, k := range keys {
		switch {
		case !validID(k.ID):
			return bad(fmt.Sprintf("the id %.20q must be 1 to %d characters of a-z, 0-9 and -", k.ID, MaxID))
		case seen[k.ID]:
			return bad(fmt.Sprintf("two keys have the id %q; give the new one another", k.ID))
		case len(k.Secret) < MinSecret || len(k.Secret) > MaxSecret:
			return bad(fmt.Sprintf("the secret of key %q must have %d to %d characters", k.ID, MinSecret, MaxSecret))
		}
		seen[k.ID] = true
	}
	return Ring{purpose, keys}, nil
}

func validID(id string) bool {
	for i := range len(id) {
		if c := id[i]; !(c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '-') {
			return false
		}
	}
	return len(id) > 0 && len(id) <= MaxID
}

// Signer is the id of the key that signs; "" for the zero Ring.
func (r Ring) Signer() string {
	if len(r.keys) == 0 {
		return ""
	}
	return r.keys[0].ID
}

// Sign is the signature of fields by the key that signs; nil for the zero Ring.
func (r Ring) Sign(fields ...string) []byte {
	if len(r.keys) == 0 {
		return nil
	}
	return r.sum(r.keys[0], fields)
}

// Verify reports whether sum is the signature of fields by the key of that id.
// How long the comparison takes tells nothing of where they differ.
func (r Ring) Verify(id string, sum []byte, fields ...string) bool {
	for _, k := range r.keys {
		if k.ID == id {
			return hmac.Equal(sum, r.sum(k, fields))
		}
	}
	return false
}

// All are the signatures of fields by every key, the one that signs first: for
// what is found again by its signature after the keys have changed.
func (r Ring) All(fields ...string) [][]byte {
	var out [][]byte
	for _, k := range r.keys {
		out = append(out, r.sum(k, fields))
	}
	return out
}

// sum is HMAC-SHA256 (RFC 2104). Each field goes in behind its length, so that
// no two lists of fields are the same bytes.
func (r Ring) sum(k Key, fields []string) []byte {
	mac := hmac.New(sha256.New, []byte(k.Secret))
	write := func(s string) {
		var n [8]byte
		binary.BigEndian.PutUint64(n[:], uint64(len(s)))
		mac.Write(n[:])
		mac.Write([]byte(s))
	}
	write(r.purpose)
	write(k.ID)
	for _, f := range fields {
		write(f)
	}
	return mac.Sum(nil)
}
