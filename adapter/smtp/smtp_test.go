package smtp_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net"
	netmail "net/mail"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-sasl"
	gosmtp "github.com/emersion/go-smtp"

	"meridian/adapter/smtp"
	"meridian/test/certtest"
	"meridian/world"
)

// box is a mail server that keeps what it gets.
type box struct {
	mu     sync.Mutex
	got    []string
	user   string
	refuse *gosmtp.SMTPError // for every recipient; nil: all are taken
}

type session struct{ b *box }

func (b *box) NewSession(*gosmtp.Conn) (gosmtp.Session, error) { return session{b}, nil }
func (session) Reset()                                         {}
func (session) Logout() error                                  { return nil }
func (session) Mail(string, *gosmtp.MailOptions) error         { return nil }
func (session) AuthMechanisms() []string                       { return []string{sasl.Plain} }
func (s session) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, user, password string) error {
		if password != "geheim" {
			return errors.New("no")
		}
		s.b.mu.Lock()
		defer s.b.mu.Unlock()
		s.b.user = user
		return nil
	}), nil
}
func (s session) Rcpt(string, *gosmtp.RcptOptions) error {
	if s.b.refuse != nil {
		return s.b.refuse
	}
	return nil
}
func (s session) Data(r io.Reader) error {
	text, err := io.ReadAll(r)
	s.b.mu.Lock()
	defer s.b.mu.Unlock()
	s.b.got = append(s.b.got, string(text))
	return err
}

// serve runs a mail server and returns its settings and whom to trust.
func serve(t *testing.T, b *box, way smtp.TLS) (smtp.Settings, *x509.CertPool) {
	t.Helper()
	cert := certtest.Make(t, time.Hour, "mail.example")
	roots := x509.NewCertPool()
	leaf, err := x509.ParseCertificate(cert.Certificate[0])
	if err != nil {
		t.Fatal(err)
	}
	roots.AddCert(leaf)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := gosmtp.NewServer(b)
	server.Domain, server.ErrorLog = "mail.example", silent{}
	set := smtp.Default()
	set.Address, set.TLS, set.Timeout = "tcp:"+ln.Addr().String(), way, 5*time.Second
	if way != smtp.Plain {
		server.TLSConfig = &tls.Config{Certificates: []tls.Certificate{cert}}
		set.ServerName = "mail.example"
	}
	if way == smtp.Implicit {
		ln = tls.NewListener(ln, server.TLSConfig)
	}
	done := make(chan struct{})
	go func() { defer close(done); _ = server.Serve(ln) }()
	t.Cleanup(func() { server.Close(); ln.Close(); <-done }) // a server that does not serve yet does not know its listener
	return set, roots
}

type silent struct{}

func (silent) Printf(string, ...any) {}
func (silent) Println(...any)        {}

var letter = world.Mail{
	ID: "sc-de-7k3m9q.placed.1@de.example", FromName: "Sweet Crumbs Deutschland", From: "bestellung@de.example", To: "j@example.de",
	Subject: "Ihre Bestellung: Törtchen für 34,90 €", Locale: "de-DE", At: time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC),
	Text: "Vielen Dank.\n.\n34,90 €\n", HTML: "<p>Vielen Dank.</p>\n<p>34,90 €</p>",
}

func TestALetterArrivesByEachWay(t *testing.T) {
	for _, way := range []smtp.TLS{smtp.StartTLS, smtp.Implicit, smtp.Plain} {
		b := &box{}
		set, roots := serve(t, b, way)
		if way != smtp.Plain {
			set.Username, set.Password = "shop", "geheim"
		}
		v, err := smtp.New(set, roots)
		if err != nil {
			t.Fatal(err)
		}
		for range 2 {
			if err := v.Send(t.Context(), letter); err != nil {
				t.Fatalf("%s: %v", way, err)
			}
		}
		if len(b.got) != 2 || b.user != set.Username {
			t.Fatalf("%s: %d letters, user %q", way, len(b.got), b.user)
		}
		header, parts := read(t, b.got[1])
		for field, want := range map[string]string{
			"Subject": letter.Subject, "From": `"Sweet Crumbs Deutschland" <bestellung@de.example>`, "To": "<j@example.de>",
			"Message-Id": "<" + letter.ID + ">", "Content-Language": "de-DE", "Auto-Submitted": "auto-generated", "Date": "Sun, 22 Nov 2026 12:00:00 +0000",
		} {
			if got, err := new(mime.WordDecoder).DecodeHeader(header.Get(field)); err != nil || got != want {
				t.Errorf("%s: %s is %q, want %q", way, field, got, want)
			}
		}
		if parts["text/plain"] != strings.ReplaceAll(letter.Text, "\n", "\r\n") || parts["text/html"] != strings.ReplaceAll(letter.HTML, "\n", "\r\n") {
			t.Errorf("%s: %q", way, parts)
		}
	}
}

// read takes a letter apart.
func read(t testing.TB, text string) (netmail.Header, map[string]string) {
	t.Helper()
	m, err := netmail.ReadMessage(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	_, params, err := mime.ParseMediaType(m.Header.Get("Content-Type"))
	if err != nil {
		t.Fatal(err)
	}
	parts := map[string]string{}
	for r := multipart.NewReader(m.Body, params["boundary"]); ; {
		p, err := r.NextRawPart()
		if errors.Is(err, io.EOF) {
			return m.Header, parts
		}
		if err != nil {
			t.Fatal(err)
		}
		kind, _, _ := mime.ParseMediaType(p.Header.Get("Content-Type"))
		body, err := io.ReadAll(quotedprintable.NewReader(p))
		if err != nil {
			t.Fatal(err)
		}
		parts[kind] = string(body)
	}
}

func TestNoPasswordAndNoLetterWithoutTheRightServer(t *testing.T) {
	b := &box{}
	set, roots := serve(t, b, smtp.StartTLS)
	other := set
	other.ServerName = "other.example"
	for name, c := range map[string]struct {
		set   smtp.Settings
		roots *x509.CertPool
	}{"another name": {other, roots}, "an unknown authority": {set, x509.NewCertPool()}} {
		v, err := smtp.New(c.set, c.roots)
		if err != nil {
			t.Fatal(err)
		}
		if err := v.Send(t.Context(), letter); !world.Is(err, world.CodeUnavailable) {
			t.Errorf("%s: %v", name, err)
		}
	}
	plain, _ := serve(t, b, smtp.Plain) // offers no TLS to who demands it
	plain.TLS, plain.ServerName = smtp.StartTLS, "mail.example"
	v, err := smtp.New(plain, roots)
	if err != nil {
		t.Fatal(err)
	}
	if err := v.Send(t.Context(), letter); !world.Is(err, world.CodeUnavailable) {
		t.Errorf("a server without TLS: %v", err)
	}
	if len(b.got) != 0 {
		t.Errorf("%d letters went out", len(b.got))
	}
}

func TestRefusalsAreFinalOrNot(t *testing.T) {
	for code, want := range map[int]world.Code{550: world.CodeUnprocessed, 451: world.CodeBadUpstream} {
		b := &box{refuse: &gosmtp.SMTPError{Code: code, EnhancedCode: gosmtp.EnhancedCode{code / 100, 1, 1}, Message: "no"}}
		set, _ := serve(t, b, smtp.Plain)
		v, err := smtp.New(set, nil)
		if err != nil {
			t.Fatal(err)
		}
		if err := v.Send(t.Context(), letter); !world.Is(err, want) {
			t.Errorf("%d: %v", code, err)
		}
	}
}

func TestAServerThatIsSilentOrAway(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	set := smtp.Settings{Address: "tcp:" + ln.Addr().String(), TLS: smtp.Plain, Timeout: 50 * time.Millisecond}
	v, err := smtp.New(set, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := v.Send(context.Background(), letter); !world.Is(err, world.CodeTimeout) { // its backlog takes the connection
		t.Errorf("silent: %v", err)
	}
	ln.Close()
	set.Timeout = time.Minute // a machine that is slow is not silent
	if v, err = smtp.New(set, nil); err != nil {
		t.Fatal(err)
	}
	if err := v.Send(context.Background(), letter); !world.Is(err, world.CodeUnavailable) {
		t.Errorf("away: %v", err)
	}
}

func TestSettings(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*smtp.Settings)
		good   bool
	}{
		"none":                    {func(s *smtp.Settings) { *s = smtp.Settings{} }, true},
		"as it should be":         {func(*smtp.Settings) {}, true},
		"implicit":                {func(s *smtp.Settings) { s.TLS = smtp.Implicit }, true},
		"implicit over a socket":  {func(s *smtp.Settings) { s.TLS, s.Address = smtp.Implicit, "unix:/a" }, false},
		"no way":                  {func(s *smtp.Settings) { s.TLS = "" }, false},
		"no name":                 {func(s *smtp.Settings) { s.ServerName = "" }, false},
		"a bad address":           {func(s *smtp.Settings) { s.Address = "mail.example" }, false},
		"a password without TLS":  {func(s *smtp.Settings) { s.TLS, s.Username, s.Password = smtp.Plain, "a", "b" }, false},
		"a name without password": {func(s *smtp.Settings) { s.Username = "a" }, false},
		"no time":                 {func(s *smtp.Settings) { s.Timeout = 0 }, false},
	} {
		s := smtp.Default()
		s.Address, s.ServerName = "tcp:mail.example:587", "mail.example"
		c.change(&s)
		if err := s.Validate(); (err == nil) != c.good {
			t.Errorf("%s: %v", name, err)
		}
	}
}
