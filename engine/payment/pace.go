package payment

import "time"

// Pace says how soon a payment is looked after again.
type Pace struct {
	First    time.Duration // after it was opened; doubled from look to look
	Longest  time.Duration // between two looks
	Retry    time.Duration // after a failure; doubled from one to the next, up to Longest
	Patience int           // failures in a row after which operators are told
}

// Look is when a payment that waits for its buyer is looked at next: the older it
// is the later, and at the latest when its order expires, for then it is to end.
func (p Pace) Look(openedAt, expiresAt, now time.Time) time.Time {
	wait := min(max(now.Sub(openedAt), p.First), p.Longest)
	next := now.Add(wait)
	if expiresAt.After(now) && next.After(expiresAt) {
		return expiresAt
	}
	return next
}

// Again is when what has failed so often in a row, at least once, is tried again.
// after is what the provider asked for; 0 for nothing.
func (p Pace) Again(tries int, after time.Duration, now time.Time) time.Time {
	wait := p.Longest
	if shift := tries - 1; shift < 32 {
		wait = min(p.Retry<<max(shift, 0), p.Longest)
	}
	return now.Add(max(wait, min(after, p.Longest)))
}
