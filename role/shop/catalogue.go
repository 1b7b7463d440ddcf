package shop

import (
	"context"
	"net/http"
	"regexp"
	"slices"

	"meridian/engine/checkout"
	"meridian/engine/tax"
	"meridian/world"
)

// slugForm is how the catalog's schema has a product named.
var slugForm = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,59}$`)

// card is a product on the list.
type card struct {
	Name, Description, URL, Price string
	Shot                          shot
}

func (s *Shop) list(w http.ResponseWriter, r *http.Request, at *site) error {
	if done, err := s.newEnough(w, r, at); done || err != nil {
		return err
	}
	products, err := s.deps.Catalog.Products(r.Context(), at.market.ID, at.locale())
	if err != nil {
		return world.Wrap("shop.list", err)
	}
	done, brief, err := s.newPictures(w, r, at, products)
	if done || err != nil {
		return err
	}
	v := s.view(at, "/")
	s.find(v, at, "/")
	v.Description, v.Section = v.About, "menu"
	var body listBody
	// Featured products come first on the page, so they take the eager pictures.
	eager := eagerCards
	for _, featured := range []bool{true, false} {
		for _, p := range products {
			if p.Featured != featured {
				continue
			}
			sizes := denseSizes
			if featured {
				sizes = cardSizes
			}
			c := s.card(v, at, p, sizes, eager > 0)
			eager--
			if featured {
				body.Featured = append(body.Featured, c)
			} else {
				body.Rest = append(body.Rest, c)
			}
		}
	}
	body.Hero = heroShots(body.Featured)
	if len(body.Hero) > 0 {
		v.Preload = body.Hero[0]
	}
	v.Body = body
	s.shared(w, at, brief, products)
	return s.render(w, r, http.StatusOK, "list", v)
}

func (s *Shop) card(v *view, at *site, p world.Product, sizes string, first bool) card {
	return card{Name: p.Name, Description: p.Description, URL: at.prefix + "/p/" + p.Slug, Price: at.money(p.PriceMinor),
		Shot: s.shot(v, p, sizes, cardWidth, first)}
}

// heroShots are the first pictures of the featured products once more, as
// decoration. They are lazy, for a phone does not show them.
func heroShots(featured []card) (out []shot) {
	for _, c := range featured {
		if c.Shot.Src == "" || len(out) == heroPictures {
			continue
		}
		c.Shot.Sizes, c.Shot.Alt, c.Shot.First = heroSizes, "", false
		out = append(out, c.Shot)
	}
	return out
}

// listBody is the front page.
type listBody struct {
	Hero           []shot
	Featured, Rest []card
}

// productBody is a product's own page.
type productBody struct {
	Slug, Name, Description, Allergens, Price string
	TaxNote                                   string
	Most                                      int
	Shot                                      shot
	TakesPhoto                                bool
	PhotoHint                                 string
	Notices                                   []notice
	More                                      []card // other products
}

func (s *Shop) product(w http.ResponseWriter, r *http.Request, at *site) error {
	slug := r.PathValue("slug")
	if !slugForm.MatchString(slug) {
		return world.E(world.CodeNotFound, "shop.product", "")
	}
	if done, err := s.newEnough(w, r, at); done || err != nil {
		return err
	}
	p, err := s.deps.Catalog.Product(r.Context(), at.market.ID, slug, at.locale())
	if err != nil {
		return world.Wrap("shop.product", err)
	}
	others, err := s.others(r.Context(), at, slug)
	if err != nil {
		return err
	}
	shown := append([]world.Product{p}, others...)
	done, brief, err := s.newPictures(w, r, at, shown)
	if done || err != nil {
		return err
	}
	v := s.productView(at, shown, nil)
	s.shared(w, at, brief, shown)
	return s.render(w, r, http.StatusOK, "product", v)
}

// productWrong shows a product again as the answer to a form that could not be
// taken, for this visitor alone.
func (s *Shop) productWrong(w http.ResponseWriter, r *http.Request, at *site, p world.Product, notices []notice) error {
	others, err := s.others(r.Context(), at, p.Slug)
	if err != nil {
		return err
	}
	return s.render(w, r, http.StatusUnprocessableEntity, "product", s.productView(at, append([]world.Product{p}, others...), notices))
}

// productView is the page of the first product, with the others beside it.
func (s *Shop) productView(at *site, shown []world.Product, notices []notice) *view {
	p := shown[0]
	path := "/p/" + p.Slug
	v := s.view(at, path)
	s.find(v, at, path)
	v.Title, v.Description = p.Name, p.Description
	body := productBody{Slug: p.Slug, Name: p.Name, Description: p.Description, Allergens: p.Allergens, Price: at.money(p.PriceMinor), TaxNote: s.taxNote(at, p),
		Most: s.cfg.MaxQuantity, Shot: s.shot(v, p, productSizes, productWidth, true),
		TakesPhoto: p.TakesPhoto, PhotoHint: s.photoHint(at), Notices: notices}
	v.First = body.Shot
	for _, o := range shown[1:] {
		body.More = append(body.More, s.card(v, at, o, denseSizes, false))
	}
	v.Body = body
	return v
}

// others are the products that follow one in the shop's order, from the start
// again behind the last, so that each has its turn on some page.
func (s *Shop) others(ctx context.Context, at *site, slug string) ([]world.Product, error) {
	all, err := s.deps.Catalog.Products(ctx, at.market.ID, at.locale())
	if err != nil {
		return nil, world.Wrap("shop.others", err)
	}
	here := slices.IndexFunc(all, func(p world.Product) bool { return p.Slug == slug })
	after := slices.Concat(all[here+1:], all[:max(here, 0)])
	return after[:min(len(after), moreCards)], nil
}

// taxNote says what tax is in a price, by today's rule; where the address
// decides or no rule is known, when tax comes in.
func (s *Shop) taxNote(at *site, p world.Product) string {
	if at.jurisdiction() != "" && at.terms.Tax.Inclusive {
		sale := at.terms.Sale(at.jurisdiction(), tax.DateOf(s.deps.Now(), at.zone))
		if rules, err := s.deps.Tax.Find(sale, p.TaxClass, checkout.Supply); err == nil {
			return at.taxLabel(tax.Combined(rules).Percent(), at.jurisdiction())
		}
	}
	return at.texts.Text("tax.at_checkout")
}
