package shop

import (
	"time"

	"meridian/platform/httpserver"
	"meridian/role/shop/api"
)

// What the API's document gives as examples of carts, quotes and orders.
var (
	exampleCart     = api.Cart{ID: "q7r2s3t4u5v6w7x2", Lines: []api.CartLine{{SKU: "schwarzwaelder-kirschtorte", Quantity: 1}}}
	exampleNewCart  = api.NewCart{Cart: api.Cart{ID: "q7r2s3t4u5v6w7x2", Lines: []api.CartLine{}}, Token: "a2b3c4d5e6f7g2h3i4j5k6l7m2"}
	exampleMerged   = api.MergedCart{Cart: api.Cart{ID: exampleCart.ID, Lines: []api.CartLine{{SKU: "schwarzwaelder-kirschtorte", Quantity: 48}}}, Cut: []api.CutLine{{SKU: "schwarzwaelder-kirschtorte", Quantity: 2}}}
	exampleContact  = api.Contact{Name: "Jürgen Weiß", Email: "j@example.com"}
	exampleCheckout = api.Checkout{Fulfilment: "pickup", Slot: "pickup-2026-11-23-0900", Code: "ADVENT", Method: "card", Contact: exampleContact}
	exampleWindow   = &api.Window{ID: "pickup-2026-11-23-0900", Start: exampleNine, End: exampleNine.Add(time.Hour)}
	exampleSums     = api.Sums{
		Discounts: []api.Discount{{Promotion: "advent", Label: "Advent: 10 %", Code: "ADVENT", Amount: euros(349, "3,49 €")}},
		Taxes:     []api.Tax{{Label: "MwSt.", Rate: "7", Net: euros(2936, "29,36 €"), Tax: euros(205, "2,05 €")}}, Jurisdiction: "DE",
		Net: euros(2936, "29,36 €"), Tax: euros(205, "2,05 €"), Total: euros(3141, "31,41 €"), Payable: euros(3141, "31,41 €"),
	}
	exampleLines = []api.Line{{SKU: "schwarzwaelder-kirschtorte", Name: "Schwarzwälder Kirschtorte, 20 cm", Quantity: 1, Price: euros(3490, "34,90 €"), PriceVersion: 7,
		Amount: euros(3490, "34,90 €"), Discount: euros(349, "3,49 €"), Tax: euros(205, "2,05 €")}}
	exampleQuote = api.Quote{Sums: exampleSums, Lines: exampleLines, Final: true, Slot: exampleWindow, Faults: []api.Fault{},
		Quoted: "DE,pickup,349;3141;schwarzwaelder-kirschtorte:1:3490:cake", ExpiresAt: exampleNine.Add(-2 * time.Hour)}
	exampleFaulty = api.Quote{Sums: exampleSums, Lines: exampleLines, Final: true, ExpiresAt: exampleNine.Add(-2 * time.Hour),
		Faults: []api.Fault{{At: "slot", Code: "gone", Text: "Dieser Termin ist inzwischen vergeben."}}}
	exampleRefusal = api.Refusal{
		Problem: httpserver.Problem{Type: "about:blank", Title: "Conflict", Status: 409, Code: "conflict", ID: "k3v9q2m7d1f8",
			Detail: "It would not be what was quoted. Show the buyer the quote that this answer has, and order by that."},
		Quote: &exampleFaulty,
	}
	exampleOrder = api.Order{Sums: exampleSums, ID: "b2c3d4e5f6g7h2i3j4k5l6m7n2", Number: "SC-DE-7K3M9Q", State: "awaiting_payment", PlacedAt: exampleOrdered, ExpiresAt: pointer(exampleOrdered.Add(15 * time.Minute)),
		Fulfilment: "pickup", Method: "card", Slot: exampleWindow, Contact: exampleContact, Lines: exampleLines, MayCancel: true,
		History: []api.Event{{At: exampleOrdered, Event: "place", State: "awaiting_payment"}},
		Payment: &api.Payment{State: "none", Captured: euros(0, "0,00 €"), Start: "/api/v1/orders/b2c3d4e5f6g7h2i3j4k5l6m7n2/payment"}}
	exampleOrdered = exampleNine.Add(-44 * time.Hour)
	exampleStart   = api.PaymentPage{URL: "https://pay.example/c/b2c3d4"}
)
