package httpcache

import (
	"os"
	"sync/atomic"
)

// Memory keeps contents in files that lie in memory: a front has the system
// send of them what it would else have to copy. It is handed in
// ([Config.Memory]) and safe for concurrent use.
type Memory interface {
	// Take is room for n bytes, above 0; false where there is none, and then the
	// content is the garbage collector's. What the room holds before it is written
	// is not defined.
	Take(n int64) (Room, bool)
}

// Room is a piece of such a file. Who took it writes it, in order, before
// anybody reads what is written; then it is only read, until it is given up.
type Room interface {
	// Bytes are as many as were asked for. They must not be used after Free.
	Bytes() []byte
	// File is where the same bytes are in a file, from the offset on. The file's
	// own position is not used.
	File() (file *os.File, offset int64)
	// Size is what the room takes of memory, in bytes.
	Size() int64
	// Free gives the room up. It is called once, when nobody uses it any more. What
	// the system was told to send before arrives as it was then. It does not wait.
	Free()
}

// space is where contents in RAM are put: those of from bytes and more into
// rooms of memory, where there is any.
type space struct {
	memory Memory
	from   int64
}

// kept is content in RAM: the garbage collector's, or in a room. It is held by
// each entry in the store, by whoever sends it or writes it to the disk, and by
// a fill and those who share it.
type kept struct {
	bytes []byte
	room  *room // nil: the garbage collector sees to it
}

// room is a [Room] and how many hold it. Its release is to be called by each.
type room struct {
	fileContent
	of    Room
	users atomic.Int32
}

// make is content of n bytes that are still to be written, held once.
func (s space) make(n int64) kept {
	if s.memory != nil && n >= max(s.from, 1) {
		if of, ok := s.memory.Take(n); ok {
			r := &room{of: of}
			r.File, r.Offset = of.File()
			r.Pages, r.Release = of.Bytes(), r.leave
			r.users.Store(1)
			return kept{of.Bytes()[:n:n], r}
		}
	}
	return kept{bytes: make([]byte, n)}
}

// keep is a content as it is kept, held once.
func (s space) keep(content []byte) kept {
	if s.memory == nil || int64(len(content)) < s.from {
		return kept{bytes: content}
	}
	k := s.make(int64(len(content)))
	if k.room == nil {
		return kept{bytes: content}
	}
	copy(k.bytes, content)
	return k
}

// first is the first n bytes, held by whom it is held by already.
func (k kept) first(n int64) kept { return kept{k.bytes[:n:n], k.room} }

// size is what it takes of RAM, in bytes.
func (k kept) size() int64 {
	if k.room != nil {
		return k.room.of.Size()
	}
	return int64(len(k.bytes))
}

// again is the same content, held once more. Somebody holds it meanwhile.
func (k kept) again() kept {
	if k.room != nil && k.room.users.Add(1) < 2 {
		panic("httpcache: content in memory is used that was given up")
	}
	return k
}

// release ends what make, keep or again began. Nobody waits for it.
func (k kept) release() {
	if k.room != nil {
		k.room.leave()
	}
}

// leave gives the room up with the last who hold it. To go on after one too many
// could show somebody another's content.
func (r *room) leave() {
	switch n := r.users.Add(-1); {
	case n == 0:
		r.of.Free()
	case n < 0:
		panic("httpcache: content in memory is given up twice")
	}
}

// releaser is release as a function, which is not made anew for each hit.
func (k kept) releaser() func() {
	if k.room == nil {
		return func() {}
	}
	return k.room.Release
}
