package httpserver

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"runtime/debug"
	"time"

	"meridian/world"
)

// Limits of every listener. Zero values take the defaults of [DefaultLimits].
type Limits struct {
	ReadHeader time.Duration `yaml:"read_header" doc:"longest time for a request's header"`
	Idle       time.Duration `yaml:"idle" doc:"longest time a kept connection may be silent"`
	Body       time.Duration `yaml:"body" doc:"longest time for a whole request and its answer; a feed is exempt"`
	Header     int           `yaml:"header" doc:"most bytes of a request's header"`
	Fields     int           `yaml:"fields" doc:"most fields of a request, where visitors are served"`
	Target     int           `yaml:"target" doc:"most bytes of a request's target, where visitors are served"`
	Stop       time.Duration `yaml:"stop" doc:"longest wait for running requests at a stop"`

	Connections int `yaml:"connections" doc:"most connections at once, silent ones too; those beyond are closed at once"`
	Capacity    int `yaml:"capacity" doc:"requests under way at once that this listener is fit for: the load that edge, shield, media, shop and owner tell monitors is in percent of them; a PoP's clients are sent on from 80"`
}

// DefaultLimits are fit for a listener that strangers reach.
func DefaultLimits() Limits {
	return Limits{
		ReadHeader: 10 * time.Second, Idle: 2 * time.Minute, Body: 2 * time.Minute, Header: 32 << 10, Fields: 128, Target: 8 << 10, Stop: 3 * time.Second,
		Connections: 4096, Capacity: 1024,
	}
}

// WithDefaults has the default of each limit that is zero.
func (l Limits) WithDefaults() Limits {
	d := DefaultLimits()
	return Limits{
		ReadHeader: cmp.Or(l.ReadHeader, d.ReadHeader), Idle: cmp.Or(l.Idle, d.Idle), Body: cmp.Or(l.Body, d.Body),
		Header: cmp.Or(l.Header, d.Header), Fields: cmp.Or(l.Fields, d.Fields), Target: cmp.Or(l.Target, d.Target), Stop: cmp.Or(l.Stop, d.Stop), Connections: cmp.Or(l.Connections, d.Connections),
		Capacity: cmp.Or(l.Capacity, d.Capacity),
	}
}

// Server is a running HTTP listener.
type Server struct {
	http   *http.Server
	ln     net.Listener
	done   chan struct{}
	err    error
	stop   time.Duration
	hurry  context.CancelFunc // ends what is endless
	cancel context.CancelFunc // ends every request
}

// Serve answers on ln until [Server.Stop]. The handler is wrapped: each
// request gets an id, a panic becomes an error with that id.
//
// ln may stand before the server and answer on its connections too. It then has
// a method Shutdown(context.Context) error, which a stop waits for, and counts
// its connections itself: those that have a method State(http.ConnState) are
// told what the server does with them, and take none of its seats. more changes
// the server before it serves, as one who serves another protocol on it does.
func Serve(ln net.Listener, h http.Handler, log *slog.Logger, l Limits, more ...func(*http.Server)) *Server {
	l = l.WithDefaults()
	stopping, hurry := context.WithCancel(context.Background())
	base, cancel := context.WithCancel(context.WithValue(context.Background(), stoppingKey{}, stopping))
	s := &Server{ln: ln, done: make(chan struct{}), stop: l.Stop, hurry: hurry, cancel: cancel}
	s.http = &http.Server{
		Handler:           withID(withContentWatched(withRecover(h, log))),
		ReadHeaderTimeout: l.ReadHeader,
		ReadTimeout:       l.Body,
		WriteTimeout:      l.Body,
		IdleTimeout:       l.Idle,
		MaxHeaderBytes:    l.Header,
		ConnState:         NewSeats(l.Connections, log).state,
		BaseContext:       func(net.Listener) context.Context { return base },
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
	for _, change := range more {
		change(s.http)
	}
	go func() {
		defer close(s.done)
		if err := s.http.Serve(ln); !errors.Is(err, http.ErrServerClosed) {
			s.err = world.Wrap("httpserver.serve", err)
		}
	}()
	return s
}

// Done is closed when the listener has ended.
func (s *Server) Done() <-chan struct{} { return s.done }

// Err is why the listener ended by itself; nil after a stop.
func (s *Server) Err() error {
	select {
	case <-s.done:
		return s.err
	default:
		return nil
	}
}

// Stop takes no new request, ends what is [Endless], lets other requests finish
// for the stop limit, then closes.
func (s *Server) Stop(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, s.stop)
	defer cancel()
	s.hurry()
	err := s.http.Shutdown(ctx)
	if err != nil {
		err = s.http.Close() // before the requests are told: see Kill
	}
	s.cancel()
	if before, ok := s.ln.(interface{ Shutdown(context.Context) error }); ok {
		_ = before.Shutdown(ctx) // who did not end in time is cut off, as above
	}
	<-s.done
	return world.Wrap("httpserver.stop", err)
}

// Kill closes the listener and every connection at once and ends every request. The
// connections go first: a handler that gives up would otherwise end its answer in good
// order, and who reads it would take half of it for the whole.
func (s *Server) Kill() {
	_ = s.http.Close() // nobody waits for its outcome
	if before, ok := s.ln.(interface{ Shutdown(context.Context) error }); ok {
		over, cancel := context.WithCancel(context.Background())
		cancel()
		_ = before.Shutdown(over)
	}
	s.hurry()
	s.cancel()
	<-s.done
}

type stoppingKey struct{}

// Endless is r for an answer that has no end of its own, as a feed: its context
// ends as soon as the server is told to stop, and not only when the time for
// running requests is over. The caller calls the function at the answer's end.
func Endless(r *http.Request) (*http.Request, context.CancelFunc) {
	ctx, cancel := context.WithCancel(r.Context())
	stopping, ok := ctx.Value(stoppingKey{}).(context.Context)
	if !ok {
		return r.WithContext(ctx), cancel
	}
	forget := context.AfterFunc(stopping, cancel)
	return r.WithContext(ctx), func() { forget(); cancel() }
}

type idKey struct{}

// RequestID is the id of the request that ctx belongs to, or "".
func RequestID(ctx context.Context) string {
	id, _ := ctx.Value(idKey{}).(string)
	return id
}

func withID(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		id := r.Header.Get(HeaderRequestID)
		if !validID(id) {
			id = rand.Text()[:16]
			r.Header.Set(HeaderRequestID, id)
		}
		w.Header().Set(HeaderRequestID, id)
		next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), idKey{}, id)))
	})
}

// validID keeps log lines clean of what a stranger may have put in the header.
func validID(id string) bool {
	if len(id) < 8 || len(id) > 32 {
		return false
	}
	for i := range len(id) {
		c := id[i]
		if !(c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '-') {
			return false
		}
	}
	return true
}

func withRecover(next http.Handler, log *slog.Logger) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		t := &tracked{ResponseWriter: w, id: RequestID(r.Context())}
		defer func() {
			v := recover()
			if v == nil {
				return
			}
			if v == http.ErrAbortHandler {
				panic(v)
			}
			err := world.Because(world.CodeInternal, "handler", "", fmt.Errorf("panic: %v\n%s", v, debug.Stack()))
			if t.wrote {
				LogError(r.Context(), log, r, err)
				panic(http.ErrAbortHandler) // a half-sent answer must not look whole
			}
			WriteError(t, r, log, err)
		}()
		next.ServeHTTP(t, r)
	})
}

// tracked knows whether the answer has begun.
type tracked struct {
	http.ResponseWriter
	id    string
	wrote bool
}

func (t *tracked) WriteHeader(status int) {
	// A proxy adds its upstream's fields to ours: the id that the answer was made
	// under is the one that leads to a log line. A cache puts what is stored in
	// place of ours: the id of who fetched it then leads nowhere.
	ids := t.Header()[HeaderRequestID]
	if len(ids) > 1 {
		t.Header()[HeaderRequestID] = ids[len(ids)-1:]
	} else if len(ids) == 1 {
		t.Header()[HeaderRequestID] = []string{t.id} // what is stored is shared: it is not changed
	}
	t.wrote = t.wrote || status >= 200
	t.ResponseWriter.WriteHeader(status)
}

func (t *tracked) Write(b []byte) (int, error) {
	if !t.wrote {
		t.WriteHeader(http.StatusOK)
	}
	return t.ResponseWriter.Write(b)
}

// Unwrap lets http.ResponseController reach flushing and deadlines.
func (t *tracked) Unwrap() http.ResponseWriter { return t.ResponseWriter }
