package world

import (
	"fmt"
	"net/url"
	"slices"
	"time"
)

// HookKind is what an owner's own system can be told. Names are never reused
// for another meaning.
type HookKind string

// The kinds.
const (
	HookOrderPlaced     HookKind = "order.placed"
	HookOrderReady      HookKind = "order.ready"
	HookOrderCompleted  HookKind = "order.completed"
	HookOrderCancelled  HookKind = "order.cancelled"
	HookPaymentCaptured HookKind = "payment.captured"
	HookRefundMade      HookKind = "refund.made"
	HookStockLow        HookKind = "stock.low" // five or fewer can be sold
)

// HookKinds are all kinds.
var HookKinds = []HookKind{HookOrderPlaced, HookOrderReady, HookOrderCompleted, HookOrderCancelled, HookPaymentCaptured, HookRefundMade, HookStockLow}

// HookEndpoint is the address of an owner's system.
type HookEndpoint struct {
	ID        string // 26 characters
	Market    string
	URL       string
	Kinds     []HookKind
	Enabled   bool
	CreatedAt time.Time
	OldUntil  time.Time // until then messages are signed by the secret before, too; zero when it has none
	Waiting   int       // messages that it is owed, counted up to [MaxHookWaiting]
	Failure   string    // of the first of those
}

// HookMessage is a message to an endpoint.
type HookMessage struct {
	ID       int64
	Endpoint string // its id
	Message  string // its id to the receiver: the same each time that it is sent
	Kind     HookKind
	At       time.Time // of what it tells
	Since    time.Time // it is tried from then on
	Data     []byte    // JSON
	State    string    // waiting, sent or parked
	Attempts int       // one under way included
	Failure  string    // of the last attempt
}

// HookCall is a message that is to be sent, and where to.
type HookCall struct {
	HookMessage
	URL     string
	Secrets []string // to sign with: while a secret is changed, the new and the old one
}

// Limits of an endpoint.
const (
	MaxHookURL       = 500 // bytes
	MaxHookEndpoints = 10  // of a market
	MaxHookWaiting   = 1000
	MaxHookReplay    = 1000 // messages that are sent again at once
)

// Check tells whether an endpoint can be kept. open lets http in beside https,
// for systems in the networks that the shop's settings name. It fails with
// [CodeInvalid], saying what to write. Whether the address may be reached is
// decided when it is: a name can lead elsewhere by then.
func (e HookEndpoint) Check(open bool) error {
	bad := func(fix string) error { return E(CodeInvalid, "hook.check", fix) }
	u, err := url.Parse(e.URL)
	switch {
	case len(e.URL) > MaxHookURL:
		return bad(fmt.Sprintf("The address is longer than %d bytes: use a shorter one.", MaxHookURL))
	case err != nil || u.Hostname() == "" || u.Opaque != "" || u.User != nil || u.Fragment != "":
		return bad("The address must be like https://shop.example/meridian, without a password and a fragment.")
	case u.Scheme != "https" && (u.Scheme != "http" || !open):
		return bad("The address must begin with https://.")
	case len(e.Kinds) == 0 || len(e.Kinds) > len(HookKinds):
		return bad("Say what the endpoint is to be told of, each kind once.")
	}
	for i, k := range e.Kinds {
		if !slices.Contains(HookKinds, k) || slices.Contains(e.Kinds[:i], k) {
			return bad(fmt.Sprintf("%.40q is no kind of message, or is named twice: use %v.", string(k), HookKinds))
		}
	}
	return nil
}
