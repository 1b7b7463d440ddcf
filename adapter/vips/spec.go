package vips

import (
	"slices"

	"meridian/engine/imagegrid"
	"meridian/world"
)

// Effort is how long an encoder may look for a smaller file.
type Effort int

const (
	// Quick answers somebody who waits. AVIF comes out as small as WebP does in
	// twice the time; JPEG is baseline.
	Quick Effort = iota
	// Thorough is for work in the background: AVIF takes about 6 times as long
	// and saves 11-35 % of the bytes, WebP 2.5 times for about 15 %, JPEG, then
	// progressive, 4 times for 5-10 %.
	Thorough
)

// Spec is a variant to make. Width and Height mean what they mean in a URL: the
// exact size that comes out is imagegrid.FittedSize.
type Spec struct {
	Width, Height int
	Format        imagegrid.Format // avif, webp or jpeg; auto is refused
	Fit           imagegrid.Fit
	Focus         imagegrid.Focus // what Cover keeps
	Quality       int             // 1 to 100; 0 takes the format's default
	Effort        Effort
	Still         bool // the first frame of an animation, as WebP too
	Copyright     bool // the copyright notice of the source is kept, and nothing else
}

// Variant is what came of a Spec.
type Variant struct {
	Data          []byte
	Width, Height int
	Frames        int // of an animated WebP; else 1
	// Larger marks an AVIF that is no smaller than the WebP or JPEG of the same
	// picture among the other specs of the call: it should not be used.
	Larger bool
}

func (s Spec) check(op string) error {
	switch {
	case !slices.Contains(imagegrid.Formats(), s.Format):
		return world.E(world.CodeInvalid, op, "A variant needs the format avif, webp or jpeg.")
	case s.Width < 0 || s.Height < 0 || s.Width > imagegrid.MaxDimension || s.Height > imagegrid.MaxDimension || s.Width+s.Height == 0:
		return world.E(world.CodeInvalid, op, "A variant needs a width or a height from 1 to 16383 pixels.")
	case s.Quality < 0 || s.Quality > 100:
		return world.E(world.CodeInvalid, op, "A variant's quality is from 1 to 100, or 0 for the default.")
	case s.Effort != Quick && s.Effort != Thorough:
		return world.E(world.CodeInvalid, op, "A variant's effort is Quick or Thorough.")
	case s.Fit != imagegrid.Cover && s.Fit != imagegrid.Contain:
		return world.E(world.CodeInvalid, op, "A variant's fit is Cover or Contain.")
	}
	return world.Wrap(op, s.Focus.Check())
}

// region is what is cut of a picture: it is scaled to coverW × coverH, and w × h
// at x, y are kept.
type region struct{ coverW, coverH, x, y, w, h int }

// region is what a spec keeps of a source of srcW × srcH, upright. The source's
// size decides the shape, not the decoded size that was rounded once.
func (s Spec) region(srcW, srcH int) region {
	w, h, _ := imagegrid.FittedSize(s.Fit, srcW, srcH, s.Width, s.Height)
	coverW, coverH := imagegrid.CoverSize(srcW, srcH, w, h)
	x, y := s.Focus.CropAt(coverW, coverH, w, h)
	return region{coverW, coverH, x, y, w, h}
}

// encodings are how each format is written; the figures are CPU milliseconds for
// 640 × 480 at Quick and Thorough.
var encodings = map[imagegrid.Format]struct {
	quality int
	effort  [2]int
}{
	imagegrid.AVIF: {65, [2]int{0, 2}}, // 16, 97
	imagegrid.WebP: {80, [2]int{2, 4}}, // 13, 31
	imagegrid.JPEG: {80, [2]int{0, 1}}, // 1.3, 6
}

// quality is the spec's, or its format's default.
func (s Spec) quality() int {
	if s.Quality != 0 {
		return s.Quality
	}
	return encodings[s.Format].quality
}

// DefaultQuality is what a Spec without a quality takes, 1 to 100. The three are
// set so that pictures look equally good, see docs/pictures.md.
func DefaultQuality(f imagegrid.Format) int { return encodings[f].quality }
