package api

import "time"

// NewEndpoint is the address of an owner's system, and what it is told of.
type NewEndpoint struct {
	_     struct{} `additionalProperties:"false"`
	URL   string   `json:"url" maxLength:"500" example:"https://shop.example/meridian"`
	Kinds []string `json:"kinds" nullable:"false" minItems:"1" maxItems:"20" doc:"order.placed, order.ready, order.completed, order.cancelled, payment.captured, refund.made, stock.low" example:"[\"order.placed\"]"`
}

// Endpoint is one that is kept.
type Endpoint struct {
	ID        string     `json:"id" example:"aaaaaaaaaaaaaaaaaaaaaaaaaa"`
	URL       string     `json:"url" example:"https://shop.example/meridian"`
	Kinds     []string   `json:"kinds" nullable:"false"`
	Enabled   bool       `json:"enabled"`
	CreatedAt time.Time  `json:"created_at"`
	OldUntil  *time.Time `json:"old_until,omitempty" doc:"until then messages are signed with the secret before, too"`
	Waiting   int        `json:"waiting" doc:"messages that it is owed, counted up to 1,000" example:"0"`
	Failure   string     `json:"failure,omitempty" doc:"why the first of those could not be sent"`
}

// EndpointList are all of a market.
type EndpointList struct {
	Endpoints []Endpoint `json:"endpoints" nullable:"false" doc:"the oldest first"`
}

// Secret is what messages to an endpoint are signed with, told once.
type Secret struct {
	ID     string `json:"id" doc:"the endpoint's" example:"aaaaaaaaaaaaaaaaaaaaaaaaaa"`
	Secret string `json:"secret,omitempty" doc:"by Standard Webhooks; it is not told again" example:"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"`
	Again  bool   `json:"again,omitempty" doc:"this was done before by the same Idempotency-Key; the secret was told then"`
}

// EndpointState is whether an endpoint is told.
type EndpointState struct {
	_       struct{} `additionalProperties:"false"`
	Enabled bool     `json:"enabled"`
}

// Message is what an endpoint is owed or was told.
type Message struct {
	ID       int64     `json:"id" example:"17"`
	Message  string    `json:"message" doc:"its webhook-id: the same each time that it is sent"`
	Kind     string    `json:"kind" example:"order.placed"`
	At       time.Time `json:"at"`
	State    string    `json:"state" enum:"waiting,sent,parked" doc:"parked: given up"`
	Attempts int       `json:"attempts" example:"1"`
	Failure  string    `json:"failure,omitempty" doc:"of the last attempt"`
}

// MessageList is one page of an endpoint's messages.
type MessageList struct {
	Messages []Message `json:"messages" nullable:"false" doc:"the newest first"`
	Next     string    `json:"next,omitempty" doc:"send it as after for the next page; none on the last"`
}

// ReplaySince asks for messages to be sent again.
type ReplaySince struct {
	_     struct{}  `additionalProperties:"false"`
	Since time.Time `json:"since"`
	Sent  bool      `json:"sent,omitempty" doc:"also those that were sent, not only those that were given up"`
}

// Replayed is how many are.
type Replayed struct {
	Messages int `json:"messages" doc:"at most 1,000: then ask again when these are sent" example:"3"`
}

// Letter is a letter to a buyer that was given up.
type Letter struct {
	ID       int64     `json:"id" example:"17"`
	Order    string    `json:"order" doc:"the order's id"`
	Number   string    `json:"number" doc:"and number" example:"SC-DE-7K3M9Q"`
	Kind     string    `json:"kind" doc:"placed, payment_failed, ready, cancelled or refunded" example:"placed"`
	At       time.Time `json:"at" doc:"since when it is owed"`
	Attempts int       `json:"attempts" example:"8"`
	Failure  string    `json:"failure" doc:"of the last attempt"`
}

// LetterList is one page of them.
type LetterList struct {
	Letters []Letter `json:"letters" nullable:"false" doc:"the newest first"`
	Next    string   `json:"next,omitempty" doc:"send it as after for the next page; none on the last"`
}
