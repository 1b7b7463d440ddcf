package front

import (
	"bufio"
	"bytes"
	"net/http"
	"reflect"
	"strings"
	"testing"

	"golang.org/x/net/http2/hpack"
)

func TestBothProtocolsSayTheSame(t *testing.T) {
	fields := []HeadField{{"Content-Length", "0"}, {"etag", `"` + strings.Repeat("a", 300) + `"`}, {"X-Empty", ""}, {"Link", "</a>; rel=preload"}}
	h := NewHead(206, fields)
	r, err := http.ReadResponse(bufio.NewReader(bytes.NewReader(h.h1)), nil)
	if err != nil || r.StatusCode != 206 {
		t.Fatalf("%v, %v", r, err)
	}
	got := map[string]string{}
	d := hpack.NewDecoder(0, func(f hpack.HeaderField) { got[f.Name] = f.Value })
	if _, err := d.Write(h.h2); err != nil || d.Close() != nil {
		t.Fatal(err)
	}
	want := map[string]string{":status": "206"}
	for _, f := range fields {
		want[strings.ToLower(f.Name)] = f.Value
		if v := r.Header.Get(f.Name); v != f.Value {
			t.Errorf("HTTP/1.1: %s: %q, want %q", f.Name, v, f.Value)
		}
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("HTTP/2: %v, want %v", got, want)
	}
}

func TestWhatAFieldCannotHoldIsLeftOut(t *testing.T) {
	h := NewHead(200, []HeadField{{"A", "x\r\nB: y"}, {"C: d", "x"}, {"", "x"}, {"D\x00", "x"}, {"E", "caf\xe9"}})
	if want := "HTTP/1.1 200 OK\r\nE: caf\xe9\r\n\r\n"; string(h.h1) != want {
		t.Errorf("%q, want %q", h.h1, want)
	}
}

func TestAHeadWithMoreFieldsIsTheSameAsOneMadeWhole(t *testing.T) {
	first := []HeadField{{"Content-Length", "7"}, {"ETag", `"v1"`}}
	more := []HeadField{{"Age", "12"}, {"Bad\r\n", "x"}, {"Cache-Status", "edge; hit; ttl=3"}}
	base := NewHead(200, first)
	before := *base
	whole, with := NewHead(200, append(first, more...)), base.With(more...)
	if string(whole.h1) != string(with.h1) || string(whole.h2) != string(with.h2) || with.Status != 200 {
		t.Errorf("%q, want %q", with.h1, whole.h1)
	}
	if string(base.h1) != string(before.h1) || string(base.h2) != string(before.h2) {
		t.Error("the head that it was made of has changed")
	}
	if got := base.With(); string(got.h1) != string(base.h1) || string(got.h2) != string(base.h2) {
		t.Errorf("with nothing more: %q", got.h1)
	}
}
