package owner

import (
	"crypto/sha256"
	"encoding/base32"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"meridian/world"
)

// sessionCookie holds a session's token. It is sent to the owner's pages only,
// so under https its name begins with securePrefix, not with __Host-, which
// would demand every path.
const (
	sessionCookie = "owner"
	cookiePath    = "/owner"
)

// securePrefix has browsers take a cookie over TLS only: nobody can plant one
// from plain http (RFC 6265bis §4.1.3.1).
const securePrefix = "__Secure-"

// cookieName is how this role's browsers know a session.
func (o *Owner) cookieName() string {
	if o.cfg.PublicScheme == "https" {
		return securePrefix + sessionCookie
	}
	return sessionCookie
}

// tokenLength is the length of a token, or of an order's id: 128 random bits
// in base 32.
const tokenLength = 26

const tokenAlphabet = "abcdefghijklmnopqrstuvwxyz234567"

var tokenEncoding = base32.NewEncoding(tokenAlphabet).WithPadding(base32.NoPadding)

func newToken(random io.Reader) (string, error) {
	var b [16]byte
	if _, err := io.ReadFull(random, b[:]); err != nil {
		return "", world.Because(world.CodeInternal, "owner.token", "", err)
	}
	return tokenEncoding.EncodeToString(b[:]), nil
}

// validToken reports whether s can be a token or an order's id.
func validToken(s string) bool {
	return len(s) == tokenLength && strings.Trim(s, tokenAlphabet) == ""
}

// tokenOf is the visit's token; "" when it has none.
func (o *Owner) tokenOf(r *http.Request) string {
	c, err := r.Cookie(o.cookieName())
	if err != nil || !validToken(c.Value) {
		return ""
	}
	return c.Value
}

// cookie is the session's, to be kept for age; a negative age removes it.
func (o *Owner) cookie(token string, age time.Duration) *http.Cookie {
	return &http.Cookie{Name: o.cookieName(), Value: token, Path: cookiePath, MaxAge: int(age.Seconds()),
		HttpOnly: true, Secure: o.cfg.PublicScheme == "https", SameSite: http.SameSiteLaxMode}
}

// whoIs is the owner who is signed in to the market of the visit; "" for nobody.
func (o *Owner) whoIs(v *visit) (email string, err error) {
	token := o.tokenOf(v.r)
	if token == "" {
		return "", nil
	}
	email, err = o.deps.Accounts.Session(v.r.Context(), sha256.Sum256([]byte(token)), v.at.market.ID, o.deps.Now())
	if world.Is(err, world.CodeNotFound) {
		return "", nil
	}
	return email, world.Wrap("owner.session", err)
}

// signedIn lets owners of the market through and sends everybody else to sign in.
func (o *Owner) signedIn(next handler) handler {
	return func(v *visit) (err error) {
		if v.email, err = o.whoIs(v); err != nil {
			return err
		}
		if v.email == "" {
			seeOther(v, signInPath+"?next="+url.QueryEscape(backTo(v.r)))
			return nil
		}
		return next(v)
	}
}

// backTo is the page to come back to after signing in: the one that was asked
// for, or the one whose form was sent.
func backTo(r *http.Request) string {
	if r.Method == http.MethodGet || r.Method == http.MethodHead {
		return ownPage(r.URL.RequestURI())
	}
	parts := strings.Split(r.URL.Path, "/")
	if len(parts) > pageDepth { // what is done with one thing is sent to below its page
		parts = parts[:pageDepth]
	}
	return ownPage(strings.Join(parts, "/"))
}

// pageDepth is the number of parts in the path of one thing's page, such as
// /owner/products/{slug}; the first is empty.
const pageDepth = 4

// ownPage is a page of ours to go to next, or the orders for anything that
// could lead elsewhere.
func ownPage(path string) string {
	u, err := url.Parse(path)
	if err != nil || u.Scheme != "" || u.Host != "" || !strings.HasPrefix(path, ordersPath) || len(path) > maxNext ||
		strings.Contains(u.Path, "//") || strings.ContainsAny(path, "\\\r\n") || u.Path == signInPath {
		return ordersPath
	}
	return u.RequestURI()
}

// maxNext is the most bytes of an address to come back to.
const maxNext = 512
