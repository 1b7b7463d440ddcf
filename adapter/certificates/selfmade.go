package certificates

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"io/fs"
	"log/slog"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"meridian/platform/wholefile"
	"meridian/world"
)

// How long what is made here is good for. Leaves are made at each start and
// again when two thirds of their time are over; they are never written.
const (
	authorityLife = 10 * 365 * 24 * time.Hour
	leafLife      = 30 * 24 * time.Hour
	backdate      = time.Hour // clocks of clients may be behind
)

// Names within the authority's directory.
const (
	authorityFile = "ca.pem" // certificate and key
	trustFile     = "ca.crt" // the certificate alone: what a browser is to trust
)

// selfmade makes leaf certificates by an authority that is kept in a directory.
type selfmade struct {
	ca    *x509.Certificate
	caKey crypto.Signer
	hosts []string
	now   atomic.Pointer[index]
}

// openSelfmade reads the authority, or makes it. The authority may sign for its
// hosts and for this machine's loopback alone, so that a stolen key opens
// nothing else; when the hosts outgrow it, another takes its place.
func openSelfmade(cfg Self, log *slog.Logger) (*selfmade, error) {
	s := &selfmade{hosts: cfg.Hosts}
	if err := os.MkdirAll(cfg.Dir, 0o700); err != nil {
		return nil, world.Because(world.CodeForbidden, "tls.self", "The authority's directory cannot be made: "+cfg.Dir, err)
	}
	err := s.read(cfg.Dir)
	if err == nil && !(s.covers() && time.Until(s.ca.NotAfter) > leafLife) {
		log.Warn("the self-made authority does not fit any more and is made anew: trust its certificate anew", "trust", filepath.Join(cfg.Dir, trustFile))
		err = errors.Join(os.Remove(filepath.Join(cfg.Dir, authorityFile)), fs.ErrNotExist)
	}
	if errors.Is(err, fs.ErrNotExist) {
		err = s.found(cfg.Dir)
	}
	if err != nil {
		return nil, world.Because(world.CodeInvalid, "tls.self", "The self-made authority in "+cfg.Dir+" cannot be used. Remove the directory to have it made anew.", err)
	}
	return s, s.makeLeaf()
}

// read takes the authority from its file.
func (s *selfmade) read(dir string) error {
	b, err := os.ReadFile(filepath.Join(dir, authorityFile))
	if err != nil {
		return err
	}
	pair, err := tls.X509KeyPair(b, b)
	if err != nil {
		return err
	}
	key, ok := pair.PrivateKey.(crypto.Signer)
	if !ok || !pair.Leaf.IsCA {
		return errors.New("it is no authority's certificate")
	}
	s.ca, s.caKey = pair.Leaf, key
	return nil
}

// found makes an authority. Of several processes that do so at once, one wins.
func (s *selfmade) found(dir string) error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	t := template("Meridian local authority "+rand.Text()[:6], authorityLife)
	t.IsCA, t.BasicConstraintsValid, t.MaxPathLenZero = true, true, true
	t.KeyUsage = x509.KeyUsageCertSign | x509.KeyUsageCRLSign
	t.PermittedDNSDomainsCritical = true
	t.PermittedDNSDomains, t.PermittedIPRanges = permitted(s.hosts)
	der, err := x509.CreateCertificate(rand.Reader, t, t, key.Public(), key)
	if err != nil {
		return err
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	cert := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	both := append(slices.Clone(cert), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8})...)
	if err := place(dir, authorityFile, both, 0o600); err != nil {
		return err
	}
	if err := s.read(dir); err != nil {
		return err
	}
	return wholefile.Options{Mode: 0o644}.Replace(filepath.Join(dir, trustFile), pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.ca.Raw}))
}

// place writes a file whole unless there is one already.
func place(dir, name string, b []byte, mode fs.FileMode) error {
	f, err := os.CreateTemp(dir, name+".*") // of mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	_, err = f.Write(b)
	if err := errors.Join(err, f.Chmod(mode), f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Link(f.Name(), filepath.Join(dir, name)); !errors.Is(err, fs.ErrExist) {
		return err
	}
	return nil
}

// permitted are the names and addresses that an authority may sign for. Names
// below a permitted one are permitted with it (RFC 5280 §4.2.1.10).
func permitted(hosts []string) (domains []string, ranges []*net.IPNet) {
	domains = []string{"localhost"}
	for _, loopback := range []string{"127.0.0.0/8", "::1/128"} {
		_, n, _ := net.ParseCIDR(loopback)
		ranges = append(ranges, n)
	}
	for _, h := range hosts {
		if ip := net.ParseIP(h); ip != nil {
			bits := 8 * len(ipBytes(ip))
			ranges = append(ranges, &net.IPNet{IP: ipBytes(ip), Mask: net.CIDRMask(bits, bits)})
			continue
		}
		domains = append(domains, strings.ToLower(strings.TrimPrefix(h, "*.")))
	}
	return domains, ranges
}

func ipBytes(ip net.IP) net.IP {
	if v4 := ip.To4(); v4 != nil {
		return v4
	}
	return ip
}

// covers reports whether the authority may sign for every host.
func (s *selfmade) covers() bool {
	for _, h := range s.hosts {
		if ip := net.ParseIP(h); ip != nil {
			if !slices.ContainsFunc(s.ca.PermittedIPRanges, func(n *net.IPNet) bool { return n.Contains(ip) }) {
				return false
			}
			continue
		}
		h = strings.ToLower(strings.TrimPrefix(h, "*."))
		if !slices.ContainsFunc(s.ca.PermittedDNSDomains, func(d string) bool { return h == d || strings.HasSuffix(h, "."+d) }) {
			return false
		}
	}
	return true
}

// makeLeaf makes one certificate for all hosts.
func (s *selfmade) makeLeaf() error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return world.Wrap("tls.self", err)
	}
	t := template(s.hosts[0], leafLife)
	t.KeyUsage, t.ExtKeyUsage = x509.KeyUsageDigitalSignature, []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	for _, h := range s.hosts {
		if ip := net.ParseIP(h); ip != nil {
			t.IPAddresses = append(t.IPAddresses, ip)
		} else {
			t.DNSNames = append(t.DNSNames, strings.ToLower(h))
		}
	}
	der, err := x509.CreateCertificate(rand.Reader, t, s.ca, key.Public(), s.caKey)
	if err != nil {
		return world.Wrap("tls.self", err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		return world.Wrap("tls.self", err)
	}
	s.now.Store(newIndex([]*tls.Certificate{{Certificate: [][]byte{der, s.ca.Raw}, PrivateKey: key, Leaf: leaf}}))
	return nil
}

func template(name string, life time.Duration) *x509.Certificate {
	serial, _ := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127)) // crypto/rand ends the process rather than fail
	now := time.Now()
	return &x509.Certificate{
		SerialNumber: serial.Add(serial, big.NewInt(1)), Subject: pkix.Name{CommonName: name, Organization: []string{"Meridian, self-made"}},
		NotBefore: now.Add(-backdate), NotAfter: now.Add(life),
	}
}

// run makes the leaf anew when two thirds of its time are over.
func (s *selfmade) run(ctx context.Context, log *slog.Logger) {
	t := time.NewTicker(leafLife * 2 / 3)
	defer t.Stop()
	for {
		select {
		case <-t.C:
			if err := s.makeLeaf(); err != nil {
				log.Error("the self-made certificate cannot be made anew: the last one goes on", "err", err)
			}
		case <-ctx.Done():
			return
		}
	}
}
