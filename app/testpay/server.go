package testpay

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"time"

	"meridian/platform/httpserver"
	"meridian/platform/netaddr"
	"meridian/world"
)

// Server is the provider: the shops' interface, the buyers' pages, the messages.
type Server struct {
	c     Config
	book  *book
	log   *slog.Logger
	hooks map[string]hook // by account
	csrf  *http.CrossOriginProtection
	life  context.Context
	end   context.CancelFunc
}

// Open reads the ledger and begins to do what time left to do. A config that is
// not valid fails with invalid.
func Open(c Config, now func() time.Time, log *slog.Logger) (*Server, error) {
	return openBy(c, now, log, nil)
}

// openBy sends messages by way, if that is not nil.
func openBy(c Config, now func() time.Time, log *slog.Logger, way http.RoundTripper) (*Server, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	life, end := context.WithCancel(context.Background())
	b, err := openBook(life, c, now, log)
	if err != nil {
		end()
		return nil, err
	}
	s := &Server{c: c, book: b, log: log, hooks: map[string]hook{}, csrf: http.NewCrossOriginProtection(), life: life, end: end}
	for _, a := range c.Accounts {
		if s.hooks[a.Name], err = newHook(a, c.HookWait, now, way); err != nil {
			return nil, errors.Join(err, s.Close())
		}
	}
	b.start(s.tell)
	return s, nil
}

// Close ends messages and the ledger. What was not told is told after the next start.
func (s *Server) Close() error {
	s.end()
	return s.book.close()
}

// Handler answers shops and buyers.
func (s *Server) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "ok") })
	mux.HandleFunc("POST /v1/payments", s.api(s.openPayment))
	mux.HandleFunc("GET /v1/payments/{ref}", s.api(s.lookPayment))
	mux.HandleFunc("POST /v1/payments/{ref}/capture", s.api(s.capture))
	mux.HandleFunc("POST /v1/payments/{ref}/void", s.api(s.void))
	mux.HandleFunc("POST /v1/payments/{ref}/refunds", s.api(s.refund))
	mux.HandleFunc("GET "+pagePath+"{page}", s.page(s.showPage))
	mux.HandleFunc("POST "+pagePath+"{page}", s.page(s.payPage))
	mux.HandleFunc("POST "+pagePath+"{page}/bank", s.page(s.bankPage))
	mux.HandleFunc("GET "+stylePath, style)
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		httpserver.WriteError(w, r, s.log, world.E(world.CodeNotFound, "testpay", ""))
	})
	return mux
}

// Run answers on the config's address until ctx ends. said is told where.
func Run(ctx context.Context, c Config, now func() time.Time, log *slog.Logger, said func(string)) error {
	s, err := Open(c, now, log)
	if err != nil {
		return err
	}
	ln, err := netaddr.Listen(ctx, c.Listen)
	if err != nil {
		return errors.Join(err, s.Close())
	}
	return s.serve(ctx, ln, said)
}

func (s *Server) serve(ctx context.Context, ln net.Listener, said func(string)) error {
	h := httpserver.Serve(ln, s.Handler(), s.log, httpserver.DefaultLimits())
	said(fmt.Sprintf("listening on %s, for buyers at %s", ln.Addr(), s.c.URL))
	select {
	case <-ctx.Done():
	case <-h.Done():
	}
	return errors.Join(h.Stop(context.WithoutCancel(ctx)), h.Err(), s.Close())
}

// readAll reads a request's content; too_large above most bytes.
func readAll(w http.ResponseWriter, r *http.Request, most int64) ([]byte, error) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, most))
	if tooLarge := new(http.MaxBytesError); errors.As(err, &tooLarge) {
		return nil, world.E(world.CodeTooLarge, "testpay.body", fmt.Sprintf("Send at most %d bytes.", most))
	}
	if err != nil {
		return nil, world.Because(world.CodeInvalid, "testpay.body", "The request did not arrive whole. Send it again.", err)
	}
	return body, nil
}
