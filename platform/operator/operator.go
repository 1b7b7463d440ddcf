// Package operator tells operators by the tokens that they show, and slows down
// who guesses. (What a token may do is its role's affair; the key that roles show
// one another is httpserver's.)
package operator

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"fmt"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"

	"meridian/world"
)

// Credential is a token by its hash, and what it is called.
type Credential struct {
	Name   string `yaml:"name" doc:"what it is called wherever it is told who did something"`
	SHA256 string `yaml:"sha256" doc:"SHA-256 of the token, 64 hexadecimal digits; the token itself has 128 random bits or more"`
}

// maxName keeps lists readable.
const maxName = 60

// Validate says what to write in place of what is wrong; "" for nothing.
func (c Credential) Validate() string {
	if !world.Printable(c.Name, maxName) {
		return fmt.Sprintf("name: give it 1 to %d visible characters", maxName)
	}
	if b, err := hex.DecodeString(c.SHA256); err != nil || len(b) != sha256.Size {
		return "sha256: write 64 hexadecimal digits, as printf %s TOKEN | sha256sum prints them"
	}
	return ""
}

// Validate says which of a config's tokens is wrong, and what to write; "" for none.
func Validate(list []Credential, one func(i int) string) string {
	names := map[string]bool{}
	for i, c := range list {
		at := fmt.Sprintf("tokens[%d]", i)
		if err := one(i); err != "" {
			return at + "." + err
		}
		if names[c.Name] {
			return at + ".name: each token needs a name of its own: it tells who did something"
		}
		names[c.Name] = true
	}
	return ""
}

// Desk knows the tokens of one role. It is safe for concurrent use.
type Desk struct {
	cfg    Config
	hashes [][]byte
}

// Config is what a [Desk] is made of.
type Config struct {
	Credentials []Credential // validated
	// Try counts a guess by the client's network, as of attempts.Counter.
	Try func(key string, now time.Time) (forgive func(), wait time.Duration)
	Now func() time.Time
	For string // what the tokens are for: "purges"
	// Password takes the token as the password of HTTP's basic scheme too
	// (RFC 7617), so that a browser can ask for it. The role then has to refuse
	// requests that other sites make.
	Password bool
}

// New makes a desk.
func New(cfg Config) *Desk {
	d := &Desk{cfg: cfg, hashes: make([][]byte, len(cfg.Credentials))}
	for i, c := range cfg.Credentials {
		d.hashes[i], _ = hex.DecodeString(c.SHA256) // validated
	}
	return d
}

// Who finds the token that a request shows, by its place among the credentials.
// All are compared, so that the time says nothing; a wrong one counts against the
// client's network. Errors: unsigned, for which w is told what to ask for, and
// busy after too many wrong ones.
func (d *Desk) Who(w http.ResponseWriter, r *http.Request) (int, error) {
	forgive, wait := d.cfg.Try(r.Header.Get(world.HeaderClient), d.cfg.Now())
	if wait > 0 {
		seconds := int(math.Ceil(wait.Seconds()))
		w.Header().Set("Retry-After", strconv.Itoa(seconds))
		return 0, world.E(world.CodeBusy, "operator", fmt.Sprintf("Too many wrong tokens came from this network. Wait %d seconds.", seconds))
	}
	shown, ok := d.shown(r)
	sum := sha256.Sum256([]byte(shown))
	found := -1
	for i, hash := range d.hashes {
		if subtle.ConstantTimeCompare(sum[:], hash) == 1 {
			found = i
		}
	}
	if !ok || found < 0 {
		if d.cfg.Password {
			w.Header().Add("WWW-Authenticate", fmt.Sprintf("Basic realm=%q, charset=\"UTF-8\"", "Meridian: a token for "+d.cfg.For+" is the password"))
		}
		w.Header().Add("WWW-Authenticate", "Bearer") // RFC 9110 §15.5.2 demands one
		return 0, world.E(world.CodeUnsigned, "operator", fmt.Sprintf("Send a token for %s in the Authorization header: Bearer, then the token.", d.cfg.For))
	}
	forgive()
	return found, nil
}

func (d *Desk) shown(r *http.Request) (string, bool) {
	if d.cfg.Password {
		if _, password, ok := r.BasicAuth(); ok {
			return password, true
		}
	}
	return strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
}
