package world

import (
	"context"
	"net/http"
	"time"
)

// PaymentMethod is how an order is paid.
type PaymentMethod string

// The methods of payment. A market offers one or both.
const (
	PayCard         PaymentMethod = "card"          // on a [PaymentProvider]'s own page, before the order is placed
	PayOnCollection PaymentMethod = "on_collection" // at the counter: there is no provider and no [Payment]
)

// PaymentState is where a payment is. It goes forward only: from opened and
// action_required, between which it may go to and fro, to authorised, then to
// captured; and from any but captured to voided or failed. What went back is no
// state, but a sum: [Payment.RefundedMinor].
type PaymentState string

// The states of a payment.
const (
	PaymentOpened         PaymentState = "opened"          // the buyer has not paid yet; after a decline may try again
	PaymentActionRequired PaymentState = "action_required" // the buyer's bank asks them something (3-D Secure)
	PaymentAuthorised     PaymentState = "authorised"      // the whole amount is held for us, and not ours yet
	PaymentCaptured       PaymentState = "captured"        // ours
	PaymentFailed         PaymentState = "failed"          // ended by the provider without money; another needs another key
	PaymentVoided         PaymentState = "voided"          // ended by us without money: what was held is let go
)

// PaymentRequest is what a payment is opened with. Whoever asks again with the
// same Key gives the same of everything.
type PaymentRequest struct {
	Key         string // once-only: order id and attempt; 1 to 64 letters, digits, '-' and '_'
	OrderID     string // ours, for the provider's records; it identifies no person
	Number      string // the order's number for people, shown to the buyer
	Currency    string // ISO 4217, upper case
	Minor       int64  // the order's total in minor units of Currency, as ISO 4217 counts them; above 0
	Description string // what is bought in a few words of the buyer's language, shown to the buyer
	ReturnURL   string // where the provider sends the buyer who has paid
	CancelURL   string // where it sends the buyer who goes back
	Locale      string // BCP 47, of the buyer's page
	Email       string // the buyer's, for the provider's receipt; "" for none
}

// Payment is what a provider says of one payment.
type Payment struct {
	Provider      string // the provider's name: "testpay", "stripe"
	Ref           string // the provider's name for the payment; no secret
	URL           string // where the buyer pays; "" when there is nothing left for the buyer to do. For this buyer's eyes: never logged
	State         PaymentState
	Currency      string
	AmountMinor   int64  // what it was opened with
	CapturedMinor int64  // what of it is ours; 0 before [PaymentCaptured]
	RefundedMinor int64  // what of that went back or is on its way; it falls when a bank sends a refund back
	Failure       string // why the last try did not work, a [PaymentFailure]'s text; "" for no failure
	Version       int64  // orders what a provider says of one payment: of two answers the higher is the newer. Equal ones differ at most in opened and action_required, URL and Failure
}

// PaymentFailure is a stable code for why a payment did not work. Texts for
// buyers go by it; whatever else a provider says becomes [FailureDeclined].
type PaymentFailure = string

// The failures.
const (
	FailureDeclined       PaymentFailure = "declined"           // the bank says no, and not why
	FailureFunds          PaymentFailure = "insufficient_funds" // not enough money
	FailureLost           PaymentFailure = "lost_card"          // reported lost or stolen; buyers are told declined
	FailureExpiredCard    PaymentFailure = "expired_card"       // the card's date has passed
	FailureNumber         PaymentFailure = "incorrect_card"     // number, date or code is mistyped
	FailureAuthentication PaymentFailure = "authentication"     // the buyer did not confirm towards the bank
	FailureAbandoned      PaymentFailure = "abandoned"          // the page was left until its time was over
	FailureNotByCard      PaymentFailure = "not_by_card"        // it could not be opened: the provider never takes such a sum
)

// PaymentEvent is what a provider's message says when its signature holds. It is
// a hint that something may have changed and never tells what: whoever hears one
// asks [PaymentProvider.Look]. Events come late, twice, out of order or never.
type PaymentEvent struct {
	ID  string    // the provider's, the same each time that it is sent
	Ref string    // the payment's; "" when only the key is named
	Key string    // the [PaymentRequest.Key]; "" when only the ref is named. Both are "" for an event about no payment of ours: it is taken and forgotten
	At  time.Time // when it happened, by the provider's clock
}

// PaymentProvider takes money for a shop. The buyer pays on the provider's own
// page: no card number ever reaches us. It is asked by the shop of a market's
// home region alone, outside of any database transaction, and after what it is
// to do has been committed there: after a crash the same is asked again.
//
// Every method makes one attempt and is safe to be asked again with the same
// arguments, by several at once too: a key names one deed, done once for ever
// (at least 24 hours are promised; after that the payment's state prevents a
// second one). Keys have 1 to 64 letters, digits, '-' and '_'.
//
// Errors of all methods but Event:
//   - timeout, unavailable, bad_upstream, busy (which may carry a [TryAfter]): it
//     is not known whether it was done. Ask again with the same key, or Look.
//   - unsigned, forbidden: our credentials are not good; nothing was done. An
//     operator has to set better ones.
//   - invalid: the provider refuses the request; nothing was done. That says nothing
//     of the sum: it may be an address, our account there, or our fault. Ask again
//     later; an operator has to look.
//   - conflict: the key was used for something else, or the payment's state does
//     not allow it (any more); nothing was done. Look, then decide anew.
//   - not_found: the provider has no such payment; never from Open.
//   - a cancelled context's own error: as timeout.
//
// No error and no log line holds a credential, a URL for a buyer or an address.
type PaymentProvider interface {
	// Open makes a payment, or finds the one that was opened with the same key,
	// as it is now. A new one is [PaymentOpened] and has a URL. Errors: unprocessed
	// for an amount or currency that the provider never takes (nothing was done),
	// conflict for a key that was used with another amount or order.
	Open(ctx context.Context, r PaymentRequest) (Payment, error)

	// Look tells a payment as it is at the provider now. It changes nothing.
	Look(ctx context.Context, ref string) (Payment, error)

	// Capture makes minor of an authorised amount ours and lets the rest go; minor
	// is above 0 and at most the amount. It is done once: captured already by the
	// same key returns the payment; by another is a conflict, and so is a payment
	// that is not authorised. unprocessed: the bank does not give the money after
	// all; Look tells whether it can still be tried (authorised) or not (failed).
	Capture(ctx context.Context, ref, key string, minor int64) (Payment, error)

	// Void ends a payment that is not captured and lets go what was held. One that
	// is voided or failed already is returned as it is. A captured one is a
	// conflict: it takes a refund. After Void returned nil nobody can pay it.
	Void(ctx context.Context, ref, key string) (Payment, error)

	// Refund gives minor of what was captured back, once a key; all refunds
	// together are at most what was captured, more is a conflict. It may still be
	// on its way when this returns; if it comes back, RefundedMinor falls, and it
	// can be tried by another key. unprocessed: the provider cannot give it back
	// now (no money left there).
	Refund(ctx context.Context, ref, key string, minor int64) (Payment, error)

	// Event verifies a message that claims to be the provider's, by its signature
	// and its age at now, and reads it. It asks nobody. Errors: unsigned when the
	// signature does not hold or is too old or of the future, too_large for a body
	// above the provider's limit, invalid when what is signed cannot be read.
	// None of them is worth a retry.
	Event(header http.Header, body []byte, now time.Time) (PaymentEvent, error)
}

// PaymentRow is what the shop keeps of a payment: resident data. It never holds
// the buyer's page.
type PaymentRow struct {
	Key      string // its [PaymentRequest.Key]
	OrderID  string
	Market   string
	Attempt  int // counts an order's payments from 1; at most one of them is not over
	Payment      // as the provider said last; before its first answer Ref is "" and Version 0
	OpenedAt time.Time
	DueAt    time.Time // when it is to be looked after again; zero: never by itself
	Tries    int       // so often in a row that failed
	Trouble  string    // why it cannot be settled, for operators; "" while it can
}

// Over reports whether a payment has ended without money: another one may be
// opened for the same order.
func (p PaymentRow) Over() bool { return p.State == PaymentFailed || p.State == PaymentVoided }

// PaymentSums are counts for operators of a region's payments.
type PaymentSums struct {
	Unsettled  map[PaymentState]int // to be looked after, by state
	Overdue    time.Duration        // of the one that waits the longest; 0: none is late
	Troubled   int                  // cannot be settled by us
	Mismatches int                  // orders at rest whose money is not what they say: always 0
}
