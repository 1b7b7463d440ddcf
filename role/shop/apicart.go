package shop

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"fmt"
	"net/http"
	"strings"

	"meridian/platform/openapi"
	"meridian/role/shop/api"
	"meridian/world"
)

// cartToken is the kind of credential that opens a cart and its orders: what a
// browser's cookie holds, for programs.
const cartToken = "cart"

// tokenOf is the token that a request shows, if it may be one; else "".
func tokenOf(r *http.Request) string {
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") || !validID(token) {
		return ""
	}
	return token
}

// cartName is what a cart is called in URLs: made of its token, which belongs in
// none, by a function that nobody can turn round.
func cartName(token string) string {
	sum := sha256.Sum256([]byte("cart " + token))
	return idEncoding.EncodeToString(sum[:10])
}

// caller is who asks about a cart and the orders placed from it.
type caller struct {
	ctx  context.Context
	w    http.ResponseWriter
	r    *http.Request
	at   *site
	cart string // the token; "" where none is needed
}

// operate adds an operation on resident data: it is answered in the market's home
// region, and where it names a credential, to who shows a token.
func operate[I, O any](s *Shop, a *openapi.API, of openapi.Operation, answer func(c *caller, in *I) (*O, error)) {
	of.Errors = append(of.Errors, world.CodeMisdirected)
	openapi.Add(a, of, func(ctx context.Context, in *I) (*O, error) {
		const op = "shop.api"
		w, r := openapi.Raw(ctx)
		c := &caller{ctx: ctx, w: w, r: r, at: siteOf(r)}
		if !c.at.home {
			return nil, world.E(world.CodeMisdirected, op, "")
		}
		if of.Credential != "" {
			if c.cart = s.cartID(r); c.cart == "" {
				w.Header().Set("WWW-Authenticate", "Bearer") // RFC 9110 §15.5.2 demands one
				return nil, world.E(world.CodeUnsigned, op, "Send the cart's token in the Authorization header: Bearer, then the token. POST /carts gives one.")
			}
		}
		return answer(c, in)
	})
}

// addCarts adds what a buyer chooses.
func (s *Shop) addCarts(a *openapi.API) {
	on := func(method, path, id, summary, description string, status int, sent, given any, codes ...world.Code) openapi.Operation {
		of := openapi.Operation{Method: method, Path: path, ID: id, Summary: summary, Description: description, Tag: "cart", Credential: cartToken, Status: status, Sent: sent, Given: given, Errors: codes}
		if id == "newCart" {
			of.Credential = ""
		}
		return of
	}
	operate(s, a, on(http.MethodPost, "/carts", "newCart", "A new cart", "An empty one, with the token that opens it. Sent again it makes another; one that nobody fills is forgotten by itself.", http.StatusCreated, nil, exampleNewCart), s.apiNewCart)
	operate(s, a, on(http.MethodGet, "/carts/{id}", "getCart", "A cart", "", 0, nil, exampleCart, world.CodeNotFound), s.apiCart)
	changes := []world.Code{world.CodeNotFound, world.CodePrecondition, world.CodeUnconditional}
	operate(s, a, on(http.MethodPut, "/carts/{id}/lines/{sku}", "putLine", "How many of a SKU",
		"Sets the quantity, whatever it was. `If-Match` has the ETag of the cart as it was read, so that two devices of a buyer do not undo each other's changes, or `*`.",
		0, api.LineChange{Quantity: 2}, exampleCart, append(changes, world.CodeUnprocessed)...), s.apiPutLine)
	operate(s, a, on(http.MethodPost, "/carts/{id}/merge", "mergeCarts", "Another cart is put into this one", mergeAbout,
		0, api.CartMerge{From: "n2m7l6k5j4i3h2g7f6e5d4c3b2"}, exampleMerged, append(changes, world.CodeUnprocessed, world.CodeConflict)...), s.apiMergeCarts)
	operate(s, a, on(http.MethodDelete, "/carts/{id}/lines/{sku}", "deleteLine", "A SKU is taken out", "One that is not there already is no failure.", 0, nil, exampleCart, changes...), s.apiDeleteLine)
}

// tagged is content that changes are made of by If-Match.
type tagged[T any] struct {
	ETag     string `header:"ETag" doc:"names what the cart holds; for If-Match"`
	Location string `header:"Location"`
	Body     T
}

func (s *Shop) apiNewCart(c *caller, _ *struct{}) (*tagged[api.NewCart], error) {
	const op = "shop.api.newcart"
	token, err := newID(s.deps.Random)
	if err == nil {
		err = s.deps.Orders.NewCart(c.ctx, token, c.at.market.ID)
	}
	if err != nil {
		return nil, world.Wrap(op, err)
	}
	made := cartOf(token, nil)
	return &tagged[api.NewCart]{made.ETag, c.at.prefix + apiBase + "/carts/" + made.Body.ID, api.NewCart{Cart: made.Body, Token: token}}, nil
}

// cartOf is a cart's document. Its entity tag is made of the lines: equal carts may
// be taken for one another.
func cartOf(token string, lines []world.CartLine) *tagged[api.Cart] {
	out := &tagged[api.Cart]{ETag: cartTag(lines), Body: api.Cart{ID: cartName(token), Lines: []api.CartLine{}}}
	for _, l := range lines {
		out.Body.Lines = append(out.Body.Lines, api.CartLine{SKU: l.SKU, Quantity: l.Quantity, Photo: l.Photo != ""})
	}
	return out
}

func cartTag(lines []world.CartLine) string {
	sum := sha256.New()
	for _, l := range lines {
		fmt.Fprintf(sum, "%s %d %s\n", l.SKU, l.Quantity, l.Photo)
	}
	return `"` + hex.EncodeToString(sum.Sum(nil)[:12]) + `"`
}

type cartAsked struct {
	ID string `path:"id" maxLength:"26" doc:"of the cart"`
}

// named refuses a request whose token is another cart's than its URL names.
func (c *caller) named(id string) error {
	if subtle.ConstantTimeCompare([]byte(cartName(c.cart)), []byte(id)) != 1 {
		return world.E(world.CodeNotFound, "shop.api.cart", "This token does not open such a cart.")
	}
	return nil
}

func (s *Shop) apiCart(c *caller, in *cartAsked) (*tagged[api.Cart], error) {
	const op = "shop.api.cart"
	if err := c.named(in.ID); err != nil {
		return nil, err
	}
	lines, err := s.deps.Orders.Cart(c.ctx, c.cart, c.at.market.ID)
	known := len(lines) > 0
	if err == nil && !known {
		known, err = s.deps.Orders.KnowsCart(c.ctx, c.cart, c.at.market.ID)
	}
	switch {
	case err != nil:
		return nil, world.Wrap(op, err)
	case !known:
		return nil, world.E(world.CodeNotFound, op, "There is no such cart any more: POST /carts makes a new one.")
	}
	return cartOf(c.cart, lines), nil
}

// lineNamed names a line, and the state of the cart that it is changed in.
type lineNamed struct {
	ID      string `path:"id" maxLength:"26" doc:"of the cart"`
	SKU     string `path:"sku" maxLength:"60"`
	IfMatch string `header:"If-Match" maxLength:"256" doc:"the ETag of the cart; * for whatever it holds"`
}

type linePut struct {
	ID      string `path:"id" maxLength:"26" doc:"of the cart"`
	SKU     string `path:"sku" maxLength:"60"`
	IfMatch string `header:"If-Match" maxLength:"256" doc:"the ETag of the cart; * for whatever it holds"`
	Body    api.LineChange
}

func (s *Shop) apiPutLine(c *caller, in *linePut) (*tagged[api.Cart], error) {
	const op = "shop.api.line"
	if in.Body.Quantity > s.cfg.MaxQuantity {
		return nil, world.E(world.CodeInvalid, op, fmt.Sprintf("body.quantity: write 1 to %d.", s.cfg.MaxQuantity))
	}
	if err := c.named(in.ID); err != nil {
		return nil, err
	}
	found, err := s.deps.Catalog.Current(c.ctx, c.at.market.ID, c.at.locale(), []string{in.SKU}, s.deps.Now())
	switch {
	case err != nil:
		return nil, world.Wrap(op, err)
	case len(found) == 0:
		return nil, world.E(world.CodeNotFound, op, "No such SKU is for sale here.")
	case found[0].TakesPhoto:
		return nil, world.E(world.CodeUnprocessed, op, "This is made with a photo of its buyer's: it is ordered on the product's page.")
	}
	return s.setLine(c, lineNamed{in.ID, in.SKU, in.IfMatch}, in.Body.Quantity)
}

func (s *Shop) apiDeleteLine(c *caller, in *lineNamed) (*tagged[api.Cart], error) {
	if err := c.named(in.ID); err != nil {
		return nil, err
	}
	return s.setLine(c, *in, 0)
}

func (s *Shop) setLine(c *caller, in lineNamed, quantity int) (*tagged[api.Cart], error) {
	lines, err := s.deps.Orders.SetLine(c.ctx, c.cart, c.at.market.ID, in.SKU, quantity, s.cfg.MaxLines, func(lines []world.CartLine) error {
		return openapi.Match(c.w, in.IfMatch, cartTag(lines))
	})
	if err != nil {
		return nil, world.Wrap("shop.api.line", err)
	}
	return cartOf(c.cart, lines), nil
}
