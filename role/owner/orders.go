package owner

import (
	"net/http"
	"net/url"
	"time"

	"meridian/engine/order"
	"meridian/world"
)

// ordersPath is the owners' first page; all of theirs begin with it.
const ordersPath = "/owner/"

// moment is a point in time as a page shows it.
type moment struct{ Text, Machine string }

func (at *site) moment(t time.Time) moment {
	return moment{Text: at.date(t), Machine: t.UTC().Format(time.RFC3339)}
}

// ordersBody is the list of orders.
type ordersBody struct {
	Today         int
	Revenue, Net  string
	Orders        []orderRow
	First         bool // begins with the newest
	Older, Newest string
}

type orderRow struct {
	URL, Number, Name, City, Total string
	State                          string
	At                             moment
	Items                          []item
}

type item struct {
	Name     string
	Quantity int
}

func (o *Owner) listOrders(v *visit) error {
	before, beforeID, err := parsePlace(v.r.Form.Get("before"))
	if err != nil {
		return err
	}
	ctx, market := v.r.Context(), v.at.market.ID
	// One more than is shown tells whether there is an older page.
	orders, err := o.deps.Orders.OrdersOfMarket(ctx, market, before, beforeID, o.cfg.PageSize+1)
	if err != nil {
		return world.Wrap("owner.orders", err)
	}
	from, to := v.at.today(o.deps.Now())
	taken, err := o.deps.Orders.Takings(ctx, market, from, to)
	if err != nil {
		return world.Wrap("owner.orders", err)
	}
	body := ordersBody{Today: taken.Orders, Revenue: v.at.money(taken.LeftMinor()), Net: v.at.money(taken.NetMinor), First: before.IsZero(), Newest: ordersPath}
	if len(orders) > o.cfg.PageSize {
		orders = orders[:o.cfg.PageSize]
		body.Older = ordersPath + "?before=" + url.QueryEscape(formatPlace(orders[len(orders)-1]))
	}
	for _, ord := range orders {
		body.Orders = append(body.Orders, v.at.orderRow(ord))
	}
	return o.render(v, http.StatusOK, "orders", page{Title: "Orders", Section: "orders", Body: body})
}

func (at *site) orderRow(o world.Order) orderRow {
	row := orderRow{URL: ordersPath + "orders/" + o.ID, Number: o.Number, Name: o.Contact.Name, City: o.Contact.City,
		Total: at.money(o.TotalMinor), At: at.moment(o.PlacedAt), State: stateWords[o.State]}
	for _, l := range o.Lines {
		row.Items = append(row.Items, item{l.Name, l.Quantity})
	}
	return row
}

// orderBody is one order.
type orderBody struct {
	Number, Address, Email, Phone string
	Company, TaxID                string // of a business
	Billed                        bool   // the address is the invoice's alone
	Doubted                       bool   // the register had not confirmed the number
	At                            moment
	Lines                         []orderLine
	Taxes                         []orderTax
	Discounts                     []orderTax
	Net, Tax, Total               string
	LeftOut                       string // the tax in the prices that the buyer accounts for; "" for none
	Refunded                      string // "" for nothing
	Work                          orderWork
}

type orderLine struct {
	Name, Unit, Sum, Tax string
	Quantity             int
	Sold                 string // where it is shown as it was sold; "" where that was not kept
	Photo                thumb  // the customer's
	PhotoURL             string // in full
}

type orderTax struct{ Label, Rate, Net, Tax string }

// orderOf is an order of the market by its id; not_found for another market's: it
// is not for this owner to know of.
func (o *Owner) orderOf(v *visit, id string) (world.Order, error) {
	const op = "owner.order"
	missing := world.E(world.CodeNotFound, op, "This market has no such order.")
	if !validToken(id) {
		return world.Order{}, missing
	}
	found, err := o.deps.Orders.Order(v.r.Context(), id)
	if err == nil && found.Market != v.at.market.ID || world.Is(err, world.CodeNotFound) {
		return world.Order{}, missing
	}
	return found, world.Wrap(op, err)
}

func (o *Owner) showOrder(v *visit) error {
	found, err := o.orderOf(v, v.r.PathValue("id"))
	if err != nil {
		return err
	}
	return o.orderPage(v, found, http.StatusOK, "")
}

// orderPage shows an order, and why what was sent was not done.
func (o *Owner) orderPage(v *visit, found world.Order, status int, wrong string) (err error) {
	body := v.at.orderBody(found)
	for i, l := range found.Lines {
		if body.Lines[i].Photo, body.Lines[i].PhotoURL, err = o.photoOf(l.Photo); err != nil {
			return err
		}
	}
	if body.Work, err = o.workOf(v, found); err != nil {
		return err
	}
	body.Work.Wrong = wrong
	return o.render(v, status, "order", page{Title: "Order " + found.Number, Section: "orders", Body: body})
}

func (at *site) orderBody(o world.Order) orderBody {
	c := o.Contact
	body := orderBody{Number: o.Number, Address: at.texts.Address(c), Email: c.Email, Phone: c.Phone, At: at.moment(o.PlacedAt),
		Company: c.Company, TaxID: c.TaxID, Doubted: order.Doubted(o),
		Billed: o.Fulfilment.AtShop() && c.Line1 != "",
		Net:    at.money(o.NetMinor), Tax: at.money(o.TaxMinor), Total: at.money(o.TotalMinor)}
	for i, l := range o.Lines {
		body.Lines = append(body.Lines, orderLine{Sold: soldURL(o, i), Name: l.Name, Quantity: l.Quantity, Unit: at.money(l.UnitMinor), Sum: at.money(l.LineMinor), Tax: at.money(l.TaxMinor)})
	}
	for _, d := range o.Discounts {
		body.Discounts = append(body.Discounts, orderTax{Label: d.Label, Rate: d.Code, Net: at.money(-d.Minor)})
	}
	if left := order.LeftOut(o); left != 0 {
		body.LeftOut = at.money(left)
	}
	if o.RefundedMinor > 0 {
		body.Refunded = at.money(-o.RefundedMinor)
	}
	for _, t := range o.Taxes {
		body.Taxes = append(body.Taxes, orderTax{Label: t.Label, Rate: t.Rate, Net: at.money(t.NetMinor), Tax: at.money(t.TaxMinor)})
	}
	return body
}
