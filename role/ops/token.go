package ops

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"fmt"
	"math"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"meridian/world"
)

// authorize finds the token that a request shows. Every token is compared, so
// that the time says nothing; a wrong one counts against the client's network.
func (o *Ops) authorize(w http.ResponseWriter, r *http.Request) (*Token, error) {
	forgive, wait := o.guesses.Try(r.Header.Get(world.HeaderClient), o.deps.Now())
	if wait > 0 {
		seconds := int(math.Ceil(wait.Seconds()))
		w.Header().Set("Retry-After", strconv.Itoa(seconds))
		return nil, world.E(world.CodeBusy, "ops.token", fmt.Sprintf("Too many wrong tokens came from this network. Wait %d seconds.", seconds))
	}
	shown, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	sum := sha256.Sum256([]byte(shown))
	var found *Token
	for i := range o.tokens {
		if subtle.ConstantTimeCompare(sum[:], o.hashes[i]) == 1 {
			found = &o.tokens[i]
		}
	}
	if !ok || found == nil {
		w.Header().Set("WWW-Authenticate", "Bearer") // RFC 9110 §15.5.2 demands one
		return nil, world.E(world.CodeUnsigned, "ops.token", "Send a token for purges in the Authorization header: Bearer, then the token.")
	}
	forgive()
	return found, nil
}

// hashesOf are the tokens' hashes as bytes; the config has been validated.
func hashesOf(tokens []Token) [][]byte {
	out := make([][]byte, len(tokens))
	for i, t := range tokens {
		out[i], _ = hex.DecodeString(t.SHA256)
	}
	return out
}

// may refuses what is outside the token's scope, and names it.
func (t *Token) may(p world.Purge) error {
	refuse := func(what string) error {
		return world.E(world.CodeForbidden, "ops.scope", fmt.Sprintf("The token %s may not purge %s.", t.Name, what))
	}
	if !p.Soft && !t.Hard {
		return refuse("hard: ask for a soft purge")
	}
	if t.All {
		return nil
	}
	if p.All {
		return refuse("everything")
	}
	for _, g := range p.Groups {
		app, isApp := strings.CutPrefix(g, world.GroupApp(""))
		if !hasPrefixOf(g, t.Groups) && !(isApp && slices.Contains(t.Apps, app)) {
			return refuse("the group " + g)
		}
	}
	for _, u := range p.URLs {
		name, err := scopeName(u)
		if err != nil {
			return err
		}
		if !hasPrefixOf(name, t.URLs) {
			return refuse(name)
		}
	}
	return nil
}

func hasPrefixOf(s string, prefixes []string) bool {
	return slices.ContainsFunc(prefixes, func(p string) bool { return strings.HasPrefix(s, p) })
}

// scopeName is a URL as scopes name it: its host, in lower case and without a
// port, and its path. Pictures and manifests are kept whatever the host, so
// theirs is the path alone: else a token for one host could purge another's.
func scopeName(text string) (string, error) {
	u, err := world.ParsePurgeURL(text)
	if err != nil {
		return "", err
	}
	switch world.RouteOf(http.MethodGet, u.Path) {
	case world.RouteImage, world.RouteManifest:
		return u.EscapedPath(), nil
	}
	return strings.ToLower(strings.TrimSuffix(u.Hostname(), ".")) + u.EscapedPath(), nil
}
