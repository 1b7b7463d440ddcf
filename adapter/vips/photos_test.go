package vips

import (
	"bytes"
	"encoding/binary"
	"flag"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"maps"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"

	"github.com/gen2brain/avif"
	"golang.org/x/image/webp"

	"meridian/engine/imagegrid"
	"meridian/test/likeness"
)

// everyCell takes minutes where the sample takes seconds.
var everyCell = flag.Bool("every-cell", false, "make every cell of the grid of each photograph")

// photographs are the pictures of the directory that MERIDIAN_PHOTOS names, by
// file; the test is skipped without one.
func photographs(t *testing.T) map[string][]byte {
	t.Helper()
	dir := os.Getenv("MERIDIAN_PHOTOS")
	if dir == "" {
		t.Skip("MERIDIAN_PHOTOS names no directory")
	}
	files, err := filepath.Glob(filepath.Join(dir, "*.*"))
	if err != nil {
		t.Fatal(err)
	}
	found := map[string][]byte{}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if sniff(data) != kindNone { // no note beside the pictures
			found[file] = data
		}
	}
	if len(found) == 0 {
		t.Fatalf("%s holds no picture", dir)
	}
	return found
}

// TestRealPhotographs runs every photograph through the whole engine: cameras
// write what no test would think of.
func TestRealPhotographs(t *testing.T) {
	e := start(t, Options{})
	all := photographs(t)
	for _, file := range slices.Sorted(maps.Keys(all)) {
		data := all[file]
		t.Run(filepath.Base(file), func(t *testing.T) { throughTheEngine(t, e, file, data) })
	}
}

// throughTheEngine makes variants of a photograph and opens each with a decoder
// that is not ours: its size, its turn and its colours must be right, and nothing
// in it may say more than its pixels.
func throughTheEngine(t *testing.T, e *Engine, file string, data []byte) {
	info, err := e.Inspect(ctx, data, Limits{})
	if err != nil {
		t.Fatal(err)
	}
	if err := e.Check(ctx, data, Limits{}); err != nil {
		t.Error(err)
	}
	hdr := signalled(data).light() != nil
	if hdr {
		brighterThanItsNumbers(t, e, data, info)
	}
	var specs []Spec
	for i, s := range cells() {
		for _, f := range imagegrid.Formats() {
			specs = append(specs, Spec{Width: s.Width, Height: s.Height, Fit: s.Mode.Fit(), Focus: s.Mode.Focus(0, 0, false), Format: f, Copyright: i%2 == 1})
		}
	}
	all, err := e.TransformAll(ctx, data, specs)
	if err != nil {
		t.Fatal(err)
	}
	var ref image.Image
	if !hdr { // what HDR looks like is a choice, which light_test.go holds
		ref = reference(t, file, data, info)
	}
	notice, worst := noteOf(t, data), 0.
	for i, s := range specs {
		m := opened(t, all[i].Data, s.Format)
		r := s.region(info.Width, info.Height)
		if b := m.Bounds(); b.Dx() != r.w || b.Dy() != r.h || all[i].Width != r.w || all[i].Height != r.h {
			t.Errorf("%+v is %v, want %d × %d", s, b, r.w, r.h)
			continue
		}
		onlyTheNotice(t, s, all[i].Data, notice)
		if ref == nil || s.Focus.Gravity == imagegrid.Smart { // where that crops is its own choice
			continue
		}
		scale := float64(ref.Bounds().Dx()) / float64(r.coverW)
		of := func(n int) int { return int(float64(n)*scale + 0.5) }
		kept := image.Rect(of(r.x), of(r.y), of(r.x+r.w), of(r.y+r.h)).Intersect(image.Rect(0, 0, ref.Bounds().Dx(), ref.Bounds().Dy()))
		const nx, ny = 8, 6
		d := likeness.Apart(likeness.Colours(m, m.Bounds().Sub(m.Bounds().Min), nx, ny), likeness.Colours(ref, kept, nx, ny))
		if worst = max(worst, d); !(d < 2.5) {
			t.Errorf("%dx%d %s: the colours are %.2f (CIEDE2000) from the reference's", s.Width, s.Height, s.Format, d)
		}
	}
	t.Logf("%d variants, colours at most %.2f (CIEDE2000) from the reference's, notice %q", len(specs), worst, notice)
	if half := data[:len(data)/2]; sniff(data) == kindJPEG && e.Check(ctx, half, Limits{}) == nil {
		t.Error("half of it passes for whole")
	}
}

// noteOf is the block in which the copyright notice of a file is kept, "" for none.
func noteOf(t *testing.T, data []byte) string {
	t.Helper()
	j := &job{ctx: ctx, op: "test", data: data, kind: sniff(data), specs: []Spec{{Copyright: true}}}
	if err := j.takeNotes(); err != nil {
		t.Fatal(err)
	}
	return string(j.notes.copyright)
}

// onlyTheNotice holds a variant to saying nothing beside its pixels but the notice,
// where the spec asks for it and there is one.
func onlyTheNotice(t *testing.T, s Spec, out []byte, notice string) {
	t.Helper()
	if s.Copyright && notice != "" {
		if !bytes.Contains(out, []byte(notice)) {
			t.Errorf("%+v has lost the notice", s)
		}
		for _, kept := range []string{notice, "Exif", "EXIF"} { // the block, and what names it
			out = bytes.ReplaceAll(out, []byte(kept), nil)
		}
	}
	bare(t, string(s.Format), besidePixels(s.Format, out))
}

// besidePixels is a variant without its compressed pixels, in which, over so many
// variants, each short word is found by chance.
func besidePixels(f imagegrid.Format, out []byte) []byte {
	switch f {
	case imagegrid.AVIF:
		before, _, _ := bytes.Cut(out, []byte("mdat"))
		return before
	case imagegrid.JPEG:
		before, _, _ := bytes.Cut(out, []byte{0xFF, 0xDA}) // start of scan
		return before
	}
	var said []byte
	for at := 12; at+8 <= len(out); { // RFC 9649 §2.3
		n := int(binary.LittleEndian.Uint32(out[at+4:]))
		end := min(len(out), at+8+n+n%2)
		if name := string(out[at : at+4]); name != "VP8 " && name != "VP8L" && name != "ALPH" {
			said = append(said, out[at:end]...)
		}
		at = end
	}
	return said
}

// cells are those of the grid that are made of each photograph: all, in all modes,
// with -every-cell, else some of each shape.
func cells() []imagegrid.Size {
	if !*everyCell {
		return []imagegrid.Size{{Width: 160}, {Width: 640}, {Width: 320, Height: 320}, {Width: 480, Height: 360}, {Width: 320, Height: 240, Mode: imagegrid.ModeContain}}
	}
	g, err := imagegrid.New(imagegrid.Default().Widths(), []imagegrid.Aspect{imagegrid.Natural, imagegrid.Square, imagegrid.Landscape}, imagegrid.ModeCover, imagegrid.ModeSmart, imagegrid.ModeContain)
	if err != nil {
		panic(err)
	}
	return g.Sizes()
}

// opened is a variant as a decoder sees it that shares no code with its encoder.
func opened(t *testing.T, data []byte, f imagegrid.Format) image.Image {
	t.Helper()
	var m image.Image
	var err error
	switch f {
	case imagegrid.AVIF:
		m, err = avif.Decode(bytes.NewReader(data))
	case imagegrid.WebP:
		m, err = webp.Decode(bytes.NewReader(data))
		if planar, ok := m.(*image.YCbCr); ok {
			fullRange(planar)
		}
	default:
		m, err = jpeg.Decode(bytes.NewReader(data))
	}
	if err != nil {
		t.Fatalf("the %s does not open: %v", f, err)
	}
	return m
}

// fullRange makes WebP's limited range (RFC 6386 §9.2) the full one that Go takes
// every YCbCr for.
func fullRange(m *image.YCbCr) {
	stretch := func(pix []byte, zero, span float64) {
		base := 0.
		if span == 224 {
			base = 128
		}
		for i, v := range pix {
			pix[i] = uint8(max(0, min(255, math.Round(base+(float64(v)-zero)*255/span))))
		}
	}
	stretch(m.Y, 16, 219)
	stretch(m.Cb, 128, 224)
	stretch(m.Cr, 128, 224)
}

// reference is the photograph by other hands: Go's decoder for a JPEG that is in
// sRGB, else vipsthumbnail, which goes through the profile by itself. It is nil
// where that is not installed.
func reference(t *testing.T, file string, data []byte, info Info) image.Image {
	t.Helper()
	j := &job{ctx: ctx, op: "test", data: data, kind: sniff(data)}
	if err := j.takeNotes(); err != nil {
		t.Fatal(err)
	}
	if j.kind == kindJPEG && (j.notes.icc == nil || isSRGB(j.notes.icc)) {
		m, err := jpeg.Decode(bytes.NewReader(data))
		if err != nil {
			t.Fatal(err)
		}
		if _, cmyk := m.(*image.CMYK); !cmyk {
			return turned{m, info.Orientation}
		}
	}
	command, err := exec.LookPath("vipsthumbnail")
	if err != nil {
		t.Log("colours are not compared: vipsthumbnail is not installed")
		return nil
	}
	target := filepath.Join(t.TempDir(), "reference.png")
	if said, err := exec.Command(command, "--size", "1600x1600>", "--eprofile", "srgb", "--iprofile", "cmyk", "-o", target+"[strip]", file).CombinedOutput(); err != nil {
		t.Fatalf("vipsthumbnail: %v: %s", err, said)
	}
	made, err := os.ReadFile(target)
	if err != nil {
		t.Fatal(err)
	}
	m, err := png.Decode(bytes.NewReader(made))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// turned is a picture upright (EXIF 2.32 §4.6.4 A).
type turned struct {
	image.Image
	orientation int
}

func (u turned) Bounds() image.Rectangle {
	b := u.Image.Bounds()
	if u.orientation >= 5 {
		return image.Rect(0, 0, b.Dy(), b.Dx())
	}
	return image.Rect(0, 0, b.Dx(), b.Dy())
}

func (u turned) At(x, y int) color.Color {
	b := u.Image.Bounds()
	w, h := b.Dx()-1, b.Dy()-1
	at := [9][2]int{
		{x, y}, {x, y}, {w - x, y}, {w - x, h - y}, {x, h - y},
		{y, x}, {y, h - x}, {w - y, h - x}, {w - y, x},
	}[u.orientation]
	return u.Image.At(b.Min.X+at[0], b.Min.Y+at[1])
}

// TestWideColoursComeOutRight asks the same of pictures whose numbers are not sRGB.
func TestWideColoursComeOutRight(t *testing.T) {
	e := start(t, Options{})
	for _, name := range []string{"cmyk.jpg", "p3.png"} {
		t.Run(name, func(t *testing.T) { throughTheEngine(t, e, filepath.Join("testdata", name), testdata(t, name)) })
	}
}

// TestTheMezzanineLooksLikeTheOriginal holds imagegrid's rule to what it promises:
// what an encoder is given from the one and from the other cannot be told apart.
func TestTheMezzanineLooksLikeTheOriginal(t *testing.T) {
	e := start(t, Options{})
	cut := 0
	all := photographs(t)
	for _, file := range slices.Sorted(maps.Keys(all)) {
		data := all[file]
		info, err := e.Inspect(ctx, data, Limits{})
		if err != nil {
			t.Fatal(err)
		}
		mezzanine, _, ok, err := e.Mezzanine(ctx, data)
		if err != nil {
			t.Fatal(err)
		}
		if !ok {
			continue
		}
		if cut++; cut > 3 && !*everyCell {
			break
		}
		of, worst := extent{info.Width, info.Height}, 1.0
		for _, s := range cells() {
			if s.Mode == imagegrid.ModeSmart || !imagegrid.FromMezzanine(s.Mode.Fit(), of.w, of.h, s.Width, s.Height) {
				continue
			}
			spec := Spec{Width: s.Width, Height: s.Height, Fit: s.Mode.Fit()}
			like := likeness.SSIM(pixelsOf(t, e, data, of, spec), pixelsOf(t, e, mezzanine, of, spec))
			worst = min(worst, like)
			if !(like >= 0.99) {
				t.Errorf("%s at %s is %.4f like the original's", filepath.Base(file), s, like)
			}
		}
		t.Logf("%s: mezzanine of %d kB, at least %.4f", filepath.Base(file), len(mezzanine)/1000, worst)
	}
}

// brighterThanItsNumbers holds a photograph in P3 or PQ to what a photograph
// looks like: neither the veil that its numbers are when taken for sRGB nor a
// glare.
func brighterThanItsNumbers(t *testing.T, e *Engine, data []byte, info Info) {
	k := sniff(data)
	w, h, _ := imagegrid.OutputSize(info.Width, info.Height, 320, 0)
	plain, err := decodeTo(ctx, "test", data, plan(k, info, w, h), w, h)
	if err != nil {
		t.Fatal(err)
	}
	defer plain.close()
	lit, err := decodeRGB(ctx, "test", data, k, plan(k, info, w, h), w, h)
	if err != nil {
		t.Fatal(err)
	}
	defer lit.close()
	before, after := luma(plain), luma(lit)
	t.Logf("mean luma %.1f taken for sRGB, %.1f by its signal", before, after)
	if after < before+5 || after < 60 || after > 190 {
		t.Errorf("the mean luma is %.1f, and %.1f when taken for sRGB", after, before)
	}
}

// luma is the mean of Y' (ITU-R BT.709), 0 to 255.
func luma(p picture) float64 {
	pixels, bands := p.bytes()
	sum := 0.
	for at := 0; at < len(pixels); at += bands {
		sum += 0.2126*float64(pixels[at]) + 0.7152*float64(pixels[at+1]) + 0.0722*float64(pixels[at+2])
	}
	return sum * float64(bands) / float64(len(pixels))
}
