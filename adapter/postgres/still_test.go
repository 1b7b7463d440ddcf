package postgres

import (
	"testing"
	"testing/synctest"
	"time"

	"meridian/world"
)

// What the listener has found holds for a follower that is not before it and of the
// same history, and no longer than it can be trusted.
func TestStillnessIsForWhoCanUseIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		at := func(tx uint64) world.Cursor { return world.Cursor{Tx: tx, History: 1} }
		f := NewFeed(nil)
		if _, ok := f.stillBehind(at(5)); ok {
			t.Error("stillness before anybody has looked")
		}
		f.foundStill(stillness{at(5), at(9), time.Now()})
		for name, c := range map[string]struct {
			cur, to world.Cursor
			ok      bool
		}{
			"where it began":     {at(5), at(9), true},
			"between":            {at(7), at(9), true},
			"at its end":         {at(9), at(9), true},
			"further":            {at(12), at(12), true},
			"before it":          {at(4), at(4), false},
			"of another history": {world.Cursor{Tx: 7, History: 2}, world.Cursor{Tx: 7, History: 2}, false},
		} {
			if to, ok := f.stillBehind(c.cur); to != c.to || ok != c.ok {
				t.Errorf("%s: %v, %v", name, to, ok)
			}
		}
		time.Sleep(stillFor)
		if _, ok := f.stillBehind(at(5)); !ok {
			t.Error("it is forgotten too early")
		}
		time.Sleep(time.Nanosecond)
		if _, ok := f.stillBehind(at(5)); ok {
			t.Error("it is told for too long")
		}
	})
}
