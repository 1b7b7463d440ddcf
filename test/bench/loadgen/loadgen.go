package loadgen

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"time"
)

// Options say what is asked, by how many, for how long.
type Options struct {
	Addr    string // host:port
	Host    string // of the requests
	Path    string // the object's number is put behind it
	Objects int    // asked in turn, each connection beginning elsewhere
	Length  int    // of each object's content, in bytes: another length is an error
	Conns   int
	Warm    time.Duration // before anything counts
	Measure time.Duration
}

// Result is what was counted while it counted.
type Result struct {
	Requests uint64        `json:"requests"`
	Errors   uint64        `json:"errors"`
	First    string        `json:"first_error,omitempty"` // what the first error was
	Elapsed  time.Duration `json:"elapsed"`
	P50      time.Duration `json:"p50"`
	P99      time.Duration `json:"p99"`
	Max      time.Duration `json:"max"`
	Own      time.Duration `json:"own_cpu"` // that the generator took itself
}

// maxHead is the longest response head that is read.
const maxHead = 4096

var (
	errHead   = errors.New("the response has no head that can be read")
	errClosed = errors.New("the server closed the connection")
)

// parseHead finds the end of a response's head and its Content-Length. end is 0
// while there is more to come.
func parseHead(b []byte) (end, length int, err error) {
	i := bytes.Index(b, []byte("\r\n\r\n"))
	if i < 0 {
		if len(b) >= maxHead {
			return 0, 0, errHead
		}
		return 0, 0, nil
	}
	head := b[:i+2]
	if !bytes.HasPrefix(head, []byte("HTTP/1.1 200")) {
		line, _, _ := bytes.Cut(head, []byte("\r\n"))
		return 0, 0, fmt.Errorf("the server answered %q", line)
	}
	const name = "\ncontent-length:"
	for at := bytes.IndexByte(head, '\n'); at >= 0 && at+len(name) < len(head); {
		if equalFold(head[at:at+len(name)], name) {
			rest := head[at+len(name):]
			n, err := strconv.Atoi(string(bytes.TrimSpace(rest[:bytes.IndexByte(rest, '\r')])))
			if err != nil || n < 0 {
				return 0, 0, errHead
			}
			return i + 4, n, nil
		}
		next := bytes.IndexByte(head[at+1:], '\n')
		if next < 0 {
			break
		}
		at += 1 + next
	}
	return 0, 0, errors.New("the response has no Content-Length")
}

func equalFold(b []byte, lower string) bool {
	for i := range len(lower) {
		c := b[i]
		if 'A' <= c && c <= 'Z' {
			c |= 0x20
		}
		if c != lower[i] {
			return false
		}
	}
	return true
}

// requests are all that is ever sent, one for each object.
func requests(o Options) [][]byte {
	all := make([][]byte, o.Objects)
	for i := range all {
		all[i] = fmt.Appendf(nil, "GET %s%d HTTP/1.1\r\nHost: %s\r\nUser-Agent: bench\r\nAccept: */*\r\n\r\n", o.Path, i, o.Host)
	}
	return all
}

func (o Options) validate() error {
	if o.Conns < 1 || o.Objects < 1 || o.Length < 0 || o.Measure <= 0 {
		return errors.New("loadgen: there must be connections, objects and a time to measure")
	}
	return nil
}
