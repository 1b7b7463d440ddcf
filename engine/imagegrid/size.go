package imagegrid

import "math"

// OutputSize is the exact size, in pixels, of the variant that a request for
// reqW × reqH makes of a picture of srcW × srcH (upright, after its orientation
// is applied). Nothing is ever enlarged.
//
//   - reqH 0: the width asked for, or the source's if that is smaller, and the
//     height that keeps the aspect; reqW 0 the other way round.
//   - both: the picture covers the box and crop is true where some of it falls
//     outside. A source smaller than the box gives the largest picture of the
//     box's aspect that the source can fill.
//
// All four numbers are at least 0; a source side or a request of 0 × 0 that
// cannot make a picture gives 0, 0. A side never comes out below 1 pixel.
func OutputSize(srcW, srcH, reqW, reqH int) (w, h int, crop bool) {
	switch {
	case srcW <= 0 || srcH <= 0 || reqW < 0 || reqH < 0 || (reqW == 0 && reqH == 0):
		return 0, 0, false
	case reqH == 0:
		w = min(reqW, srcW)
		return w, clamp(scaled(srcH, w, srcW), srcH), false
	case reqW == 0:
		h = min(reqH, srcH)
		return clamp(scaled(srcW, h, srcH), srcW), h, false
	}
	w, h = reqW, reqH
	if w > srcW || h > srcH {
		// The side that is scarcer, relative to the box, sets the scale. The
		// comparison is by cross products: exact, where a ratio would round.
		if srcW*reqH <= srcH*reqW {
			w, h = srcW, clamp(scaled(reqH, srcW, reqW), srcH)
		} else {
			w, h = clamp(scaled(reqW, srcH, reqH), srcW), srcH
		}
	}
	coverW, coverH := CoverSize(srcW, srcH, w, h)
	return w, h, coverW > w || coverH > h
}

// CoverSize is the size to which a picture of srcW × srcH is scaled so that it
// just covers w × h, before the rest is cropped. w and h are no larger than the
// source's sides, as [OutputSize] makes them.
func CoverSize(srcW, srcH, w, h int) (coverW, coverH int) {
	if w*srcH >= h*srcW {
		return w, max(h, scaled(srcH, w, srcW))
	}
	return max(w, scaled(srcW, h, srcH)), h
}

// scaled is side × num ÷ den, rounded to the nearest pixel.
func scaled(side, num, den int) int {
	return int(math.Round(float64(side) * float64(num) / float64(den)))
}

func clamp(side, most int) int {
	return max(1, min(side, most))
}
