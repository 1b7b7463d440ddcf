package certificates

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"meridian/test/certtest"
)

// halfWays are states of the files that do not serve, and how each is brought
// about with another pair.
var halfWays = map[string]func(t *testing.T, p Pair, cert, key []byte){
	"the certificate alone": func(t *testing.T, p Pair, cert, _ []byte) { write(t, p.Cert, cert) },
	"the key alone":         func(t *testing.T, p Pair, _, key []byte) { write(t, p.Key, key) },
	"half of the certificate": func(t *testing.T, p Pair, cert, key []byte) {
		write(t, p.Cert, cert[:len(cert)/2])
		write(t, p.Key, key)
	},
	"half of the key": func(t *testing.T, p Pair, cert, key []byte) {
		write(t, p.Cert, cert)
		write(t, p.Key, key[:len(key)/2])
	},
	"a chain that breaks off": func(t *testing.T, p Pair, cert, key []byte) {
		write(t, p.Cert, slices.Concat(cert, cert[:len(cert)/2]))
		write(t, p.Key, key)
	},
	"nothing in the files": func(t *testing.T, p Pair, _, _ []byte) {
		write(t, p.Cert, nil)
		write(t, p.Key, nil)
	},
	"no files": func(t *testing.T, p Pair, _, _ []byte) {
		for _, path := range []string{p.Cert, p.Key} {
			if err := os.Remove(path); err != nil {
				t.Error(err)
			}
		}
	},
	"the two in each other's place": func(t *testing.T, p Pair, cert, key []byte) {
		write(t, p.Cert, key)
		write(t, p.Key, cert)
	},
}

// generation is the host name that tells one certificate from the next.
func generation(n int64) string { return fmt.Sprintf("g%d.example", n) }

// Files are replaced, by halves and whole, while clients come without pause: each
// is served, with the pair that was whole last.
func TestFilesAreReplacedUnderManyHandshakes(t *testing.T) {
	p := pairIn(t.TempDir(), "c")
	writePair(t, p, time.Hour, "shop.example", generation(0))
	cfg := Default()
	cfg.Files = []Pair{p}
	s := open(t, cfg)
	server := s.TLS()
	var taken, written atomic.Int64 // the newest whole pair that is surely served, and that may be
	var stop atomic.Bool
	var clients sync.WaitGroup
	var handshakes atomic.Int64
	for range 4 {
		clients.Go(func() {
			for !stop.Load() {
				least := taken.Load()
				state, err := shakeWith(t, server, &tls.Config{ServerName: "shop.example", InsecureSkipVerify: true})
				if err != nil {
					t.Errorf("a client was not served: %v", err)
					return
				}
				handshakes.Add(1)
				most := written.Load()
				ok := false
				for n := least; n <= most; n++ {
					ok = ok || slices.Contains(state.PeerCertificates[0].DNSNames, generation(n))
				}
				if !ok {
					t.Errorf("served with %v, want a generation of %d to %d", state.PeerCertificates[0].DNSNames, least, most)
				}
			}
		})
	}
	n := int64(0)
	for range 3 {
		for name, bring := range halfWays {
			bad, badKey := certtest.PEM(t, time.Hour, "shop.example", "broken.example")
			bring(t, p, bad, badKey)
			s.files.reload()
			if got := s.List(); len(got) != 1 || !slices.Contains(got[0].Names, generation(n)) {
				t.Errorf("%s: %+v, want %s", name, got, generation(n))
			}
			n++
			written.Store(n)
			writePair(t, p, time.Hour, "shop.example", generation(n))
			s.files.reload()
			taken.Store(n)
			for seen := handshakes.Load(); handshakes.Load() == seen && !t.Failed(); {
				runtime.Gosched()
			}
		}
	}
	stop.Store(true)
	clients.Wait()
}

// A chain of which only a part has been written is no certificate yet, though its
// first is whole; text around and between the blocks is none of them.
func TestAChainThatIsNotWhole(t *testing.T) {
	cert, key := certtest.PEM(t, time.Hour, "a.example")
	half := cert[:len(cert)-20]
	for _, c := range []struct {
		name      string
		cert, key []byte
		ok        bool
	}{
		{"whole", cert, key, true},
		{"a chain", slices.Concat(cert, cert), key, true},
		{"with text", slices.Concat([]byte("subject: a\n"), cert, []byte("issuer: b\n"), cert, []byte("end\n")), key, true},
		{"lines of Windows", bytes.ReplaceAll(cert, []byte("\n"), []byte("\r\n")), key, true},
		{"breaks off", slices.Concat(cert, half), key, false},
		{"breaks off amid", slices.Concat(cert, half, cert), key, false},
		{"breaks off at its first line", slices.Concat(cert, []byte("-----BEGIN CERT")), key, false},
		{"the key breaks off behind", cert, slices.Concat(key, key[:40]), false},
	} {
		p := pairIn(t.TempDir(), "c")
		write(t, p.Cert, c.cert)
		write(t, p.Key, c.key)
		_, err := openFiles([]Pair{p}, quiet)
		if (err == nil) != c.ok {
			t.Errorf("%s: %v", c.name, err)
		}
		if err != nil && !strings.Contains(err.Error(), filepath.Dir(p.Cert)) {
			t.Errorf("%s: %v names no file", c.name, err)
		}
	}
}
