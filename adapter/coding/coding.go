// Package coding is where text is compressed: encoders of Brotli, zstd and gzip
// behind engine/contentcoding, reused and bounded in number and memory.
package coding

import (
	"io"
	"sync"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"meridian/engine/contentcoding"
	"meridian/world"
)

// Windows of the encoders: text of a page or a script fits, and an encoder keeps
// to about 2 MB. Brotli takes it as a power of two.
const (
	brotliWindow = 18
	zstdWindow   = 1 << 18
)

// resettable is what the three libraries' encoders have in common.
type resettable interface {
	io.WriteCloser
	Flush() error
	Reset(io.Writer)
}

// Encoders gives out encoders. It is safe for concurrent use.
type Encoders struct {
	slots chan struct{}
	pools map[contentcoding.Class]*sync.Pool
}

// New makes encoders at the settings' levels; the error has code invalid where
// one is out of range.
func New(s contentcoding.Settings) (*Encoders, error) {
	if err := s.Validate(); err != nil {
		return nil, world.Because(world.CodeInvalid, "coding.new", "coding: "+err.Error(), err)
	}
	return &Encoders{
		slots: make(chan struct{}, s.Encodings),
		pools: map[contentcoding.Class]*sync.Pool{
			contentcoding.Brotli: {New: func() any {
				return brotli.NewWriterOptions(io.Discard, brotli.WriterOptions{Quality: s.BrotliLevel, LGWin: brotliWindow})
			}},
			contentcoding.Zstd: {New: func() any { return newZstd(s.ZstdLevel) }},
			contentcoding.Gzip: {New: func() any {
				w, _ := gzip.NewWriterLevel(io.Discard, s.GzipLevel) // the level has been checked
				return w
			}},
		},
	}, nil
}

// newZstd makes an encoder that works in the goroutine that writes to it.
func newZstd(level int) *zstd.Encoder {
	w, err := zstd.NewWriter(io.Discard, zstd.WithEncoderLevel(zstd.EncoderLevel(level)),
		zstd.WithEncoderConcurrency(1), zstd.WithLowerEncoderMem(true), zstd.WithWindowSize(zstdWindow))
	if err != nil {
		panic(err) // the options are constants, and the level has been checked
	}
	return w
}

// Open is a [contentcoding.Open]. It does not wait: with all encoders at work it
// says no.
func (e *Encoders) Open(c contentcoding.Class, to io.Writer) (contentcoding.Encoder, bool) {
	pool := e.pools[c]
	if pool == nil {
		return nil, false
	}
	select {
	case e.slots <- struct{}{}:
	default:
		return nil, false
	}
	w := pool.Get().(resettable)
	w.Reset(to)
	return &lent{resettable: w, back: func() {
		w.Reset(io.Discard) // keeps nothing of what it wrote to
		pool.Put(w)
		<-e.slots
	}}, true
}

// lent is an encoder in use.
type lent struct {
	resettable
	back func()
}

// Release gives the encoder back.
func (l *lent) Release() { l.back() }
