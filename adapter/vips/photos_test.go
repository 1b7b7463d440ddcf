package vips

import (
	"os"
	"path/filepath"
	"testing"

	"meridian/engine/imagegrid"
)

// TestRealPhotographs runs every file of the directory that MERIDIAN_PHOTOS
// names through the whole engine: cameras write what no test would think of.
func TestRealPhotographs(t *testing.T) {
	dir := os.Getenv("MERIDIAN_PHOTOS")
	if dir == "" {
		t.Skip("MERIDIAN_PHOTOS names no directory")
	}
	files, err := filepath.Glob(filepath.Join(dir, "*.*"))
	if err != nil {
		t.Fatal(err)
	}
	e := start(t, Options{})
	pictures := 0
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if sniff(data) == kindNone {
			continue // a note beside the pictures
		}
		pictures++
		t.Run(filepath.Base(file), func(t *testing.T) { throughTheEngine(t, e, data) })
	}
	if pictures == 0 {
		t.Errorf("%s holds no picture", dir)
	}
}

func throughTheEngine(t *testing.T, e *Engine, data []byte) {
	info, err := e.Inspect(ctx, data, Limits{})
	if err != nil {
		t.Fatal(err)
	}
	if err := e.Check(ctx, data, Limits{}); err != nil {
		t.Error(err)
	}
	if signalled(data).light() != nil {
		brighterThanItsNumbers(t, e, data, info)
	}
	var specs []Spec
	for _, f := range imagegrid.Formats() {
		specs = append(specs, Spec{Width: 640, Format: f}, Spec{Width: 320, Height: 320, Format: f})
	}
	all, err := e.TransformAll(ctx, data, specs)
	if err != nil {
		t.Fatal(err)
	}
	for i, s := range specs {
		w, h, _ := imagegrid.OutputSize(info.Width, info.Height, s.Width, s.Height)
		if b := decoded(t, e, all[i].Data, s.Format).Bounds(); b.Dx() != w || b.Dy() != h {
			t.Errorf("%+v is %v, want %d × %d", s, b, w, h)
		}
		bare(t, string(s.Format), all[i].Data)
	}
	if half := data[:len(data)/2]; sniff(data) == kindJPEG && e.Check(ctx, half, Limits{}) == nil {
		t.Error("half of it passes for whole")
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
