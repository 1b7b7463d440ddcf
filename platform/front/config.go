package front

import (
	"math/rand/v2"
	"time"
)

// Config is what the front of a protocol is made of. Hits is required.
type Config struct {
	Hits   Hits
	Limits Limits // zero values take those of [DefaultLimits]
	Seats  Seats  // nil: no bound on connections

	// RequestID is the field that names an answer, as "X-Request-Id"; "" for none.
	// A request that has it already is left to the standard server.
	RequestID string
	// Secure are fields that each answer over TLS has beside its own.
	Secure []HeadField
	// Sent, where not nil, is told of each answer that the front has given.
	Sent func(*Sent)
}

// Limits of what a visitor may send, and of how long it may take.
type Limits struct {
	Head   int // most bytes of a request's head
	Fields int // most fields of a request
	Target int // most bytes of a request's target

	ReadHead time.Duration // longest time for a request's head, from its first byte
	Idle     time.Duration // longest silence between requests
	Write    time.Duration // longest time for an answer; over HTTP/2 for a handler's request with its content
}

// DefaultLimits are fit for a listener that strangers reach.
func DefaultLimits() Limits {
	return Limits{Head: 32 << 10, Fields: 128, Target: 8 << 10, ReadHead: 10 * time.Second, Idle: 2 * time.Minute, Write: 2 * time.Minute}
}

func (l Limits) withDefaults() Limits {
	d := DefaultLimits()
	l.Head, l.Fields, l.Target = orDefault(l.Head, d.Head), orDefault(l.Fields, d.Fields), orDefault(l.Target, d.Target)
	l.ReadHead, l.Idle, l.Write = orDefault(l.ReadHead, d.ReadHead), orDefault(l.Idle, d.Idle), orDefault(l.Write, d.Write)
	return l
}

func orDefault[N int | time.Duration](n, standard N) N {
	if n <= 0 {
		return standard
	}
	return n
}

// idLength is how long a request id is, in characters of five bits each.
const idLength = 16

// appendID appends a new request id. It only has to differ from others: nothing
// is opened by it.
func appendID(b []byte) []byte {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
	high, low := rand.Uint64(), rand.Uint64()
	for range idLength / 2 {
		b = append(b, alphabet[high&31], alphabet[low&31])
		high, low = high>>5, low>>5
	}
	return b
}
