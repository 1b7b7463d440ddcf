package imagegrid

import (
	"math"
	"testing"

	"pgregory.net/rapid"
)

func TestOutputSize(t *testing.T) {
	for _, c := range []struct {
		srcW, srcH, reqW, reqH int
		w, h                   int
		crop                   bool
	}{
		{4000, 3000, 640, 0, 640, 480, false},
		{3000, 4000, 640, 0, 640, 853, false},
		{4000, 3000, 0, 480, 640, 480, false},
		{4000, 3000, 640, 480, 640, 480, false},
		{4000, 3000, 320, 320, 320, 320, true},
		{3000, 4000, 640, 480, 640, 480, true},
		{500, 300, 640, 0, 500, 300, false},    // not enlarged
		{500, 300, 0, 480, 500, 300, false},    //
		{500, 300, 640, 640, 300, 300, true},   // the largest square inside
		{300, 500, 640, 480, 300, 225, true},   //
		{2000, 300, 640, 480, 400, 300, true},  // one side is enough, the other is not
		{500, 300, 1000, 600, 500, 300, false}, // same aspect, smaller
		{10000, 1, 160, 0, 160, 1, false},      // a side never vanishes
		{1, 1, 1920, 1440, 1, 1, false},        //
		{4032, 3024, 1920, 0, 1920, 1440, false},
		{0, 300, 640, 0, 0, 0, false},
		{300, -1, 640, 0, 0, 0, false},
		{300, 300, 0, 0, 0, 0, false},
		{300, 300, -1, 5, 0, 0, false},
	} {
		w, h, crop := OutputSize(c.srcW, c.srcH, c.reqW, c.reqH)
		if w != c.w || h != c.h || crop != c.crop {
			t.Errorf("OutputSize(%d, %d, %d, %d) = %d, %d, %v; want %d, %d, %v", c.srcW, c.srcH, c.reqW, c.reqH, w, h, crop, c.w, c.h, c.crop)
		}
	}
}

func TestOutputSizeNeverEnlargesAndKeepsTheShape(t *testing.T) {
	side := rapid.IntRange(1, 50_000)
	rapid.Check(t, func(t *rapid.T) {
		srcW, srcH := side.Draw(t, "srcW"), side.Draw(t, "srcH")
		reqW, reqH := rapid.IntRange(0, MaxDimension).Draw(t, "reqW"), rapid.IntRange(1, MaxDimension).Draw(t, "reqH")
		if rapid.Bool().Draw(t, "swap") {
			reqW, reqH = reqH, reqW
		}
		w, h, crop := OutputSize(srcW, srcH, reqW, reqH)
		if w < 1 || h < 1 || w > srcW || h > srcH {
			t.Fatalf("%d × %d does not come out of %d × %d", w, h, srcW, srcH)
		}
		if (reqW > 0 && w > reqW) || (reqH > 0 && h > reqH) {
			t.Fatalf("%d × %d is more than was asked for", w, h)
		}
		// The aspect is off by no more than the rounding of one side.
		aspectW, aspectH := reqW, reqH
		if reqW == 0 || reqH == 0 {
			aspectW, aspectH = srcW, srcH
			if crop {
				t.Fatal("a request that keeps the aspect crops")
			}
		}
		exactH := float64(w) * float64(aspectH) / float64(aspectW)
		exactW := float64(h) * float64(aspectW) / float64(aspectH)
		if math.Abs(float64(h)-exactH) > 1 && math.Abs(float64(w)-exactW) > 1 {
			t.Fatalf("%d × %d is not %d:%d", w, h, aspectW, aspectH)
		}
		// Asking again of the result changes nothing.
		if w2, h2, crop2 := OutputSize(w, h, w, h); w2 != w || h2 != h || crop2 {
			t.Fatalf("%d × %d became %d × %d", w, h, w2, h2)
		}
		coverW, coverH := CoverSize(srcW, srcH, w, h)
		if coverW < w || coverH < h || coverW > srcW || coverH > srcH || (coverW != w && coverH != h) {
			t.Fatalf("cover of %d × %d by %d × %d is %d × %d", w, h, srcW, srcH, coverW, coverH)
		}
		if reqW > 0 && reqH > 0 && crop != (coverW > w || coverH > h) {
			t.Fatalf("crop is %v, yet the cover is %d × %d of %d × %d", crop, coverW, coverH, w, h)
		}
	})
}
