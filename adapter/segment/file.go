package segment

import (
	"encoding/binary"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"

	"meridian/engine/httpcache"
)

// segment is one file of the log. It is open for as long as somebody uses it.
type segment struct {
	id    uint32
	path  string
	file  *os.File
	size  int64 // up to here it is written; of the writer's goroutine
	users atomic.Int32
	letGo func() // release, not made anew for each use
	items []byte // the footer so far; of the active segment

	room    int64     // up to here contents may come to lie
	mapping sync.Once // of pages
	pages   []byte
}

const suffix = ".seg"

func pathOf(dir string, id uint32) string {
	name := strconv.FormatUint(uint64(id), 16)
	return filepath.Join(dir, strings.Repeat("0", 8-len(name))+name+suffix)
}

// idOf reads a segment's id from its file's name.
func idOf(name string) (uint32, bool) {
	hex, ok := strings.CutSuffix(name, suffix)
	if !ok || len(hex) != 8 {
		return 0, false
	}
	id, err := strconv.ParseUint(hex, 16, 32)
	return uint32(id), err == nil && id > 0
}

// openSegment opens a file in which contents may come to lie up to room, or to
// where it ends now.
func openSegment(dir string, id uint32, flags int, room int64) (*segment, error) {
	path := pathOf(dir, id)
	f, err := os.OpenFile(path, os.O_RDWR|flags, 0o600)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	s := &segment{id: id, path: path, file: f, room: max(room, info.Size())}
	s.users.Store(1)
	s.letGo = s.release
	return s, nil
}

// release lets go of the file; the last one closes it.
func (s *segment) release() {
	if s.users.Add(-1) == 0 {
		s.unmap()
		_ = s.file.Close() // what was written has been synced, or is not relied on
	}
}

func (s *segment) fileHeader() []byte {
	b := binary.LittleEndian.AppendUint32(nil, fileMagic)
	b = binary.LittleEndian.AppendUint32(b, s.id)
	return binary.LittleEndian.AppendUint32(b, sum(b))
}

// record reads a record's header, meta and, if asked, content at an offset. The
// content that is given has been compared with its checksum.
func (s *segment) record(at httpcache.Place, withContent bool) (meta, content []byte, err error) {
	n := headerBytes + int(at.Meta)
	if withContent {
		n += int(at.Length)
	}
	b := make([]byte, n)
	if _, err := s.file.ReadAt(b, int64(at.Offset)); err != nil {
		return nil, nil, err
	}
	h, err := parseHeader(b[:headerBytes], s.id)
	if err != nil {
		return nil, nil, err
	}
	meta, content = b[headerBytes:headerBytes+int(at.Meta):headerBytes+int(at.Meta)], b[headerBytes+int(at.Meta):]
	if h.kind != kindObject || h.meta != at.Meta || h.content != at.Length || sum(meta) != h.metaSum {
		return nil, nil, errWrong
	}
	if !withContent {
		return meta, nil, nil
	}
	if sum(content) != h.cSum {
		return nil, nil, errWrong
	}
	return meta, content, nil
}

// check compares a content with its checksum.
func (s *segment) check(at httpcache.Place) error {
	b := make([]byte, headerBytes)
	if _, err := s.file.ReadAt(b, int64(at.Offset)); err != nil {
		return err
	}
	h, err := parseHeader(b, s.id)
	if err != nil {
		return err
	}
	return s.compare(contentOffset(at), int64(h.content), h.cSum)
}

// compare reads length bytes from an offset and compares their checksum.
func (s *segment) compare(offset, length int64, want uint32) error {
	buf := make([]byte, min(length, 256<<10)+1)
	var got uint32
	for length > 0 {
		n, err := s.file.ReadAt(buf[:min(length, int64(len(buf)))], offset)
		if n == 0 && err != nil {
			return err
		}
		got = crcUpdate(got, buf[:n])
		offset, length = offset+int64(n), length-int64(n)
	}
	if got != want {
		return errWrong
	}
	return nil
}

// pagesOf is the mapping of a content, if it is worth one and within the file.
func (s *segment) pagesOf(at httpcache.Place) []byte {
	from := contentOffset(at)
	to := from + int64(at.Length)
	if at.Length < alignFrom || to > s.room {
		return nil
	}
	all := s.mapped()
	if all == nil {
		return nil
	}
	return all[from:to:to]
}

func contentOffset(at httpcache.Place) int64 {
	return int64(at.Offset) + headerBytes + int64(at.Meta)
}

// footer reads the list that a sealed segment ends with. errTorn: it has none.
func (s *segment) footer(size int64) ([]item, error) {
	if size < fileHeader+headerBytes+footBytes {
		return nil, errTorn
	}
	b := make([]byte, footBytes)
	if _, err := s.file.ReadAt(b, size-footBytes); err != nil {
		return nil, err
	}
	offset := int64(binary.LittleEndian.Uint32(b[4:]))
	if binary.LittleEndian.Uint32(b) != footMagic || binary.LittleEndian.Uint32(b[8:]) != s.id ||
		binary.LittleEndian.Uint32(b[12:]) != sum(b[:12]) || offset < fileHeader || offset > size-footBytes-headerBytes {
		return nil, errTorn
	}
	b = make([]byte, size-footBytes-offset)
	if _, err := s.file.ReadAt(b, offset); err != nil {
		return nil, err
	}
	h, err := parseHeader(b[:headerBytes], s.id)
	if err != nil || h.kind != kindFooter || h.size() != int64(len(b)) || sum(b[headerBytes:]) != h.tagSum {
		return nil, errWrong
	}
	return parseItems(b[headerBytes:], s.id)
}

// scan reads a segment record by record, but for contents and what belongs to
// them, which are compared when they are used. It gives each to found until one
// is torn or wrong. end is where the good ones end. The error is nil where the
// file, or its footer, comes behind the last of them, errTorn where the file
// ends inside one, and otherwise what is wrong.
func (s *segment) scan(size int64, found func(item)) (end int64, err error) {
	if size < fileHeader {
		return 0, errTorn
	}
	w := window{file: s.file, size: size}
	b, err := w.read(0, fileHeader)
	if err != nil {
		return 0, err
	}
	if string(b) != string(s.fileHeader()) {
		return 0, errWrong
	}
	for end = fileHeader; end < size; {
		if size-end < headerBytes {
			return end, errTorn
		}
		b, err := w.read(end, headerBytes)
		if err != nil {
			return end, err
		}
		h, err := parseHeader(b, s.id)
		if err != nil {
			return end, err
		}
		if h.size() > size-end {
			return end, errTorn
		}
		tag, err := w.read(end+h.size()-int64(h.tag), int64(h.tag))
		if err != nil {
			return end, err
		}
		if sum(tag) != h.tagSum {
			return end, errWrong
		}
		if h.kind == kindFooter { // behind the last record
			return end, nil
		}
		if h.kind != kindPadding {
			at := httpcache.Place{Segment: s.id, Offset: uint32(end), Meta: h.meta, Length: h.content}
			found(item{kind: h.kind, at: at, tag: slices.Clone(tag)})
		}
		end += h.size()
	}
	return end, nil
}

// window reads pieces of a file that lie close to each other at once.
type window struct {
	file *os.File
	size int64 // of the file
	from int64
	have []byte
}

// windowBytes is read at once: a small record's tag and some that follow it.
const windowBytes = 4 << 10

// read gives n bytes from an offset, all of them within the file. They are valid
// until the next call.
func (w *window) read(offset, n int64) ([]byte, error) {
	if offset < w.from || offset+n > w.from+int64(len(w.have)) {
		want := min(max(n, windowBytes), w.size-offset)
		if int64(cap(w.have)) < want {
			w.have = make([]byte, want)
		}
		w.have, w.from = w.have[:want], offset
		if _, err := w.file.ReadAt(w.have, offset); err != nil {
			w.have = w.have[:0]
			return nil, err
		}
	}
	return w.have[offset-w.from:][:n], nil
}
