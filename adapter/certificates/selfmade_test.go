package certificates

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"meridian/world"
)

func selfConfig(dir string, hosts ...string) Config {
	c := Default()
	c.Self = Self{Hosts: hosts, Dir: dir}
	return c
}

// trusting is a client that trusts what a user was told to trust, and no more.
func trusting(t *testing.T, cfg Config, host string) *tls.Config {
	t.Helper()
	b, err := os.ReadFile(cfg.Trust())
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(b) {
		t.Fatalf("%s", b)
	}
	return &tls.Config{RootCAs: pool, ServerName: host}
}

func TestSelfMadeIsTrustedByWhoTrustsTheAuthority(t *testing.T) {
	cfg := selfConfig(filepath.Join(t.TempDir(), "ca"), "shop.localhost", "us.example", "127.0.0.1", "::1", "10.1.2.3")
	s := open(t, cfg)
	for _, host := range []string{"shop.localhost", "us.example", "127.0.0.1", "::1", "10.1.2.3"} {
		if _, err := shake(t, s, trusting(t, cfg, host)); err != nil {
			t.Errorf("%s: %v", host, err)
		}
	}
	if _, err := shake(t, s, trusting(t, cfg, "de.example")); err == nil {
		t.Error("a host that was not asked for is served")
	}
	for name, want := range map[string]fs.FileMode{".": 0o700, "ca.pem": 0o600, "ca.crt": 0o644} {
		info, err := os.Stat(filepath.Join(cfg.Self.Dir, name))
		if err != nil || info.Mode().Perm() != want {
			t.Errorf("%s: %v, %v", name, info.Mode(), err)
		}
	}
	if b, _ := os.ReadFile(cfg.Trust()); bytes.Contains(b, []byte("PRIVATE")) {
		t.Error("what is to be trusted holds the key")
	}
}

func TestTheAuthorityIsKeptUntilHostsOutgrowIt(t *testing.T) {
	dir := t.TempDir()
	first := selfConfig(dir, "shop.example")
	open(t, first)
	before := trusting(t, first, "a.shop.example")
	again := selfConfig(dir, "a.shop.example", "localhost", "127.0.0.9")
	if _, err := shake(t, open(t, again), before); err != nil {
		t.Errorf("a second start does not do for who trusted the first: %v", err)
	}
	var log bytes.Buffer
	more := selfConfig(dir, "other.example")
	s, err := Open(more, Ports{}, slog.New(slog.NewTextHandler(&log, nil)))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := shake(t, s, trusting(t, more, "other.example")); err != nil || !strings.Contains(log.String(), "trust") {
		t.Errorf("%v; log: %s", err, log.String())
	}
}

// A stolen key of the authority must not open other sites to who trusts it.
func TestTheAuthorityCannotSignForOthers(t *testing.T) {
	cfg := selfConfig(t.TempDir(), "shop.example")
	s := open(t, cfg)
	s.self.hosts = []string{"bank.example"}
	if err := s.self.makeLeaf(); err != nil {
		t.Fatal(err)
	}
	if _, err := shake(t, s, trusting(t, cfg, "bank.example")); err == nil || !strings.Contains(err.Error(), "not permitted") {
		t.Errorf("%v", err)
	}
}

func TestManyStartsMakeOneAuthority(t *testing.T) {
	dir := t.TempDir()
	var wg sync.WaitGroup
	all := make([]*Source, 8)
	for i := range all {
		wg.Go(func() { all[i], _ = Open(selfConfig(dir, "a.example"), Ports{}, quiet) })
	}
	wg.Wait()
	for _, s := range all {
		if s == nil {
			t.Fatal("a start failed")
		}
		if _, err := shake(t, s, trusting(t, selfConfig(dir, "a.example"), "a.example")); err != nil {
			t.Error(err)
		}
	}
}

func TestABrokenAuthorityIsNotReplacedInSilence(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, authorityFile), []byte("rubbish"))
	if _, err := Open(selfConfig(dir, "a.example"), Ports{}, quiet); !world.Is(err, world.CodeInvalid) || !strings.Contains(err.Error(), dir) {
		t.Errorf("%v", err)
	}
}

func TestSelfMadeLeavesAreMadeAnewInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := open(t, selfConfig(t.TempDir(), "a.example"))
		go s.Run(t.Context())
		for range 100 {
			time.Sleep(24 * time.Hour)
			synctest.Wait()
			if left := time.Until(s.List()[0].NotAfter); left < leafLife/4 {
				t.Fatalf("%v left", left)
			}
		}
	})
}
