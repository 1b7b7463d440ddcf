package front

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/http2"
)

// until waits for the request to be given up.
func until(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }

// floods are what a client may do most times in a window, and the limit of it.
var floods = map[string]struct {
	limits Limits2
	most   int
	do     func(r *rig, i int)
}{
	"resets": {Limits2{Resets: 7}, 7, func(r *rig, i int) { // CVE-2023-44487
		r.get(uint32(2*i+1), "/")
		r.must(r.fr.WriteRSTStream(uint32(2*i+1), http2.ErrCodeCancel))
	}},
	"resets that the client provokes": {Limits2{Resets: 7}, 7, func(r *rig, i int) { // CVE-2025-8671
		r.get(uint32(2*i+1), "/")
		r.must(r.fr.WriteWindowUpdate(uint32(2*i+1), 0))
	}},
	"requests that are refused": {Limits2{Resets: 7}, 7, func(r *rig, i int) { r.get(uint32(2*i+1), "") }},
	"settings":                  {Limits2{Settings: 8}, 7, func(r *rig, _ int) { r.must(r.fr.WriteSettings()) }}, // the first has been sent
	"pings":                     {Limits2{Pings: 7}, 7, func(r *rig, _ int) { r.must(r.fr.WritePing(false, [8]byte{})) }},
	"priorities": {Limits2{Priorities: 7}, 7, func(r *rig, _ int) {
		r.must(r.fr.WritePriority(1, http2.PriorityParam{StreamDep: 3}))
	}},
	"priority updates":  {Limits2{Priorities: 7}, 7, func(r *rig, _ int) { r.must(r.fr.WritePriorityUpdate(1, "u=1")) }},
	"frames of no type": {Limits2{Unknown: 7}, 7, func(r *rig, _ int) { r.must(r.fr.WriteRawFrame(0x77, 0, 0, nil)) }},
	"window updates":    {Limits2{Updates: 7}, 7, func(r *rig, _ int) { r.must(r.fr.WriteWindowUpdate(0, 1)) }},
}

func TestFloodsAreEndedAtTheirLimit(t *testing.T) {
	for name, f := range floods {
		t.Run(name, func(t *testing.T) {
			bubble(t, rigOf{limits: f.limits, handler: until}, func(t *testing.T, r *rig) {
				for i := range f.most {
					f.do(r, i)
				}
				if got := r.take(); slices.ContainsFunc(got, goingAway) {
					t.Fatalf("after %d: %q", f.most, got)
				}
				f.do(r, f.most)
				r.pass(time.Second)
				if got := r.take(); !slices.ContainsFunc(got, calmed) || got[len(got)-1] != "closed" {
					t.Errorf("after %d: %q", f.most+1, got)
				}
			})
		})
	}
}

// What is counted over a time is forgotten with it.
func TestFloodsAreCountedOverAWindowOfTime(t *testing.T) {
	for name, f := range floods {
		if name == "window updates" { // they are weighed against what was sent
			continue
		}
		f.limits.Window = 5 * time.Second
		t.Run(name, func(t *testing.T) {
			bubble(t, rigOf{limits: f.limits, handler: until}, func(t *testing.T, r *rig) {
				for i := range 3 * f.most {
					if i > 0 && i%f.most == 0 {
						r.pass(5 * time.Second)
					}
					f.do(r, i)
				}
				if got := r.take(); slices.ContainsFunc(got, goingAway) {
					t.Errorf("%q", got)
				}
			})
		})
	}
}

func goingAway(s string) bool { return strings.HasPrefix(s, "GOAWAY") }
func calmed(s string) bool {
	return goingAway(s) && strings.HasSuffix(s, "ENHANCE_YOUR_CALM")
}

func TestWindowUpdatesAreWeighedAgainstWhatWasSent(t *testing.T) {
	hits := table{"/big": answerOf(make([]byte, 40<<10))}
	mine := []http2.Setting{{ID: http2.SettingInitialWindowSize, Val: 1 << 10}}
	bubble(t, rigOf{hits: hits, limits: Limits2{Updates: 7}, mine: mine}, func(t *testing.T, r *rig) {
		r.get(1, "/big")
		for range 39 {
			r.must(r.fr.WriteWindowUpdate(1, 1<<10))
			r.take()
		}
		if len(r.data[1]) != 40<<10 {
			t.Errorf("%d bytes came", len(r.data[1]))
		}
	})
}

func TestEmptyDataFrames(t *testing.T) {
	for _, pad := range [][]byte{nil, {0}} { // padding is no content
		bubble(t, rigOf{limits: Limits2{Empty: 7}, handler: until}, func(t *testing.T, r *rig) {
			r.open(1, false, plainly("POST", "/")...)
			for range 7 {
				r.must(r.fr.WriteDataPadded(1, false, nil, pad))
			}
			r.expect()
			r.must(r.fr.WriteDataPadded(1, false, nil, pad))
			r.pass(time.Second)
			r.expect("GOAWAY 1 ENHANCE_YOUR_CALM", "closed")
		})
	}
}

func TestContinuations(t *testing.T) {
	for extra, want := range [][]string{{"HEADERS 1 200 END"}, {"GOAWAY 0 ENHANCE_YOUR_CALM", "closed"}} {
		bubble(t, rigOf{limits: Limits2{Continuations: 3}, handler: func(http.ResponseWriter, *http.Request) {}}, func(t *testing.T, r *rig) {
			block := r.fields(plainly("GET", "/")...)
			r.must(r.fr.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, EndStream: true}))
			for range 2 + extra {
				r.must(r.fr.WriteContinuation(1, false, nil))
			}
			r.must(r.fr.WriteContinuation(1, true, block))
			r.pass(time.Second)
			r.expect(want...)
		})
	}
}

func TestFieldBlockSize(t *testing.T) {
	for extra, want := range [][]string{{"HEADERS 1 431 END"}, {"GOAWAY 0 ENHANCE_YOUR_CALM", "closed"}} {
		bubble(t, rigOf{limits: Limits2{HeaderBlock: 20 << 10}, cfg: Config{Limits: Limits{Head: 1 << 10}}}, func(t *testing.T, r *rig) {
			block := r.fields(plainly("GET", "/")...)
			for len(block)+4 <= 20<<10+extra {
				block = append(block, 0, 1, 'a', 0) // a field that nobody keeps
			}
			for len(block) < 20<<10+extra {
				block = append(block, 0x82) // a field of one byte
			}
			r.must(r.fr.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, EndStream: true, BlockFragment: block[:maxReadFrame]}))
			r.must(r.fr.WriteContinuation(1, true, block[maxReadFrame:]))
			r.pass(time.Second)
			r.expect(want...)
		})
	}
}

func TestFieldSectionSizeAndCount(t *testing.T) {
	size := func(pairs []string) (n int) { // RFC 9113 §6.5.2
		for i := 0; i < len(pairs); i += 2 {
			n += len(pairs[i]) + len(pairs[i+1]) + 32
		}
		return n
	}
	ask := plainly("GET", "/", "a", strings.Repeat("x", 500))
	for extra, status := range []string{"200 END", "431 END"} {
		bubble(t, rigOf{cfg: Config{Limits: Limits{Head: size(ask) - extra}}, handler: func(http.ResponseWriter, *http.Request) {}}, func(t *testing.T, r *rig) {
			r.ask(1, ask...)
			r.expect("HEADERS 1 " + status)
		})
		bubble(t, rigOf{cfg: Config{Limits: Limits{Fields: 5 - extra}}, handler: func(http.ResponseWriter, *http.Request) {}}, func(t *testing.T, r *rig) {
			r.ask(1, ask...)
			r.expect("HEADERS 1 " + status)
			r.ask(3, plainly("GET", "/")...) // the tables of both sides still agree
			r.expect("HEADERS 3 200 END")
		})
		bubble(t, rigOf{cfg: Config{Limits: Limits{Target: 10 - extra}}, handler: func(http.ResponseWriter, *http.Request) {}}, func(t *testing.T, r *rig) {
			r.get(1, "/123456789")
			r.expect("HEADERS 1 " + strings.Replace(status, "431", "414", 1))
		})
	}
}

// A bomb: small on the wire, large when decoded (RFC 7541 §7.3).
func TestAFieldBombIsNotKept(t *testing.T) {
	bubble(t, rigOf{}, func(t *testing.T, r *rig) {
		block := r.fields(plainly("GET", "/", "a", strings.Repeat("x", 3000))...)
		for range 10_000 {
			block = append(block, 0x80|62) // the newest entry of the table
		}
		r.must(r.fr.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, EndStream: true, EndHeaders: true, BlockFragment: block}))
		r.expect("HEADERS 1 431 END")
	})
}

func TestConcurrentStreams(t *testing.T) {
	bubble(t, rigOf{limits: Limits2{Streams: 3}, handler: until}, func(t *testing.T, r *rig) {
		for id := uint32(1); id <= 7; id += 2 {
			r.get(id, "/")
		}
		r.expect("RST 7 REFUSED_STREAM")
		r.must(r.fr.WriteRSTStream(1, http2.ErrCodeCancel))
		r.take()
		r.get(9, "/")
		r.expect()
	})
}

// A stream that the client has given up counts until its handler has returned.
func TestHandlersOfStreamsGivenUpCount(t *testing.T) {
	goOn := make(chan bool)
	bubble(t, rigOf{limits: Limits2{Streams: 2}, handler: func(http.ResponseWriter, *http.Request) { <-goOn }}, func(t *testing.T, r *rig) {
		goOn = make(chan bool) // of this bubble
		for id := uint32(1); id <= 5; id += 2 {
			r.get(id, "/")
			r.must(r.fr.WriteRSTStream(id, http2.ErrCodeCancel))
		}
		r.expect("RST 5 REFUSED_STREAM")
		close(goOn)
		r.take()
		r.get(7, "/")
		r.expect("HEADERS 7 200 END")
	})
}

func TestResponseFieldsAreBounded(t *testing.T) {
	for extra, want := range []string{"HEADERS 1 200 END", "RST 1 INTERNAL_ERROR"} {
		bubble(t, rigOf{limits: Limits2{ResponseHeader: 1000}, handler: func(w http.ResponseWriter, _ *http.Request) {
			rest := len(appendFields(appendLiteral(nil, ":status", "200"), http.Header{"Date": {""}, "Content-Length": {"0"}, "A": {strings.Repeat("\x80", 700)}}))
			w.Header()["Date"] = []string{""}
			w.Header().Set("Content-Length", "0")
			w.Header().Set("A", strings.Repeat("\x80", 700+1000-rest+extra)) // no bytes that Huffman's code would shorten
		}}, func(t *testing.T, r *rig) {
			r.get(1, "/")
			r.expect(want)
		})
	}
}
