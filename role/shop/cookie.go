package shop

import (
	"encoding/base32"
	"io"
	"net/http"
	"strings"

	"meridian/world"
)

// cartCookie is the one cookie. It is a secret: who holds it sees the cart and
// its orders. Under https its name begins with hostPrefix.
const cartCookie = "cart"

// hostPrefix has browsers take a cookie only from this very host, over TLS and
// for every path (RFC 6265bis §4.1.3.2): a neighbouring host cannot give a
// visitor a cart that somebody else knows.
const hostPrefix = "__Host-"

// idLength is the length of a cart's or an order's id: 128 random bits in base 32.
const idLength = 26

const idAlphabet = "abcdefghijklmnopqrstuvwxyz234567"

var idEncoding = base32.NewEncoding(idAlphabet).WithPadding(base32.NoPadding)

func newID(random io.Reader) (string, error) {
	var b [16]byte
	if _, err := io.ReadFull(random, b[:]); err != nil {
		return "", world.Because(world.CodeInternal, "shop.id", "", err)
	}
	return idEncoding.EncodeToString(b[:]), nil
}

func validID(id string) bool {
	if len(id) != idLength {
		return false
	}
	for i := range len(id) {
		c := id[i]
		if !(c >= 'a' && c <= 'z' || c >= '2' && c <= '7') {
			return false
		}
	}
	return true
}

// cookieName is how this shop's visitors' browsers know the cart.
func (s *Shop) cookieName() string {
	if s.cfg.PublicScheme == "https" {
		return hostPrefix + cartCookie
	}
	return cartCookie
}

// cartID is what the browser says is its cart, or "" when it has none yet. The
// database may not know it. An app says so by a token in place of the cookie, which
// other sites cannot have a browser send: the API heeds no cookie.
func (s *Shop) cartID(r *http.Request) string {
	if strings.HasPrefix(r.URL.Path, world.APIPrefix) {
		return tokenOf(r)
	}
	c, err := r.Cookie(s.cookieName())
	if err != nil || !validID(c.Value) {
		return ""
	}
	return c.Value
}

// cartToFill is the browser's cart, or a new one's id. An id that we have not
// given out, as far as anybody can tell, is not taken: whoever made it up
// would see what the visitor orders.
func (s *Shop) cartToFill(r *http.Request, at *site) (string, error) {
	if id := s.cartID(r); id != "" {
		known, err := s.deps.Orders.KnowsCart(r.Context(), id, at.market.ID)
		if known || err != nil {
			return id, world.Wrap("shop.cart", err)
		}
	}
	return newID(s.deps.Random)
}

// keepCart gives the browser its cart, or prolongs it.
func (s *Shop) keepCart(w http.ResponseWriter, id string) {
	http.SetCookie(w, &http.Cookie{Name: s.cookieName(), Value: id, Path: "/", MaxAge: int(s.cfg.CartAge.Seconds()),
		HttpOnly: true, Secure: s.cfg.PublicScheme == "https", SameSite: http.SameSiteLaxMode})
}
