package front

import (
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/net/http2"
)

func TestTimesOfAConnection(t *testing.T) {
	const (
		handshake, ack, head, idle = 5 * time.Second, 7 * time.Second, 11 * time.Second, 60 * time.Second
		moment                     = time.Millisecond
	)
	base := rigOf{limits: Limits2{Handshake: handshake, SettingsAck: ack}, cfg: Config{Limits: Limits{ReadHead: head, Idle: idle}}, hits: hello}
	for name, c := range map[string]struct {
		mute, noAck bool
		do          func(*rig)
		after       time.Duration
		want        []string
	}{
		"no preface":          {true, true, func(*rig) {}, handshake, []string{"GOAWAY 0 SETTINGS_TIMEOUT"}},
		"half a preface":      {true, true, func(r *rig) { r.conn.Write([]byte(http2.ClientPreface[:9])) }, handshake, []string{"GOAWAY 0 SETTINGS_TIMEOUT"}},
		"no acknowledgement":  {false, true, func(*rig) {}, ack, []string{"GOAWAY 0 SETTINGS_TIMEOUT"}},
		"half a frame":        {false, false, func(r *rig) { r.conn.Write([]byte("\x00\x00\x08\x06\x00")) }, head, []string{"GOAWAY 0 ENHANCE_YOUR_CALM"}},
		"half a field block":  {false, false, func(r *rig) { r.must(r.fr.WriteHeaders(http2.HeadersFrameParam{StreamID: 1})) }, head, []string{"GOAWAY 0 ENHANCE_YOUR_CALM"}},
		"idle from the start": {false, false, func(*rig) {}, idle, []string{"GOAWAY 0 NO_ERROR"}},
		"idle after a request": {false, false, func(r *rig) {
			r.pass(idle / 2)
			r.get(1, "/hit")
			r.take()
		}, idle, []string{"GOAWAY 1 NO_ERROR"}},
		"pings are no requests": {false, false, func(r *rig) {
			r.pass(idle / 2)
			r.must(r.fr.WritePing(false, [8]byte{}))
			r.take()
		}, idle / 2, []string{"GOAWAY 0 NO_ERROR"}},
	} {
		t.Run(name, func(t *testing.T) {
			o := base
			o.mute, o.noAck = c.mute, c.noAck
			bubble(t, o, func(t *testing.T, r *rig) {
				c.do(r)
				r.pass(c.after - moment)
				r.expect()
				r.pass(2 * moment)
				r.expect(c.want...)
				r.pass(time.Second)
				r.expect("closed")
			})
		})
	}
}

// A connection with a request under way is not idle.
func TestALongRequestIsNotIdle(t *testing.T) {
	bubble(t, rigOf{cfg: Config{Limits: Limits{Idle: time.Second, Write: 2 * time.Hour}}, handler: func(http.ResponseWriter, *http.Request) { time.Sleep(time.Hour) }}, func(t *testing.T, r *rig) {
		r.get(1, "/")
		r.pass(time.Hour + time.Millisecond)
		r.expect("HEADERS 1 200 END")
		r.pass(2 * time.Second)
		r.expect("GOAWAY 1 NO_ERROR", "closed")
	})
}

// A request whose content comes a byte now and then keeps no handler for longer
// than a request may take, nor does an answer that is read so.
func TestARequestOfAHandlerHasItsTime(t *testing.T) {
	const most = time.Minute
	reset := func(s string) bool { return strings.HasPrefix(s, "RST 1 ") }
	for name, handler := range map[string]http.HandlerFunc{
		"content": func(w http.ResponseWriter, r *http.Request) {
			if _, err := io.ReadAll(r.Body); err == nil {
				t.Error("content without end was read to its end")
			}
		},
		"answer": func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(200)
			if _, err := w.Write(make([]byte, 1<<20)); err == nil {
				t.Error("an answer that nobody reads was sent")
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			o := rigOf{handler: handler, cfg: Config{Limits: Limits{Write: most}}, limits: Limits2{Stall: time.Hour}}
			bubble(t, o, func(t *testing.T, r *rig) {
				r.open(1, false, ":method", "POST", ":scheme", "https", ":authority", "a", ":path", "/")
				for range 11 {
					r.must(r.fr.WriteData(1, false, []byte("a")))
					r.pass(5 * time.Second)
				}
				if got := r.take(); slices.ContainsFunc(got, reset) {
					t.Fatalf("it was reset before its time: %q", got)
				}
				r.pass(5*time.Second + time.Millisecond)
				if got := r.take(); !slices.ContainsFunc(got, reset) {
					t.Errorf("it goes on: %q", got)
				}
			})
		})
	}
}

// Whoever asks for much and lets little through is ended, one who is slow but
// moves is not (CVE-2019-9511).
func TestStalledStreams(t *testing.T) {
	const stall = 10 * time.Second
	hits := table{"/big": answerOf(make([]byte, 300<<10))}
	o := rigOf{hits: hits, limits: Limits2{Stall: stall, StallBytes: 1000, Updates: 1 << 20}}
	o.mine = []http2.Setting{{ID: http2.SettingInitialWindowSize, Val: 0}}
	for moved, want := range map[uint32][]string{0: {"RST 1 ENHANCE_YOUR_CALM"}, 999: {"DATA 1 999", "RST 1 ENHANCE_YOUR_CALM"}, 1000: {"DATA 1 1000"}} {
		t.Run(fmt.Sprint("a stream's window, ", moved, " bytes"), func(t *testing.T) {
			bubble(t, o, func(t *testing.T, r *rig) {
				r.get(1, "/big")
				r.expect("HEADERS 1 200")
				r.pass(stall / 2)
				if moved > 0 {
					r.must(r.fr.WriteWindowUpdate(1, moved))
				}
				r.pass(stall/2 + time.Millisecond)
				r.expect(want...)
			})
		})
	}
	o.mine = []http2.Setting{{ID: http2.SettingInitialWindowSize, Val: 1 << 20}}
	for moved, end := range map[uint32]bool{0: true, 999: true, 1000: false} {
		t.Run(fmt.Sprint("the connection's window, ", moved, " bytes"), func(t *testing.T) {
			bubble(t, o, func(t *testing.T, r *rig) {
				r.get(1, "/big")
				r.get(3, "/big")
				r.take()
				r.pass(stall / 2)
				if moved > 0 {
					r.must(r.fr.WriteWindowUpdate(0, moved))
				}
				r.take()
				r.pass(stall/2 + time.Millisecond)
				if end {
					r.expect("GOAWAY 3 ENHANCE_YOUR_CALM")
				} else {
					r.expect()
				}
			})
		})
	}
}

// A stream that waits for others on a slow connection is not at fault.
func TestAStreamBehindOthersIsNotStalled(t *testing.T) {
	const stall = 10 * time.Second
	hits := table{"/big": answerOf(make([]byte, 100<<10))}
	o := rigOf{hits: hits, limits: Limits2{Stall: stall, StallBytes: 1000}, mine: []http2.Setting{{ID: http2.SettingInitialWindowSize, Val: 1 << 20}}}
	bubble(t, o, func(t *testing.T, r *rig) {
		for id := uint32(1); id < 9; id += 2 {
			r.get(id, "/big", "priority", "u=1") // one after another
		}
		for range 100 {
			r.pass(stall / 2)
			r.must(r.fr.WriteWindowUpdate(0, 4000))
		}
		r.take()
		for id := uint32(1); id < 9; id += 2 {
			if len(r.data[id]) != 100<<10 {
				t.Errorf("stream %d: %d bytes", id, len(r.data[id]))
			}
		}
	})
}

func TestAClientThatDoesNotReadIsCutOff(t *testing.T) {
	const within = 5 * time.Second
	bubble(t, rigOf{mute: true, deaf: true, hits: hello, limits: Limits2{Write: within}}, func(t *testing.T, r *rig) {
		r.hello()
		for id := uint32(1); id < 99; id += 2 {
			r.get(id, "/hit")
		}
		r.pass(within + time.Millisecond)
		if _, err := r.conn.Write([]byte{0}); err == nil {
			t.Error("the connection is still there")
		}
	})
}

func TestControlFramesThatAreNotReadAreBounded(t *testing.T) {
	bubble(t, rigOf{mute: true, deaf: true, limits: Limits2{Queued: 10 * 17, Pings: 1 << 20}}, func(t *testing.T, r *rig) {
		r.hello()
		ended := false
		for range 100 {
			if err := r.fr.WritePing(false, [8]byte{}); err != nil {
				ended = true
				break
			}
			synctest.Wait()
		}
		if !ended {
			t.Error("a hundred answers wait for a client that does not read")
		}
	})
}

func TestAGracefulEnd(t *testing.T) {
	goOn := make(chan bool)
	for _, answers := range []bool{true, false} { // the PING, or the time given
		o := rigOf{limits: Limits2{Drain: time.Second}, handler: func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/close" {
				w.Header().Set("Connection", "close") // as a handler of HTTP/1.1 would say it
				return
			}
			<-goOn
		}}
		bubble(t, o, func(t *testing.T, r *rig) {
			goOn = make(chan bool)
			r.get(1, "/long")
			r.get(3, "/close")
			r.expect("GOAWAY 2147483647 NO_ERROR", "PING drain", "HEADERS 3 200 END")
			r.get(5, "/long") // was under way
			if answers {
				r.must(r.fr.WritePing(true, drainPing))
			} else {
				r.pass(time.Second)
			}
			r.expect("GOAWAY 5 NO_ERROR")
			r.get(7, "/late") // the client may send it elsewhere
			r.expect()
			close(goOn)
			r.pass(time.Second)
			got := r.take()
			if len(got) != 3 || got[2] != "closed" {
				t.Errorf("%q", got)
			}
		})
	}
}
