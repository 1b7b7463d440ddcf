package imagegrid

import (
	"math"
	"testing"

	"pgregory.net/rapid"

	"meridian/world"
)

func TestContainFitsInside(t *testing.T) {
	for _, c := range []struct{ srcW, srcH, reqW, reqH, w, h int }{
		{4000, 3000, 640, 640, 640, 480},
		{3000, 4000, 640, 640, 480, 640},
		{4000, 3000, 640, 480, 640, 480},
		{400, 300, 640, 640, 400, 300}, // not enlarged
		{4000, 3000, 640, 0, 640, 480},
		{4000, 3000, 0, 480, 640, 480},
		{10000, 1, 160, 160, 160, 1},
		{0, 3000, 640, 480, 0, 0},
	} {
		if w, h, crop := FittedSize(Contain, c.srcW, c.srcH, c.reqW, c.reqH); w != c.w || h != c.h || crop {
			t.Errorf("%+v gives %d × %d, crop %v", c, w, h, crop)
		}
	}
}

func TestContainNeverLeavesTheBox(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		side := rapid.IntRange(1, MaxDimension)
		srcW, srcH, reqW, reqH := side.Draw(t, "srcW"), side.Draw(t, "srcH"), side.Draw(t, "reqW"), side.Draw(t, "reqH")
		w, h, _ := FittedSize(Contain, srcW, srcH, reqW, reqH)
		if w < 1 || h < 1 || w > min(reqW, srcW) || h > min(reqH, srcH) {
			t.Errorf("%d × %d is outside of the box or of the source", w, h)
		}
		if w != min(reqW, srcW) && h != min(reqH, srcH) {
			t.Errorf("%d × %d touches neither side", w, h)
		}
	})
}

func TestCropsFollowTheFocus(t *testing.T) {
	for _, c := range []struct {
		f            Focus
		cw, ch, w, h int
		x, y         int
	}{
		{Focus{}, 853, 640, 640, 640, 106, 0},
		{Focus{Gravity: Smart}, 853, 640, 640, 640, 106, 0},
		{At(0, 0), 853, 640, 640, 640, 0, 0},
		{At(1, 1), 853, 640, 640, 640, 213, 0},
		{At(0.5, 0.25), 640, 1280, 640, 640, 0, 0},
		{At(0.5, 0.5), 640, 1280, 640, 640, 0, 320},
		{At(0.5, 0.6), 640, 1280, 640, 640, 0, 448},
	} {
		if x, y := c.f.CropAt(c.cw, c.ch, c.w, c.h); x != c.x || y != c.y {
			t.Errorf("%+v gives %d, %d", c, x, y)
		}
	}
}

func TestCropsStayInside(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		cw, ch := rapid.IntRange(1, 3000).Draw(t, "cw"), rapid.IntRange(1, 3000).Draw(t, "ch")
		w, h := rapid.IntRange(1, cw).Draw(t, "w"), rapid.IntRange(1, ch).Draw(t, "h")
		f := At(rapid.Float64Range(0, 1).Draw(t, "x"), rapid.Float64Range(0, 1).Draw(t, "y"))
		if err := f.Check(); err != nil {
			t.Fatal(err)
		}
		if x, y := f.CropAt(cw, ch, w, h); x < 0 || y < 0 || x+w > cw || y+h > ch {
			t.Errorf("the crop at %d, %d leaves the picture", x, y)
		}
	})
}

func TestFocusOutsideIsRefused(t *testing.T) {
	for _, f := range []Focus{At(-0.01, 0), At(0, 1.01), At(math.NaN(), 0), {Gravity: 3}, {Gravity: -1}} {
		if err := f.Check(); !world.Is(err, world.CodeInvalid) {
			t.Errorf("%+v: %v", f, err)
		}
	}
}
