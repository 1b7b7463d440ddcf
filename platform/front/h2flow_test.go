package front

import (
	"bytes"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"pgregory.net/rapid"
)

// What the client's windows allow is sent, to the byte (RFC 9113 §6.9).
func TestSendingKeepsToTheWindows(t *testing.T) {
	hits := table{"/big": answerOf(make([]byte, 80<<10))}
	rapid.Check(t, func(rt *rapid.T) {
		streamWindow := rapid.Uint32Range(0, 100<<10).Draw(rt, "initial window")
		steps := rapid.SliceOfN(rapid.IntRange(0, 3), 0, 20).Draw(rt, "steps")
		amounts := rapid.SliceOfN(rapid.Uint32Range(1, 60<<10), len(steps), len(steps)).Draw(rt, "amounts")
		limits := Limits2{Quantum: rapid.IntRange(700, 40<<10).Draw(rt, "quantum"), Updates: 1 << 20}
		bubble(t, rigOf{hits: hits, limits: limits, mine: []http2.Setting{{ID: http2.SettingInitialWindowSize, Val: streamWindow}}}, func(t *testing.T, r *rig) {
			conn, windows := int64(initialWindow), map[uint32]int64{1: int64(streamWindow), 3: int64(streamWindow)}
			r.get(1, "/big")
			r.get(3, "/big")
			for i, step := range steps {
				n := int64(amounts[i])
				switch step {
				case 0:
					conn += n
					r.must(r.fr.WriteWindowUpdate(0, uint32(n)))
				case 1, 2:
					windows[uint32(step*2-1)] += n
					r.must(r.fr.WriteWindowUpdate(uint32(step*2-1), uint32(n)))
				case 3: // may take windows below zero (§6.9.2)
					by := n - int64(streamWindow)
					streamWindow = uint32(n)
					windows[1] += by
					windows[3] += by
					r.must(r.fr.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: streamWindow}))
				}
				r.take()
				sent := map[uint32]int64{1: int64(len(r.data[1])), 3: int64(len(r.data[3]))}
				open := conn - sent[1] - sent[3]
				if open < 0 {
					rt.Fatalf("%d bytes more than the connection's window", -open)
				}
				for id, window := range windows {
					left := int64(80<<10) - sent[id]
					if sent[id] > max(0, window) && step != 3 && window >= 0 {
						// sent before the window was made smaller
						window = sent[id]
					}
					if left > 0 && window > sent[id] && open > 0 {
						rt.Errorf("stream %d could send %d bytes and does not", id, min(left, window-sent[id], open))
					}
				}
			}
		})
	})
}

func TestNegativeWindows(t *testing.T) {
	hits := table{"/big": answerOf(make([]byte, 10000))}
	bubble(t, rigOf{hits: hits, mine: []http2.Setting{{ID: http2.SettingInitialWindowSize, Val: 1000}}}, func(t *testing.T, r *rig) {
		r.get(1, "/big")
		r.expect("HEADERS 1 200", "DATA 1 1000")
		r.must(r.fr.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: 400})) // now -600
		r.must(r.fr.WriteWindowUpdate(1, 600))
		r.expect()
		r.must(r.fr.WriteWindowUpdate(1, 1))
		r.expect("DATA 1 1")
		r.must(r.fr.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: 20000}))
		r.expect("DATA 1 8999 END")
	})
}

func TestFramesKeepToTheClientsSize(t *testing.T) {
	hits := table{"/big": answerOf(make([]byte, 50000))}
	o := rigOf{hits: hits, mine: []http2.Setting{{ID: http2.SettingInitialWindowSize, Val: 1 << 20}}}
	bubble(t, o, func(t *testing.T, r *rig) {
		r.get(1, "/big")
		r.expect("HEADERS 1 200", "DATA 1 16384", "DATA 1 16384", "DATA 1 16384", "DATA 1 848 END")
	})
	o.mine = append(o.mine, http2.Setting{ID: http2.SettingMaxFrameSize, Val: 20000})
	o.limits.Quantum = 1 << 20
	bubble(t, o, func(t *testing.T, r *rig) {
		r.get(1, "/big")
		r.expect("HEADERS 1 200", "DATA 1 20000", "DATA 1 20000", "DATA 1 10000 END")
	})
}

// The client may send what it was allowed, and not a byte more; what a handler
// reads, and what nobody will, it may send again.
func TestReceivingKeepsToTheWindows(t *testing.T) {
	post := plainly("POST", "/")
	limits := Limits2{StreamWindow: 1000, ConnWindow: initialWindow}
	bubble(t, rigOf{limits: limits, handler: until}, func(t *testing.T, r *rig) {
		r.open(1, false, post...)
		r.must(r.fr.WriteData(1, false, make([]byte, 1000)))
		r.expect()
		r.must(r.fr.WriteDataPadded(1, false, nil, []byte{}))
		r.must(r.fr.WriteData(1, false, make([]byte, 1)))
		r.expect("RST 1 FLOW_CONTROL_ERROR")
	})
	bubble(t, rigOf{limits: Limits2{StreamWindow: 1 << 20, ConnWindow: initialWindow}, handler: until}, func(t *testing.T, r *rig) {
		r.open(1, false, post...)
		for range 4 {
			r.must(r.fr.WriteData(1, false, make([]byte, 16383)))
		}
		r.must(r.fr.WriteData(1, false, make([]byte, 3)))
		r.expect()
		r.must(r.fr.WriteData(1, false, make([]byte, 1)))
		r.expect("GOAWAY 1 FLOW_CONTROL_ERROR")
	})
	sum := 0
	bubble(t, rigOf{limits: limits, handler: func(w http.ResponseWriter, r *http.Request) {
		n, _ := io.Copy(io.Discard, r.Body)
		sum += int(n)
	}}, func(t *testing.T, r *rig) {
		for id := uint32(1); id < 200; id += 2 {
			r.open(id, false, post...)
			for range 10 {
				r.must(r.fr.WriteDataPadded(id, false, make([]byte, 500), make([]byte, 100)))
				r.take()
			}
			r.must(r.fr.WriteData(id, true, nil))
			r.take()
		}
		if len(r.reset) > 0 || sum != 100*5000 {
			t.Errorf("%d bytes came, %v", sum, r.reset)
		}
	})
	bubble(t, rigOf{limits: limits, handler: func(http.ResponseWriter, *http.Request) {}}, func(t *testing.T, r *rig) {
		for id := uint32(1); id < 400; id += 2 { // nobody reads them
			r.open(id, false, post...)
			r.must(r.fr.WriteData(id, false, make([]byte, 900)))
			r.take()
		}
		r.get(401, "/")
		r.expect("HEADERS 401 200 END")
	})
}

// Without wishes streams share; the RFC 9218 says how those share that have some.
func TestTurns(t *testing.T) {
	hits := table{"/big": answerOf(make([]byte, 3000))}
	o := rigOf{hits: hits, limits: Limits2{Quantum: 1000}, mine: []http2.Setting{{ID: http2.SettingInitialWindowSize, Val: 0}}}
	turns := func(got []string) string {
		var b strings.Builder
		for _, s := range got {
			if id, ok := strings.CutPrefix(s, "DATA "); ok {
				b.WriteString(id[:1])
			}
		}
		return b.String()
	}
	for name, c := range map[string]struct {
		priorities [3]string
		want       string
	}{
		"none":                       {[3]string{}, "135135135"},
		"one after another":          {[3]string{"u=3", "u=3", "u=3"}, "111333555"},
		"in turns":                   {[3]string{"i", "i", "i"}, "135135135"},
		"by urgency":                 {[3]string{"u=5", "u=3", "u=0"}, "555333111"},
		"the urgent, others in turn": {[3]string{"i", "u=1", "i"}, "333151515"},
		"out of range is default":    {[3]string{"u=9", "u=2", "u=-1"}, "333111555"},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, o, func(t *testing.T, r *rig) {
				for i, p := range c.priorities {
					if p == "" {
						r.get(uint32(2*i+1), "/big")
					} else {
						r.get(uint32(2*i+1), "/big", "priority", p)
					}
				}
				r.take()
				r.must(r.fr.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: 1 << 20}))
				got := r.take()
				sorted := turns(got)
				if name == "none" || name == "in turns" || strings.HasPrefix(name, "the urgent") { // which is first is not said
					if !fair(sorted, c.want) {
						t.Errorf("turns %s, want like %s", sorted, c.want)
					}
				} else if sorted != c.want {
					t.Errorf("turns %s, want %s", sorted, c.want)
				}
			})
		})
	}
	bubble(t, o, func(t *testing.T, r *rig) { // a wish changed
		r.get(1, "/big", "priority", "u=2")
		r.get(3, "/big", "priority", "u=3")
		r.must(r.fr.WritePriorityUpdate(3, "u=0"))
		r.take()
		r.must(r.fr.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: 1 << 20}))
		if got := turns(r.take()); got != "333111" {
			t.Errorf("turns %s", got)
		}
	})
}

// fair reports whether got is want but for which of equal streams begins.
func fair(got, want string) bool {
	if len(got) != len(want) {
		return false
	}
	round := 3
	if i := strings.IndexByte(want, '1'); want[:i] == "333" {
		if got[:3] != "333" {
			return false
		}
		got, round = got[3:], 2
	}
	sorted := []byte(got[:round])
	slices.Sort(sorted)
	return strings.Repeat(got[:round], len(got)/round) == got && strings.Contains("135 15", string(sorted))
}

func TestPriorityField(t *testing.T) {
	for s, want := range map[string]priority2{
		"": {3, false}, "u=0": {0, false}, "u=7, i": {7, true}, "i": {3, true}, "i=?1,u=1": {1, true}, "i=?0": {3, false},
		" u=2 ;x=y\t,\ti;q": {2, true}, "u=8": {3, false}, "u=": {3, false}, "u=11": {3, false}, "U=1": {3, false}, "x, y=2": {3, false},
		",,,": {3, false}, "u=1,u=5": {5, false},
	} {
		if got := parsePriority(s); got != want {
			t.Errorf("%q: %+v, want %+v", s, got, want)
		}
	}
}

// A slow handler's stream does not keep others from their turn, nor one whose
// client holds it back.
func TestAStreamThatCannotSendHoldsUpNobody(t *testing.T) {
	hits := table{"/big": answerOf(make([]byte, 10000))}
	o := rigOf{hits: hits, handler: func(w http.ResponseWriter, _ *http.Request) {
		w.Write([]byte("a"))
		w.(http.Flusher).Flush()
		time.Sleep(time.Second)
		w.Write(bytes.Repeat([]byte("b"), 10000))
	}}
	o.mine = []http2.Setting{{ID: http2.SettingInitialWindowSize, Val: 5000}}
	bubble(t, o, func(t *testing.T, r *rig) {
		r.get(1, "/slow", "priority", "u=0")
		r.expect("HEADERS 1 200", "DATA 1 1")
		r.get(3, "/big", "priority", "u=7")
		r.expect("HEADERS 3 200", "DATA 3 5000")
		r.get(5, "/big", "priority", "u=7")
		r.expect("HEADERS 5 200", "DATA 5 5000")
		r.pass(time.Second)
		r.expect("DATA 1 4999")
		r.must(r.fr.WriteWindowUpdate(5, 5000))
		r.expect("DATA 5 5000 END")
	})
}
