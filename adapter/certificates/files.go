package certificates

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"sync/atomic"
	"time"

	"meridian/world"
)

// maxFile is the most that a certificate or key file may hold, in bytes.
const maxFile = 1 << 20

// files serves certificates from files and takes them anew when they change.
// What cannot be read, or does not fit its key, leaves the last good one in use.
type files struct {
	pairs []Pair
	log   *slog.Logger
	now   atomic.Pointer[index]
	seen  [][2][]byte // content of each pair as it was last looked at
	certs []*tls.Certificate
}

// openFiles reads every pair. One that is wrong at the start is an error.
func openFiles(pairs []Pair, log *slog.Logger) (*files, error) {
	f := &files{pairs: pairs, log: log, seen: make([][2][]byte, len(pairs)), certs: make([]*tls.Certificate, len(pairs))}
	for i := range pairs {
		if _, err := f.look(i); err != nil {
			return nil, err
		}
	}
	f.now.Store(newIndex(f.certs))
	return f, nil
}

// look takes a pair anew if its files have changed since it last looked.
func (f *files) look(i int) (changed bool, err error) {
	cert, err := readFile(f.pairs[i].Cert)
	if err != nil {
		return false, err
	}
	key, err := readFile(f.pairs[i].Key)
	if err != nil {
		return false, err
	}
	if bytes.Equal(cert, f.seen[i][0]) && bytes.Equal(key, f.seen[i][1]) {
		return false, nil
	}
	f.seen[i] = [2][]byte{cert, key}
	c, err := tls.X509KeyPair(cert, key)
	if err == nil && !(whole(cert) && whole(key)) {
		err = errHalf
	}
	if err != nil {
		return false, world.Because(world.CodeInvalid, "tls.files", fmt.Sprintf("The certificate %s and the key %s do not serve.", f.pairs[i].Cert, f.pairs[i].Key), err)
	}
	f.certs[i] = &c
	return true, nil
}

var errHalf = errors.New("one of them breaks off: it may be half written")

// whole reports whether every PEM block that begins in b ends there (RFC 7468 §2).
// The standard library skips one that does not: of a chain that is being written
// it would take the first certificates alone.
func whole(b []byte) bool {
	begun := bytes.Count(b, []byte("-----BEGIN "))
	for range begun {
		var block *pem.Block
		if block, b = pem.Decode(b); block == nil {
			return false
		}
	}
	return true
}

// reload looks at every pair, once.
func (f *files) reload() {
	changed := false
	for i, p := range f.pairs {
		took, err := f.look(i)
		switch {
		case err != nil:
			f.log.Error("a certificate cannot be taken anew: the last good one goes on", "cert", p.Cert, "err", err)
		case took:
			changed = true
			f.log.Info("certificate taken anew", "cert", p.Cert, "names", f.certs[i].Leaf.DNSNames, "until", f.certs[i].Leaf.NotAfter)
		}
	}
	if changed {
		f.now.Store(newIndex(f.certs))
	}
}

// run reloads every so often until ctx ends, and when it is told to.
func (f *files) run(ctx context.Context, every time.Duration, asked <-chan struct{}) {
	t := time.NewTicker(every)
	defer t.Stop()
	for {
		select {
		case <-t.C:
		case <-asked:
		case <-ctx.Done():
			return
		}
		f.reload()
	}
}

func readFile(path string) ([]byte, error) {
	fd, err := os.Open(path)
	if err != nil {
		return nil, world.Because(world.CodeInvalid, "tls.files", "The file cannot be read: "+path, err)
	}
	defer fd.Close()
	b, err := io.ReadAll(io.LimitReader(fd, maxFile+1))
	if err != nil {
		return nil, world.Because(world.CodeInvalid, "tls.files", "The file cannot be read: "+path, err)
	}
	if len(b) > maxFile {
		return nil, world.E(world.CodeTooLarge, "tls.files", fmt.Sprintf("%s is larger than %d bytes: it is no certificate or key.", path, maxFile))
	}
	return b, nil
}
