package shop

import (
	"context"
	"net/http"
	"slices"
	"time"

	"meridian/platform/openapi"
	"meridian/role/shop/api"
	"meridian/world"
)

// addCatalogue adds what everybody may read, and every cache may hold.
func (s *Shop) addCatalogue(a *openapi.API) {
	on := func(path, id, summary, description string, given any, codes ...world.Code) openapi.Operation {
		return openapi.Operation{Method: http.MethodGet, Path: path, ID: id, Summary: summary, Description: description, Tag: "catalogue", Given: given, Errors: codes}
	}
	openapi.Add(a, on("/products", "listProducts", "A market's products",
		"In the shop's order, of one category, or what is looked for: the best first.", exampleList), s.apiList)
	openapi.Add(a, on("/products/{slug}", "getProduct", "A product with its label",
		"Any address that it has or had leads here: all but its slug by a redirect.", exampleProduct, world.CodeNotFound), s.apiProduct)
	openapi.Add(a, on("/categories", "listCategories", "A market's categories", "", exampleCategories), s.apiCategories)
	openapi.Add(a, on("/slots", "listSlots", "Windows for handing orders over", "Those that can still be chosen, a few days ahead.", exampleSlots), s.apiSlots)
	openapi.Add(a, on("/market", "getMarket", "The market that this host is of", "Its currency, its languages, and what it asks of an order.", exampleMarket), s.apiMarket)
}

// listAsked is what a list of products may be asked by.
type listAsked struct {
	Category string `query:"category" maxLength:"60" doc:"the key of a category; not beside q"`
	Q        string `query:"q" doc:"what is looked for: every word has to be there, the last may be the beginning of one; cut off after 80 characters"`
	After    string `query:"after" maxLength:"128" doc:"goes on where a page ended: its next"`
	Limit    int    `query:"limit" minimum:"1" maximum:"100" doc:"most products; if it is missing, as many as a page of the shop has"`
}

func (s *Shop) apiList(ctx context.Context, in *listAsked) (*answer[api.ProductList], error) {
	const op = "shop.api.list"
	at, err := s.asked(ctx)
	if err != nil {
		return nil, err
	}
	text := world.SearchText(in.Q)
	if in.Limit == 0 {
		in.Limit = s.cfg.ListSize
	}
	now := s.deps.Now()
	q := world.ListQuery{Market: at.market.ID, Locale: at.locale(), Kind: world.ListAll, After: in.After, Limit: in.Limit, At: now}
	var l world.Listing
	var groups []string
	var until time.Time
	switch {
	case text != "" && in.Category != "":
		err = world.E(world.CodeInvalid, op, "Ask by category or by q, not by both.")
	case text != "":
		until = now.Add(s.cfg.SearchTTL)
		l, err = s.deps.Catalog.Search(ctx, world.SearchQuery{Market: q.Market, Locale: q.Locale, Text: text, After: q.After, Limit: q.Limit, At: now})
	case in.Category != "":
		q.Kind, q.Key = world.ListCategory, in.Category
		groups = append(groups, world.GroupCategory(q.Market, in.Category))
		if err = s.hasCategory(ctx, at, in.Category); err == nil {
			l, err = s.deps.Catalog.List(ctx, q)
		}
	default:
		l, err = s.deps.Catalog.List(ctx, q)
	}
	if err != nil {
		return nil, world.Wrap(op, err)
	}
	if err := s.give(ctx, soonest(l.Until, until), l.Products, groups...); err != nil {
		return nil, err
	}
	out := &answer[api.ProductList]{api.ProductList{Products: []api.Card{}, Next: l.Next, Total: l.Total}}
	for _, p := range l.Products {
		out.Body.Products = append(out.Body.Products, s.apiCard(at, p))
	}
	return out, nil
}

// hasCategory fails with not_found for a category that the market does not have.
func (s *Shop) hasCategory(ctx context.Context, at *site, key string) error {
	_, r := openapi.Raw(ctx)
	leads, err := s.menu(r, at)
	if err == nil && !slices.ContainsFunc(leads.categories, func(c world.Category) bool { return c.Key == key }) {
		err = world.E(world.CodeNotFound, "shop.api.category", "There is no such category: GET /categories has their keys.")
	}
	return err
}

// give sees to the pictures of what an operation found, and marks the answer as
// every cache's until a moment; see [Shop.shared].
func (s *Shop) give(ctx context.Context, until time.Time, shown []world.Product, groups ...string) error {
	w, r := openapi.Raw(ctx)
	done, brief, err := s.newPictures(w, r, siteOf(r), shown)
	if err != nil {
		return err
	}
	if done {
		return openapi.ErrAnswered
	}
	s.shared(w, siteOf(r), brief, until, shown, groups...)
	return nil
}

type productAsked struct {
	Slug string `path:"slug" maxLength:"60" doc:"of the product"`
}

func (s *Shop) apiProduct(ctx context.Context, in *productAsked) (*answer[api.Product], error) {
	const op = "shop.api.product"
	if !slugForm.MatchString(in.Slug) {
		return nil, world.E(world.CodeNotFound, op, "")
	}
	at, err := s.asked(ctx)
	if err != nil {
		return nil, err
	}
	p, until, err := s.deps.Catalog.Product(ctx, at.market.ID, in.Slug, at.locale(), s.deps.Now())
	if err != nil {
		return nil, world.Wrap(op, err)
	}
	if p.Slug != in.Slug {
		w, r := openapi.Raw(ctx)
		s.shared(w, at, false, until, []world.Product{p})
		http.Redirect(w, r, at.prefix+apiBase+"/products/"+p.Slug, http.StatusMovedPermanently)
		return nil, openapi.ErrAnswered
	}
	shown := []world.Product{p}
	if err := s.give(ctx, until, shown); err != nil {
		return nil, err
	}
	return &answer[api.Product]{s.apiFull(at, shown[0])}, nil
}

func (s *Shop) apiCategories(ctx context.Context, _ *struct{}) (*answer[api.CategoryList], error) {
	at, err := s.asked(ctx)
	if err != nil {
		return nil, err
	}
	_, r := openapi.Raw(ctx)
	leads, err := s.menu(r, at)
	if err != nil {
		return nil, err
	}
	out := &answer[api.CategoryList]{api.CategoryList{Categories: []api.Category{}}}
	groups := []string{world.GroupProducts(at.market.ID)} // one of them is listed while something of it is for sale
	for _, c := range leads.categories {
		groups = append(groups, world.GroupCategory(at.market.ID, c.Key))
		out.Body.Categories = append(out.Body.Categories, api.Category{Key: c.Key, Page: at.prefix + world.CategoryPrefix + c.Address, Name: c.Name, Description: c.Description})
	}
	return out, s.give(ctx, leads.until, nil, groups...)
}

func (s *Shop) apiMarket(ctx context.Context, _ *struct{}) (*answer[api.Market], error) {
	at, err := s.asked(ctx)
	if err != nil {
		return nil, err
	}
	m := at.market
	out := api.Market{
		ID: m.ID, Name: m.Name, Country: m.Country, Currency: m.Currency, Digits: at.digits, Locale: at.locale(), TimeZone: m.TimeZone, Prices: m.Tax.Prices,
		Fulfilments: ways(at.market), PaymentMethods: s.payMethods(at), MaxQuantity: s.cfg.MaxQuantity, MaxLines: s.cfg.MaxLines,
		Address: api.Address{PostalPattern: m.Postal.Pattern, PostalExample: m.Postal.Example, States: []string{}},
	}
	for _, l := range m.Locales {
		out.Locales = append(out.Locales, api.Locale{Tag: l, Base: s.siteIn(m, l).prefix + apiBase})
	}
	out.Address.States = append(out.Address.States, m.States()...)
	return &answer[api.Market]{out}, s.give(ctx, time.Time{}, nil)
}
