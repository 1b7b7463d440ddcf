package owner

import (
	"bytes"
	"encoding/base64"
	"image"
	"image/color"
	"image/png"
	"strings"
	"testing"

	"go.n16f.net/thumbhash"

	"meridian/world"
)

// hashOf is the ThumbHash of a picture of two halves.
func hashOf(left, right color.Color) string {
	m := image.NewNRGBA(image.Rect(0, 0, 80, 60))
	for y := range 60 {
		for x := range 80 {
			m.Set(x, y, left)
			if x >= 40 {
				m.Set(x, y, right)
			}
		}
	}
	return base64.StdEncoding.EncodeToString(thumbhash.EncodeImage(m))
}

func drawnOf(t *testing.T, g ground) image.Image {
	t.Helper()
	text, ok := strings.CutPrefix(string(g.Likeness), "data:image/png;base64,")
	raw, err := base64.StdEncoding.DecodeString(text)
	if !ok || err != nil {
		t.Fatalf("%q is no picture in the page", g.Likeness)
	}
	m, err := png.Decode(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestALikenessLooksLikeItsPicture(t *testing.T) {
	red, blue := color.NRGBA{R: 220, A: 255}, color.NRGBA{B: 220, A: 255}
	g := groundOf(world.Version{Color: "#aa5500", Thumbhash: hashOf(red, blue)})
	m := drawnOf(t, g)
	if b := m.Bounds(); b.Dx() != likenessSide || b.Dy() < likenessSide/2 || b.Dy() > likenessSide {
		t.Errorf("it is drawn as %v", b)
	}
	r, _, b, _ := m.At(2, 5).RGBA()
	if r < 2*b {
		t.Errorf("its left is %v", m.At(2, 5))
	}
	if r, _, b, _ = m.At(13, 5).RGBA(); b < 2*r {
		t.Errorf("its right is %v", m.At(13, 5))
	}
	if n := len(g.Likeness); n > 1500 {
		t.Errorf("it takes %d bytes of the page", n)
	}
}

func TestGroundOfWhatHasNoLikeness(t *testing.T) {
	for _, c := range []struct {
		v    world.Version
		want ground
	}{
		{world.Version{Color: "#aa5500"}, ground{Color: "#aa5500"}},
		{world.Version{Color: "#aa5500", Thumbhash: "no base 64"}, ground{Color: "#aa5500"}},
		{world.Version{Color: "#aa5500", Thumbhash: "AAAA"}, ground{Color: "#aa5500"}},
		// What is clear would show its ground for good.
		{world.Version{Color: "#aa5500", Thumbhash: hashOf(color.NRGBA{R: 220, A: 255}, color.NRGBA{})}, ground{}},
	} {
		if got := groundOf(c.v); got != c.want {
			t.Errorf("%q has %+v, want %+v", c.v.Thumbhash, got, c.want)
		}
	}
}

// Whatever is taken for a ThumbHash is drawn or has no likeness, and nothing that
// stands in it gets out of its attribute.
func FuzzGround(f *testing.F) {
	f.Add([]byte{})
	f.Add([]byte{1, 2, 3, 4, 5})
	good, _ := base64.StdEncoding.DecodeString(hashOf(color.White, color.Black))
	f.Add(good)
	f.Fuzz(func(t *testing.T, raw []byte) {
		g := groundOf(world.Version{Color: "#000000", Thumbhash: base64.StdEncoding.EncodeToString(raw)})
		if g.Likeness != "" {
			drawnOf(t, g)
		}
	})
}
