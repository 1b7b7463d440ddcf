// Package tiertest has what tests of edges and shields need alike: addresses of
// private pictures that hold, an upstream that says what it is told, and what
// either must do with it.
package tiertest

import (
	"testing"
	"time"

	"meridian/engine/keyring"
	"meridian/engine/signedurl"
)

// SigningKey is the key that [Signed] signs with.
var SigningKey = keyring.Key{ID: "k1", Secret: "a secret of a test, long enough"}

// Signed is a path with its signature, which holds until then.
func Signed(t testing.TB, path string, until time.Time) string {
	t.Helper()
	ring, err := signedurl.New(signedurl.Settings{Keys: []keyring.Key{SigningKey}, Longest: 24 * time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	q, err := ring.Sign(path, until)
	if err != nil {
		t.Fatal(err)
	}
	return path + "?" + q
}
