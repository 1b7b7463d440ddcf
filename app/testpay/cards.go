package testpay

import (
	"strings"

	"meridian/world"
)

// conduct is what becomes of a payment by one card.
type conduct struct {
	Name     string
	Number   string
	Declined world.PaymentFailure // the bank's no; "": it says yes
	Bank     bool                 // the buyer has to confirm first, on the bank's page
	Page     answer               // how the buyer's browser is answered once it is paid
	Hooks    hooks                // how its messages go out
	Capture  captureConduct
	Refund   refundConduct
}

type answer int

const (
	answerNow   answer = iota
	answerLate         // the money is held; the answer comes after [Config.Late]
	answerNever        // the money is held; the connection is closed
)

type hooks int

const (
	hooksPlain hooks = iota
	hooksLate
	hooksDoubled
	hooksReordered // the first goes out after those that follow
	hooksLost
)

type captureConduct int

const (
	captureWorks     captureConduct = iota
	captureFailsOnce                // nothing is done, 503
	captureUnheard                  // it is done, and the first answer never comes
	captureRefused                  // the bank does not give the money after all
)

type refundConduct int

const (
	refundAtOnce  refundConduct = iota
	refundLate                  // it is on its way for [Config.Late]
	refundReturns               // it is on its way, and comes back
)

// cards are what the page takes. README.md has the same table; a test compares.
var cards = []conduct{
	{Name: "pays", Number: "4242424242424242"},
	{Name: "confirm", Number: "4000000000003220", Bank: true},
	{Name: "declined", Number: "4000000000000002", Declined: world.FailureDeclined},
	{Name: "insufficient_funds", Number: "4000000000009995", Declined: world.FailureFunds},
	{Name: "lost_card", Number: "4000000000009987", Declined: world.FailureLost},
	{Name: "expired_card", Number: "4000000000000069", Declined: world.FailureExpiredCard},
	{Name: "page_late", Number: "4000000000006207", Page: answerLate},
	{Name: "page_never", Number: "4000000000006215", Page: answerNever},
	{Name: "webhooks_late", Number: "4000000000006223", Hooks: hooksLate},
	{Name: "webhooks_doubled", Number: "4000000000006231", Hooks: hooksDoubled},
	{Name: "webhooks_reordered", Number: "4000000000006249", Hooks: hooksReordered},
	{Name: "webhooks_lost", Number: "4000000000006256", Hooks: hooksLost},
	{Name: "capture_fails_once", Number: "4000000000006264", Capture: captureFailsOnce},
	{Name: "capture_unheard", Number: "4000000000006272", Capture: captureUnheard},
	{Name: "capture_refused", Number: "4000000000006280", Capture: captureRefused},
	{Name: "refund_late", Number: "4000000000006298", Refund: refundLate},
	{Name: "refund_returns", Number: "4000000000006306", Refund: refundReturns},
}

// conductOf is a card's by its name; the plain one for a name that is not known.
func conductOf(name string) conduct {
	for _, c := range cards {
		if c.Name == name {
			return c
		}
	}
	return cards[0]
}

// cardByNumber finds a card as buyers type it: with spaces or hyphens.
func cardByNumber(typed string) (conduct, bool) {
	number := strings.NewReplacer(" ", "", "-", "", "\u00a0", "").Replace(typed)
	for _, c := range cards {
		if c.Number == number {
			return c, true
		}
	}
	return conduct{}, false
}
