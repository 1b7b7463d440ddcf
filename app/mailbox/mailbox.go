// Package mailbox is the local world's post: a mail server for each region,
// which keeps what the shop there sends and delivers nothing, and the pages on
// which a developer reads it.
package mailbox

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/emersion/go-smtp"

	"meridian/platform/netaddr"
	"meridian/world"
)

// Limits of what is kept.
const (
	MaxKept    = 200     // letters of a region, the newest
	MaxLetter  = 4 << 20 // bytes of one
	maxReading = 30 * time.Second
)

// Region is whose shop sends to a mailbox.
type Region struct {
	ID      string
	Name    string
	Address string // to listen on: tcp:host:port or unix:/path
}

// Post is the mailboxes of all regions. What one region's shop sends is kept
// apart from the others': it is resident data.
type Post struct {
	log     *slog.Logger
	now     func() time.Time
	boxes   []*box
	servers []*smtp.Server
	ways    []net.Listener
	all     sync.WaitGroup
}

// Start listens for every region until [Post.Close].
func Start(ctx context.Context, regions []Region, now func() time.Time, log *slog.Logger) (*Post, error) {
	p := &Post{log: log, now: now}
	for _, r := range regions {
		b := &box{Region: r, now: now}
		ln, err := netaddr.Listen(ctx, r.Address)
		if err != nil {
			return nil, errors.Join(err, p.Close())
		}
		p.boxes, p.servers, p.ways = append(p.boxes, b), append(p.servers, newServer(b, log)), append(p.ways, ln)
		server := p.servers[len(p.servers)-1]
		p.all.Go(func() { p.serve(server, ln) })
	}
	return p, nil
}

func newServer(b *box, log *slog.Logger) *smtp.Server {
	s := smtp.NewServer(smtp.BackendFunc(func(*smtp.Conn) (smtp.Session, error) { return &session{box: b}, nil }))
	s.Domain, s.ErrorLog = b.ID+".localhost", quiet{log}
	s.MaxMessageBytes, s.MaxRecipients = MaxLetter, 1
	s.ReadTimeout, s.WriteTimeout = maxReading, maxReading
	return s
}

func (p *Post) serve(s *smtp.Server, ln net.Listener) {
	if err := s.Serve(ln); err != nil && !errors.Is(err, smtp.ErrServerClosed) && !errors.Is(err, net.ErrClosed) {
		p.log.Warn("a mailbox takes no more letters", "err", err)
	}
}

// Close ends every connection and returns when nothing listens any more.
func (p *Post) Close() error {
	var errs []error
	for i, s := range p.servers {
		errs = append(errs, s.Close())
		// A server that has not come to serve yet does not know its listener.
		if err := p.ways[i].Close(); err != nil && !errors.Is(err, net.ErrClosed) {
			errs = append(errs, err)
		}
	}
	p.all.Wait()
	return errors.Join(errs...)
}

// quiet puts the library's words among ours.
type quiet struct{ log *slog.Logger }

func (q quiet) Printf(format string, v ...any) {
	q.log.Debug(strings.TrimSpace(fmt.Sprintf(format, v...)))
}
func (q quiet) Println(v ...any) { q.log.Debug(strings.TrimSpace(fmt.Sprintln(v...))) }

// box is one region's.
type box struct {
	Region
	now func() time.Time

	mu      sync.Mutex
	letters []Letter // oldest first
	taken   int      // in all, which numbers them
}

func (b *box) put(to string, raw []byte) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.taken++
	l := read(raw)
	l.N, l.Region, l.To, l.At = b.taken, b.ID, to, b.now().UTC()
	l.Again = slices.ContainsFunc(b.letters, func(o Letter) bool { return o.ID != "" && o.ID == l.ID })
	b.letters = append(b.letters, l)
	if over := len(b.letters) - MaxKept; over > 0 {
		b.letters = slices.Delete(b.letters, 0, over)
	}
}

// list are the letters, newest first.
func (b *box) list() []Letter {
	b.mu.Lock()
	defer b.mu.Unlock()
	out := slices.Clone(b.letters)
	slices.Reverse(out)
	return out
}

// letter is one of them.
func (p *Post) letter(region string, n int) (Letter, error) {
	for _, b := range p.boxes {
		if b.ID != region {
			continue
		}
		for _, l := range b.list() {
			if l.N == n {
				return l, nil
			}
		}
	}
	return Letter{}, world.E(world.CodeNotFound, "mailbox.letter", "There is no such letter, or it is too old to be kept. Look at /mail.")
}

// Letters are the letters of all regions, newest first.
func (p *Post) Letters() []Letter {
	var all []Letter
	for _, b := range p.boxes {
		all = append(all, b.list()...)
	}
	slices.SortStableFunc(all, func(a, b Letter) int { return b.At.Compare(a.At) })
	return all
}

// session is one connection's.
type session struct {
	box *box
	to  string
}

// Mail takes any sender.
func (s *session) Mail(string, *smtp.MailOptions) error { return nil }

// Rcpt takes any recipient.
func (s *session) Rcpt(to string, _ *smtp.RcptOptions) error {
	s.to = to
	return nil
}

// Data keeps a letter.
func (s *session) Data(r io.Reader) error {
	raw, err := io.ReadAll(io.LimitReader(r, MaxLetter+1))
	if err != nil {
		return err
	}
	s.box.put(s.to, raw)
	return nil
}

// Reset forgets the recipient.
func (s *session) Reset() { s.to = "" }

// Logout ends it.
func (s *session) Logout() error { return nil }
