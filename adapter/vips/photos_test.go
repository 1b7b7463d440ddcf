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
		if b := decoded(t, e, all[i], s.Format).Bounds(); b.Dx() != w || b.Dy() != h {
			t.Errorf("%+v is %v, want %d × %d", s, b, w, h)
		}
		bare(t, string(s.Format), all[i])
	}
	if half := data[:len(data)/2]; sniff(data) == kindJPEG && e.Check(ctx, half, Limits{}) == nil {
		t.Error("half of it passes for whole")
	}
}
