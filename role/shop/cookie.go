package shop

import (
	"encoding/base32"
	"io"
	"net/http"
	"strconv"

	"meridian/world"
)

// The cookies. The cart's is a secret: who holds it sees the cart and its
// orders. The count is for the script that fills the badge on cached pages.
const (
	cartCookie  = "cart"
	countCookie = "cart_count"
)

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
	http.SetCookie(w, s.cookie(cartCookie, id, true))
}

// keepCount tells the browser how many things are in its cart.
func (s *Shop) keepCount(w http.ResponseWriter, n int) {
	http.SetCookie(w, s.cookie(countCookie, strconv.Itoa(n), false))
}

func (s *Shop) cookie(name, value string, secret bool) *http.Cookie {
	return &http.Cookie{Name: name, Value: value, Path: "/", MaxAge: int(s.cfg.CartAge.Seconds()),
		HttpOnly: secret, Secure: s.cfg.PublicScheme == "https", SameSite: http.SameSiteLaxMode}
}
