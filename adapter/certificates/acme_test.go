package certificates

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"encoding/pem"
	"io"
	"io/fs"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/letsencrypt/pebble/v2/ca"
	"github.com/letsencrypt/pebble/v2/db"
	"github.com/letsencrypt/pebble/v2/va"
	"github.com/letsencrypt/pebble/v2/wfe"
	"golang.org/x/net/dns/dnsmessage"

	"meridian/world"
)

// authority is Let's Encrypt's test server. It validates for real: it resolves
// the host by its own DNS server and comes to the ports that it is told.
func authority(t *testing.T, tlsPort, httpPort int) (directory, roots string) {
	t.Helper()
	t.Setenv("PEBBLE_VA_NOSLEEP", "1")
	t.Setenv("PEBBLE_WFE_NONCEREJECT", "20")
	logs := log.New(io.Discard, "", 0)
	store := db.NewMemoryStore()
	issuer := ca.New(logs, store, "", "ecdsa", 0, 1, map[string]ca.Profile{"default": {ValidityPeriod: 3600}})
	validator := va.New(logs, httpPort, tlsPort, false, loopbackDNS(t), store)
	front := wfe.New(logs, store, validator, issuer, []string{"pebble.test"}, false, false, 0, 0)
	srv := httptest.NewTLSServer(front.Handler())
	t.Cleanup(srv.Close)
	roots = filepath.Join(t.TempDir(), "roots.pem")
	write(t, roots, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: srv.Certificate().Raw}))
	return srv.URL + wfe.DirectoryPath, roots
}

// loopbackDNS says of every host that it is this machine, over TCP (RFC 1035 §4.2.2).
func loopbackDNS(t *testing.T) string {
	t.Helper()
	ln, _ := listen(t)
	go func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			go answerDNS(c)
		}
	}()
	return ln.Addr().String()
}

func answerDNS(c net.Conn) {
	defer c.Close()
	for {
		var length [2]byte
		if _, err := io.ReadFull(c, length[:]); err != nil {
			return
		}
		b := make([]byte, binary.BigEndian.Uint16(length[:]))
		var m dnsmessage.Message
		if _, err := io.ReadFull(c, b); err != nil || m.Unpack(b) != nil || len(m.Questions) != 1 {
			return
		}
		m.Response, m.Authoritative, m.Additionals = true, true, nil
		if q := m.Questions[0]; q.Type == dnsmessage.TypeA {
			m.Answers = []dnsmessage.Resource{{
				Header: dnsmessage.ResourceHeader{Name: q.Name, Type: q.Type, Class: q.Class, TTL: 1},
				Body:   &dnsmessage.AResource{A: [4]byte{127, 0, 0, 1}},
			}}
		}
		out, err := m.Pack()
		if err != nil {
			return
		}
		c.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(out))), out...)) // who has gone asks no more
	}
}

func listen(t *testing.T) (net.Listener, int) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ln.Close() })
	return ln, ln.Addr().(*net.TCPAddr).Port
}

func TestACMEFetchesACertificateByEitherChallenge(t *testing.T) {
	for _, challenge := range []string{"tls-alpn-01", "http-01"} {
		t.Run(challenge, func(t *testing.T) {
			secure, tlsPort := listen(t)
			plain, httpPort := listen(t)
			ports, told := Ports{TLS: tlsPort}, 1 // nobody answers on port 1
			if challenge == "http-01" {
				ports, told = Ports{TLS: tlsPort, HTTP: httpPort}, httpPort
			}
			reach := tlsPort
			if challenge == "http-01" {
				reach = 1
			}
			directory, roots := authority(t, reach, told)
			cfg := Default()
			cfg.ACME = ACME{Hosts: []string{"Shop.example"}, AgreeTerms: true, Cache: filepath.Join(t.TempDir(), "acme"), Directory: directory, Roots: roots}
			s, err := Open(cfg, ports, quiet)
			if err != nil {
				t.Fatal(err)
			}
			server := &http.Server{Handler: http.NotFoundHandler(), TLSConfig: s.TLS(), ErrorLog: log.New(io.Discard, "", 0)}
			go server.ServeTLS(secure, "", "")
			go http.Serve(plain, s.Challenges(http.NotFoundHandler()))
			t.Cleanup(func() { server.Close() })
			go s.Run(t.Context())
			state := awaitHost(t, secure.Addr().String(), "shop.example")
			if got := state.PeerCertificates[0]; got.VerifyHostname("shop.example") != nil || got.Issuer.String() == got.Subject.String() {
				t.Errorf("%v by %v", got.DNSNames, got.Issuer)
			}
			if _, err := served(t, s, "evil.example"); err == nil {
				t.Error("another host is served")
			}
			if list := s.List(); len(list) != 1 || list[0].Names[0] != "shop.example" {
				t.Errorf("%+v", list)
			}
			checkShut(t, cfg.ACME.Cache)
		})
	}
}

// awaitHost connects until the host is served.
func awaitHost(t *testing.T, addr, host string) tls.ConnectionState {
	t.Helper()
	again := time.NewTicker(20 * time.Millisecond)
	defer again.Stop()
	for {
		c, err := tls.Dial("tcp", addr, &tls.Config{ServerName: host, RootCAs: x509.NewCertPool(), InsecureSkipVerify: true})
		if err == nil {
			defer c.Close()
			return c.ConnectionState()
		}
		select {
		case <-again.C:
		case <-t.Context().Done():
			t.Fatal(err)
		}
	}
}

// checkShut demands that no one but the owner can read anything in a directory.
func checkShut(t *testing.T, dir string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err == nil && info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s has mode %v", path, info.Mode())
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

func TestACacheThatOthersCanReadIsRefused(t *testing.T) {
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o750); err != nil {
		t.Fatal(err)
	}
	cfg := Default()
	cfg.ACME = ACME{Hosts: []string{"shop.example"}, AgreeTerms: true, Cache: dir, Directory: "https://127.0.0.1:1/"}
	if _, err := Open(cfg, Ports{}, quiet); !world.Is(err, world.CodeForbidden) {
		t.Errorf("%v", err)
	}
}
