package shop

import (
	"errors"
	"net/http"

	"meridian/platform/httpserver"
	"meridian/world"
)

// tried is a form of a product's page that could not be taken: what is wrong with
// it, and what was chosen. The zero tried is a page that nobody has sent anything from.
type tried struct {
	Status        int
	Wrong         string
	At            string // the field that it is about; "" for none
	Mend          string // the address of where it is mended; "" where that is the field, or nowhere
	SKU, Quantity string // as they were sent
}

// WrongAt is what is wrong with a field; "" for nothing.
func (t tried) WrongAt(field string) string {
	if t.At != field {
		return ""
	}
	return t.Wrong
}

// quantityField is the field of a form that says how many.
const quantityField = "quantity"

// errQuantity is a quantity that is none, or not to be had at once.
var errQuantity = world.E(world.CodeUnprocessed, "shop.quantity", "")

// addRefused shows the product again, with the reason why it was not added, where
// that is the visitor's to mend; the cart where there is no such product.
func (s *Shop) addRefused(w http.ResponseWriter, r *http.Request, at *site, slug string, err error) error {
	if photo := new(photoError); errors.As(err, &photo) {
		return s.photoRefused(w, r, at, slug, photo.err)
	}
	t := tried{Status: http.StatusUnprocessableEntity}
	switch code := world.CodeOf(err); {
	case errors.Is(err, errQuantity):
		t.Wrong, t.At = s.quantityFault(at), quantityField
	case code == world.CodeTooLarge:
		t.Wrong, t.Mend = at.texts.Text("cart.full"), at.prefix+"/cart"
	case code == world.CodeNotFound:
		return s.cartRefused(w, r, at, at.texts.Text("not_found.text"))
	case wantsJSON(r):
		return err
	case errors.Is(err, world.ErrAnotherKey):
		t.Status, t.Wrong, t.Mend = code.Status(), at.texts.Text("cart.sent_before"), at.prefix+"/cart"
	case code == world.CodeInvalid:
		t.Status, t.Wrong = code.Status(), at.texts.Text("error.try_again")
	default:
		return err
	}
	httpserver.LogError(r.Context(), s.deps.Log, r, err)
	p, err := s.triedProduct(r, at, slug)
	if world.Is(err, world.CodeNotFound) {
		return s.cartRefused(w, r, at, t.Wrong)
	}
	if err != nil {
		return err
	}
	return s.productWrong(w, r, at, p, t)
}

// triedProduct is what would be sold by a SKU's key as its page has it; not_found
// where nothing is.
func (s *Shop) triedProduct(r *http.Request, at *site, sku string) (world.Product, error) {
	sold, err := s.soldAs(r, at, sku)
	if err != nil {
		return world.Product{}, err
	}
	p, _, err := s.deps.Catalog.Product(r.Context(), at.market.ID, sold.Slug, at.locale(), s.deps.Now())
	return p, world.Wrap("shop.tried", err)
}

// productWrong shows a product again as the answer to a form that could not be
// taken, for this visitor alone, with what was chosen in it.
func (s *Shop) productWrong(w http.ResponseWriter, r *http.Request, at *site, p world.Product, t tried) error {
	shown, leads, err := s.around(r, at, p)
	if err != nil {
		return err
	}
	t.SKU, t.Quantity = r.PostForm.Get("slug"), r.PostForm.Get(quantityField)
	if !p.SoldOut() && t.At != "" { // of what is sold out there are no fields
		t.Mend = "#" + t.At
	}
	return s.render(w, r, t.Status, "product", s.productView(at, shown, leads, t))
}
