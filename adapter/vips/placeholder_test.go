package vips

import (
	"image"
	"image/color"
	"testing"

	"go.n16f.net/thumbhash"
)

func TestPlaceholderColour(t *testing.T) {
	e := start(t, Options{})
	clear := image.NewNRGBA(image.Rect(0, 0, 64, 64))
	half := image.NewNRGBA(image.Rect(0, 0, 64, 64))
	for y := range 64 {
		for x := range 32 {
			half.Set(x, y, color.NRGBA{16, 32, 48, 255})
		}
	}
	flat := image.NewNRGBA(image.Rect(0, 0, 500, 40))
	for i := range flat.Pix {
		flat.Pix[i] = []byte{16, 32, 48, 255}[i%4]
	}
	for name, c := range map[string]struct {
		m    image.Image
		want string
	}{
		"one colour":  {flat, "#102030"},
		"transparent": {clear, "#ffffff"},
		"half clear":  {half, "#102030"},
	} {
		if got, _, err := e.Placeholder(ctx, pngOf(t, c.m)); err != nil || got != c.want {
			t.Errorf("%s: %s, %v; want %s", name, got, err, c.want)
		}
	}
	if got := mean([]byte{10, 20, 30, 20, 30, 41}, 3); got != "#0f1924" {
		t.Errorf("mean = %s", got)
	}
}

// What is drawn from the hash has the picture's shape and its colours where they
// are: red, green, blue and grey in the quarters.
func TestThumbhashLooksLikeThePicture(t *testing.T) {
	e := start(t, Options{})
	for name, data := range map[string][]byte{"png": pngOf(t, quarters(400, 300)), "jpeg": jpegOf(t, quarters(4000, 3000))} {
		_, hash, err := e.Placeholder(ctx, data)
		if err != nil || len(hash) > 25 {
			t.Fatalf("%s: %d bytes, %v", name, len(hash), err)
		}
		drawn, err := thumbhash.DecodeImage(hash)
		if err != nil {
			t.Fatal(err)
		}
		b := drawn.Bounds()
		if ratio := float64(b.Dx()) / float64(b.Dy()); ratio < 1.2 || ratio > 1.5 {
			t.Errorf("%s: %v is not 4:3", name, b)
		}
		source := quarters(b.Dx(), b.Dy())
		for _, at := range [][2]int{{1, 1}, {3, 1}, {1, 3}, {3, 3}} {
			x, y := b.Dx()*at[0]/4, b.Dy()*at[1]/4
			gr, gg, gb, _ := drawn.At(x, y).RGBA()
			wr, wg, wb, _ := source.At(x, y).RGBA()
			if far(gr, wr) || far(gg, wg) || far(gb, wb) {
				t.Errorf("%s at %d, %d: %v, want about %v", name, x, y, drawn.At(x, y), source.At(x, y))
			}
		}
	}
}

func far(a, b uint32) bool { return max(a, b)-min(a, b) > 0x6000 }

func TestThumbhashOfOddPictures(t *testing.T) {
	e := start(t, Options{})
	for name, m := range map[string]image.Image{
		"one pixel": quarters(1, 1), "a line": quarters(3000, 1), "a column": quarters(1, 3000), "clear": image.NewNRGBA(image.Rect(0, 0, 9, 4)),
	} {
		_, hash, err := e.Placeholder(ctx, pngOf(t, m))
		if err != nil || len(hash) == 0 || len(hash) > 25 {
			t.Errorf("%s: %d bytes, %v", name, len(hash), err)
		}
		if _, err := thumbhash.DecodeImage(hash); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	// Opacity is counted once: what is half clear has the colour that it has.
	faint := image.NewNRGBA(image.Rect(0, 0, 40, 40))
	for i := range faint.Pix {
		faint.Pix[i] = []byte{200, 40, 40, 128}[i%4]
	}
	_, hash, err := e.Placeholder(ctx, pngOf(t, faint))
	if err != nil {
		t.Fatal(err)
	}
	drawn, err := thumbhash.DecodeImage(hash)
	if err != nil {
		t.Fatal(err)
	}
	c := color.NRGBAModel.Convert(drawn.At(5, 5)).(color.NRGBA)
	if c.R < 150 || c.G > 90 || c.A < 90 || c.A > 170 {
		t.Errorf("drawn as %+v", c)
	}
}
