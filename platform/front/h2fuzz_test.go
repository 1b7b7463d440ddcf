package front

import (
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
	"pgregory.net/rapid"
)

// scripted is a connection whose client says all it has to say and leaves.
type scripted struct {
	in  *bytes.Reader
	mu  sync.Mutex
	out bytes.Buffer
}

func (s *scripted) Read(p []byte) (int, error) { return s.in.Read(p) }
func (s *scripted) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.out.Write(p)
}
func (s *scripted) Close() error                     { return nil }
func (s *scripted) LocalAddr() net.Addr              { return nil }
func (s *scripted) RemoteAddr() net.Addr             { return nil }
func (s *scripted) SetDeadline(time.Time) error      { return nil }
func (s *scripted) SetReadDeadline(time.Time) error  { return nil }
func (s *scripted) SetWriteDeadline(time.Time) error { return nil }

// FuzzFrames: whatever a client sends, the server comes to an end with it, and
// what it has said is well formed and within the client's windows.
func FuzzFrames(f *testing.F) {
	for _, seed := range seeds() {
		f.Add(seed)
	}
	hits := table{"/hit": answerOf([]byte("hello")), "/big": answerOf(make([]byte, 100<<10))}
	echo := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.Copy(w, r.Body) // an error is the client's end
	})
	f.Fuzz(func(t *testing.T, frames []byte) {
		conn := &scripted{in: bytes.NewReader(append([]byte(http2.ClientPreface), frames...))}
		h := NewHTTP2(Config{Hits: hits}, Limits2{Linger: time.Microsecond}, quiet)
		hangs := time.AfterFunc(20*time.Second, func() { panic("the connection does not end") }) // fuzzing would not tell
		h.ServeConn(context.Background(), conn, echo, nil)
		hangs.Stop()
		conn.mu.Lock()
		defer conn.mu.Unlock()
		if n, most := conn.out.Len(), 256<<10+16*len(frames); n > most && !bytes.Contains(frames, []byte{0, 4}) {
			t.Errorf("%d bytes of answer to %d", n, len(frames))
		}
		wellFormed(t, conn.out.Bytes())
	})
}

// wellFormed reads what a server has sent as a client would.
func wellFormed(t *testing.T, b []byte) {
	fr := http2.NewFramer(io.Discard, bytes.NewReader(b))
	fr.SetMaxReadFrameSize(1 << 24)
	fr.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
	for {
		if _, err := fr.ReadFrame(); err == io.EOF {
			return
		} else if err != nil {
			t.Fatalf("after %d bytes: %v", len(b), err)
		}
	}
}

// seeds are short conversations of all kinds.
func seeds() [][]byte {
	var all [][]byte
	say := func(do func(fr *http2.Framer, block func(...string) []byte)) {
		var b, e bytes.Buffer
		fr := http2.NewFramer(&b, nil)
		fr.AllowIllegalWrites = true
		enc := hpack.NewEncoder(&e)
		fr.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: 1000})
		do(fr, func(pairs ...string) []byte {
			e.Reset()
			for i := 0; i < len(pairs); i += 2 {
				enc.WriteField(hpack.HeaderField{Name: pairs[i], Value: pairs[i+1]})
			}
			return bytes.Clone(e.Bytes())
		})
		all = append(all, b.Bytes())
	}
	get := func(fr *http2.Framer, id uint32, end bool, block []byte) {
		fr.WriteHeaders(http2.HeadersFrameParam{StreamID: id, BlockFragment: block, EndHeaders: true, EndStream: end})
	}
	say(func(fr *http2.Framer, block func(...string) []byte) {
		get(fr, 1, true, block(plainly("GET", "/hit")...))
		get(fr, 3, true, block(plainly("GET", "/big", "priority", "u=1, i")...))
		fr.WriteWindowUpdate(3, 5000)
		fr.WriteWindowUpdate(0, 5000)
		fr.WritePriorityUpdate(3, "u=5")
		fr.WriteRSTStream(3, http2.ErrCodeCancel)
		fr.WritePing(false, [8]byte{1})
	})
	say(func(fr *http2.Framer, block func(...string) []byte) {
		get(fr, 1, false, block(plainly("POST", "/echo", "content-length", "5", "expect", "100-continue")...))
		fr.WriteDataPadded(1, false, []byte("he"), []byte{0, 0})
		fr.WriteData(1, false, []byte("llo"))
		get(fr, 1, true, block("sum", "1"))
		fr.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: 1}, http2.Setting{ID: http2.SettingHeaderTableSize, Val: 0})
		fr.WriteGoAway(0, http2.ErrCodeNo, nil)
	})
	say(func(fr *http2.Framer, block func(...string) []byte) {
		b := block(plainly("GET", "/", "a", strings.Repeat("b", 300))...)
		fr.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: b[:10], EndStream: true, PadLength: 3, Priority: http2.PriorityParam{StreamDep: 3, Weight: 2}})
		fr.WriteContinuation(1, false, b[10:20])
		fr.WriteContinuation(1, true, b[20:])
		fr.WritePriority(5, http2.PriorityParam{StreamDep: 1})
		fr.WriteRawFrame(0x77, 3, 9, []byte("unknown"))
	})
	return all
}

// Whatever is sent in whatever order, the connection is either ended with a
// reason or still there for the next request.
func TestRandomFramesNeverHangAConnection(t *testing.T) {
	hits := table{"/hit": answerOf([]byte("hello")), "/big": answerOf(make([]byte, 50<<10))}
	echo := func(w http.ResponseWriter, r *http.Request) { io.Copy(w, r.Body) }
	rapid.Check(t, func(rt *rapid.T) {
		ops := rapid.SliceOfN(rapid.IntRange(0, 13), 1, 60).Draw(rt, "ops")
		ids := rapid.SliceOfN(rapid.Uint32Range(0, 6), len(ops), len(ops)).Draw(rt, "streams")
		sizes := rapid.SliceOfN(rapid.IntRange(0, 3000), len(ops), len(ops)).Draw(rt, "sizes")
		bubble(t, rigOf{hits: hits, handler: echo, limits: Limits2{Streams: 5}}, func(t *testing.T, r *rig) {
			next := uint32(1)
			for i, op := range ops {
				id, n := 2*ids[i]+1, sizes[i]
				switch op {
				case 0, 1:
					r.get(next, []string{"/hit", "/big"}[op], "priority", []string{"u=1", "i"}[n%2])
					next += 2
				case 2, 3:
					r.open(next, false, plainly("POST", "/echo")...)
					next += 2
				case 4, 5:
					r.must(r.fr.WriteData(min(id, next), n%5 == 0, make([]byte, n)))
				case 6:
					r.must(r.fr.WriteRSTStream(min(id, next), http2.ErrCodeCancel))
				case 7:
					r.must(r.fr.WriteWindowUpdate(min(id, next), uint32(n)))
				case 8:
					r.must(r.fr.WriteWindowUpdate(0, uint32(n+1)))
				case 9:
					r.must(r.fr.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: uint32(n)}))
				case 10:
					r.must(r.fr.WritePriorityUpdate(id, "u=2, i"))
				case 11:
					r.ask(min(id, next), "trailer", "x")
				case 12:
					r.must(r.fr.WriteRawFrame(http2.FrameType(n), http2.Flags(n>>3), id, make([]byte, n%50)))
				case 13:
					r.must(r.fr.WriteDataPadded(min(id, next), false, nil, make([]byte, n%200)))
				}
			}
			r.must(r.fr.WritePing(false, [8]byte{9}))
			r.pass(time.Second)
			got := strings.Join(r.take(), ", ")
			if alive, ended := strings.Contains(got, "PING ack"), strings.Contains(got, "GOAWAY"); alive == ended && !alive {
				rt.Errorf("neither alive nor ended: %s", got)
			}
		})
	})
}
