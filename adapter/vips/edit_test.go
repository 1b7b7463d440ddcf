package vips

import (
	"bytes"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"testing"

	"meridian/world"
)

// numbered is a picture whose every pixel says where it is.
func numbered(w, h int) *image.NRGBA {
	m := image.NewNRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			m.Set(x, y, color.NRGBA{uint8(x), uint8(y), 77, 255})
		}
	}
	return m
}

// where turns a point of an edit's result back into one of the source.
func where(e world.Edit, w, h, x, y int) (int, int) {
	for range e.Rotate { // undo one quarter clockwise: what is at x, y was at y, height-1-x of then
		w, h = h, w
		x, y = y, h-1-x
	}
	if e.Crop != nil {
		x, y = x+e.Crop.X, y+e.Crop.Y
	}
	return x, y
}

func TestEditOfAPNGMovesEveryPixelAndLosesNone(t *testing.T) {
	e := start(t, Options{})
	const w, h = 40, 30
	data := pngOf(t, numbered(w, h))
	for _, edit := range []world.Edit{
		{Rotate: 1}, {Rotate: 2}, {Rotate: 3}, {Crop: &world.Crop{X: 7, Y: 3, Width: 11, Height: 5}},
		{Crop: &world.Crop{X: 39, Y: 29, Width: 1, Height: 1}, Rotate: 1}, {Crop: &world.Crop{X: 1, Y: 0, Width: 39, Height: 30}, Rotate: 3},
	} {
		out, err := e.Edit(ctx, data, edit)
		if err != nil {
			t.Errorf("%+v: %v", edit, err)
			continue
		}
		m, err := png.Decode(bytes.NewReader(out))
		if err != nil {
			t.Fatal(err)
		}
		wantW, wantH := w, h
		if edit.Crop != nil {
			wantW, wantH = edit.Crop.Width, edit.Crop.Height
		}
		if edit.Rotate%2 == 1 {
			wantW, wantH = wantH, wantW
		}
		if b := m.Bounds(); b.Dx() != wantW || b.Dy() != wantH {
			t.Errorf("%+v: %v, want %d × %d", edit, b, wantW, wantH)
			continue
		}
		for y := range wantH {
			for x := range wantW {
				sx, sy := where(edit, wantW, wantH, x, y)
				got := color.NRGBAModel.Convert(m.At(x, y)).(color.NRGBA)
				if got != (color.NRGBA{uint8(sx), uint8(sy), 77, 255}) {
					t.Fatalf("%+v: at %d, %d is %+v, want that of %d, %d", edit, x, y, got, sx, sy)
				}
			}
		}
	}
}

func TestEditOfAPhotoIsUprightAndKeepsTheCopyrightAlone(t *testing.T) {
	e := start(t, Options{})
	data := withSecrets(t, jpegOf(t, quarters(400, 300)), 6) // stored on its side
	out, err := e.Edit(ctx, data, world.Edit{Crop: &world.Crop{Width: 300, Height: 200}})
	if err != nil {
		t.Fatal(err)
	}
	info, err := e.Inspect(ctx, out, Limits{})
	if err != nil || info.MediaType != "image/jpeg" || info.Width != 300 || info.Height != 200 || info.Orientation != 1 {
		t.Errorf("%+v, %v", info, err)
	}
	got, err := jpeg.Decode(bytes.NewReader(out))
	if err != nil {
		t.Fatal(err)
	}
	looks(t, "upper left", got, 0.25, 0.5, blue) // the lower left quarter, turned clockwise
	for _, secret := range []string{cameraMaker, cameraSerial, xmpSecret, "Exif"} {
		if bytes.Contains(out, []byte(secret)) {
			t.Errorf("it carries %s", secret)
		}
	}
}

func TestEditKeepsTransparency(t *testing.T) {
	e := start(t, Options{})
	m := numbered(20, 20)
	m.Set(3, 4, color.NRGBA{200, 100, 50, 0})
	out, err := e.Edit(ctx, pngOf(t, m), world.Edit{Crop: &world.Crop{X: 3, Y: 4, Width: 2, Height: 2}})
	if err != nil {
		t.Fatal(err)
	}
	got, err := png.Decode(bytes.NewReader(out))
	if err != nil {
		t.Fatal(err)
	}
	if _, _, _, a := got.At(0, 0).RGBA(); a != 0 {
		t.Error("what was clear is not")
	}
}

func TestEditsThatDoNotFit(t *testing.T) {
	e := start(t, Options{})
	still, moving := pngOf(t, numbered(20, 10)), gifOf(t, 3)
	for name, c := range map[string]struct {
		data []byte
		edit world.Edit
		code world.Code
	}{
		"too wide":    {still, world.Edit{Crop: &world.Crop{Width: 21, Height: 1}}, world.CodeInvalid},
		"outside":     {still, world.Edit{Crop: &world.Crop{X: 20, Width: 1, Height: 1}}, world.CodeInvalid},
		"five turns":  {still, world.Edit{Rotate: 5}, world.CodeInvalid},
		"replacement": {still, world.Edit{Replace: true}, world.CodeInvalid},
		"animation":   {moving, world.Edit{Rotate: 1}, world.CodeUnsupported},
		"no picture":  {[]byte("text"), world.Edit{Rotate: 1}, world.CodeUnsupported},
		"a bomb":      {pngHeader(40_000, 40_000), world.Edit{Rotate: 1}, world.CodeTooLarge},
	} {
		if _, err := e.Edit(ctx, c.data, c.edit); !world.Is(err, c.code) {
			t.Errorf("%s: %v, want %s", name, err, c.code)
		}
	}
	half := jpegOf(t, quarters(300, 200))
	if _, err := e.Edit(ctx, half[:40], world.Edit{Rotate: 1}); !world.Is(err, world.CodeUnprocessed) {
		t.Errorf("damaged: %v", err)
	}
}
