package certificates

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"log/slog"
	"net/http"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/caddyserver/certmagic"
	"go.uber.org/zap"

	"meridian/world"
)

// challengeProtocol is what an authority asks for in a TLS challenge (RFC 8737 §3).
const challengeProtocol = "acme-tls/1"

// obtainTime bounds one attempt to have a certificate issued. certmagic repeats
// failed ones, less and less often.
const obtainTime = 3 * time.Minute

// Ports are where this process listens for an authority's challenges. The
// authority itself always comes to 443 and 80 (RFC 8737 §3, RFC 8555 §8.3):
// what is in front has to pass those on.
type Ports struct {
	TLS  int // of the listener that [Source.TLS] is for
	HTTP int // of the listener that [Source.Challenges] is for; 0: there is none
}

// acmeSource has certmagic fetch and renew certificates for the hosts that are
// configured. A handshake never makes it ask for one: who connects cannot spend
// the authority's rate limits.
type acmeSource struct {
	hosts  []string
	magic  *certmagic.Config
	cache  *certmagic.Cache
	issuer *certmagic.ACMEIssuer
	log    *slog.Logger
}

func openACME(cfg ACME, ports Ports, log *slog.Logger) (*acmeSource, error) {
	if err := makeShut(cfg.Cache); err != nil {
		return nil, err
	}
	roots, err := readRoots(cfg.Roots)
	if err != nil {
		return nil, err
	}
	a := &acmeSource{log: log}
	for _, h := range cfg.Hosts {
		a.hosts = append(a.hosts, strings.ToLower(h))
	}
	logger := zap.New(&bridge{to: log.Handler()})
	a.cache = certmagic.NewCache(certmagic.CacheOptions{
		GetConfigForCert: func(certmagic.Certificate) (*certmagic.Config, error) { return a.magic, nil },
		Logger:           logger,
	})
	a.magic = certmagic.New(a.cache, certmagic.Config{
		Storage: &certmagic.FileStorage{Path: cfg.Cache},
		// Authorities are ending OCSP and certificates live for weeks: a staple says nothing new.
		OCSP:   certmagic.OCSPConfig{DisableStapling: true},
		Logger: logger,
	})
	a.issuer = certmagic.NewACMEIssuer(a.magic, certmagic.ACMEIssuer{
		CA: cfg.Directory, TestCA: cfg.Directory, Email: cfg.Email, Agreed: cfg.AgreeTerms, TrustedRoots: roots,
		AltTLSALPNPort: ports.TLS, AltHTTPPort: ports.HTTP, DisableHTTPChallenge: ports.HTTP == 0,
		CertObtainTimeout: obtainTime, Logger: logger,
	})
	a.magic.Issuers = []certmagic.Issuer{a.issuer}
	return a, nil
}

// makeShut makes a directory that only its owner can read. One that others can
// read is refused: there are private keys in it.
func makeShut(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return world.Because(world.CodeForbidden, "tls.acme", "The directory acme.cache cannot be made: "+dir, err)
	}
	info, err := os.Stat(dir)
	if err != nil {
		return world.Because(world.CodeForbidden, "tls.acme", "The directory acme.cache cannot be read: "+dir, err)
	}
	if info.Mode().Perm()&0o077 != 0 {
		return world.E(world.CodeForbidden, "tls.acme", "Others may read "+dir+", where private keys are kept: chmod 0700 it, or name another in acme.cache.")
	}
	return nil
}

func readRoots(path string) (*x509.CertPool, error) {
	if path == "" {
		return nil, nil
	}
	b, err := readFile(path)
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(b) {
		return nil, bad("acme.roots: " + path + " holds no certificate")
	}
	return pool, nil
}

// find is the certificate of one of the hosts; nil for others.
func (a *acmeSource) find(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	if !slices.Contains(a.hosts, strings.ToLower(strings.TrimSuffix(hello.ServerName, "."))) {
		return nil, nil
	}
	c, err := a.magic.GetCertificate(hello)
	if err != nil {
		return nil, unreachable(hello.ServerName, err)
	}
	return c, nil
}

// run has the certificates fetched and renewed until ctx ends.
func (a *acmeSource) run(ctx context.Context) {
	if err := a.magic.ManageAsync(ctx, a.hosts); err != nil && ctx.Err() == nil {
		a.log.Error("certificates cannot be fetched", "hosts", a.hosts, "err", err)
	}
	<-ctx.Done()
	a.cache.Stop()
}

func (a *acmeSource) list() []*tls.Certificate {
	var out []*tls.Certificate
	for _, h := range a.hosts {
		for _, c := range a.cache.AllMatchingCertificates(h) {
			out = append(out, &c.Certificate)
		}
	}
	return out
}

func (a *acmeSource) challenges(next http.Handler) http.Handler {
	return a.issuer.HTTPChallengeHandler(next)
}
