// Package webhooksig signs messages to other services and verifies theirs, as
// Standard Webhooks says (https://www.standardwebhooks.com, spec v1): HMAC-SHA256
// over id, time and body. It sends nothing.
package webhooksig

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"meridian/world"
)

// The fields of Standard Webhooks.
const (
	HeaderID        = "Webhook-Id"
	HeaderTime      = "Webhook-Timestamp" // seconds since 1970
	HeaderSignature = "Webhook-Signature" // one or more, with a space between each two
)

// Bounds of a secret's bytes, by Standard Webhooks, and of a message's id.
const (
	MinSecret = 24
	MaxSecret = 64
	MaxID     = 128
)

// maxSignatures is how many signatures of a message are tried.
const maxSignatures = 8

const (
	secretPrefix    = "whsec_"
	signaturePrefix = "v1," // the symmetric kind; others are skipped
)

// Secret is what both sides know. It is never printed.
type Secret struct{ key []byte }

// ParseSecret reads whsec_ and base 64 of 24 to 64 bytes. It fails with invalid.
func ParseSecret(text string) (Secret, error) {
	coded, ok := strings.CutPrefix(text, secretPrefix)
	key, err := base64.StdEncoding.DecodeString(coded)
	if !ok || err != nil || len(key) < MinSecret || len(key) > MaxSecret {
		return Secret{}, world.E(world.CodeInvalid, "webhooksig.secret", fmt.Sprintf("A webhook secret is %s and base 64 of %d to %d random bytes.", secretPrefix, MinSecret, MaxSecret))
	}
	return Secret{key}, nil
}

// NewSecret is the text of a secret with this key, of 24 to 64 random bytes.
func NewSecret(key []byte) string { return secretPrefix + base64.StdEncoding.EncodeToString(key) }

// String hides the secret from logs.
func (Secret) String() string { return secretPrefix + "…" }

// GoString hides it from %#v too.
func (s Secret) GoString() string { return s.String() }

// Sign sets the fields of a message: its id, which is the same each time that it
// is sent, when it is sent, and one signature for each secret. More than one
// lets a receiver change from one to the next.
func Sign(h http.Header, id string, at time.Time, body []byte, secrets ...Secret) {
	stamp := strconv.FormatInt(at.Unix(), 10)
	signatures := make([]string, len(secrets))
	for i, s := range secrets {
		signatures[i] = signaturePrefix + base64.StdEncoding.EncodeToString(s.sum(id, stamp, body))
	}
	h.Set(HeaderID, id)
	h.Set(HeaderTime, stamp)
	h.Set(HeaderSignature, strings.Join(signatures, " "))
}

// Verify returns a message's id and when it was sent, if one of its signatures
// is by one of the secrets and it was sent within tolerance of now. Else it fails
// with unsigned. All signatures are compared in constant time.
func Verify(h http.Header, body []byte, now time.Time, tolerance time.Duration, secrets ...Secret) (id string, at time.Time, err error) {
	refuse := func(why string) (string, time.Time, error) {
		return "", time.Time{}, world.Because(world.CodeUnsigned, "webhooksig.verify", "The message is not signed as it must be: check the secret and both clocks.", errors.New(why))
	}
	id, stamp := h.Get(HeaderID), h.Get(HeaderTime)
	seconds, parsed := strconv.ParseInt(stamp, 10, 64)
	switch {
	case id == "" || len(id) > MaxID:
		return refuse("it has no id, or one too long")
	case parsed != nil:
		return refuse("its time is no number of seconds")
	}
	at = time.Unix(seconds, 0).UTC()
	if at.Before(now.Add(-tolerance)) || at.After(now.Add(tolerance)) {
		return refuse("its time is too far from ours")
	}
	good := false
	for i, text := range strings.Fields(h.Get(HeaderSignature)) {
		coded, ok := strings.CutPrefix(text, signaturePrefix)
		signature, err := base64.StdEncoding.DecodeString(coded)
		if !ok || err != nil || i >= maxSignatures {
			continue
		}
		for _, s := range secrets {
			good = hmac.Equal(signature, s.sum(id, stamp, body)) || good
		}
	}
	if !good {
		return refuse("no signature is by a secret of ours")
	}
	return id, at, nil
}

func (s Secret) sum(id, stamp string, body []byte) []byte {
	mac := hmac.New(sha256.New, s.key)
	mac.Write([]byte(id + "." + stamp + "."))
	mac.Write(body)
	return mac.Sum(nil)
}
