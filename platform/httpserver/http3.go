package httpserver

import (
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/http3"
	"golang.org/x/time/rate"

	"meridian/world"
)

// Limits3 are what HTTP/3 has of its own beside [Limits]. Zero values take the
// defaults of [DefaultLimits3].
type Limits3 struct {
	Streams    int64         `yaml:"streams" doc:"most requests at once on a connection"`
	Handshake  time.Duration `yaml:"handshake" doc:"longest silence before a connection's handshake is done"`
	Window     uint64        `yaml:"window" doc:"most bytes of requests' content that a connection may have under way"`
	Unverified float64       `yaml:"unverified" doc:"connections a second that are begun without the client having shown that its address is its own; those beyond are sent a Retry first"`
}

// DefaultLimits3 are fit for a port that strangers reach.
func DefaultLimits3() Limits3 {
	return Limits3{Streams: 100, Handshake: 5 * time.Second, Window: 1 << 20, Unverified: 200}
}

func (l Limits3) withDefaults() Limits3 {
	d := DefaultLimits3()
	return Limits3{
		Streams: cmp.Or(l.Streams, d.Streams), Handshake: cmp.Or(l.Handshake, d.Handshake),
		Window: cmp.Or(l.Window, d.Window), Unverified: cmp.Or(l.Unverified, d.Unverified),
	}
}

// Server3 is a running HTTP/3 port.
type Server3 struct {
	http      *http3.Server
	transport *quic.Transport
	conn      net.PacketConn
	done      chan struct{}
	err       error
	stop      time.Duration
}

// errFull refuses a connection while all seats are taken.
var errFull = errors.New("httpserver: all seats are taken")

// Serve3 answers HTTP/3 (RFC 9114) on a UDP port until [Server3.Stop], by the
// same handler and limits as [Serve]; its connections take seats, which may be
// shared with other servers. The library sends no more than three times
// what an unverified address has sent (RFC 9000 §8.1).
//
// 0-RTT is refused: early data can be replayed by whoever saw it (RFC 8446 §8),
// and a handler cannot tell an unsafe request that came so (RFC 8470 §5.2 has
// servers answer 425 where they can). It would save one round trip on a repeated
// visit.
func Serve3(conn net.PacketConn, t *tls.Config, h http.Handler, log *slog.Logger, l Limits, l3 Limits3, seats *Seats) (*Server3, error) {
	l, l3 = l.WithDefaults(), l3.withDefaults()
	unverified := rate.NewLimiter(rate.Limit(l3.Unverified), int(max(l3.Unverified, 1)))
	s := &Server3{conn: conn, done: make(chan struct{}), stop: l.Stop}
	s.transport = &quic.Transport{
		Conn:                conn,
		VerifySourceAddress: func(net.Addr) bool { return !unverified.Allow() },
		ConnContext: func(ctx context.Context, _ *quic.ClientInfo) (context.Context, error) {
			context.AfterFunc(ctx, seats.Leave)
			if !seats.Enter() {
				return nil, errFull
			}
			return ctx, nil
		},
	}
	ln, err := s.transport.ListenEarly(http3.ConfigureTLSConfig(t), &quic.Config{
		HandshakeIdleTimeout: l3.Handshake, MaxIdleTimeout: l.Idle, MaxIncomingStreams: l3.Streams,
		MaxIncomingUniStreams: uniStreams, MaxConnectionReceiveWindow: l3.Window, MaxStreamReceiveWindow: l3.Window,
		InitialStreamReceiveWindow: min(l3.Window, firstWindow), InitialConnectionReceiveWindow: min(l3.Window, firstWindow),
	})
	if err != nil {
		return nil, errors.Join(world.Wrap("httpserver.http3", err), s.transport.Close())
	}
	s.http = &http3.Server{
		Handler: withDeadline(withContentKnown(withID(withContentWatched(withRecover(h, log)))), l.Body), MaxHeaderBytes: l.Header, IdleTimeout: l.Idle,
		Logger: slog.New(slog.DiscardHandler), // what it would tell is what clients did
	}
	go func() {
		defer close(s.done)
		if err := s.http.ServeListener(ln); !errors.Is(err, http.ErrServerClosed) {
			s.err = world.Wrap("httpserver.http3", err)
		}
	}()
	return s, nil
}

const (
	uniStreams  = 8         // control and QPACK take three (RFC 9114 §6.2, RFC 9204 §4.2); the rest is for grease
	firstWindow = 256 << 10 // receive windows grow from here
)

// withDeadline bounds a request and its answer in time, as the other server's
// timeouts do. A feed that lifts its deadlines is none of HTTP/3's.
func withDeadline(next http.Handler, most time.Duration) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		rc := http.NewResponseController(w)
		end := time.Now().Add(most)
		_, _ = rc.SetReadDeadline(end), rc.SetWriteDeadline(end) // a stream that has ended takes none
		next.ServeHTTP(w, r)
	})
}

// withContentKnown finds out whether a GET or HEAD has content. HTTP/3 says so by
// how the stream goes on, and the library hands each request on before it knows:
// a cache would have to take all of them for requests with content.
func withContentKnown(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.ContentLength < 0 && (r.Method == http.MethodGet || r.Method == http.MethodHead) {
			var one [1]byte
			switch _, err := io.ReadFull(r.Body, one[:]); {
			case err == nil:
				r.Body = &begun{io.MultiReader(bytes.NewReader(one[:]), r.Body), r.Body}
			case errors.Is(err, io.EOF):
				r.Body, r.ContentLength = http.NoBody, 0
			default:
				panic(http.ErrAbortHandler) // the stream was given up, or took too long
			}
		}
		next.ServeHTTP(w, r)
	})
}

// begun is content whose first byte was read.
type begun struct {
	io.Reader
	io.Closer
}

// Done is closed when the port has ended.
func (s *Server3) Done() <-chan struct{} { return s.done }

// Err is why the port ended by itself; nil after a stop.
func (s *Server3) Err() error {
	select {
	case <-s.done:
		return s.err
	default:
		return nil
	}
}

// Kill closes the UDP port and with it every connection, without a word to clients.
func (s *Server3) Kill() {
	_ = errors.Join(s.conn.Close(), s.http.Close(), s.transport.Close()) // nobody waits for their outcome
	<-s.done
}

// Stop tells clients to open no more streams, lets running requests finish for
// the stop limit, then closes. It closes the UDP port too.
func (s *Server3) Stop(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, s.stop)
	defer cancel()
	_ = s.http.Shutdown(ctx) // who did not end in time is cut off
	err := errors.Join(s.http.Close(), s.transport.Close(), s.conn.Close())
	<-s.done
	return world.Wrap("httpserver.http3.stop", err)
}
