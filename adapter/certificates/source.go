// Package certificates gives a TLS listener its certificates, from files, from
// a certificate authority by ACME, or self-made, and keeps them from expiring.
package certificates

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"sync"
	"time"

	"meridian/world"
)

// warnEvery is how often expiring certificates are logged.
const warnEvery = 12 * time.Hour

// Source is a listener's certificates. It is safe for concurrent use.
type Source struct {
	cfg    Config
	log    *slog.Logger
	files  *files
	self   *selfmade
	acme   *acmeSource
	reload chan struct{}
}

// Open reads, makes or begins to fetch what cfg names. Files that are wrong are
// an error; a certificate authority that does not answer is none. [Source.Run] must
// begin when the ports are listened on.
func Open(cfg Config, ports Ports, log *slog.Logger) (*Source, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	if !cfg.Wanted() {
		return nil, bad("no certificates are named: give files, acme.hosts or self.hosts")
	}
	s := &Source{cfg: cfg, log: log, reload: make(chan struct{}, 1)}
	var err error
	if len(cfg.Files) > 0 {
		if s.files, err = openFiles(cfg.Files, log); err != nil {
			return nil, err
		}
	}
	if len(cfg.Self.Hosts) > 0 {
		if s.self, err = openSelfmade(cfg.Self, log); err != nil {
			return nil, err
		}
	}
	if len(cfg.ACME.Hosts) > 0 {
		if s.acme, err = openACME(cfg.ACME, ports, log); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// suites are what TLS 1.2 may use: forward secrecy and authenticated encryption
// only (RFC 9325 §4.2). Those of TLS 1.3 are all sound and not for choosing.
var suites = []uint16{
	tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
	tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, tls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
	tls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256, tls.TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
}

// TLS is a server's configuration with these certificates: TLS 1.2 and 1.3,
// HTTP/2 and HTTP/1.1. Curves are the library's, X25519MLKEM768 first; session
// tickets are on, their keys change by themselves. A host without a certificate
// is refused with the alert unrecognized_name (RFC 6066 §3); a client that names
// none is given the first certificate.
func (s *Source) TLS() *tls.Config {
	c := &tls.Config{
		MinVersion: tls.VersionTLS12, CipherSuites: suites, NextProtos: []string{"h2", "http/1.1"},
		GetCertificate: s.find,
		// Answers of a cache are whole: small first records only cost writes.
		DynamicRecordSizingDisabled: true,
	}
	if s.acme != nil {
		c.NextProtos = append(c.NextProtos, challengeProtocol)
	}
	return c
}

// find is crypto/tls's hook. With no certificate and no error crypto/tls sends
// unrecognized_name; an error of ours would be an internal_error.
func (s *Source) find(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	if s.acme != nil && slices.Equal(hello.SupportedProtos, []string{challengeProtocol}) {
		return s.acme.find(hello)
	}
	for _, x := range s.indexes() {
		if c := x.find(hello.ServerName); c != nil {
			return c, nil
		}
	}
	if s.acme != nil {
		return s.acme.find(hello)
	}
	return nil, nil
}

func (s *Source) indexes() []*index {
	var out []*index
	if s.files != nil {
		out = append(out, s.files.now.Load())
	}
	if s.self != nil {
		out = append(out, s.self.now.Load())
	}
	return out
}

// Reload has the files looked at now.
func (s *Source) Reload() {
	select {
	case s.reload <- struct{}{}:
	default: // it has been asked for already
	}
}

// Run keeps the certificates good until ctx ends: files are taken anew when they
// change, ACME's are fetched and renewed, self-made ones made anew, and what is
// about to expire is logged.
func (s *Source) Run(ctx context.Context) error {
	var wg sync.WaitGroup
	if s.files != nil {
		wg.Go(func() { s.files.run(ctx, s.cfg.ReloadEvery, s.reload) })
	}
	if s.self != nil {
		wg.Go(func() { s.self.run(ctx, s.log) })
	}
	if s.acme != nil {
		wg.Go(func() { s.acme.run(ctx) })
	}
	wg.Go(func() { s.watch(ctx) })
	wg.Wait()
	return ctx.Err()
}

func (s *Source) watch(ctx context.Context) {
	t := time.NewTicker(warnEvery)
	defer t.Stop()
	for {
		for _, c := range s.List() {
			s.warn(c)
		}
		select {
		case <-t.C:
		case <-ctx.Done():
			return
		}
	}
}

func (s *Source) warn(c Certificate) {
	left := time.Until(c.NotAfter)
	switch {
	case left <= 0:
		s.log.Error("certificate has expired: clients refuse it", "names", c.Names, "until", c.NotAfter)
	case left < min(s.cfg.WarnBefore, c.NotAfter.Sub(c.NotBefore)/5):
		s.log.Warn("certificate expires soon", "names", c.Names, "until", c.NotAfter)
	}
}

// Certificate is one that is in use.
type Certificate struct {
	Names               []string
	Issuer              string
	NotBefore, NotAfter time.Time
}

// List is every certificate in use, the first to expire first.
func (s *Source) List() []Certificate {
	seen := map[*x509.Certificate]bool{}
	var out []Certificate
	add := func(c *tls.Certificate) {
		if c == nil || c.Leaf == nil || seen[c.Leaf] {
			return
		}
		seen[c.Leaf] = true
		names := slices.Clone(c.Leaf.DNSNames)
		for _, ip := range c.Leaf.IPAddresses {
			names = append(names, ip.String())
		}
		out = append(out, Certificate{Names: names, Issuer: c.Leaf.Issuer.CommonName, NotBefore: c.Leaf.NotBefore, NotAfter: c.Leaf.NotAfter})
	}
	for _, x := range s.indexes() {
		for _, c := range x.byName {
			add(c)
		}
	}
	if s.acme != nil {
		for _, c := range s.acme.list() {
			add(c)
		}
	}
	slices.SortFunc(out, func(a, b Certificate) int {
		return cmp.Or(a.NotAfter.Compare(b.NotAfter), slices.Compare(a.Names, b.Names))
	})
	return out
}

// Challenges answers an authority's HTTP challenges (RFC 8555 §8.3), which come
// over plain HTTP, and leaves the rest to next.
func (s *Source) Challenges(next http.Handler) http.Handler {
	if s.acme == nil {
		return next
	}
	return s.acme.challenges(next)
}

// Trust is the file that clients of self-made certificates are to trust; "" where
// there are none.
func (c Config) Trust() string {
	if len(c.Self.Hosts) == 0 {
		return ""
	}
	return c.Self.Dir + "/" + trustFile
}

// unreachable is the error of a host whose certificate has not come yet.
func unreachable(host string, err error) error {
	return world.Because(world.CodeUnavailable, "tls.acme", fmt.Sprintf("There is no certificate for %s yet.", host), err)
}
