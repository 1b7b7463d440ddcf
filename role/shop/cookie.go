package shop

import (
	"encoding/base32"
	"io"
	"net/http"

	"meridian/world"
)

// cartCookie is the one cookie. It is a secret: who holds it sees the cart and
// its orders.
const cartCookie = "cart"

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

// cartID is the browser's cart, or "" when it has none yet.
func cartID(r *http.Request) string {
	c, err := r.Cookie(cartCookie)
	if err != nil || !validID(c.Value) {
		return ""
	}
	return c.Value
}

// keepCart gives the browser its cart, or prolongs it.
func (s *Shop) keepCart(w http.ResponseWriter, id string) {
	http.SetCookie(w, &http.Cookie{Name: cartCookie, Value: id, Path: "/", MaxAge: int(s.cfg.CartAge.Seconds()),
		HttpOnly: true, Secure: s.cfg.PublicScheme == "https", SameSite: http.SameSiteLaxMode})
}
