package shop

import (
	"net/http"
	"net/url"
	"slices"

	"meridian/world"
)

// shelfBody is a page of a list: of a category, or of what was looked for.
type shelfBody struct {
	Name, Says string
	Text       string // what was looked for
	Count      string // how many there are
	Cards      []card
	Next       string // the address of the next page; "" on the last
}

// category is the page of one category. It has one address in each locale; by the
// others it is led to.
func (s *Shop) category(w http.ResponseWriter, r *http.Request, at *site) error {
	address := r.PathValue("slug")
	if done, err := s.newEnough(w, r, at); done || err != nil {
		return err
	}
	leads, err := s.menu(r, at)
	if err != nil {
		return err
	}
	all := leads.categories
	i := slices.IndexFunc(all, func(c world.Category) bool { return c.Address == address })
	if i < 0 {
		i = slices.IndexFunc(all, func(c world.Category) bool { return c.Key == address || slices.Contains(c.Addresses, address) })
		if i < 0 {
			return world.E(world.CodeNotFound, "shop.category", "")
		}
		http.Redirect(w, r, at.prefix+world.CategoryPrefix+all[i].Address, http.StatusMovedPermanently)
		return nil
	}
	l, err := s.deps.Catalog.List(r.Context(), world.ListQuery{Market: at.market.ID, Locale: at.locale(), Kind: world.ListCategory, Key: all[i].Key,
		After: r.URL.Query().Get(world.QueryAfter), Limit: s.cfg.ListSize, At: s.deps.Now()})
	if err != nil {
		return noSuchPage(err)
	}
	done, brief, err := s.newPictures(w, r, at, l.Products)
	if done || err != nil {
		return err
	}
	path := world.CategoryPrefix + all[i].Address
	v := s.view(at, path)
	s.find(v, at, path)
	v.Title, v.Description, v.Section, v.Categories = all[i].Name, all[i].Description, "menu", at.categories(leads, all[i].Key)
	v.Body = shelfBody{Name: all[i].Name, Says: all[i].Description, Cards: s.cards(v, at, l.Products), Next: onward(at.prefix+path, url.Values{}, l.Next)}
	s.shared(w, at, brief, l.Until, l.Products, world.GroupCategory(at.market.ID, all[i].Key))
	return s.render(w, r, http.StatusOK, "category", v)
}

// search is the page of what somebody looks for.
func (s *Shop) search(w http.ResponseWriter, r *http.Request, at *site) error {
	if done, err := s.newEnough(w, r, at); done || err != nil {
		return err
	}
	query, text := r.URL.Query(), world.SearchText(r.URL.Query().Get(world.QuerySearch))
	leads, err := s.menu(r, at)
	if err != nil {
		return err
	}
	var l world.Listing
	if text != "" {
		l, err = s.deps.Catalog.Search(r.Context(), world.SearchQuery{Market: at.market.ID, Locale: at.locale(), Text: text,
			After: query.Get(world.QueryAfter), Limit: s.cfg.ListSize, At: s.deps.Now()})
	}
	if err != nil {
		return noSuchPage(err)
	}
	done, brief, err := s.newPictures(w, r, at, l.Products)
	if done || err != nil {
		return err
	}
	v := s.view(at, world.SearchPath)
	v.Also = s.also(at)
	v.Title, v.Section, v.Categories, v.Searched = v.T("search.title"), "search", at.categories(leads, ""), text
	body := shelfBody{Text: text, Cards: s.cards(v, at, l.Products), Next: onward(at.prefix+world.SearchPath, url.Values{world.QuerySearch: {text}}, l.Next)}
	if l.Total > 0 {
		body.Count = v.T("search.count", "Count", l.Total)
	}
	v.Body = body
	s.shared(w, at, brief, soonest(l.Until, leads.until, s.deps.Now().Add(s.cfg.SearchTTL)), l.Products)
	w.Header().Set("X-Robots-Tag", "noindex") // there is no end of them
	return s.render(w, r, http.StatusOK, "search", v)
}

// noSuchPage is the answer to a place in a list that is none: such an address was
// made up, and nothing is there.
func noSuchPage(err error) error {
	if world.Is(err, world.CodeInvalid) {
		return world.Because(world.CodeNotFound, "shop.shelf", "", err)
	}
	return world.Wrap("shop.shelf", err)
}

func (s *Shop) cards(v *view, at *site, products []world.Product) (out []card) {
	for i, p := range products {
		out = append(out, s.card(v, at, p, denseSizes, i < eagerCards))
	}
	return out
}

// onward is the address of a list's next page.
func onward(path string, query url.Values, next string) string {
	if next == "" {
		return ""
	}
	query.Set(world.QueryAfter, next)
	return path + "?" + query.Encode()
}

// categories lead to a market's categories; here is the key of the one that is shown.
func (at *site) categories(leads menu, here string) (out []link) {
	for _, c := range leads.categories {
		out = append(out, link{Name: c.Name, URL: at.prefix + world.CategoryPrefix + c.Address, Here: c.Key == here})
	}
	return out
}
