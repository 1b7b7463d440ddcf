package front

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

const (
	initialWindow = 1<<16 - 1 // bytes (RFC 9113 §6.9.2)
	maxWindow     = 1<<31 - 1 // bytes (§6.9.1)
	anyStream     = 1<<31 - 1 // the last stream of a GOAWAY that refuses none yet (§6.8)
)

// conn2 is one HTTP/2 connection. One goroutine reads it and answers hits;
// each stream of a handler has a goroutine. Whoever has something to send, and
// finds the pen free, takes it and writes for all until nothing is left.
type conn2 struct {
	h       *HTTP2
	lim     *Limits2
	all     *Limits // those of every protocol
	conn    net.Conn
	wire    wire
	handler http.Handler
	ctx     context.Context
	cancel  context.CancelFunc
	tls     *tls.ConnectionState // nil in clear
	remote  netip.AddrPort
	peer    string // the same as text

	// Only the reading goroutine uses these.
	in     intake
	framer *http2.Framer
	dec    *hpack.Decoder
	block  block2
	req    kept2 // the request that may be a hit

	mu      sync.Mutex
	free    sync.Cond // told when the pen is laid down
	now     time.Time // when the last bytes came
	streams map[uint32]*stream2
	spare   *stream2 // streams of hits to be used again, linked by next
	lastID  uint32   // the highest stream that the client opened
	running int      // handlers
	ready   [urgencies]queue2
	thirsty []*stream2 // held back by the connection's window
	knows   bool       // the client speaks of priorities (RFC 9218)
	reset   recent     // streams reset here, of which frames may be under way

	control    []byte // frames that no flow control holds back
	writing    bool   // the pen is taken
	window     int64  // bytes of content that may be sent
	moved      int    // bytes of content sent since the window was first found wanting
	streamWin  int64  // what a new stream may send
	frameMost  int    // payload that the client takes in a frame
	shrinkHead bool   // the next field block must set the encoder's table to 0 (RFC 7541 §4.2)
	credit     int    // bytes of content that the client may send
	owed       int    // bytes to be given back to the client

	sent Sent // told of hits, one after another

	settings, pings, priorities, unknown, empty, resets meter
	updates                                             int

	greeted, acked  bool // the client's SETTINGS came, ours were acknowledged
	draining, final bool // the first, the last GOAWAY has been sent
	over            bool // nothing more is read
	broken          bool // nothing more can be written
	watch           watch2
}

func newConn2(ctx context.Context, h *HTTP2, conn net.Conn, handler http.Handler) *conn2 {
	c := &conn2{
		h: h, lim: &h.limits, all: &h.cfg.Limits, conn: conn, wire: wireOf(conn), handler: handler,
		now: time.Now(), streams: map[uint32]*stream2{},
		window: initialWindow, streamWin: initialWindow, frameMost: maxReadFrame, credit: h.limits.ConnWindow,
	}
	c.free.L = &c.mu
	c.ctx, c.cancel = context.WithCancel(ctx)
	if a := conn.RemoteAddr(); a != nil {
		c.peer = a.String()
		c.remote, _ = netip.ParseAddrPort(c.peer) // none for what is not TCP
	}
	if tc, ok := conn.(*tls.Conn); ok {
		s := tc.ConnectionState()
		c.tls = &s
	}
	c.in.src = conn
	c.framer = http2.NewFramer(io.Discard, &c.in)
	c.framer.SetReuseFrames()
	c.framer.SetMaxReadFrameSize(maxReadFrame)
	c.dec = hpack.NewDecoder(4096, c.block.add) // the size until SETTINGS say another, and ours do not (RFC 9113 §6.5.2)
	c.block.all = c.all
	c.watch.begin(c)
	return c
}

// serve runs the connection to its end.
func (c *conn2) serve() {
	defer c.end()
	c.mu.Lock()
	c.control = appendSettings(c.control,
		http2.Setting{ID: http2.SettingMaxConcurrentStreams, Val: uint32(c.lim.Streams)},
		http2.Setting{ID: http2.SettingInitialWindowSize, Val: uint32(c.lim.StreamWindow)},
		http2.Setting{ID: http2.SettingMaxHeaderListSize, Val: uint32(c.all.Head)},
		http2.Setting{ID: http2.SettingNoRFC7540Priorities, Val: 1})
	if n := c.lim.ConnWindow - initialWindow; n > 0 {
		c.control = appendWindowUpdate(c.control, 0, n)
	}
	c.mu.Unlock()
	if c.tls != nil && c.tls.Version < tls.VersionTLS12 {
		c.fail(fault2{http2.ErrCodeInadequateSecurity, "TLS 1.2 is the least"})
		return
	}
	if err := c.preface(); err != nil {
		c.fault(err)
		return
	}
	for {
		if !c.in.whole() {
			if !c.more() {
				return
			}
			continue
		}
		kind := c.in.kind()
		f, err := c.framer.ReadFrame()
		if err == nil {
			err = c.frame(f)
		} else {
			err = c.unreadable(kind, err)
		}
		if err != nil && !c.fault(err) {
			return
		}
	}
}

// preface reads what a client begins with (RFC 9113 §3.4).
func (c *conn2) preface() error {
	for {
		have := c.in.buf[c.in.r:c.in.w]
		n := min(len(have), len(http2.ClientPreface))
		if string(have[:n]) != http2.ClientPreface[:n] {
			return fault2{http2.ErrCodeProtocol, "not the preface of HTTP/2"}
		}
		if n == len(http2.ClientPreface) {
			c.in.r += n
			return nil
		}
		if !c.more() {
			return io.EOF
		}
	}
}

// more sends what the frames read so far have caused, and waits for more.
func (c *conn2) more() bool {
	c.mu.Lock()
	c.watch.partial(!c.in.empty() || c.block.open)
	if len(c.streams) == 0 {
		c.in.shrink()
	}
	over := c.over
	c.mu.Unlock()
	if over {
		return false
	}
	c.send()
	err := c.in.more()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = time.Now()
	return err == nil && !c.over
}

// fault2 ends the connection, and is told to the client.
type fault2 struct {
	code http2.ErrCode
	why  string
}

func (f fault2) Error() string { return f.code.String() + ": " + f.why }

// calm is what somebody hears who does too much of something.
func calm(why string) error { return fault2{http2.ErrCodeEnhanceYourCalm, why} }

// unreadable says what a frame that the framer refuses means.
func (c *conn2) unreadable(kind http2.FrameType, err error) error {
	var se http2.StreamError
	switch {
	case errors.Is(err, http2.ErrFrameTooLarge):
		return fault2{http2.ErrCodeFrameSize, "frame too large"}
	case errors.As(err, &se):
		if kind == http2.FrameHeaders { // fields were lost that later ones may refer to
			return fault2{se.Code, "field block not readable"}
		}
		c.mu.Lock()
		defer c.mu.Unlock()
		if se.StreamID > c.lastID { // a stream not open has no errors of its own
			return fault2{se.Code, "frame of an idle stream"}
		}
		return err
	}
	var ce http2.ConnectionError
	if errors.As(err, &ce) {
		why := ""
		if d := c.framer.ErrorDetail(); d != nil {
			why = d.Error()
		}
		return fault2{http2.ErrCode(ce), why}
	}
	return err
}

// fault does what an error asks for and reports whether the connection goes on.
func (c *conn2) fault(err error) bool {
	var se http2.StreamError
	if errors.As(err, &se) {
		c.mu.Lock()
		f := c.resetStream(se.StreamID, se.Code)
		c.mu.Unlock()
		if f == nil {
			return true
		}
		err = f
	}
	var f fault2
	if errors.As(err, &f) {
		c.fail(f)
	}
	return false
}

// fail ends the connection with a GOAWAY, as soon as that is sent.
func (c *conn2) fail(f fault2) {
	c.mu.Lock()
	if !c.over {
		c.endStreams()
		c.control = appendGoAway(c.control, c.lastID, f.code, f.why)
		c.final = true
		c.stopReading()
	}
	c.mu.Unlock()
	c.send()
}

// stopReading wakes the reading goroutine to end the connection.
func (c *conn2) stopReading() {
	c.over = true
	c.conn.SetReadDeadline(time.Unix(1, 0)) // where it fails, reading does too
}

// end closes the connection, when what was still to be said has been said.
func (c *conn2) end() {
	c.send()
	c.mu.Lock()
	said := c.over
	c.over = true
	c.endStreams()
	c.watch.end()
	for said && c.writing {
		c.free.Wait()
	}
	said = said && !c.broken
	c.mu.Unlock()
	c.cancel()
	if said {
		c.linger()
	}
	c.conn.Close() // the end, whatever it says
}

// linger waits for the client to read the last words: closing a socket with
// unread bytes makes the kernel throw away what it has not yet delivered.
func (c *conn2) linger() {
	under := c.conn
	if tc, ok := c.conn.(*tls.Conn); ok {
		under = tc.NetConn()
		tc.CloseWrite() // an error shows in the read below
		c.wire.lastly()
	}
	if closeWrite(under) != nil {
		return
	}
	if under.SetReadDeadline(time.Now().Add(c.lim.Linger)) != nil {
		return
	}
	var b [512]byte
	for range 1024 {
		if _, err := under.Read(b[:]); err != nil {
			return
		}
	}
}

// drain is the first step of a graceful end (RFC 9113 §6.8): the client learns
// that it should stop, and a round trip later which of its streams still counted.
func (c *conn2) drain() {
	c.mu.Lock()
	if !c.draining && !c.over {
		c.draining = true
		c.control = appendPing(appendGoAway(c.control, anyStream, http2.ErrCodeNo, ""), false, drainPing)
		c.watch.drain(c.lim.Drain)
	}
	c.mu.Unlock()
	c.send()
}

// drainPing marks the PING that measures the round trip of a graceful end.
var drainPing = [8]byte{'d', 'r', 'a', 'i', 'n'}

// drained sends the last GOAWAY: streams after it were not and will not be
// looked at.
func (c *conn2) drained() {
	if c.final {
		return
	}
	c.final = true
	c.control = appendGoAway(c.control, c.lastID, http2.ErrCodeNo, "")
}
