package wan

import (
	"bytes"
	"testing"
	"testing/synctest"
	"time"
)

// Loss costs time and no bytes, and what comes behind waits.
func TestALossyStreamComesWhole(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, Params{Delay: 10 * ms, Loss: 0.2})
		near := r.dialNear(t)
		var sent bytes.Buffer
		for i := range 300 {
			b := bytes.Repeat([]byte{byte(i)}, 100)
			sent.Write(b)
			near.Write(b)
		}
		began := time.Now()
		far := r.acceptFar(t)
		if got := readN(t, far, sent.Len()); got != sent.String() {
			t.Error("the bytes that came are not those that were sent")
		}
		if took := time.Since(began); took < minRTO {
			t.Errorf("300 writes over a link that loses each fifth packet came after %v: nothing was repaired", took)
		}
	})
}

func TestRepairTakesWhatWasLost(t *testing.T) {
	draw := func(p Params, n int) (mean time.Duration) {
		l := newLink("a", "b", p, 7)
		const times = 20_000
		for range times {
			mean += l.repair(n)
		}
		return mean / times
	}
	for _, c := range []struct {
		what string
		p    Params
		n    int
		want time.Duration
	}{
		{"no loss", Params{Delay: 50 * ms}, 1000, 0},
		{"nothing sent", Params{Delay: 50 * ms, Loss: 0.5}, 0, 0},
		// One packet: p·RTO + p²·RTO + p³·2RTO + …, RTO 200 ms.
		{"one packet", Params{Delay: 50 * ms, Loss: 0.1}, 1000, 22500 * time.Microsecond},
		// Far away the timeout is the round trip and not the least one.
		{"one packet, far", Params{Delay: 150 * ms, Loss: 0.1}, 1000, 33750 * time.Microsecond},
		// Eight packets: 1-(1-p)^8 = 0.1492 of them wait a round trip of 100 ms; of those 0.0316 less the ones that came wait on.
		{"a burst", Params{Delay: 50 * ms, Loss: 0.02}, 8 * packetBytes, 15550 * time.Microsecond},
	} {
		got := draw(c.p, c.n)
		if got < c.want*93/100 || got > c.want*107/100 {
			t.Errorf("%s: %v late on average, want %v", c.what, got, c.want)
		}
	}
}
