package coding

import (
	"bytes"
	"io"
	"strings"
	"testing"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"pgregory.net/rapid"

	"meridian/engine/contentcoding"
	"meridian/world"
)

func decode(t interface{ Fatal(...any) }, c contentcoding.Class, coded io.Reader) []byte {
	var from io.Reader
	var err error
	switch c {
	case contentcoding.Brotli:
		from = brotli.NewReader(coded)
	case contentcoding.Gzip:
		from, err = gzip.NewReader(coded)
	case contentcoding.Zstd:
		var z *zstd.Decoder
		// What browsers refuse is refused here (RFC 9659).
		if z, err = zstd.NewReader(coded, zstd.WithDecoderMaxWindow(8<<20)); err == nil {
			defer z.Close()
			from = z
		}
	}
	if err != nil {
		t.Fatal(c, err)
	}
	out, err := io.ReadAll(from)
	if err != nil {
		t.Fatal(c, err)
	}
	return out
}

var codings = []contentcoding.Class{contentcoding.Gzip, contentcoding.Zstd, contentcoding.Brotli}

// One set of encoders serves all cases: each is used again and again, after an
// encoding that was given up too.
func TestDecodedIsWhatWasEncoded(t *testing.T) {
	e, err := New(contentcoding.DefaultSettings())
	if err != nil {
		t.Fatal(err)
	}
	rapid.Check(t, func(t *rapid.T) {
		c := rapid.SampledFrom(codings).Draw(t, "coding")
		var coded bytes.Buffer
		w, ok := e.Open(c, &coded)
		if !ok {
			t.Fatal("no encoder")
		}
		defer w.Release()
		var text []byte
		for _, n := range rapid.SliceOf(rapid.IntRange(0, 70_000)).Draw(t, "pieces") {
			piece := bytes.Repeat([]byte("the same & other words "), n/23+1)[:n]
			if rapid.Bool().Draw(t, "noise") && n > 0 {
				piece[0], piece[n/2] = byte(n), byte(n>>8)
			}
			text = append(text, piece...)
			if _, err := w.Write(piece); err != nil {
				t.Fatal(err)
			}
			if rapid.Bool().Draw(t, "flush") {
				if err := w.Flush(); err != nil {
					t.Fatal(err)
				}
			}
		}
		if rapid.IntRange(0, 9).Draw(t, "given up") == 0 {
			return
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		if got := decode(t, c, &coded); !bytes.Equal(got, text) {
			t.Fatalf("%s: %d bytes became %d", c, len(text), len(got))
		}
	})
	if len(e.slots) != 0 {
		t.Errorf("%d encoders have not come back", len(e.slots))
	}
}

// A reader who has what was flushed has all that was written.
func TestFlushedTextCanBeRead(t *testing.T) {
	e, _ := New(contentcoding.DefaultSettings())
	for _, c := range codings {
		r, w := io.Pipe()
		enc, _ := e.Open(c, w)
		go func() {
			_, _ = io.WriteString(enc, "first words")
			_ = enc.Flush()
		}()
		got := make([]byte, len("first words"))
		var from io.Reader
		switch c {
		case contentcoding.Brotli:
			from = brotli.NewReader(r)
		case contentcoding.Gzip:
			from, _ = gzip.NewReader(r)
		case contentcoding.Zstd:
			z, _ := zstd.NewReader(r)
			defer z.Close()
			from = z
		}
		if _, err := io.ReadFull(from, got); err != nil || string(got) != "first words" {
			t.Errorf("%s: %q, %v", c, got, err)
		}
		r.Close()
	}
}

func TestNoMoreEncodersThanAllowed(t *testing.T) {
	s := contentcoding.DefaultSettings()
	s.Encodings = 2
	e, _ := New(s)
	a, ok := e.Open(contentcoding.Brotli, io.Discard)
	_, ok2 := e.Open(contentcoding.Gzip, io.Discard)
	_, ok3 := e.Open(contentcoding.Gzip, io.Discard)
	if !ok || !ok2 || ok3 {
		t.Fatalf("%v %v %v, want two encoders", ok, ok2, ok3)
	}
	a.Release()
	if _, ok := e.Open(contentcoding.Zstd, io.Discard); !ok {
		t.Error("one came back, and none is to be had")
	}
	if _, ok := e.Open(contentcoding.Identity, io.Discard); ok {
		t.Error("an encoder of nothing")
	}
}

func TestSettingsAtTheirEdges(t *testing.T) {
	for name, set := range map[string]func(*contentcoding.Settings){
		"encodings":        func(s *contentcoding.Settings) { s.Encodings = contentcoding.MaxEncodings + 1 },
		"brotli_level":     func(s *contentcoding.Settings) { s.BrotliLevel = 12 },
		"zstd_level":       func(s *contentcoding.Settings) { s.ZstdLevel = 0 },
		"gzip_level":       func(s *contentcoding.Settings) { s.GzipLevel = 10 },
		"code_from":        func(s *contentcoding.Settings) { s.CodeFrom = 0 },
		"code_flush_after": func(s *contentcoding.Settings) { s.FlushAfter = 0 },
	} {
		s := contentcoding.DefaultSettings()
		set(&s)
		if _, err := New(s); !world.Is(err, world.CodeInvalid) || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
	}
	s := contentcoding.DefaultSettings()
	s.Encodings, s.BrotliLevel, s.ZstdLevel, s.GzipLevel = 0, 11, 4, 9
	if e, err := New(s); err != nil {
		t.Error(err)
	} else if _, ok := e.Open(contentcoding.Gzip, io.Discard); ok {
		t.Error("an encoder, where none is wanted")
	}
}
