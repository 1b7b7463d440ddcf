package certificates

import (
	"bytes"
	"crypto/tls"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"meridian/world"
)

func TestConfigAtItsEdges(t *testing.T) {
	acme := func(a ACME) Config {
		c := Default()
		if a.Directory == "" {
			a.Directory = LetsEncrypt
		}
		c.ACME = a
		return c
	}
	for _, c := range []struct {
		what string // is wrong; "": nothing
		cfg  Config
	}{
		{"", Default()},
		{"reload_every", Config{WarnBefore: 1}},
		{"warn_before", Config{ReloadEvery: 1}},
		{"files[1]", Config{ReloadEvery: 1, WarnBefore: 1, Files: []Pair{{"a", "b"}, {"a", ""}}}},
		{"", acme(ACME{Hosts: []string{"shop.example"}, AgreeTerms: true, Cache: "/c"})},
		{"agree_terms", acme(ACME{Hosts: []string{"shop.example"}, Cache: "/c"})},
		{"acme.cache", acme(ACME{Hosts: []string{"shop.example"}, AgreeTerms: true})},
		{"https", acme(ACME{Hosts: []string{"shop.example"}, AgreeTerms: true, Cache: "/c", Directory: "http://x"})},
		{"*.shop.example", acme(ACME{Hosts: []string{"*.shop.example"}, AgreeTerms: true, Cache: "/c"})},
		{"localhost", acme(ACME{Hosts: []string{"localhost"}, AgreeTerms: true, Cache: "/c"})},
		{"127.0.0.1", acme(ACME{Hosts: []string{"127.0.0.1"}, AgreeTerms: true, Cache: "/c"})},
		{"", Config{ReloadEvery: 1, WarnBefore: 1, Self: Self{Hosts: []string{"a", "*.b", "::1", "10.0.0.1"}, Dir: "/d"}}},
		{"self.dir", Config{ReloadEvery: 1, WarnBefore: 1, Self: Self{Hosts: []string{"a"}}}},
		{"a b", Config{ReloadEvery: 1, WarnBefore: 1, Self: Self{Hosts: []string{"a b"}, Dir: "/d"}}},
		{"-a", Config{ReloadEvery: 1, WarnBefore: 1, Self: Self{Hosts: []string{"-a"}, Dir: "/d"}}},
		{"a..b", Config{ReloadEvery: 1, WarnBefore: 1, Self: Self{Hosts: []string{"a..b"}, Dir: "/d"}}},
	} {
		err := c.cfg.Validate()
		if c.what == "" && err != nil || c.what != "" && (!world.Is(err, world.CodeInvalid) || !strings.Contains(err.Error(), c.what)) {
			t.Errorf("%+v: %v, want a word on %q", c.cfg, err, c.what)
		}
	}
	if _, err := Open(Default(), Ports{}, quiet); !world.Is(err, world.CodeInvalid) {
		t.Errorf("a source of nothing: %v", err)
	}
}

func TestTheNameChoosesTheCertificate(t *testing.T) {
	dir := t.TempDir()
	one, two := pairIn(dir, "one"), pairIn(dir, "two")
	writePair(t, one, time.Hour, "shop.example", "*.shop.example")
	writePair(t, two, time.Hour, "img.shop.example", "other.example")
	cfg := Default()
	cfg.Files = []Pair{one, two}
	s := open(t, cfg)
	for host, want := range map[string]string{
		"shop.example": "shop.example", "SHOP.example": "shop.example", "a.shop.example": "shop.example",
		"img.shop.example": "img.shop.example", "other.example": "img.shop.example",
		"": "shop.example", // a client that names none
	} {
		if got, err := served(t, s, host); err != nil || got[0] != want {
			t.Errorf("%q is served with %v, %v; want %s", host, got, err, want)
		}
	}
	for _, host := range []string{"evil.example", "a.b.shop.example", "example"} {
		_, err := served(t, s, host)
		if err == nil || !strings.Contains(err.Error(), "unrecognized name") { // RFC 6066 §3
			t.Errorf("%s: %v, want the alert unrecognized_name", host, err)
		}
	}
}

func TestOnlyTLS12And13WithSoundSuites(t *testing.T) {
	p := pairIn(t.TempDir(), "c")
	writePair(t, p, time.Hour, "a.example")
	cfg := Default()
	cfg.Files = []Pair{p}
	s := open(t, cfg)
	for _, c := range []struct {
		name string
		cfg  *tls.Config
		ok   bool
	}{
		{"TLS 1.0", &tls.Config{MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS10}, false},
		{"TLS 1.1", &tls.Config{MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11}, false},
		{"TLS 1.2", &tls.Config{MaxVersion: tls.VersionTLS12}, true},
		{"TLS 1.3", &tls.Config{MinVersion: tls.VersionTLS13}, true},
		{"1.2, CBC", &tls.Config{MaxVersion: tls.VersionTLS12, CipherSuites: []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA}}, false},
		{"1.2, RSA key exchange", &tls.Config{MaxVersion: tls.VersionTLS12, CipherSuites: []uint16{tls.TLS_RSA_WITH_AES_128_GCM_SHA256}}, false},
		{"P-256 alone", &tls.Config{CurvePreferences: []tls.CurveID{tls.CurveP256}}, true},
	} {
		c.cfg.ServerName, c.cfg.InsecureSkipVerify = "a.example", true
		if _, err := shake(t, s, c.cfg); (err == nil) != c.ok {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	state, err := shake(t, s, &tls.Config{ServerName: "a.example", InsecureSkipVerify: true, NextProtos: []string{"http/1.1", "h2"}})
	if err != nil || state.NegotiatedProtocol != "h2" || state.CurveID != tls.X25519MLKEM768 {
		t.Errorf("%v: protocol %q, curve %v", err, state.NegotiatedProtocol, state.CurveID)
	}
}

func TestASessionIsResumed(t *testing.T) {
	p := pairIn(t.TempDir(), "c")
	writePair(t, p, time.Hour, "a.example")
	cfg := Default()
	cfg.Files = []Pair{p}
	s := open(t, cfg)
	server := s.TLS()
	client := &tls.Config{ServerName: "a.example", InsecureSkipVerify: true, ClientSessionCache: tls.NewLRUClientSessionCache(1)}
	for i, want := range []bool{false, true} {
		if state, err := shakeWith(t, server, client); err != nil || state.DidResume != want {
			t.Errorf("handshake %d: %v, resumed %v", i, err, state.DidResume)
		}
	}
}

func TestFilesAreTakenAnewAndTheLastGoodKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := pairIn(t.TempDir(), "c")
		writePair(t, p, time.Hour, "one.example")
		cfg := Default()
		cfg.Files = []Pair{p}
		s := open(t, cfg)
		go s.Run(t.Context())
		is := func(when, host string) {
			t.Helper()
			time.Sleep(cfg.ReloadEvery + 1)
			synctest.Wait()
			if got := s.List(); len(got) != 1 || !slices.Equal(got[0].Names, []string{host}) {
				t.Errorf("%s: %+v", when, got)
			}
		}
		is("at first", "one.example")
		writePair(t, p, time.Hour, "two.example")
		is("after a change", "two.example")
		write(t, p.Cert, []byte("not a certificate"))
		is("after rubbish", "two.example")
		writePair(t, Pair{p.Cert, pairIn(t.TempDir(), "x").Key}, time.Hour, "three.example")
		is("with a key that does not fit", "two.example")
		write(t, p.Cert, bytes.Repeat([]byte("x"), maxFile+1))
		is("too large", "two.example")
		writePair(t, p, time.Hour, "four.example")
		s.Reload()
		synctest.Wait()
		if got := s.List(); got[0].Names[0] != "four.example" {
			t.Errorf("after Reload: %+v", got)
		}
	})
}

func TestAWrongFileAtTheStartIsAnError(t *testing.T) {
	dir := t.TempDir()
	cfg := Default()
	cfg.Files = []Pair{pairIn(dir, "missing")}
	if _, err := Open(cfg, Ports{}, quiet); !world.Is(err, world.CodeInvalid) || !strings.Contains(err.Error(), "missing.crt") {
		t.Errorf("%v", err)
	}
	p := pairIn(dir, "c")
	writePair(t, p, time.Hour, "a.example")
	write(t, p.Key, []byte("x"))
	cfg.Files = []Pair{p}
	if _, err := Open(cfg, Ports{}, quiet); !world.Is(err, world.CodeInvalid) || !strings.Contains(err.Error(), p.Key) {
		t.Errorf("%v", err)
	}
}

func TestExpiryIsLogged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := pairIn(t.TempDir(), "c")
		const life = 40 * 24 * time.Hour // a fifth of it, 8 days, comes before the 14 days
		writePair(t, p, life, "a.example")
		var b lockedLog
		cfg := Default()
		cfg.Files, cfg.ReloadEvery = []Pair{p}, 100*24*time.Hour
		s, err := Open(cfg, Ports{}, slog.New(slog.NewTextHandler(&b, nil)))
		if err != nil {
			t.Fatal(err)
		}
		go s.Run(t.Context())
		time.Sleep(life - 9*24*time.Hour)
		synctest.Wait()
		if b.String() != "" {
			t.Errorf("nine days before: %s", b.String())
		}
		time.Sleep(2 * 24 * time.Hour)
		synctest.Wait()
		if !strings.Contains(b.String(), "expires soon") || strings.Contains(b.String(), "has expired") {
			t.Errorf("seven days before: %s", b.String())
		}
		time.Sleep(8 * 24 * time.Hour)
		synctest.Wait()
		if !strings.Contains(b.String(), "has expired") {
			t.Errorf("a day after: %s", b.String())
		}
	})
}

// lockedLog is a log that can be read while it is written.
type lockedLog struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *lockedLog) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(b)
}

func (l *lockedLog) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}
