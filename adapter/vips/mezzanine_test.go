package vips

import (
	"image/color"
	"testing"

	"meridian/engine/imagegrid"
)

func TestMezzaninesAreUprightAndBare(t *testing.T) {
	e := start(t, Options{})
	original := withSecrets(t, jpegOf(t, quarters(3600, 2700)), 6)
	data, info, ok, err := e.Mezzanine(ctx, original)
	if err != nil || !ok {
		t.Fatal(ok, err)
	}
	if info.Width != 1920 || info.Height != 2560 {
		t.Errorf("it is %d × %d", info.Width, info.Height)
	}
	bare(t, "mezzanine", data)
	m := decoded(t, e, data, imagegrid.JPEG)
	if b := m.Bounds(); b.Dx() != 1920 || b.Dy() != 2560 {
		t.Errorf("its pixels are %v", b)
	}
	looks(t, "mezzanine", m, .1, .1, blue)
	looks(t, "mezzanine", m, .9, .1, red)
}

func TestSomeOriginalsNeedNoMezzanine(t *testing.T) {
	e := start(t, Options{})
	transparent := quarters(3600, 2700)
	transparent.Set(0, 0, color.Transparent)
	for what, data := range map[string][]byte{
		"a small one": jpegOf(t, quarters(600, 400)), "an animation": gifOf(t, 3), "a transparent one": pngOf(t, transparent),
	} {
		if out, _, ok, err := e.Mezzanine(ctx, data); out != nil || ok || err != nil {
			t.Errorf("%s has one of %d bytes: %v, %v", what, len(out), ok, err)
		}
	}
}

// A size that is rounded twice may come out one pixel off.
func TestMezzaninesMakeTheOriginalsSizes(t *testing.T) {
	e := start(t, Options{})
	original := jpegOf(t, quarters(3331, 2203))
	mezzanine, _, ok, err := e.Mezzanine(ctx, original)
	if err != nil || !ok {
		t.Fatal(ok, err)
	}
	var specs []Spec
	for _, s := range imagegrid.Default().Sizes() {
		specs = append(specs, Spec{Width: s.Width, Height: s.Height, Format: imagegrid.JPEG})
	}
	out, err := e.FromMezzanine(ctx, mezzanine, 3331, 2203, specs)
	if err != nil {
		t.Fatal(err)
	}
	for i, s := range specs {
		w, h, _ := imagegrid.OutputSize(3331, 2203, s.Width, s.Height)
		if b := decoded(t, e, out[i].Data, imagegrid.JPEG).Bounds(); b.Dx() != w || b.Dy() != h {
			t.Errorf("%dx%d is %v, want %d × %d", s.Width, s.Height, b, w, h)
		}
	}
}
