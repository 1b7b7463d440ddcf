package front

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// rig is a client of one connection that says exactly what a test wants. It
// lives in a synctest bubble: wait returns when the server has done all it will.
type rig struct {
	t    *testing.T
	conn net.Conn
	fr   *http2.Framer
	enc  *hpack.Encoder
	ebuf bytes.Buffer

	mu    sync.Mutex
	seen  []string // what came, as text
	data  map[uint32][]byte
	heads map[uint32]map[string]string
	reset map[uint32]http2.ErrCode
}

// rigOf says what a server is made of.
type rigOf struct {
	hits    Hits
	cfg     Config
	limits  Limits2
	handler http.HandlerFunc
	mine    []http2.Setting // the client's SETTINGS
	mute    bool            // the client begins with nothing
	noAck   bool            // and acknowledges nothing
	deaf    bool            // and reads nothing
}

// bubble runs a test against a connection.
func bubble(t *testing.T, o rigOf, test func(t *testing.T, r *rig)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		o.cfg.Hits = o.hits
		h := NewHTTP2(o.cfg, o.limits, quiet)
		var handler http.Handler = o.handler
		if o.handler == nil {
			handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "handled") })
		}
		ours, theirs := net.Pipe()
		done := make(chan bool)
		go func() {
			h.ServeConn(context.Background(), theirs, handler, nil)
			close(done)
		}()
		hears := make(chan bool)
		if !o.deaf {
			close(hears)
		}
		r := newRig(t, ours, hears)
		if !o.mute {
			r.hello(o.mine...)
			if !o.noAck {
				r.must(r.fr.WriteSettingsAck())
			}
		}
		test(t, r)
		ours.Close()
		if o.deaf {
			close(hears)
		}
		<-done
	})
}

func newRig(t *testing.T, conn net.Conn, hears chan bool) *rig {
	r := &rig{t: t, conn: conn, data: map[uint32][]byte{}, heads: map[uint32]map[string]string{}, reset: map[uint32]http2.ErrCode{}}
	r.fr = http2.NewFramer(conn, conn)
	r.fr.AllowIllegalWrites = true
	r.enc = hpack.NewEncoder(&r.ebuf)
	go func() {
		<-hears
		r.listen()
	}()
	return r
}

func (r *rig) must(err error) {
	if err != nil {
		r.t.Helper()
		r.t.Logf("a write failed: %v", err) // the connection may be closed, which a test sees by what came
	}
}

func (r *rig) hello(mine ...http2.Setting) {
	io.WriteString(r.conn, http2.ClientPreface)
	r.must(r.fr.WriteSettings(mine...))
}

// listen notes what comes.
func (r *rig) listen() {
	fr := http2.NewFramer(io.Discard, r.conn)
	fr.SetMaxReadFrameSize(1 << 20)
	fr.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
	fr.MaxHeaderListSize = 1 << 20
	for {
		f, err := fr.ReadFrame()
		r.mu.Lock()
		if err != nil {
			if err != io.EOF && !strings.Contains(err.Error(), "closed pipe") {
				r.seen = append(r.seen, "unreadable: "+err.Error())
			}
			r.seen = append(r.seen, "closed")
			r.mu.Unlock()
			r.conn.Close()
			return
		}
		r.note(f)
		r.mu.Unlock()
	}
}

func (r *rig) note(f http2.Frame) {
	end := ""
	h := f.Header()
	switch h.Type {
	case http2.FrameData, http2.FrameHeaders:
		if h.Flags.Has(http2.FlagDataEndStream) {
			end = " END"
		}
	}
	switch f := f.(type) {
	case *http2.MetaHeadersFrame:
		m := map[string]string{}
		for _, x := range f.Fields {
			m[x.Name] = x.Value
		}
		r.heads[h.StreamID] = m
		r.seen = append(r.seen, fmt.Sprintf("HEADERS %d %s%s", h.StreamID, m[":status"], end))
	case *http2.DataFrame:
		r.data[h.StreamID] = append(r.data[h.StreamID], f.Data()...)
		r.seen = append(r.seen, fmt.Sprintf("DATA %d %d%s", h.StreamID, len(f.Data()), end))
	case *http2.RSTStreamFrame:
		r.reset[h.StreamID] = f.ErrCode
		r.seen = append(r.seen, fmt.Sprintf("RST %d %s", h.StreamID, f.ErrCode))
	case *http2.GoAwayFrame:
		r.seen = append(r.seen, fmt.Sprintf("GOAWAY %d %s", f.LastStreamID, f.ErrCode))
	case *http2.WindowUpdateFrame:
		r.seen = append(r.seen, fmt.Sprintf("WINDOW_UPDATE %d %d", h.StreamID, f.Increment))
	case *http2.SettingsFrame:
		if f.IsAck() {
			r.seen = append(r.seen, "SETTINGS ack")
		} else {
			r.seen = append(r.seen, "SETTINGS")
		}
	case *http2.PingFrame:
		if f.IsAck() {
			r.seen = append(r.seen, "PING ack")
		} else {
			r.seen = append(r.seen, "PING "+strings.TrimRight(string(f.Data[:]), "\x00"))
		}
	default:
		r.seen = append(r.seen, h.Type.String())
	}
}

// take waits until the server has done all it will do, and gives what has come
// since the last time, but for what every connection begins with.
func (r *rig) take() []string {
	synctest.Wait()
	r.mu.Lock()
	defer r.mu.Unlock()
	got := slices.DeleteFunc(r.seen, func(s string) bool {
		return s == "SETTINGS" || s == "SETTINGS ack" || strings.HasPrefix(s, "WINDOW_UPDATE 0 ")
	})
	r.seen = nil
	return got
}

// pass lets time go by, in the bubble.
func (r *rig) pass(d time.Duration) {
	synctest.Wait()
	time.Sleep(d)
}

// expect fails unless exactly that has come.
func (r *rig) expect(want ...string) {
	r.t.Helper()
	if got := r.take(); !slices.Equal(got, want) {
		r.t.Errorf("got  %q\nwant %q", got, want)
	}
}

// fields makes pairs of names and values into a field block.
func (r *rig) fields(pairs ...string) []byte {
	r.ebuf.Reset()
	for i := 0; i < len(pairs); i += 2 {
		r.must(r.enc.WriteField(hpack.HeaderField{Name: pairs[i], Value: pairs[i+1]}))
	}
	return slices.Clone(r.ebuf.Bytes())
}

// plainly are the pseudo-fields of a request, and more fields after them.
func plainly(method, path string, more ...string) []string {
	return append([]string{":method", method, ":scheme", "https", ":authority", "shop.example", ":path", path}, more...)
}

// ask opens a stream without content.
func (r *rig) ask(id uint32, pairs ...string) { r.open(id, true, pairs...) }

// open opens a stream; without end its content is to come.
func (r *rig) open(id uint32, end bool, pairs ...string) {
	r.must(r.fr.WriteHeaders(http2.HeadersFrameParam{StreamID: id, BlockFragment: r.fields(pairs...), EndHeaders: true, EndStream: end}))
}

// get asks for a path.
func (r *rig) get(id uint32, path string, more ...string) {
	r.ask(id, plainly("GET", path, more...)...)
}
