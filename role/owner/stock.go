package owner

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"meridian/world"
)

const stockPath = ordersPath + "stock"

// stockWords are what the pages call the movements of the ledger, and actWords what
// an owner does by hand.
var (
	stockWords = map[world.StockKind]string{
		world.StockReceive: "Received", world.StockReserve: "Reserved", world.StockRelease: "Let go", world.StockSell: "Sold",
		world.StockGiveBack: "Given back", world.StockCorrect: "Corrected",
	}
	acts     = []world.StockAct{world.ActReceive, world.ActWriteOff, world.ActCount}
	actWords = map[world.StockAct]string{world.ActReceive: "Received: so many more", world.ActWriteOff: "Written off: so many fewer", world.ActCount: "Counted: so many are here"}
)

type stockList struct {
	Rows []stockRow
	Next string // the address of the next page; "" on the last
}

type stockRow struct {
	URL, Name string
	Kept      bool // it was received once
	Level     world.StockLevel
}

func (o *Owner) listStock(v *visit) error {
	products, levels, next, err := o.stockOf(v, v.r.Form.Get("after"), productRows)
	if err != nil {
		return err
	}
	body := stockList{}
	if next != "" {
		body.Next = stockPath + "?" + url.Values{"after": {next}}.Encode()
	}
	for _, p := range products {
		for _, s := range p.Offers() {
			level, kept := levels[s.Key]
			body.Rows = append(body.Rows, stockRow{URL: stockPath + "/" + s.Key, Name: s.Label(), Kept: kept, Level: level})
		}
	}
	return o.render(v, http.StatusOK, "stock", page{Title: "Stock", Section: "stock", Body: body})
}

// stockOf is one page of a market's products, and how much there is of their SKUs.
func (o *Owner) stockOf(v *visit, after string, limit int) (products []world.Product, levels map[string]world.StockLevel, next string, err error) {
	const op = "owner.stock"
	l, err := o.deps.Catalog.List(v.r.Context(), world.ListQuery{Market: v.at.market.ID, Locale: v.at.locale(), Kind: world.ListAll,
		After: after, Limit: limit, At: o.deps.Now(), Drafts: true})
	if err != nil {
		return nil, nil, "", world.Wrap(op, err)
	}
	var keys []string
	for _, p := range l.Products {
		for _, s := range p.SKUs {
			keys = append(keys, s.Key)
		}
	}
	levels, err = o.deps.Stock.Stock(v.r.Context(), v.at.market.ID, keys)
	return l.Products, levels, l.Next, world.Wrap(op, err)
}

// stockBody is one SKU's stock.
type stockBody struct {
	URL, Name     string
	Level         world.StockLevel
	Key           string // makes what is sent one act
	Acts          []ticked
	Pieces, Why   string // as they were typed
	MaxReason     int
	Wrong         string
	Moves         []moveRow
	First         bool
	Newest, Older string
}

type moveRow struct {
	At               moment
	What, Who, Note  string
	OnHand, Reserved string
	Order, OrderURL  string
}

func (o *Owner) showStock(v *visit) error { return o.stockPage(v, http.StatusOK, url.Values{}, "") }

func (o *Owner) stockPage(v *visit, status int, form url.Values, wrong string) error {
	p, err := o.product(v, v.r.PathValue("sku"))
	if err != nil {
		return err
	}
	before, err := placeOf(v.r.Form.Get("before"))
	if err != nil {
		return err
	}
	levels, err := o.deps.Stock.Stock(v.r.Context(), v.at.market.ID, []string{p.Key})
	if err != nil {
		return world.Wrap("owner.stock", err)
	}
	body := stockBody{URL: stockPath + "/" + p.Key, Name: p.Label(), Level: levels[p.Key], Key: form.Get("key"), Pieces: form.Get("pieces"), Why: form.Get("reason"),
		MaxReason: world.MaxStockReason, Wrong: wrong, First: before == 0, Newest: stockPath + "/" + p.Key}
	if !validToken(body.Key) {
		if body.Key, err = newToken(o.deps.Random); err != nil {
			return err
		}
	}
	for i, a := range acts {
		body.Acts = append(body.Acts, ticked{string(a), actWords[a], form.Get("act") == string(a) || i == 0 && form.Get("act") == ""})
	}
	moves, err := o.deps.Stock.Movements(v.r.Context(), v.at.market.ID, p.Key, before, o.cfg.PageSize+1)
	if err != nil {
		return world.Wrap("owner.stock", err)
	}
	if len(moves) > o.cfg.PageSize {
		moves = moves[:o.cfg.PageSize]
		body.Older = body.URL + "?before=" + strconv.FormatInt(moves[len(moves)-1].ID, 10)
	}
	for _, m := range moves {
		row := moveRow{At: v.at.moment(m.At), What: stockWords[m.Kind], Who: m.Who, Note: m.Note, OnHand: signed(m.OnHand), Reserved: signed(m.Reserved), Order: m.Number}
		if m.OrderID != "" {
			row.OrderURL = ordersPath + "orders/" + m.OrderID
		}
		body.Moves = append(body.Moves, row)
	}
	return o.render(v, status, "stocksku", page{Title: body.Name, Section: "stock", Body: body})
}

// signed is a change as a ledger shows it; "" for none.
func signed(n int) string {
	switch {
	case n > 0:
		return "+" + strconv.Itoa(n)
	case n < 0:
		return "−" + strconv.Itoa(-n)
	}
	return ""
}

// placeOf reads the id that a page of a list goes on behind; 0 for its beginning.
func placeOf(text string) (int64, error) {
	if text == "" {
		return 0, nil
	}
	id, err := strconv.ParseInt(text, 10, 64)
	if err != nil || id < 1 {
		return 0, world.E(world.CodeInvalid, "owner.place", "This page of the list does not exist. Begin again with the newest.")
	}
	return id, nil
}

func (o *Owner) changeStock(v *visit) error {
	form := v.r.PostForm
	if !validToken(form.Get("key")) {
		return world.E(world.CodeInvalid, "owner.stock", "The form has no key. Open the stock again.")
	}
	pieces, err := strconv.Atoi(strings.TrimSpace(form.Get("pieces")))
	if err != nil {
		return o.stockPage(v, http.StatusUnprocessableEntity, form, "Pieces: write a whole number, such as 12.")
	}
	_, err = o.keepStock(v, v.r.PathValue("sku"), world.StockChange{Act: world.StockAct(form.Get("act")), Pieces: pieces, Key: form.Get("key"), Reason: form.Get("reason")})
	switch world.CodeOf(err) {
	case "":
		seeOther(v, stockPath+"/"+v.r.PathValue("sku"))
		return nil
	case world.CodeInvalid:
		return o.stockPage(v, http.StatusUnprocessableEntity, form, messageOf(err))
	case world.CodeConflict:
		form.Del("key") // what is sent next is another act
		return o.stockPage(v, http.StatusConflict, form, messageOf(err))
	}
	return err
}

// keepStock carries out an act on a SKU of the market, whoever asks for it.
func (o *Owner) keepStock(v *visit, sku string, c world.StockChange) (world.StockLevel, error) {
	p, err := o.product(v, sku)
	if err != nil {
		return world.StockLevel{}, err
	}
	c.Market, c.SKU, c.Who, c.Reason = v.at.market.ID, p.Key, v.who(), strings.TrimSpace(strings.ToValidUTF8(c.Reason, ""))
	level, err := o.deps.Stock.KeepStock(v.r.Context(), c)
	if err == nil {
		o.owes(v) // little that is left is told
	}
	return level, world.Wrap("owner.stock", err)
}
