package imagegrid

import "math"

// Fit is how a picture meets the box of a request that gives both sides. None
// of them ever enlarges: a picture that is too small comes out smaller than the
// box. Where a request gives one side only, all are the same.
type Fit int

const (
	Cover   Fit = iota // fills the box, what falls outside is cropped
	Contain            // fits inside the box, nothing is cropped or added
)

// FittedSize is [OutputSize] for any fit. crop is false for Contain.
func FittedSize(fit Fit, srcW, srcH, reqW, reqH int) (w, h int, crop bool) {
	if fit != Contain || srcW <= 0 || srcH <= 0 || reqW <= 0 || reqH <= 0 {
		return OutputSize(srcW, srcH, reqW, reqH)
	}
	if srcW*reqH >= srcH*reqW { // wider than the box
		return OutputSize(srcW, srcH, reqW, 0)
	}
	return OutputSize(srcW, srcH, 0, reqH)
}

// Gravity is the way in which a Focus chooses what a crop keeps.
type Gravity int

const (
	Middle Gravity = iota // about the centre
	Spot                  // about the point X, Y
	Smart                 // about what draws the eye; package vips finds it
)

// Focus says what a crop keeps. The zero Focus is the centre.
type Focus struct {
	Gravity Gravity
	X, Y    float64 // of Spot: 0 is the left or upper edge, 1 the right or lower one
}

// At is the focus on a point, in fractions of the sides.
func At(x, y float64) Focus { return Focus{Spot, x, y} }

// Check refuses a focus whose point lies outside the picture.
func (f Focus) Check() error {
	inside := func(v float64) bool { return v >= 0 && v <= 1 } // false for NaN
	if f.Gravity < Middle || f.Gravity > Smart || !inside(f.X) || !inside(f.Y) {
		return invalid("A focal point is two numbers from 0 to 1: 0, 0 is the upper left corner; this one is %g, %g.", f.X, f.Y)
	}
	return nil
}

// CropAt is the upper left corner of the w × h that are kept of a picture of
// coverW × coverH: the point is in their middle, or as near to it as the
// picture's edges allow. Smart, which only pixels can tell, counts as the centre.
func (f Focus) CropAt(coverW, coverH, w, h int) (x, y int) {
	fx, fy := 0.5, 0.5
	if f.Gravity == Spot {
		fx, fy = f.X, f.Y
	}
	return cropSide(coverW, w, fx), cropSide(coverH, h, fy)
}

func cropSide(cover, keep int, at float64) int {
	start := int(math.Floor(at*float64(cover) - float64(keep)/2))
	return max(0, min(start, cover-keep))
}
