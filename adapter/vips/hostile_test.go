package vips

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"flag"
	"fmt"
	"iter"
	"math/rand/v2"
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"meridian/engine/imagegrid"
	"meridian/world"
)

var (
	hostileInputs = flag.Int("hostile", 0, "how many hostile inputs are tried; 0: as many as fit into a suite")
	hostileSeed   = flag.Uint64("hostile-seed", 20261122, "the seed that they are made with")
)

// Under this limit no input may make the process grow by more than hostileMemory:
// some 20 bytes a pixel, twice for the two workers, and what the libraries keep.
const (
	hostilePixels = 2_000_000
	hostileMemory = 256 << 20
	hostileTime   = 30 * time.Second // far above what any takes; only a hang reaches it
)

// HostileCount is how many are tried, some unless the command line says how many.
func HostileCount(some int) int {
	if *hostileInputs > 0 {
		return *hostileInputs
	}
	return some
}

// HostileLimits are what hostile inputs are tried under.
func HostileLimits() Limits {
	return Limits{MaxPixels: hostilePixels, MaxFrames: 50, MaxBytes: 8 << 20}
}

// HostileInputs are so many of them, with what each is: bombs, polyglots and
// drawings first, then mutated real pictures.
func HostileInputs(t *testing.T, e *Engine, count int) iter.Seq2[string, []byte] {
	bases, fixed := realOnes(t, e), knownEvils(t, e)
	t.Logf("%d inputs, seed %d", count, *hostileSeed)
	return func(yield func(string, []byte) bool) {
		r := rand.New(rand.NewPCG(*hostileSeed, 0))
		for i := range count {
			what, in := fmt.Sprintf("input %d", i), []byte(nil)
			if i < len(fixed) {
				what, in = fixed[i].what, fixed[i].data
			} else {
				in = mutated(r, bases[r.IntN(len(bases))], bases)
			}
			if !yield(what, in) {
				return
			}
		}
	}
}

// CheckRefusal demands of the answer to a hostile input that it is a reason, or
// that the input was taken.
func CheckRefusal(t *testing.T, what string, err error, refused map[world.Code]int) {
	t.Helper()
	var told *world.Error
	switch {
	case err == nil:
	case !errors.As(err, &told) || told.Message == "":
		t.Errorf("%s: not told why: %v", what, err)
	case !slices.Contains([]world.Code{world.CodeUnsupported, world.CodeTooLarge, world.CodeUnprocessed}, world.CodeOf(err)):
		t.Errorf("%s: %v", what, err)
	default:
		refused[world.CodeOf(err)]++
	}
}

// IsDrawing tells an SVG by its beginning.
func IsDrawing(in []byte) bool { return bytes.Contains(in[:min(len(in), 400)], []byte("<svg")) }

// TestHostileInputsGetAClearError: none may crash or hang the engine, take more
// memory than the limit allows, or be refused with anything but a reason. Served,
// an input meets a child process first; here it is as if that had let it through.
func TestHostileInputsGetAClearError(t *testing.T) {
	e := start(t, Options{MaxWorkers: 2, Limits: HostileLimits()})
	refused := map[world.Code]int{}
	var before int64
	tried := 0
	for what, in := range HostileInputs(t, e, HostileCount(150)) {
		if tried++; tried == 20 {
			before = Peak(t) // the libraries have loaded what they keep
		}
		for _, err := range swallow(e, in) {
			CheckRefusal(t, what, err, refused)
		}
	}
	if tried > 20 {
		if grown := Peak(t) - before; grown > hostileMemory {
			t.Errorf("the process grew by %d MB", grown>>20)
		} else {
			t.Logf("grown by %d MB; refused: %v", grown>>20, refused)
		}
	}
	// A thread of libvips may give its buffers back after the call that it worked for.
	over, cancel := context.WithTimeout(ctx, hostileTime)
	defer cancel()
	for e.Memory() != 0 && over.Err() == nil {
		runtime.Gosched()
	}
	if e.Memory() != 0 {
		t.Errorf("%d bytes of pixels are still held", e.Memory())
	}
}

// swallow does with an input all that is ever done with one.
func swallow(e *Engine, in []byte) []error {
	over, cancel := context.WithTimeout(ctx, hostileTime)
	defer cancel()
	if IsDrawing(in) {
		_, err := e.RasteriseSVG(over, in, 200)
		return []error{err}
	}
	_, inspected := e.Inspect(over, in, Limits{})
	checked := e.Check(over, in, Limits{})
	_, made := e.TransformAll(over, in, []Spec{
		{Width: 200, Format: imagegrid.WebP, Copyright: true},
		{Width: 90, Height: 90, Format: imagegrid.JPEG, Focus: imagegrid.Focus{Gravity: imagegrid.Smart}},
		{Width: 20, Format: imagegrid.AVIF},
	})
	_, _, _, mezzanine := e.Mezzanine(over, in)
	return []error{inspected, checked, made, mezzanine}
}

// realOnes are sound pictures of every kind.
func realOnes(t *testing.T, e *Engine) [][]byte {
	photo := withSecrets(t, jpegOf(t, quarters(300, 200)), 6)
	still, err := e.Transform(ctx, photo, Spec{Width: 100, Format: imagegrid.WebP, Copyright: true})
	if err != nil {
		t.Fatal(err)
	}
	smaller, err := e.Transform(ctx, photo, Spec{Width: 60, Height: 40, Format: imagegrid.WebP})
	if err != nil {
		t.Fatal(err)
	}
	moving, err := e.Transform(ctx, gifOf(t, 4), Spec{Width: 40, Format: imagegrid.WebP})
	if err != nil {
		t.Fatal(err)
	}
	return [][]byte{
		photo, progressive(t, e, 320, 240), testdata(t, "cmyk.jpg"),
		pngOf(t, quarters(120, 90)), testdata(t, "p3.png"), gifOf(t, 5), still, moving, animated(t, 60, 40, smaller, smaller),
		testdata(t, "patches-12bit-alpha.avif"), testdata(t, "patches-12bit.avif"), testdata(t, "patches-10bit.heic"),
		[]byte(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 10 10"><g id="a"><rect width="5" height="5" fill="red"/></g><use href="#a" x="5"/></svg>`),
	}
}

// mutated is a picture with some of what fuzzers do to it.
func mutated(r *rand.Rand, base []byte, others [][]byte) []byte {
	out := bytes.Clone(base)
	for range 1 + r.IntN(4) {
		if len(out) < 8 {
			break
		}
		at := r.IntN(len(out) - 4)
		switch r.IntN(7) {
		case 0: // bits
			for range 1 + r.IntN(16) {
				out[r.IntN(len(out))] ^= 1 << r.IntN(8)
			}
		case 1: // cut off
			out = out[:4+r.IntN(len(out)-4)]
		case 2: // a length or a size
			binary.BigEndian.PutUint32(out[at:], []uint32{0, 1, 0xFFFF, 0x7FFFFFFF, 0xFFFFFFFF, r.Uint32()}[r.IntN(6)])
		case 3: // a part twice
			end := at + r.IntN(min(4096, len(out)-at))
			out = slices.Insert(out, at, out[at:end]...)
		case 4: // a part gone
			out = slices.Delete(out, at, at+r.IntN(min(4096, len(out)-at)))
		case 5: // a part of another
			other := others[r.IntN(len(others))]
			copy(out[at:], other[r.IntN(len(other)):])
		case 6: // in the header, where it counts most
			out[r.IntN(min(len(out), 200))] = byte(r.Uint32())
		}
	}
	return out
}

type evil struct {
	what string
	data []byte
}

// knownEvils are inputs that have brought down somebody's image service.
func knownEvils(t *testing.T, e *Engine) []evil {
	jpeg, gif := jpegOf(t, quarters(64, 48)), gifOf(t, 3)
	huge := bytes.Clone(jpeg) // SOF's height and width
	at := bytes.Index(huge, []byte{0xFF, 0xC0})
	copy(huge[at+5:], []byte{0xFF, 0xFF, 0xFF, 0xFF})
	slow := progressive(t, e, 1200, 900)
	scan := bytes.LastIndex(slow, []byte{0xFF, 0xDA})
	slow = append(slow[:len(slow)-2:len(slow)-2], append(bytes.Repeat(slow[scan:len(slow)-2], 300), 0xFF, 0xD9)...)
	svg := func(body string) []byte {
		return []byte(`<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" width="100" height="100">` + body + `</svg>`)
	}
	laughs := `<g id="l0"><rect/></g>`
	for i := range 9 {
		laughs += fmt.Sprintf(`<g id="l%d">%s</g>`, i+1, strings.Repeat(fmt.Sprintf(`<use href="#l%d"/>`, i), 10))
	}
	return []evil{
		{"PNG of 65535 × 65535", pngHeader(65535, 65535)},
		{"PNG of the greatest size", pngHeader(0x7FFFFFFF, 0x7FFFFFFF)},
		{"PNG without pixels", pngHeader(0, 0)},
		{"PNG that declares more than it holds", pngHeader(1400, 1400)},
		{"JPEG that says 65535 × 65535", huge},
		{"JPEG with 300 scans more", slow},
		{"GIF of 60 frames", gifOf(t, 60)},
		{"GIF with a page behind it", append(bytes.Clone(gif), "<script>alert(1)</script>"...)},
		{"a script that begins as GIF", []byte("GIF89a/*<svg/onload=alert(1)>*/=1;")},
		{"JPEG with an archive behind it", append(bytes.Clone(jpeg), "PK\x03\x04\x14\x00\x00\x00"...)},
		{"JPEG with PHP in a comment", append([]byte{0xFF, 0xD8, 0xFF, 0xFE, 0, 20}, append([]byte("<?php system($_G);"), jpeg[2:]...)...)},
		{"PDF with a picture behind it", append([]byte("%PDF-1.7\n"), jpeg...)},
		{"TIFF", []byte("II*\x00\x08\x00\x00\x00\x00\x00\x00\x00\x00\x00")},
		{"PostScript", []byte("%!PS\n(/etc/passwd) (r) file")},
		{"ImageMagick's MVG", []byte("push graphic-context\nviewbox 0 0 640 480\nfill 'url(https://example.com/\"|ls \"-la)'\npop graphic-context")},
		{"nothing", nil},
		{"a magic number alone", []byte{0xFF, 0xD8, 0xFF}},
		{"SVG that laughs a billion times", svg(laughs)},
		{"SVG with entities", []byte(`<!DOCTYPE svg [<!ENTITY a SYSTEM "file:///etc/passwd">]><svg xmlns="http://www.w3.org/2000/svg"><text>&a;</text></svg>`)},
		{"SVG of great depth", svg(strings.Repeat("<g>", 10_000) + strings.Repeat("</g>", 10_000))},
		{"SVG that reads a file", svg(`<image href="file:///etc/passwd" width="10" height="10"/>`)},
		{"SVG that includes", svg(`<xi:include xmlns:xi="http://www.w3.org/2001/XInclude" href="file:///etc/passwd"/>`)},
		{"SVG of great size", []byte(`<svg xmlns="http://www.w3.org/2000/svg" width="1e9" height="1e9"><rect width="1e9" height="1e9"/></svg>`)},
		{"SVG without size", []byte(`<svg xmlns="http://www.w3.org/2000/svg" width="0" height="0"/>`)},
	}
}

// Peak is the most memory that this process has had, in bytes; 0 where the system
// does not tell.
func Peak(t *testing.T) int64 {
	text, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(text)) {
		var kb int64
		if n, _ := fmt.Sscanf(line, "VmHWM: %d kB", &kb); n == 1 {
			return kb << 10
		}
	}
	t.Log("/proc/self/status has no VmHWM")
	return 0
}

func TestDrawingsOfOutsidersAreCleanedFirst(t *testing.T) {
	e := start(t, Options{})
	out, err := e.RasteriseSVG(ctx, []byte(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 20 10"><rect width="20" height="10" fill="#dc1e1e"/><script>bad()</script></svg>`), 100)
	if err != nil {
		t.Fatal(err)
	}
	info, err := e.Inspect(ctx, out, Limits{})
	if err != nil || info.MediaType != "image/png" || info.Width != 100 || info.Height != 50 {
		t.Errorf("%+v, %v", info, err)
	}
	for _, side := range []int{0, imagegrid.MaxDimension + 1} {
		if _, err := e.RasteriseSVG(ctx, []byte(`<svg xmlns="http://www.w3.org/2000/svg"/>`), side); !world.Is(err, world.CodeInvalid) {
			t.Errorf("side %d: %v", side, err)
		}
	}
}
