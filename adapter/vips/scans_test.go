package vips

import (
	"bytes"
	"testing"

	"meridian/engine/imagegrid"
	"meridian/test/likeness"
)

// progressive is quarters as a progressive JPEG.
func progressive(t testing.TB, e *Engine, w, h int) []byte {
	t.Helper()
	data, err := e.Transform(ctx, jpegOf(t, quarters(w, h)), Spec{Width: w, Format: imagegrid.JPEG, Effort: Thorough, Quality: 90})
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestCoarseHasTheSameMeans(t *testing.T) {
	e := start(t, Options{})
	data := progressive(t, e, 1600, 1200)
	short := coarse(data)
	if len(short) >= len(data) {
		t.Fatalf("%d of %d bytes are left", len(short), len(data))
	}
	info, err := e.Inspect(ctx, short, Limits{})
	if err != nil || info.Width != 1600 || info.Height != 1200 {
		t.Fatalf("%+v, %v", info, err)
	}
	spec := Spec{Width: 100, Format: imagegrid.JPEG, Quality: 95}
	small, err := e.Transform(ctx, data, spec) // by the short way
	if err != nil {
		t.Fatal(err)
	}
	want, err := e.Transform(ctx, jpegOf(t, quarters(1600, 1200)), spec)
	if err != nil {
		t.Fatal(err)
	}
	if s := likeness.SSIM(decoded(t, e, small, imagegrid.JPEG), decoded(t, e, want, imagegrid.JPEG)); s < 0.995 {
		t.Errorf("it is %.4f like the baseline one", s)
	}
}

func TestOnlySoundProgressiveJPEGsAreShortened(t *testing.T) {
	e := start(t, Options{})
	data := progressive(t, e, 320, 240)
	for what, in := range map[string][]byte{
		"baseline": jpegOf(t, quarters(320, 240)), "cut off": data[:len(data)-40], "nothing": {}, "two bytes": data[:2],
	} {
		if out := coarse(in); !bytes.Equal(out, in) {
			t.Errorf("%s: %d of %d bytes are left", what, len(out), len(in))
		}
	}
}

func FuzzCoarse(f *testing.F) {
	e := start(f, Options{})
	data := progressive(f, e, 64, 48)
	f.Add(data)
	f.Add(data[:len(data)/2])
	f.Add([]byte{0xFF, 0xD8, 0xFF, 0xFF, 0xFF, 0xDA, 0, 2, 0xFF, 0xD9})
	f.Fuzz(func(t *testing.T, in []byte) {
		before := bytes.Clone(in)
		if out := coarse(in); len(out) > len(in)+2 {
			t.Errorf("%d bytes became %d", len(in), len(out))
		}
		if !bytes.Equal(in, before) {
			t.Error("the input was written to")
		}
	})
}
