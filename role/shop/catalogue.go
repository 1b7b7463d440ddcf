package shop

import (
	"context"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"time"

	"meridian/engine/checkout"
	"meridian/engine/tax"
	"meridian/world"
)

// slugForm is how the catalog's schema has a product named.
var slugForm = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,59}$`)

// card is a product on the list.
type card struct {
	Name, Description, URL, Price string
	Decimal                       string // the price, for the page's script
	SoldOut                       string // says so; "" where some is left
	Shot                          shot
}

func (s *Shop) list(w http.ResponseWriter, r *http.Request, at *site) error {
	if done, err := s.newEnough(w, r, at); done || err != nil {
		return err
	}
	after := r.URL.Query().Get(world.QueryAfter)
	q := world.ListQuery{Market: at.market.ID, Locale: at.locale(), Kind: world.ListFeatured, Limit: s.cfg.FeaturedSize, At: s.deps.Now()}
	var featured world.Listing
	var err error
	if after == "" { // they are on the first page alone
		if featured, err = s.deps.Catalog.List(r.Context(), q); err != nil {
			return world.Wrap("shop.list", err)
		}
	}
	q.Kind, q.After, q.Limit = world.ListPlain, after, s.cfg.ListSize
	plain, err := s.deps.Catalog.List(r.Context(), q)
	if err != nil {
		return noSuchPage(err)
	}
	leads, err := s.menu(r, at)
	if err != nil {
		return err
	}
	shown := slices.Concat(featured.Products, plain.Products)
	done, brief, err := s.newPictures(w, r, at, shown)
	if done || err != nil {
		return err
	}
	v := s.view(at, "/")
	s.find(v, at, "/")
	v.Description, v.Section, v.Categories = v.About, "menu", at.categories(leads, "")
	body := listBody{Next: onward(at.prefix+"/", url.Values{}, plain.Next)}
	for i, p := range shown {
		// Featured products come first on the page, so they take the eager pictures.
		if eager := i < eagerCards; i < len(featured.Products) {
			body.Featured = append(body.Featured, s.card(v, at, p, cardSizes, eager))
		} else {
			body.Rest = append(body.Rest, s.card(v, at, p, denseSizes, eager))
		}
	}
	body.Hero = heroShots(body.Featured)
	if len(body.Hero) > 0 {
		v.Preload = body.Hero[0]
	}
	v.Body = body
	s.shared(w, at, brief, soonest(featured.Until, plain.Until), shown)
	return s.render(w, r, http.StatusOK, "list", v)
}

// soonest is the first of some moments; a zero one is never.
func soonest(moments ...time.Time) (first time.Time) {
	for _, t := range moments {
		if first.IsZero() || !t.IsZero() && t.Before(first) {
			first = t
		}
	}
	return first
}

func (s *Shop) card(v *view, at *site, p world.Product, sizes string, first bool) card {
	price, decimal := at.fromPrice(p)
	return card{Name: p.Name, Description: p.Description, URL: at.prefix + "/p/" + p.Address, Price: price, Decimal: decimal, SoldOut: at.soldOut(p),
		Shot: s.shot(v, p, sizes, cardWidth, first)}
}

// soldOut says that a product is; "" while any of it is left.
func (at *site) soldOut(p world.Product) string {
	if p.SoldOut() {
		return at.texts.Text("stock.sold_out")
	}
	return ""
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
	Next           string // the address of the next page; "" on the last
}

// fromPrice is what a product costs, in words and for the page's script; of several
// sorts what it costs at least. What is sold out costs nobody anything.
func (at *site) fromPrice(p world.Product) (text, decimal string) {
	var prices []int64
	for _, k := range p.Buyable() {
		prices = append(prices, k.PriceMinor)
	}
	low := slices.Min(prices)
	text = at.money(low)
	if low != slices.Max(prices) {
		text = at.texts.Text("product.from", "Price", text)
	}
	return text, at.forScript(low)
}

// productBody is a product's own page.
type productBody struct {
	Name, Description string
	TaxNote           string
	Chosen            sort // the one with First, whose price the page has at its head
	Label             label
	Sorts             []sort // what can be chosen; one is no choice
	SoldOut           string // says that every sort is; "" while any is left
	Most              int
	Shot              shot
	TakesPhoto        bool
	PhotoHint         string
	Tried             tried  // what was sent from the page and not taken
	More              []card // other products
}

func (s *Shop) product(w http.ResponseWriter, r *http.Request, at *site) error {
	address := r.PathValue("slug")
	if !slugForm.MatchString(address) {
		return world.E(world.CodeNotFound, "shop.product", "")
	}
	if done, err := s.newEnough(w, r, at); done || err != nil {
		return err
	}
	p, until, err := s.deps.Catalog.Product(r.Context(), at.market.ID, address, at.locale(), s.deps.Now())
	if err != nil {
		return world.Wrap("shop.product", err)
	}
	if p.Address != address {
		s.shared(w, at, false, until, []world.Product{p})
		http.Redirect(w, r, at.prefix+"/p/"+p.Address, http.StatusMovedPermanently)
		return nil
	}
	shown, leads, err := s.around(r, at, p)
	if err != nil {
		return err
	}
	done, brief, err := s.newPictures(w, r, at, shown)
	if done || err != nil {
		return err
	}
	v := s.productView(at, shown, leads, tried{})
	s.shared(w, at, brief, until, shown)
	return s.render(w, r, http.StatusOK, "product", v)
}

// around reads what stands on a product's page beside it: other products, which
// follow it in shown, and the categories.
func (s *Shop) around(r *http.Request, at *site, p world.Product) (shown []world.Product, leads menu, err error) {
	others, err := s.others(r.Context(), at, p.Slug)
	if err != nil {
		return nil, menu{}, err
	}
	leads, err = s.menu(r, at)
	return append([]world.Product{p}, others...), leads, err
}

// productView is the page of the first product, with the others beside it.
func (s *Shop) productView(at *site, shown []world.Product, leads menu, t tried) *view {
	p := shown[0]
	path := "/p/" + p.Address
	v := s.view(at, path)
	s.find(v, at, path)
	v.Title, v.Description, v.Categories = p.Name, p.Description, at.categories(leads, p.Category)
	body := productBody{Sorts: at.sorts(p, t.SKU), Name: p.Name, Description: p.Description, Label: at.label(p), TaxNote: s.taxNote(at, p),
		SoldOut: at.soldOut(p), Most: s.cfg.MaxQuantity, Shot: s.shot(v, p, productSizes, productWidth, true),
		TakesPhoto: p.TakesPhoto, PhotoHint: s.photoHint(at), Tried: t}
	body.Chosen = body.Sorts[max(0, slices.IndexFunc(body.Sorts, func(o sort) bool { return o.First }))]
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
	l, err := s.deps.Catalog.List(ctx, world.ListQuery{Market: at.market.ID, Locale: at.locale(), Kind: world.ListBeside, Key: slug, Limit: moreCards, At: s.deps.Now()})
	return l.Products, world.Wrap("shop.others", err)
}

// taxNote says what tax is in a price, by today's rule; where the address
// decides or no rule is known, when tax comes in.
func (s *Shop) taxNote(at *site, p world.Product) string {
	if at.jurisdiction() != "" && at.terms.Tax.Inclusive {
		sale := at.terms.Sale(at.jurisdiction(), tax.DateOf(s.deps.Now(), at.zone))
		if rules, err := s.deps.Tax.Find(sale, p.TaxClass, checkout.Supply(world.Delivery, p)); err == nil {
			return at.taxLabel(tax.Combined(rules).Percent(), at.jurisdiction())
		}
	}
	return at.texts.Text("tax.at_checkout")
}
