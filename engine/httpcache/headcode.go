package httpcache

import (
	"encoding/binary"
	"errors"
	"maps"
	"net/http"
	"slices"
	"time"
)

// headVersion begins each encoded head. Another one is not read: what an older
// program has written is fetched again.
const headVersion = 2

// maxHeadFields bounds the counts in an encoded head, so that broken ones
// cannot ask for memory.
const maxHeadFields = 1 << 16

var errHeadCode = errors.New("httpcache: not an encoded head")

// encodeHead writes a response's head and key so that they can be read in
// another process.
func encodeHead(key string, h *head) []byte {
	w := headWriter{headVersion}
	w.text(key)
	w.number(int64(h.status))
	w.number(h.length)
	w.time(h.born)
	w.time(h.date)
	w.number(int64(h.life))
	w.number(int64(h.swr))
	w.number(int64(h.sie))
	var flags int64
	for i, on := range []bool{h.guessed, h.immutable, h.mayStale, h.noCache, h.spent} {
		if on {
			flags |= 1 << i
		}
	}
	w.number(flags)
	w.text(h.etag)
	w.time(h.lastModified)
	w.list(h.early)
	w.list(h.groups)
	w.list(h.vary)
	w.text(h.variant)
	names := slices.Sorted(maps.Keys(h.header))
	w.list(names)
	for _, name := range names {
		w.list(h.header[name])
	}
	return w
}

// decodeHead reads what encodeHead has written.
func decodeHead(b []byte) (key string, h *head, err error) {
	r := headReader{rest: b}
	if len(b) == 0 || b[0] != headVersion {
		return "", nil, errHeadCode
	}
	r.rest = b[1:]
	h = &head{}
	key = r.text()
	h.status = int(r.number())
	h.length = r.number()
	h.born, h.date = r.time(), r.time()
	h.life, h.swr, h.sie = time.Duration(r.number()), time.Duration(r.number()), time.Duration(r.number())
	flags := r.number()
	for i, on := range []*bool{&h.guessed, &h.immutable, &h.mayStale, &h.noCache, &h.spent} {
		*on = flags&(1<<i) != 0
	}
	h.etag, h.lastModified = r.text(), r.time()
	h.early = r.list()
	h.groups, h.vary, h.variant = r.list(), r.list(), r.text()
	names := r.list()
	h.header = make(http.Header, len(names))
	for _, name := range names {
		h.header[name] = r.list()
	}
	if r.bad || len(r.rest) > 0 {
		return "", nil, errHeadCode
	}
	return key, h, nil
}

type headWriter []byte

func (w *headWriter) number(n int64) { *w = binary.AppendVarint(*w, n) }

func (w *headWriter) text(s string) {
	*w = append(binary.AppendUvarint(*w, uint64(len(s))), s...)
}

func (w *headWriter) list(l []string) {
	*w = binary.AppendUvarint(*w, uint64(len(l)))
	for _, s := range l {
		w.text(s)
	}
}

// time writes a moment to the nanosecond; a zero one stays so.
func (w *headWriter) time(t time.Time) {
	if t.IsZero() {
		w.number(0)
		w.number(-1)
		return
	}
	w.number(t.Unix())
	w.number(int64(t.Nanosecond()))
}

// headReader reads until something does not fit; then bad is set and all that
// follows is zero.
type headReader struct {
	rest []byte
	bad  bool
}

func (r *headReader) number() int64 {
	n, size := binary.Varint(r.rest)
	r.skip(size)
	return n
}

func (r *headReader) count(limit int) int {
	n, size := binary.Uvarint(r.rest)
	r.skip(size)
	if n > uint64(limit) {
		r.skip(-1)
	}
	if r.bad {
		return 0
	}
	return int(n)
}

func (r *headReader) skip(n int) {
	if n <= 0 || n > len(r.rest) {
		r.bad, r.rest = true, nil
		return
	}
	r.rest = r.rest[n:]
}

func (r *headReader) text() string {
	n := r.count(len(r.rest))
	if n == 0 || n > len(r.rest) {
		r.bad = r.bad || n > 0
		return ""
	}
	s := string(r.rest[:n])
	r.rest = r.rest[n:]
	return s
}

func (r *headReader) list() (l []string) {
	for range min(r.count(maxHeadFields), maxHeadFields) {
		if r.bad {
			return nil
		}
		l = append(l, r.text())
	}
	return l
}

func (r *headReader) time() time.Time {
	sec, nsec := r.number(), r.number()
	if nsec < 0 {
		return time.Time{}
	}
	return time.Unix(sec, nsec)
}
