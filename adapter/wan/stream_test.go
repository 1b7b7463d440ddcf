package wan

import (
	"bytes"
	"io"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"
)

const ms = time.Millisecond

func wantSince(t *testing.T, what string, began time.Time, want time.Duration) {
	t.Helper()
	if got := time.Since(began); got != want {
		t.Errorf("%s after %v, want %v", what, got, want)
	}
}

func TestConnectIsCharged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, Params{Delay: 75 * ms})
		if err := r.SetLink("b", "a", Params{Delay: 25 * ms}); err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		near := r.dialNear(t)
		near.Write([]byte("hello"))
		far := r.acceptFar(t)
		wantSince(t, "the far side accepted", began, 175*ms) // SYN, SYN-ACK, ACK
		if got := readN(t, far, 5); got != "hello" {
			t.Errorf("the far side read %q", got)
		}
		wantSince(t, "the first bytes arrived", began, 175*ms)
		far.Write([]byte("world"))
		readN(t, near, 5)
		wantSince(t, "the answer arrived", began, 200*ms)

		began = time.Now()
		near.Write([]byte("again"))
		readN(t, far, 5)
		far.Write([]byte("again"))
		readN(t, near, 5)
		wantSince(t, "a request on a kept connection was answered", began, 100*ms)
	})
}

func TestNoDelayPassesStraightThrough(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, Params{})
		r.echo()
		began := time.Now()
		near := r.dialNear(t)
		near.Write([]byte("x"))
		readN(t, near, 1)
		wantSince(t, "the echo", began, 0)
	})
}

func TestSameSite(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, Params{Delay: ms}, func(s *Service) { s.To = s.From })
		r.echo()
		began := time.Now()
		near := r.dialNear(t)
		near.Write([]byte("x"))
		readN(t, near, 1)
		wantSince(t, "the echo", began, 4*ms)
		if l := r.List(); len(l) != 1 || l[0].Open != 1 || l[0].Total != 1 || l[0].Bytes != 2 {
			t.Errorf("links: %+v", l)
		}
	})
}

func TestDelayIsPipelinedWithinTheWindow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const window, total = 1 << 20, 16 << 20
		r := newRig(t, Params{Delay: 100 * ms}, func(s *Service) { s.Window = window })
		near := r.dialNear(t)
		far := r.acceptFar(t)
		began := time.Now()
		go func() {
			near.Write(make([]byte, total))
			near.CloseWrite()
		}()
		for held := 0; held < total; {
			n, err := far.Read(make([]byte, 64<<10))
			if err != nil {
				t.Fatal(err)
			}
			held += n
			if s, _ := r.Get("a", "b"); s.InFlight > window {
				t.Fatalf("%d bytes under way in a window of %d", s.InFlight, window)
			}
		}
		// A window a delay, give or take one for the parcels' own cost.
		if got := time.Since(began); got < 15*100*ms || got > 18*100*ms {
			t.Errorf("%d windows took %v", total/window, got)
		}
	})
}

func TestSmallParcelsCountAgainstTheWindow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, Params{Delay: MaxDelay}, func(s *Service) { s.Window = 10 * parcelCost })
		near := r.dialNear(t)
		r.acceptFar(t)
		for range 100 {
			near.Write([]byte("x"))
			synctest.Wait()
		}
		if s, _ := r.Get("a", "b"); s.InFlight > 10 {
			t.Errorf("%d parcels of one byte are held in a window for fewer than 10", s.InFlight)
		}
	})
}

func TestBandwidth(t *testing.T) {
	for _, bandwidth := range []int64{MinBandwidth, 64_000, 10_000_000, 1_000_000_000} {
		synctest.Test(t, func(t *testing.T) {
			total := int(bandwidth / 8 * 10) // ten seconds' worth
			if total > 20<<20 {
				total = 20 << 20
			}
			r := newRig(t, Params{Delay: 50 * ms})
			near := r.dialNear(t)
			far := r.acceptFar(t)
			r.setBoth(t, Params{Delay: 50 * ms, Bandwidth: bandwidth})
			began := time.Now()
			go near.Write(make([]byte, total))
			for got := 0; got < total; {
				n, err := far.Read(make([]byte, 64<<10))
				if err != nil {
					t.Fatal(err)
				}
				got += n
				if least := sendTime(got, bandwidth) + 50*ms; time.Since(began) < least {
					t.Fatalf("%d bytes at %d bit/s were there after %v, before %v", got, bandwidth, time.Since(began), least)
				}
			}
			if most := sendTime(total, bandwidth) + 51*ms; time.Since(began) > most {
				t.Errorf("%d bytes at %d bit/s took %v, more than %v", total, bandwidth, time.Since(began), most)
			}
		})
	}
}

func TestConnectionsShareTheBandwidth(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const each, bandwidth = 1 << 20, 8 << 20 // a second each
		r := newRig(t, Params{Bandwidth: bandwidth})
		began := time.Now()
		var took [2]time.Duration
		var reading sync.WaitGroup
		for i := range took {
			near := r.dialNear(t)
			far := r.acceptFar(t)
			go near.Write(make([]byte, each))
			reading.Go(func() {
				io.ReadFull(far, make([]byte, each))
				took[i] = time.Since(began)
			})
		}
		reading.Wait()
		for i, d := range took {
			if d < 1900*ms || d > 2001*ms {
				t.Errorf("stream %d took %v of the 2 s for both", i, d)
			}
		}
	})
}

// TestBytesArriveInOrderAndWhole writes anything in any pieces over links of
// any kind that are changed, cut and healed on the way.
func TestBytesArriveInOrderAndWhole(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		params := rapid.Custom(func(rt *rapid.T) Params {
			delay := rapid.Int64Range(0, int64(200*ms)).Draw(rt, "delay")
			return Params{
				Delay:     time.Duration(delay),
				Jitter:    time.Duration(rapid.Int64Range(0, delay).Draw(rt, "jitter")),
				Bandwidth: rapid.SampledFrom([]int64{0, 100_000, 5_000_000, 1_000_000_000}).Draw(rt, "bandwidth"),
				State:     rapid.SampledFrom([]State{Up, Up, Blackhole}).Draw(rt, "state"),
			}
		})
		first := params.Draw(rt, "params")
		pieces := rapid.SliceOfN(rapid.IntRange(1, 40_000), 1, 20).Draw(rt, "pieces")
		pauses := rapid.SliceOfN(rapid.IntRange(0, 100), 20, 20).Draw(rt, "pauses")
		changes := rapid.SliceOfN(params, 0, 5).Draw(rt, "changes")
		window := rapid.IntRange(1, 200_000).Draw(rt, "window")
		reads := rapid.IntRange(1, 10_000).Draw(rt, "reads")
		synctest.Test(t, func(t *testing.T) {
			r := newRig(t, Params{}, func(s *Service) { s.Window = window })
			near := r.dialNear(t)
			far := r.acceptFar(t)
			r.setBoth(t, first)
			sent := make([]byte, 0, 100_000)
			rng := rand.New(rand.NewPCG(1, 2))
			go func() {
				for i, n := range pieces {
					piece := make([]byte, n)
					for j := range piece {
						piece[j] = byte(rng.Uint32())
					}
					sent = append(sent, piece...)
					near.Write(piece)
					time.Sleep(time.Duration(pauses[i]) * ms)
				}
				near.CloseWrite()
			}()
			var changing sync.WaitGroup
			defer changing.Wait()
			changing.Go(func() {
				for _, p := range changes {
					time.Sleep(150 * ms)
					r.SetLink("a", "b", p)
				}
				time.Sleep(150 * ms)
				r.Heal("a", "b")
				r.Heal("b", "a")
			})
			var got bytes.Buffer
			for buf := make([]byte, reads); ; {
				n, err := far.Read(buf)
				got.Write(buf[:n])
				if err == io.EOF {
					break
				}
				if err != nil {
					t.Fatal(err)
				}
			}
			if !bytes.Equal(got.Bytes(), sent) {
				t.Fatalf("%d bytes were sent and %d came, or others", len(sent), got.Len())
			}
			if s, _ := r.Get("a", "b"); s.Bytes != int64(len(sent)) {
				t.Errorf("%d bytes are counted of %d", s.Bytes, len(sent))
			}
		})
	})
}

func TestTheSeedFixesTheJitter(t *testing.T) {
	arrivals := func() (out []time.Duration) {
		synctest.Test(t, func(t *testing.T) {
			r := newRig(t, Params{Delay: 50 * ms, Jitter: 20 * ms})
			near := r.dialNear(t)
			far := r.acceptFar(t)
			for range 50 {
				time.Sleep(time.Second)
				began := time.Now()
				near.Write([]byte("x"))
				readN(t, far, 1)
				out = append(out, time.Since(began))
			}
		})
		return out
	}
	a, b := arrivals(), arrivals()
	low, high := a[0], a[0]
	for i := range a {
		if a[i] != b[i] {
			t.Fatalf("parcel %d took %v, then %v", i, a[i], b[i])
		}
		low, high = min(low, a[i]), max(high, a[i])
	}
	if low < 30*ms || high > 70*ms || high-low < 20*ms {
		t.Errorf("50 ± 20 ms came as %v to %v", low, high)
	}
}

func TestHalfCloseIsCarried(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, Params{Delay: 40 * ms})
		near := r.dialNear(t)
		near.Write([]byte("question"))
		near.CloseWrite()
		far := r.acceptFar(t)
		if b, err := io.ReadAll(far); err != nil || string(b) != "question" {
			t.Fatalf("%q, %v", b, err)
		}
		far.Write([]byte("answer"))
		far.CloseWrite()
		if b, err := io.ReadAll(near); err != nil || string(b) != "answer" {
			t.Fatalf("%q, %v", b, err)
		}
		synctest.Wait()
		if s, _ := r.Get("a", "b"); s.Open != 0 || s.Total != 1 {
			t.Errorf("after both ends closed: %+v", s)
		}
	})
}

func TestResetTravels(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, Params{Delay: 40 * ms})
		for name, ends := range map[string]func() (from, to *memConn){
			"from near": func() (from, to *memConn) { from = r.dialNear(t); return from, r.acceptFar(t) },
			"from far":  func() (from, to *memConn) { to = r.dialNear(t); return r.acceptFar(t), to },
		} {
			from, to := ends()
			began := time.Now()
			from.reset()
			_, err := to.Read(make([]byte, 1))
			if !isReset(err) {
				t.Errorf("%s: %v", name, err)
			}
			wantSince(t, "the reset "+name, began, 40*ms)
		}
	})
}

func TestWritingToAnEndThatIsGoneIsReset(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, Params{Delay: 40 * ms})
		near := r.dialNear(t)
		far := r.acceptFar(t)
		far.Close() // whole, in good order
		if _, err := near.Read(make([]byte, 1)); err != io.EOF {
			t.Fatal(err)
		}
		near.Write([]byte("to nobody"))
		time.Sleep(80 * ms) // there and back
		synctest.Wait()
		if _, err := near.Write([]byte("x")); err == nil {
			t.Error("the dialler can still write though nobody is there")
		}
		if s, _ := r.Get("a", "b"); s.Open != 0 {
			t.Errorf("still open: %+v", s)
		}
	})
}

func TestTargetThatRefusesResetsTheDialler(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, Params{Delay: 40 * ms})
		r.target.Close()
		began := time.Now()
		if _, err := r.dialNear(t).Read(make([]byte, 1)); !isReset(err) {
			t.Error(err)
		}
		wantSince(t, "the refusal", began, 160*ms)
	})
}
