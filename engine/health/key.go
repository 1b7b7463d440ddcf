package health

import (
	"crypto/ed25519"
	"encoding/base64"
	"fmt"
	"io"

	"meridian/world"
)

// Key is a monitor's public key.
type Key struct {
	Region string `yaml:"region" doc:"the monitor's region"`
	Public string `yaml:"public" doc:"its Ed25519 public key, 32 bytes in base64url without padding"`
}

// Ring are the keys by region, as [Verify] takes them. It fails with invalid for
// a key that is none, and for two of one region.
func Ring(keys []Key) (map[string]ed25519.PublicKey, error) {
	out := map[string]ed25519.PublicKey{}
	for i, k := range keys {
		b, err := base64.RawURLEncoding.Strict().DecodeString(k.Public)
		switch {
		case err != nil || len(b) != ed25519.PublicKeySize:
			return nil, world.E(world.CodeInvalid, "health.keys", fmt.Sprintf("keys[%d].public: write the 43 characters of an Ed25519 public key", i))
		case !world.ValidName(k.Region) || out[k.Region] != nil:
			return nil, world.E(world.CodeInvalid, "health.keys", fmt.Sprintf("keys[%d].region: name each region once", i))
		}
		out[k.Region] = b
	}
	return out, nil
}

// ParsePrivate reads a monitor's private key: its seed, 32 bytes in base64url
// without padding. Errors: invalid, and never with the key in it.
func ParsePrivate(text string) (ed25519.PrivateKey, error) {
	seed, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if err != nil || len(seed) != ed25519.SeedSize {
		return nil, world.E(world.CodeInvalid, "health.keys", "key: write the 43 characters of an Ed25519 seed")
	}
	return ed25519.NewKeyFromSeed(seed), nil
}

// NewSeed makes a private key, as [ParsePrivate] reads it. random is of cryptographic
// quality and does not fail.
func NewSeed(random io.Reader) string {
	var seed [ed25519.SeedSize]byte
	if _, err := io.ReadFull(random, seed[:]); err != nil {
		panic("health: no randomness: " + err.Error()) // nothing that is secret can be made then
	}
	return base64.RawURLEncoding.EncodeToString(seed[:])
}

// PublicOf is the public half of a private key, as [Key] has it.
func PublicOf(key ed25519.PrivateKey) string {
	public, _ := key.Public().(ed25519.PublicKey) // an ed25519 key has no other kind
	return base64.RawURLEncoding.EncodeToString(public)
}
