package owner

import (
	"context"

	"github.com/alexedwards/argon2id"

	"meridian/world"
)

// hashParams are OWASP's minimum for argon2id (Password Storage Cheat Sheet,
// 2025): 19 MiB, two passes, one lane.
var hashParams = &argon2id.Params{Memory: 19 << 10, Iterations: 2, Parallelism: 1, SaltLength: 16, KeyLength: 32}

// HashPassword is what is kept of a password: its argon2id hash (RFC 9106)
// with salt and parameters. It fails with internal when there is no randomness.
func HashPassword(password string) (string, error) {
	hash, err := argon2id.CreateHash(password, hashParams)
	return hash, world.Wrap("owner.password", err)
}

// passwords checks passwords, only so many at once: each costs memory.
type passwords struct {
	slots   chan struct{}
	decoy   string // compared with where there is no account, so that it takes as long
	compare func(password, hash string) (bool, error)
}

func newPasswords(atOnce int) (*passwords, error) {
	decoy, err := HashPassword("")
	return &passwords{slots: make(chan struct{}, atOnce), decoy: decoy, compare: argon2id.ComparePasswordAndHash}, err
}

// check reports whether the password is the hash's. hash "" stands for an
// account that does not exist: never, after the same work.
func (p *passwords) check(ctx context.Context, password, hash string) (bool, error) {
	select {
	case p.slots <- struct{}{}:
		defer func() { <-p.slots }()
	case <-ctx.Done():
		return false, world.Because(world.CodeBusy, "owner.password", "", ctx.Err())
	}
	known := hash != ""
	if !known {
		hash = p.decoy
	}
	same, err := p.compare(password, hash)
	return same && known, world.Wrap("owner.password", err)
}
