package owner

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"meridian/engine/money"
	"meridian/engine/tax"
	"meridian/world"
)

const productsPath = ordersPath + "products"

type productRow struct {
	URL, Name, Price string
	Picture          thumb
}

func (o *Owner) listProducts(v *visit) error {
	l, err := o.deps.Catalog.List(v.r.Context(), world.ListQuery{Market: v.at.market.ID, Locale: v.at.locale(), Kind: world.ListAll,
		After: v.r.URL.Query().Get("after"), Limit: productRows, At: o.deps.Now(), Drafts: true})
	if err != nil {
		return world.Wrap("owner.products", err)
	}
	body := productList{}
	if l.Next != "" {
		body.Next = productsPath + "?" + url.Values{"after": {l.Next}}.Encode()
	}
	for _, p := range l.Products {
		for _, s := range p.Offers() {
			body.Rows = append(body.Rows, productRow{URL: productPath(s.Key), Name: s.Label(), Price: v.at.money(s.BaseMinor), Picture: o.thumbOf(s.Picture)})
		}
	}
	return o.render(v, http.StatusOK, "products", page{Title: "Products", Section: "products", Body: body})
}

// productRows is how many products one page of the list has.
const productRows = world.MaxList

// productList is one page of a market's products, one row a sort.
type productList struct {
	Rows []productRow
	Next string // the address of the next page; "" on the last
}

func productPath(key string) string { return productsPath + "/" + key }

// productBody is one SKU: its price, its picture and what it had before.
type productBody struct {
	URL, Shop, Name, Price string
	Taxed                  string // as what: its class and how it is served
	Picture                thumb
	Version                int64  // of the price that is shown
	Typed                  string // in the field
	Wrong                  string // with what was typed
	Example                string // how a price is written
	History                []former
	Choices                pictureList
}

type former struct {
	Price   string
	Version int64
	Since   moment
	Now     bool
}

// product is a SKU of the market.
func (o *Owner) product(v *visit, key string) (world.Offer, error) {
	p, err := o.deps.Catalog.Draft(v.r.Context(), v.at.market.ID, key, v.at.locale(), o.deps.Now())
	if world.Is(err, world.CodeNotFound) || world.Is(err, world.CodeUnprocessed) {
		return p, world.E(world.CodeNotFound, "owner.product", "This market has no such product.")
	}
	return p, world.Wrap("owner.product", err)
}

func (o *Owner) showProduct(v *visit) error {
	p, err := o.product(v, v.r.PathValue("slug"))
	if err != nil {
		return err
	}
	query := v.r.URL.Query()
	pg := page{}
	switch {
	// The notice is true of this version only: not of what came after it.
	case query.Get("saved") == strconv.FormatInt(p.BaseVersion, 10):
		pg.Notice = notice{Kind: "good", Title: "Saved: " + v.at.money(p.BaseMinor), Text: "The new price is going live on every PoP now."}
	case query.Get("picture") == p.Picture.MediaID && p.Picture.MediaID != "":
		pg.Notice = notice{Kind: "good", Title: "Saved", Text: "The new picture is going live on every PoP now."}
	}
	return o.productPage(v, http.StatusOK, p, v.at.typed(p.BaseMinor), "", pg)
}

func (o *Owner) productPage(v *visit, status int, p world.Offer, typed, wrong string, pg page) error {
	body := productBody{URL: productPath(p.Key), Shop: "/p/" + p.Address, Name: p.Label(), Price: v.at.money(p.BaseMinor), Taxed: taxedAs(p.TaxClass, p.ServedHot, p.ServedWith), Picture: o.thumbOf(p.Picture),
		Version: p.BaseVersion, Typed: typed, Wrong: wrong, Example: v.at.typed(p.BaseMinor)}
	err := o.deps.Catalog.Prices(v.r.Context(), v.at.market.ID, p.Key, o.cfg.PageSize, func(version, minor int64, currency string, since time.Time) {
		price := money.Amount{Minor: minor, Currency: currency}.Format(v.at.locale())
		body.History = append(body.History, former{Price: price, Version: version, Since: v.at.moment(since), Now: version == p.BaseVersion})
	})
	if err != nil {
		return world.Wrap("owner.product", err)
	}
	body.Choices = o.pictures(v, body.URL, filter{}, showable)
	pg.Title, pg.Section, pg.Body = p.Label(), "products", body
	return o.render(v, status, "product", pg)
}

// taxedAs says what tax asks about a product: "savoury, served hot, with utensils".
func taxedAs(class string, hot bool, with string) string {
	parts := []string{strings.ReplaceAll(class, "_", " ")}
	if hot {
		parts = append(parts, "served hot")
	}
	switch tax.With(with) {
	case tax.Utensils:
		parts = append(parts, "with utensils")
	case tax.Gift:
		parts = append(parts, "with a gift")
	}
	return strings.Join(parts, ", ")
}

func (o *Owner) changePrice(v *visit) error {
	p, err := o.product(v, v.r.PathValue("slug"))
	if err != nil {
		return err
	}
	typed := v.r.PostForm.Get("price")
	seen, err := strconv.ParseInt(v.r.PostForm.Get("version"), 10, 64)
	if err != nil {
		return world.E(world.CodeInvalid, "owner.price", "The form does not say which price it showed. Open the product again.")
	}
	price, err := v.at.price.Parse(typed)
	switch {
	case err != nil:
		return o.productPage(v, http.StatusUnprocessableEntity, p, typed, messageOf(err), page{})
	case price.Minor == 0:
		return o.productPage(v, http.StatusUnprocessableEntity, p, typed, "A price is above zero.", page{})
	case seen == p.BaseVersion && price.Minor == p.BaseMinor:
		return o.productPage(v, http.StatusUnprocessableEntity, p, typed, "This is the price already.", page{})
	}
	version, err := o.deps.Catalog.ChangePrice(v.r.Context(), v.at.market.ID, p.Key, seen, price.Minor)
	if world.Is(err, world.CodeConflict) {
		return o.priceConflict(v, typed)
	}
	if err != nil {
		return world.Wrap("owner.price", err)
	}
	seeOther(v, productPath(p.Key)+"?saved="+strconv.FormatInt(version, 10))
	return nil
}

// priceConflict shows what the price has become meanwhile. What was typed
// stays: to save it over the other's change is now a decision.
func (o *Owner) priceConflict(v *visit, typed string) error {
	p, err := o.product(v, v.r.PathValue("slug"))
	if err != nil {
		return err
	}
	return o.productPage(v, http.StatusConflict, p, typed, "", page{Notice: notice{Kind: "bad", Title: "Not saved",
		Text: "Somebody changed this price to " + v.at.money(p.BaseMinor) + " meanwhile. If yours shall hold, save it again."}})
}

func (o *Owner) changePicture(v *visit) error {
	p, err := o.product(v, v.r.PathValue("slug"))
	if err != nil {
		return err
	}
	id := v.r.PostForm.Get("media_id")
	if err := o.usable(v.r.Context(), id); err != nil {
		pg := page{Notice: notice{Kind: "bad", Title: "The picture was not set", Text: messageOf(err)}}
		o.logFailure(v, err)
		return o.productPage(v, world.CodeOf(err).Status(), p, v.at.typed(p.BaseMinor), "", pg)
	}
	if err := o.deps.Catalog.ChangePicture(v.r.Context(), v.at.market.ID, p.Slug, id); err != nil {
		return world.Wrap("owner.picture", err)
	}
	seeOther(v, productPath(p.Key)+"?picture="+id)
	return nil
}
