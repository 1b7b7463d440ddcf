package imagegrid

// A mezzanine is a smaller picture of high quality, made once of an original,
// from which most variants are cut: the original's pixels are not decoded again.
const (
	// MezzanineSide is its longer side in pixels, or half of the original's where
	// that is more: a half costs nothing to make, and looks like the original. The commonest widths of the
	// grid are its half, quarter and eighth, sizes in which a JPEG decodes
	// fastest.
	MezzanineSide = 2560
	// mezzanineGain is how many times the mezzanine's pixels an original must
	// have: below, decoding the one costs about as much as the other.
	mezzanineGain = 1.5
	// mezzanineSpare is how many times larger than the variant the mezzanine must
	// be on each side, so that the difference cannot be seen (the structural
	// similarity of both is at least 0.99; docs/pictures.md has the figures).
	mezzanineSpare = 1.3
)

// MezzanineSize is the size of the mezzanine of an original of srcW × srcH
// pixels, upright; false for an original that needs none.
func MezzanineSize(srcW, srcH int) (w, h int, ok bool) {
	if srcW <= 0 || srcH <= 0 {
		return 0, 0, false
	}
	side := max(MezzanineSide, (max(srcW, srcH)+1)/2)
	w, h, _ = FittedSize(Contain, srcW, srcH, side, side)
	return w, h, float64(srcW)*float64(srcH) >= mezzanineGain*float64(w)*float64(h)
}

// FromMezzanine tells whether the variant of fit, reqW and reqH of an original
// of srcW × srcH may be cut from its mezzanine instead.
func FromMezzanine(fit Fit, srcW, srcH, reqW, reqH int) bool {
	mezzW, _, ok := MezzanineSize(srcW, srcH)
	if !ok {
		return false
	}
	w, h, _ := FittedSize(fit, srcW, srcH, reqW, reqH)
	if w < 1 || h < 1 {
		return false
	}
	coverW, _ := CoverSize(srcW, srcH, w, h)
	return float64(coverW)*mezzanineSpare <= float64(mezzW)
}
