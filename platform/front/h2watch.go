package front

import (
	"time"

	"golang.org/x/net/http2"
)

// watch2 keeps a connection's times with one timer, which is set anew only
// where a time comes before it. The connection's mu guards it.
type watch2 struct {
	c     *conn2
	timer *time.Timer
	at    time.Time // when it fires; zero while it does not

	greetBy, ackBy, partialBy, idleBy, drainBy time.Time // zero where it does not matter
	thirstSince                                time.Time
	stallBy                                    time.Time
}

// begin starts the clock of a new connection.
func (w *watch2) begin(c *conn2) {
	w.c = c
	c.mu.Lock() // the timer may fire before we are done
	defer c.mu.Unlock()
	w.greetBy = c.now.Add(c.lim.Handshake)
	w.idleBy = c.now.Add(c.all.Idle)
	first := earlier(w.greetBy, w.idleBy)
	w.at = first
	w.timer = time.AfterFunc(first.Sub(c.now), w.tick)
}

func (w *watch2) end() { w.timer.Stop() }

// arm sees to it that the timer fires at t or before.
func (w *watch2) arm(t time.Time) {
	if w.at.IsZero() || t.Before(w.at) {
		w.at = t
		w.timer.Reset(time.Until(t))
	}
}

// ack waits for the acknowledgement of our SETTINGS.
func (w *watch2) ack(within time.Duration) {
	w.greetBy = time.Time{}
	if !w.c.acked {
		w.ackBy = w.c.now.Add(within)
		w.arm(w.ackBy)
	}
}

// partial notes whether a frame or field block has begun and not ended.
func (w *watch2) partial(on bool) {
	if !on {
		w.partialBy = time.Time{}
	} else if w.partialBy.IsZero() {
		w.partialBy = w.c.now.Add(w.c.all.ReadHead)
		w.arm(w.partialBy)
	}
}

// idle notes that the last stream has ended.
func (w *watch2) idle() {
	w.idleBy = time.Now().Add(w.c.all.Idle)
	w.arm(w.idleBy)
}

func (w *watch2) drain(within time.Duration) {
	w.drainBy = time.Now().Add(within)
	w.arm(w.drainBy)
}

// thirst notes that the connection's window holds back content, quenched that
// all that there was has been sent.
func (w *watch2) thirst() {
	if w.thirstSince.IsZero() {
		w.thirstSince, w.c.moved = time.Now(), 0
		w.arm(w.thirstSince.Add(w.c.lim.Stall))
	}
}

func (w *watch2) quenched() { w.thirstSince = time.Time{} }

// stall notes that a stream's window has held back content since then.
func (w *watch2) stall(since time.Time) {
	by := since.Add(w.c.lim.Stall)
	w.stallBy = earlier(w.stallBy, by)
	w.arm(by)
}

// earlier is the earlier of two times, of which a zero one is none.
func earlier(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

// tick looks at all times.
func (w *watch2) tick() {
	c := w.c
	c.mu.Lock()
	if c.over {
		c.mu.Unlock()
		return
	}
	now := time.Now()
	w.at = time.Time{}
	f, ended := w.verdict(now)
	if !ended {
		w.rearm()
	}
	c.mu.Unlock()
	if ended {
		c.fail(f)
	} else {
		c.send()
	}
}

// verdict does what is due, and says whether and why the connection ends.
func (w *watch2) verdict(now time.Time) (fault2, bool) {
	c := w.c
	due := func(t time.Time) bool { return !t.IsZero() && !now.Before(t) }
	switch {
	case due(w.greetBy):
		return fault2{http2.ErrCodeSettingsTimeout, "no SETTINGS came"}, true
	case due(w.ackBy) && !c.acked:
		return fault2{http2.ErrCodeSettingsTimeout, "SETTINGS not acknowledged"}, true
	case due(w.partialBy):
		return fault2{http2.ErrCodeEnhanceYourCalm, "a frame or field block took too long"}, true
	case len(c.streams) == 0 && due(w.idleBy):
		return fault2{http2.ErrCodeNo, "idle"}, true
	}
	if c.acked {
		w.ackBy = time.Time{}
	}
	if due(w.drainBy) {
		w.drainBy = time.Time{}
		c.drained()
	}
	if !w.thirstSince.IsZero() && due(w.thirstSince.Add(c.lim.Stall)) {
		if c.moved < c.lim.StallBytes {
			return fault2{http2.ErrCodeEnhanceYourCalm, "the window stays closed"}, true
		}
		w.thirstSince, c.moved = now, 0
	}
	if due(w.stallBy) {
		w.unstall(now)
	}
	return fault2{}, false
}

// unstall resets the streams that moved too little for too long.
func (w *watch2) unstall(now time.Time) {
	c := w.c
	w.stallBy = time.Time{}
	for _, s := range c.streams {
		if s.heldSince.IsZero() || !s.pending() {
			continue
		}
		if by := s.heldSince.Add(c.lim.Stall); now.Before(by) {
			w.stallBy = earlier(w.stallBy, by)
			continue
		}
		if s.moved < c.lim.StallBytes {
			c.abort(s, http2.ErrCodeEnhanceYourCalm)
			continue
		}
		s.heldSince, s.moved = now, 0
		w.stallBy = earlier(w.stallBy, now.Add(c.lim.Stall))
	}
}

// rearm sets the timer for what is due next.
func (w *watch2) rearm() {
	next := earlier(w.greetBy, earlier(w.partialBy, earlier(w.drainBy, w.stallBy)))
	if !w.c.acked {
		next = earlier(next, w.ackBy)
	}
	if len(w.c.streams) == 0 {
		next = earlier(next, w.idleBy)
	}
	if !w.thirstSince.IsZero() {
		next = earlier(next, w.thirstSince.Add(w.c.lim.Stall))
	}
	if !next.IsZero() {
		w.arm(next)
	}
}
