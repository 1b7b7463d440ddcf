package front

import (
	"bytes"
	"net"
	"slices"
	"testing"
)

// writes remembers each write.
type writes struct {
	net.Conn
	all []int
	sum bytes.Buffer
}

func (w *writes) Write(p []byte) (int, error) {
	w.all = append(w.all, len(p))
	return w.sum.Write(p)
}

func TestGatheringSendsTogetherWhatIsHeld(t *testing.T) {
	w := &writes{}
	g := Gather(w)
	record := bytes.Repeat([]byte("r"), 16<<10)
	write := func(p []byte) {
		if n, err := g.Write(p); n != len(p) || err != nil {
			t.Fatalf("%d, %v", n, err)
		}
	}
	write(record[:5]) // not held
	g.Hold()
	for range 3 {
		write(record)
	}
	if !slices.Equal(w.all, []int{5}) {
		t.Fatalf("written while held: %v", w.all)
	}
	if err := g.Flush(); err != nil || !slices.Equal(w.all, []int{5, 3 * len(record)}) {
		t.Fatalf("%v, %v", w.all, err)
	}
	write(record[:6])
	g.Hold()
	for range 10 { // what is held is bounded
		write(record)
	}
	if w.sum.Len() < 10*len(record)-gatherBytes {
		t.Errorf("%d bytes are held", 13*len(record)+11-w.sum.Len())
	}
	if err := g.Flush(); err != nil || w.sum.Len() != 13*len(record)+11 {
		t.Errorf("%d bytes, %v", w.sum.Len(), err)
	}
	if err := g.Flush(); err != nil || w.sum.Len() != 13*len(record)+11 {
		t.Errorf("a second flush: %d bytes, %v", w.sum.Len(), err)
	}
}
