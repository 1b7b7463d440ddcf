package httpcache

import (
	"fmt"
	"testing"
)

func TestContentRange(t *testing.T) { // RFC 9110 §14.4
	for field, want := range map[string]struct {
		piece span
		total int64
		ok    bool
	}{
		"bytes 0-9/10":   {span{0, 10}, 10, true},
		"Bytes 5-5/10":   {span{5, 6}, 10, true},
		"bytes 5-9/*":    {span{5, 10}, -1, true},
		"bytes 5-10/10":  {}, // past the end
		"bytes 9-5/10":   {},
		"bytes */10":     {}, // of a 416
		"bytes=0-9/10":   {},
		"items 0-9/10":   {},
		"bytes 0-9":      {},
		"bytes -9/10":    {},
		"bytes 0-9/10 ":  {},
		"bytes +0-9/10":  {},
		"":               {},
		"bytes 0-9/10/1": {},
	} {
		piece, total, ok := parseContentRange([]string{field})
		if ok != want.ok || ok && (piece != want.piece || total != want.total) {
			t.Errorf("%q: %v of %d, %v", field, piece, total, ok)
		}
	}
	if _, _, ok := parseContentRange([]string{"bytes 0-9/10", "bytes 0-9/10"}); ok {
		t.Error("two fields were taken for one")
	}
}

func FuzzContentRange(f *testing.F) {
	for _, s := range []string{"bytes 0-9/10", "bytes 0-0/*", "bytes 99999999999999999999-1/2", "bytes */1", "bytes 1--2/3"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		piece, total, ok := parseContentRange([]string{s})
		if !ok {
			return
		}
		if piece.from < 0 || piece.to <= piece.from || total >= 0 && total < piece.to {
			t.Fatalf("%q: %v of %d", s, piece, total)
		}
		if total < 0 {
			return
		}
		again, length, ok := parseContentRange([]string{fmt.Sprintf("bytes %d-%d/%d", piece.from, piece.to-1, total)})
		if !ok || again != piece || length != total {
			t.Fatalf("%q was read as %v of %d, and that as %v of %d", s, piece, total, again, length)
		}
	})
}
