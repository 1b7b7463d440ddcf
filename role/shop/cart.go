package shop

import (
	"crypto/sha256"
	"fmt"
	"net/http"
	"net/url"
	"strconv"

	"meridian/engine/checkout"
	"meridian/world"
)

// notice is a message at the head of a page.
type notice struct {
	ID    string // wrongID when the browser shall go there, else ""
	Kind  string // "", "good" or "bad"
	Text  string
	Items []noticeItem
}

// noticeItem is one of several things to mend. At is the id of the element
// where that is done, or "".
type noticeItem struct{ Text, At string }

// wrongID is the id of the message that the script puts the focus on.
const wrongID = "wrong"

// cartBody is the cart's page.
type cartBody struct {
	Notices []notice
	Lines   []cartRow
	Most    int
	Ready   bool

	PhotoHint string
}

type cartRow struct {
	Slug, Name, URL, Unit, Sum string
	Wrong                      string // why it cannot be ordered
	Left                       string // how few are left, where that is worth saying
	Sold                       bool   // nothing is left: there is no quantity to choose
	Quantity                   int
	Shot, Photo                shot
	TakesPhoto                 bool
}

func (s *Shop) showCart(w http.ResponseWriter, r *http.Request, at *site) error {
	// The slug is only looked up in the cart: an address cannot put words on the page.
	return s.cartPage(w, r, at, cartView{id: s.cartID(r), status: http.StatusOK, added: r.URL.Query().Get("added")})
}

// cartView is a cart as it is to be shown.
type cartView struct {
	id      string // "" for a browser without one
	status  int    // of the answer
	added   string // the product that has just been put there
	notices []notice
}

// cartPage shows a cart.
func (s *Shop) cartPage(w http.ResponseWriter, r *http.Request, at *site, c cartView) error {
	b, err := s.basket(r.Context(), at, c.id)
	if err != nil {
		return err
	}
	v := s.view(at, "/cart")
	v.Title, v.Section, v.CartCount, v.Counted = v.T("cart.title"), "cart", b.count(), true
	body := cartBody{Most: s.cfg.MaxQuantity, Ready: b.ready(), Notices: c.notices, PhotoHint: s.photoHint(at)}
	if wrong := at.shortages(b); len(wrong) > 0 {
		body.Notices = append(body.Notices, notice{ID: wrongID, Kind: "bad", Text: v.T("cart.check"), Items: wrong})
	}
	for i, l := range b.lines {
		row, err := s.cartRow(v, at, l, i == 0)
		if err != nil {
			return err
		}
		body.Lines = append(body.Lines, row)
		if l.SKU == c.added && !l.gone() {
			body.Notices = append(body.Notices, notice{Kind: "good", Text: v.T("cart.added", "Name", l.product.Label())})
		}
	}
	if v.Sums, err = s.basketSums(r.Context(), at, b); err != nil {
		return err
	}
	v.Body = body
	return s.render(w, r, c.status, "cart", v)
}

func (s *Shop) cartRow(v *view, at *site, l basketLine, first bool) (row cartRow, err error) {
	row = cartRow{Slug: l.SKU, Name: l.product.Label(), Quantity: l.Quantity, Wrong: at.wrongWith(l), Left: at.leftOf(l), Sold: l.gone() || l.left == 0}
	if l.gone() {
		row.Name = l.SKU
		return row, nil
	}
	row.URL = at.prefix + "/p/" + l.product.Address
	row.Unit = at.money(l.product.PriceMinor)
	row.Sum = at.money(l.product.PriceMinor * int64(l.Quantity))
	row.Shot = s.shot(v, l.product.Product, lineSizes, lineWidth, first)
	if row.TakesPhoto = l.product.TakesPhoto; row.TakesPhoto {
		row.Photo, err = s.photoShot(at, l.madeWith(), l.product.Name)
	}
	return row, err
}

// shortages say which lines cannot be ordered as they are, and where on the
// cart's page that is mended: by the quantity, or by removing the line.
func (at *site) shortages(b basket) (out []noticeItem) {
	for _, l := range b.lines {
		switch {
		case l.gone() || l.left == 0:
			out = append(out, noticeItem{Text: at.wrongWith(l), At: "r-" + l.SKU})
		case l.short():
			out = append(out, noticeItem{Text: at.wrongWith(l), At: "q-" + l.SKU})
		case l.bare():
			out = append(out, noticeItem{Text: at.wrongWith(l), At: "f-" + l.SKU})
		}
	}
	return out
}

// leftOf says that few are left of a product, or none; "" when there are enough.
func (at *site) leftOf(l basketLine) string {
	switch {
	case l.gone() || l.left == 0:
		return at.texts.Text("stock.sold_out")
	case l.short() || l.left <= fewLeft:
		return at.texts.Text("stock.left", "Count", l.left)
	}
	return ""
}

// wrongWith says why a line cannot be ordered; "" when it can.
func (at *site) wrongWith(l basketLine) string {
	switch {
	case l.gone():
		return at.texts.Text("cart.out_of_stock", "Name", l.SKU)
	case l.short() && l.left == 0:
		return at.texts.Text("cart.out_of_stock", "Name", l.product.Label())
	case l.short():
		return at.texts.Text("cart.not_enough", "Count", l.left, "Name", l.product.Label())
	case l.bare():
		return at.texts.Text("photo.missing", "Name", l.product.Label())
	}
	return ""
}

// changeCart adds, sets or removes a product and leads to the cart, so that
// loading the page again changes nothing.
func (s *Shop) changeCart(w http.ResponseWriter, r *http.Request, at *site) error {
	photo, photoErr := s.readPhoto(w, r)
	slug := r.PostForm.Get("slug")
	if photoErr != nil {
		return s.photoRefused(w, r, at, slug, photoErr)
	}
	if !slugForm.MatchString(slug) {
		return world.E(world.CodeInvalid, "shop.cart", "")
	}
	quantity, ok := quantityOf(r.PostForm, s.cfg.MaxQuantity)
	next, show := at.prefix+"/cart", cartView{id: s.cartID(r), status: http.StatusOK}
	var err error
	switch r.PostForm.Get("action") {
	case "add":
		if !ok || quantity < 1 {
			return s.addRefused(w, r, at, slug, errQuantity)
		}
		if show.id, err = s.add(w, r, at, slug, quantity, photo); err != nil {
			return s.addRefused(w, r, at, slug, err)
		}
		next, show.added = next+"?added="+slug, slug
	case "set":
		if !ok {
			return s.refuseQuantity(w, r, at)
		}
		err = s.set(r, at, slug, quantity)
	case "photo":
		if err := s.changePhoto(r, at, slug, photo); err != nil {
			return s.photoRefused(w, r, at, slug, err)
		}
	case "remove":
		err = s.set(r, at, slug, 0)
	default:
		return world.E(world.CodeInvalid, "shop.cart", "")
	}
	if err != nil {
		return err
	}
	lead(w, r, next, func() error { return s.cartPage(w, r, at, show) })
	return nil
}

func quantityOf(form url.Values, most int) (n int, ok bool) {
	n, err := strconv.Atoi(form.Get(quantityField))
	return n, err == nil && n >= 0 && n <= most
}

// additionKey is the idempotency key of a form that adds: the page's script makes it,
// as pages that are the same for everybody cannot bring it. A form without the
// script has none, "", and is a wish of its own each time that it is sent.
func additionKey(form url.Values) (string, error) {
	if form.Get("key") == "" {
		return "", nil
	}
	key, err := checkout.ParseIdempotencyKey(form.Get("key"))
	return key, world.Wrap("shop.add", err)
}

// add puts a product into the browser's cart, which is made with its first, and
// tells which that is.
func (s *Shop) add(w http.ResponseWriter, r *http.Request, at *site, slug string, quantity int, photo []byte) (cart string, err error) {
	key, err := additionKey(r.PostForm)
	if err != nil {
		return "", err
	}
	sold, err := s.soldAs(r, at, slug)
	if err != nil {
		return "", err
	}
	id, err := s.cartToFill(r, at)
	if err != nil {
		return "", err
	}
	a := world.CartAddition{SKU: slug, Quantity: quantity, Key: key}
	// The photo first: with it refused nothing has changed.
	if sold.TakesPhoto {
		if a.Photo, err = s.keepPhoto(r.Context(), photo); err != nil {
			return "", err
		}
		a.PhotoSum = fmt.Sprintf("%x", sha256.Sum256(photo))
	}
	if err := s.deps.Orders.AddToCart(r.Context(), id, at.market.ID, a, s.cfg.MaxQuantity, s.cfg.MaxLines); err != nil {
		return "", world.Wrap("shop.add", err)
	}
	s.keepCart(w, id)
	return id, nil
}

func (s *Shop) set(r *http.Request, at *site, slug string, quantity int) error {
	id := s.cartID(r)
	if id == "" {
		return nil // there is nothing to change: the empty cart says so
	}
	return world.Wrap("shop.set", s.deps.Orders.SetInCart(r.Context(), id, at.market.ID, slug, quantity))
}

func (s *Shop) refuseQuantity(w http.ResponseWriter, r *http.Request, at *site) error {
	return s.cartRefused(w, r, at, s.quantityFault(at))
}

// quantityFault says what a quantity may be.
func (s *Shop) quantityFault(at *site) string {
	return at.texts.Text("error.quantity", "Max", s.cfg.MaxQuantity)
}

// soldAs is what would be sold by a SKU's key; not_found where nothing is.
func (s *Shop) soldAs(r *http.Request, at *site, sku string) (world.Offer, error) {
	const op = "shop.sold"
	found, err := s.deps.Catalog.Current(r.Context(), at.market.ID, at.locale(), []string{sku}, s.deps.Now())
	if err == nil && len(found) == 0 {
		err = world.E(world.CodeNotFound, op, "")
	}
	if err != nil {
		return world.Offer{}, world.Wrap(op, err)
	}
	return found[0], nil
}

// cartRefused shows the cart as it is, with the reason why it was not changed.
func (s *Shop) cartRefused(w http.ResponseWriter, r *http.Request, at *site, why string) error {
	return s.cartPage(w, r, at, cartView{id: s.cartID(r), status: http.StatusUnprocessableEntity, notices: []notice{{Kind: "bad", Text: why}}})
}
