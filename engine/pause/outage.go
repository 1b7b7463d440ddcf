package pause

import "sync/atomic"

// tellAt is which failure in a row is worth a word: by then what is tried again
// with growing waits has been away for more than a moment, such as while the other
// side starts.
const tellAt = 5

// Outage counts the failures in a row of what is tried again and again, so that a
// log hears of an outage once, and of a moment's not at all. The zero value has
// none; it is safe for concurrent use.
type Outage struct{ failures atomic.Int32 }

// Failed counts one, and reports whether it is the one to tell of.
func (o *Outage) Failed() bool { return o.failures.Add(1) == tellAt }

// Over ends the outage.
func (o *Outage) Over() { o.failures.Store(0) }
