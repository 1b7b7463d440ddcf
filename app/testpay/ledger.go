package testpay

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"os"
	"sync"

	"meridian/platform/wholefile"
	"meridian/world"
)

// maxRecord is the most bytes of one line of the ledger.
const maxRecord = 256 << 10

// ledger is a file that only grows, a line a change: a checksum and the whole
// payment as it is from then on. Writers that come together share one sync.
type ledger struct {
	f    *os.File
	sync func() error

	mu      sync.Mutex
	buffer  []byte
	waiting []chan error
	busy    bool
	broken  error // the first failure of the disk; nothing is written after it
}

// openLedger reads a ledger, newest state of each payment, and opens it for more.
// What a crash left half written at its end is dropped; a bad line before good
// ones fails with internal. One that is mostly history is written anew.
func openLedger(path string) (*ledger, []payment, error) {
	const op = "testpay.ledger"
	data, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, nil, world.Wrap(op, err)
	}
	payments, lines, good, err := readLedger(data)
	if err != nil {
		return nil, nil, world.Wrap(op, err)
	}
	if lines > 2*len(payments)+1000 || good == 0 {
		var whole []byte
		for _, p := range payments {
			if whole, err = appendRecord(whole, p); err != nil {
				return nil, nil, world.Wrap(op, err)
			}
		}
		if err := wholefile.Replace(path, whole); err != nil {
			return nil, nil, world.Wrap(op, err)
		}
		good = len(whole)
	}
	f, err := os.OpenFile(path, os.O_WRONLY, 0o600)
	if err != nil {
		return nil, nil, world.Wrap(op, err)
	}
	_, seek := f.Seek(int64(good), io.SeekStart)
	if err := errors.Join(f.Truncate(int64(good)), seek); err != nil {
		return nil, nil, world.Wrap(op, errors.Join(err, f.Close()))
	}
	return &ledger{f: f, sync: f.Sync}, payments, nil
}

// readLedger returns payments in the order of their first lines, how many lines
// there are, and how many bytes of data are good.
func readLedger(data []byte) (payments []payment, lines, good int, err error) {
	at := map[string]int{}
	bad := 0
	r := bufio.NewReader(bytes.NewReader(data))
	for n := 1; ; n++ {
		line, end := r.ReadBytes('\n')
		if end != nil { // what is behind the last line's end is a torn one
			return payments, lines, good, nil
		}
		p, ok := parseRecord(line[:len(line)-1])
		switch {
		case !ok && bad == 0:
			bad = n
		case ok && bad > 0:
			return nil, 0, 0, world.E(world.CodeInternal, "testpay.read", fmt.Sprintf("Line %d of the ledger is damaged, and good ones follow it: put a copy back, or begin with an empty folder.", bad))
		}
		if bad > 0 {
			continue
		}
		lines, good = lines+1, good+len(line)
		if i, ok := at[p.Ref]; ok {
			payments[i] = p
			continue
		}
		at[p.Ref] = len(payments)
		payments = append(payments, p)
	}
}

const sumDigits = 8

func appendRecord(out []byte, p payment) ([]byte, error) {
	text, err := json.Marshal(p)
	if err != nil {
		return nil, err
	}
	if len(text) > maxRecord-sumDigits-2 {
		return nil, world.E(world.CodeTooLarge, "testpay.record", "This payment has become too large to be written down.")
	}
	out = fmt.Appendf(out, "%0*x ", sumDigits, crc32.ChecksumIEEE(text))
	return append(append(out, text...), '\n'), nil
}

func parseRecord(line []byte) (p payment, ok bool) {
	if len(line) < sumDigits+2 || len(line) > maxRecord || line[sumDigits] != ' ' {
		return p, false
	}
	text := line[sumDigits+1:]
	if fmt.Sprintf("%0*x", sumDigits, crc32.ChecksumIEEE(text)) != string(line[:sumDigits]) {
		return p, false
	}
	return p, json.Unmarshal(text, &p) == nil && p.Ref != ""
}

// write returns when the payment is on the disk, or not to be trusted any more:
// after a failure of the disk every write fails, for what it holds is not known.
func (l *ledger) write(p payment) error {
	l.mu.Lock()
	if l.broken != nil {
		defer l.mu.Unlock()
		return l.broken
	}
	buffer, err := appendRecord(l.buffer, p)
	if err != nil {
		l.mu.Unlock()
		return err
	}
	done := make(chan error, 1)
	l.buffer, l.waiting = buffer, append(l.waiting, done)
	lead := !l.busy
	l.busy = true
	l.mu.Unlock()
	if lead {
		l.flush()
	}
	return <-done
}

// flush writes whatever has come until nothing has.
func (l *ledger) flush() {
	for {
		l.mu.Lock()
		buffer, waiting := l.buffer, l.waiting
		if len(waiting) == 0 {
			l.busy = false
			l.mu.Unlock()
			return
		}
		l.buffer, l.waiting = nil, nil
		err := l.broken
		l.mu.Unlock()
		if err == nil {
			_, err = l.f.Write(buffer)
			err = world.Wrap("testpay.write", errors.Join(err, l.sync()))
		}
		l.mu.Lock()
		l.broken = err
		l.mu.Unlock()
		for _, done := range waiting {
			done <- err
		}
	}
}

func (l *ledger) close() error { return l.f.Close() }
