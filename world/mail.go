package world

import "time"

// MailKind is what a mail to a buyer is about.
type MailKind string

// The kinds of mail. Names are never reused for another meaning: they are part
// of a mail's id.
const (
	MailPlaced        MailKind = "placed"         // the order has come
	MailPaymentFailed MailKind = "payment_failed" // nothing was paid; it can be tried again
	MailReady         MailKind = "ready"          // to be collected, or on its way
	MailCancelled     MailKind = "cancelled"
	MailRefunded      MailKind = "refunded" // money goes back
)

// MailKinds are all kinds, in the order of an order's life.
var MailKinds = []MailKind{MailPlaced, MailPaymentFailed, MailReady, MailCancelled, MailRefunded}

// Mail is a letter as it is sent. It is resident data of its market's zone.
type Mail struct {
	ID       string // the Message-ID without its brackets (RFC 5322 §3.6.4): the same each time that the same is sent
	FromName string // may be ""
	From     string // an address
	To       string // an address
	Subject  string
	Locale   string // BCP 47, of its language
	Text     string
	HTML     string // says the same
	At       time.Time
}

// QueuedMail is a mail that is to be written and sent.
type QueuedMail struct {
	ID       int64
	OrderID  string
	Kind     MailKind
	N        int64 // which of its kind: the entry of the order's log, or the number of the refund
	At       time.Time
	Attempts int // this one included
}

// ParkedMail is a letter that was given up.
type ParkedMail struct {
	QueuedMail
	Number  string // of the order
	Failure string // of the last attempt
	Since   time.Time
}
