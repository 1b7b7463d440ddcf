package pause

import "testing"

func TestAnOutageIsToldOnce(t *testing.T) {
	var o Outage
	failing := func(n int) (told int) {
		for range n {
			if o.Failed() {
				told++
			}
		}
		return told
	}
	if n := failing(tellAt - 1); n != 0 {
		t.Errorf("a moment is told %d times", n)
	}
	o.Over()
	if n := failing(tellAt - 1); n != 0 {
		t.Errorf("the next moment is told %d times", n)
	}
	if n := failing(1000); n != 1 {
		t.Errorf("an outage is told %d times", n)
	}
	o.Over()
	if n := failing(tellAt); n != 1 {
		t.Errorf("the next outage is told %d times", n)
	}
}
