// Package uploadgrant is the right to put one picture in, or to delete one: what
// may be sent, where and until when, in a text that its signature makes good. An
// app's server mints it, and the one who has the picture shows it in a header.
package uploadgrant

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"meridian/engine/imagegrid"
	"meridian/engine/keyring"
	"meridian/world"
)

// Scheme is the authentication scheme (RFC 9110 §11.1) that a grant is shown by:
// a header, because URLs are logged.
const Scheme = "Meridian-Upload"

// Purpose is what the keys of grants sign for.
const Purpose = "upload grant"

// Limits of a grant's text.
const (
	MaxID    = 64 // characters
	MaxOwner = 64 // characters
	MaxTypes = 16 // media types
	MaxToken = 2048
	maxType  = 64
)

// Method is how a picture may be sent, or that it may be deleted.
type Method string

// The methods.
const (
	Any       Method = "any"
	Plain     Method = "plain"     // one PUT or POST
	Resumable Method = "resumable" // tus
	Remove    Method = "remove"    // nothing is sent: the private asset that the grant's id names is deleted
)

// Grant lets somebody put in one picture, or delete one. Sent twice it is one
// asset.
type Grant struct {
	ID         string           // of the grant, unlike every other of its app; to [Remove], the media id
	App        string           //
	Method     Method           //
	Expires    time.Time        // to the second; an upload that has begun before may end
	MaxBytes   int64            // most bytes of the picture
	Types      []string         // media types that may be sent; none: all that are taken
	Visibility world.Visibility // of the asset that is made: public or private
	Zone       string           // where a private asset is resident: only regions of it take the picture; "" for a public one
	Owner      string           // whom the asset belongs to, by a name of the app's; may be ""
}

// Check fails with invalid for a grant that cannot be, and says what to write.
func (g Grant) Check() error {
	bad := func(fix string) error { return world.E(world.CodeInvalid, "uploadgrant.check", fix) }
	switch {
	case g.ID == "" || len(g.ID) > MaxID || !plain(g.ID):
		return bad(fmt.Sprintf("id must be 1 to %d characters of A-Z, a-z, 0-9, ., _ and -.", MaxID))
	case imagegrid.CheckApp(g.App) != nil:
		return bad("app must be the name of an app.")
	case g.Method == Remove && (imagegrid.CheckMediaID(g.ID) != nil || g.Visibility != world.Private):
		return bad("id must be the media id of a private asset to remove it.")
	case !slices.Contains([]Method{Any, Plain, Resumable, Remove}, g.Method):
		return bad("method must be any, plain or resumable.")
	case g.Expires.Unix() < 1 || g.Expires.Nanosecond() != 0:
		return bad("expires must be a time in whole seconds.")
	case g.MaxBytes < 1:
		return bad("max_bytes must be at least 1.")
	case g.Visibility != world.Public && g.Visibility != world.Private:
		return bad("visibility must be public or private.")
	case (g.Zone == "") != (g.Visibility == world.Public) || g.Zone != "" && !world.ValidName(g.Zone):
		return bad("zone must be the zone that a private asset is resident in, and empty for a public one.")
	case len(g.Owner) > MaxOwner || !plain(g.Owner):
		return bad(fmt.Sprintf("owner must be at most %d characters of A-Z, a-z, 0-9, ., _ and -.", MaxOwner))
	case len(g.Types) > MaxTypes || slices.ContainsFunc(g.Types, func(t string) bool { return !validType(t) }):
		return bad(fmt.Sprintf("types must be at most %d media types, such as image/jpeg.", MaxTypes))
	}
	return nil
}

func plain(s string) bool {
	for i := range len(s) {
		if c := s[i]; !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '.' || c == '_' || c == '-') {
			return false
		}
	}
	return true
}

func validType(t string) bool {
	kind, sub, ok := strings.Cut(t, "/")
	return ok && len(t) <= maxType && kind != "" && sub != "" && plain(kind) && plain(strings.ReplaceAll(sub, "+", ""))
}

// Takes reports whether a picture of that media type may be sent.
func (g Grant) Takes(mediaType string) bool {
	return len(g.Types) == 0 || slices.Contains(g.Types, mediaType)
}

// By reports whether the grant is for that method. One that is for any does not
// let anything be removed.
func (g Grant) By(m Method) bool { return g.Method == Any && m != Remove || g.Method == m }

// format names the order of the fields; it is signed with them.
const format = "2"

func (g Grant) fields() []string {
	return []string{
		format, g.ID, g.App, string(g.Method), strconv.FormatInt(g.Expires.Unix(), 10), strconv.FormatInt(g.MaxBytes, 10),
		strings.Join(g.Types, " "), string(g.Visibility), g.Owner, g.Zone,
	}
}

// Token is the grant as text, signed by the ring's key. It fails as
// [Grant.Check] does.
func (g Grant) Token(keys keyring.Ring) (string, error) {
	if err := g.Check(); err != nil {
		return "", err
	}
	fields := g.fields()
	text := strings.Join(append([]string{keys.Signer()}, fields...), "\n")
	enc := base64.RawURLEncoding
	return enc.EncodeToString([]byte(text)) + "." + enc.EncodeToString(keys.Sign(fields...)), nil
}

// Authorization is the header's value that shows a token.
func Authorization(token string) string { return Scheme + " " + token }

// Shown is the token that a request shows, and whether it shows one.
func Shown(h http.Header) (string, bool) {
	scheme, token, ok := strings.Cut(h.Get("Authorization"), " ")
	return strings.TrimSpace(token), ok && strings.EqualFold(scheme, Scheme)
}

// Open is the grant that a token is, if a key of the ring signed it; unsigned
// otherwise. It says nothing of time: see [Grant.Good].
func Open(token string, keys keyring.Ring) (Grant, error) {
	g, id, sum, err := parse(token)
	if err != nil || !keys.Verify(id, sum, g.fields()...) {
		return Grant{}, world.E(world.CodeUnsigned, "uploadgrant.open", "The grant does not hold: have the app's server make another.")
	}
	return g, nil
}

// Good fails with unsigned once the grant has expired.
func (g Grant) Good(now time.Time) error {
	if !now.Before(g.Expires) {
		return world.E(world.CodeUnsigned, "uploadgrant.good", "The grant has expired: have the app's server make another.")
	}
	return nil
}

// parse reads a token without believing it. Each grant has one text: what
// would be written otherwise is refused.
func parse(token string) (g Grant, key string, sum []byte, err error) {
	bad := world.E(world.CodeUnsigned, "uploadgrant.parse", "This is no grant.")
	enc := base64.RawURLEncoding.Strict()
	text, signature, ok := strings.Cut(token, ".")
	if !ok || len(token) > MaxToken || strings.ContainsAny(token, "\r\n") { // which the decoder would pass over
		return g, "", nil, bad
	}
	raw, err := enc.DecodeString(text)
	if err != nil {
		return g, "", nil, bad
	}
	if sum, err = enc.DecodeString(signature); err != nil || len(sum) != keyring.Size {
		return g, "", nil, bad
	}
	f := strings.Split(string(raw), "\n")
	if len(f) != 11 || f[1] != format {
		return g, "", nil, bad
	}
	expires, err1 := strconv.ParseInt(f[5], 10, 64)
	most, err2 := strconv.ParseInt(f[6], 10, 64)
	g = Grant{ID: f[2], App: f[3], Method: Method(f[4]), Expires: time.Unix(expires, 0).UTC(), MaxBytes: most, Visibility: world.Visibility(f[8]), Owner: f[9], Zone: f[10]}
	if f[7] != "" {
		g.Types = strings.Split(f[7], " ")
	}
	if err1 != nil || err2 != nil || g.Check() != nil || !slices.Equal(g.fields(), f[1:]) {
		return Grant{}, "", nil, bad
	}
	return g, f[0], sum, nil
}
