package smtp

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	netmail "net/mail"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/wneessen/go-mail"

	"meridian/platform/netaddr"
	"meridian/world"
)

// Limits of a letter. A buyer's address is at most 254 bytes (RFC 5321
// §4.5.3.1, by way of a path's 256).
const (
	MaxAddress = 254
	MaxSubject = 250     // characters
	MaxBody    = 1 << 20 // bytes of the text, and of the HTML
	MaxID      = 200     // bytes
)

// Server is a mail server that takes letters. It is safe for concurrent use.
type Server struct {
	s     Settings
	roots *x509.CertPool
}

// New fails with invalid for settings that cannot be. roots are whom the
// server's certificate is verified by; nil: the system's.
func New(s Settings, roots *x509.CertPool) (*Server, error) {
	if err := s.Validate(); err != nil {
		return nil, err
	}
	if s.Address == "" {
		return nil, world.E(world.CodeInvalid, "smtp.new", "address: give the mail server's address")
	}
	return &Server{s, roots}, nil
}

// Send hands a letter over. It returns when the server has taken it. Errors:
// invalid for a letter that cannot be sent, and unprocessed where the server
// will not have it, which trying again does not change; timeout, unavailable,
// and bad_upstream where the server answers that it cannot now, after which it
// can be tried again.
func (v *Server) Send(ctx context.Context, m world.Mail) error {
	const op = "smtp.send"
	msg, err := message(m)
	if err != nil {
		return err
	}
	client, err := v.client()
	if err != nil {
		return world.Because(world.CodeInternal, op, "The letter could not be sent.", err)
	}
	ctx, cancel := context.WithTimeout(ctx, v.s.Timeout)
	defer cancel()
	err = client.DialAndSendWithContext(ctx, msg)
	if err == nil || msg.IsDelivered() { // a farewell that goes wrong takes nothing back
		return nil
	}
	return failure(op, err)
}

// message is a letter in MIME. Whatever could end a header's line is refused.
func message(m world.Mail) (*mail.Msg, error) {
	if err := check(m); err != nil {
		return nil, err
	}
	msg := mail.NewMsg(mail.WithCharset(mail.CharsetUTF8), mail.WithEncoding(mail.EncodingQP), mail.WithNoDefaultUserAgent())
	msg.FromMailAddress(&netmail.Address{Name: m.FromName, Address: m.From})
	msg.ToMailAddress(&netmail.Address{Address: m.To})
	msg.Subject(m.Subject)
	msg.SetMessageIDWithValue(m.ID)
	msg.SetDateWithValue(m.At)
	msg.SetGenHeader(mail.HeaderContentLang, m.Locale)
	msg.SetGenHeader("Auto-Submitted", "auto-generated") // RFC 3834: nobody's holiday answers it
	msg.SetBodyString(mail.TypeTextPlain, m.Text)
	msg.AddAlternativeString(mail.TypeTextHTML, m.HTML)
	return msg, nil
}

func check(m world.Mail) error {
	bad := func(what string) error {
		return world.E(world.CodeInvalid, "smtp.letter", "The letter cannot be sent: "+what+".")
	}
	for field, text := range map[string]string{"sender's name": m.FromName, "subject": m.Subject, "language": m.Locale, "id": m.ID} {
		if !utf8.ValidString(text) || strings.ContainsFunc(text, unicode.IsControl) {
			return bad("its " + field + " has a character that no line can have")
		}
	}
	for field, address := range map[string]string{"sender": m.From, "recipient": m.To} {
		if parsed, err := netmail.ParseAddress(address); err != nil || parsed.Address != address || len(address) > MaxAddress {
			return bad("its " + field + " is no address")
		}
	}
	switch {
	case utf8.RuneCountInString(m.Subject) > MaxSubject || utf8.RuneCountInString(m.FromName) > MaxSubject:
		return bad(fmt.Sprintf("its subject or its sender's name has more than %d characters", MaxSubject))
	case len(m.Text) > MaxBody || len(m.HTML) > MaxBody:
		return bad(fmt.Sprintf("it has more than %d bytes", MaxBody))
	case len(m.ID) > MaxID || !idForm(m.ID):
		return bad("its id is not of the form left@right")
	}
	return nil
}

// idForm tells whether an id can stand in brackets as it is (RFC 5322 §3.6.4).
func idForm(id string) bool {
	left, right, ok := strings.Cut(id, "@")
	odd := func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("._-", r))
	}
	return ok && left != "" && right != "" && !strings.ContainsFunc(left, odd) && !strings.ContainsFunc(right, odd)
}

func (v *Server) client() (*mail.Client, error) {
	conf := &tls.Config{ServerName: v.s.ServerName, RootCAs: v.roots, MinVersion: tls.VersionTLS12}
	hello := v.s.Hello
	if hello == "" {
		hello = "localhost"
	}
	name := v.s.ServerName
	if name == "" {
		name = "localhost" // never dialled: it only stands for the server
	}
	options := []mail.Option{mail.WithTimeout(v.s.Timeout), mail.WithHELO(hello), mail.WithTLSConfig(conf), mail.WithoutNoop()}
	// The library takes a way of ours for an open one, and sends no password on
	// it: with TLS from the first byte the way is its own.
	if v.s.TLS == Implicit {
		host, port, err := v.s.hostPort()
		if err != nil {
			return nil, err
		}
		name, options = host, append(options, mail.WithPort(port), mail.WithSSL())
	} else {
		options = append(options, mail.WithDialContextFunc(func(ctx context.Context, _, _ string) (net.Conn, error) {
			return netaddr.Dial(ctx, v.s.Address)
		}))
	}
	policy := mail.TLSMandatory
	if v.s.TLS == Plain {
		policy = mail.NoTLS
	}
	options = append(options, mail.WithTLSPolicy(policy))
	if v.s.Username != "" {
		options = append(options, mail.WithSMTPAuth(mail.SMTPAuthAutoDiscover), mail.WithUsername(v.s.Username), mail.WithPassword(v.s.Password))
	}
	return mail.NewClient(name, options...)
}

// failure sorts what went wrong: 5yz answers are final (RFC 5321 §4.2.1).
func failure(op string, err error) error {
	var late net.Error
	answered, said := errors.AsType[*mail.SendError](err)
	switch {
	case said && answered.ErrorCode() >= 500:
		return world.Because(world.CodeUnprocessed, op, fmt.Sprintf("The mail server will not have the letter (%d).", answered.ErrorCode()), err)
	case said && answered.ErrorCode() >= 400:
		return world.Because(world.CodeBadUpstream, op, fmt.Sprintf("The mail server cannot take the letter now (%d).", answered.ErrorCode()), err)
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &late) && late.Timeout():
		return world.Because(world.CodeTimeout, op, "The mail server did not answer in time.", err)
	}
	return world.Because(world.CodeUnavailable, op, "The mail server cannot be reached, or refuses us.", err)
}
