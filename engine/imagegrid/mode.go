package imagegrid

import (
	"strconv"
	"strings"
)

// Mode is how a size in a URL says that a picture meets its box. No mode ever
// enlarges: a picture that is too small comes out smaller than the box.
type Mode string

// The modes. Without a box, in a size such as 640x0, there is only ModeCover.
const (
	ModeCover   Mode = ""        // 640x480: fills the box, about the picture's focal point or else its centre
	ModeSmart   Mode = "smart"   // 640x480-smart: the same, about what draws the eye where there is no focal point
	ModeContain Mode = "contain" // 640x480-contain: fits inside the box, nothing is cropped or added
)

// parseMode reads a mode as a setting spells it.
func parseMode(s string) (Mode, bool) {
	switch m := Mode(s); {
	case s == "cover":
		return ModeCover, true
	case m == ModeSmart, m == ModeContain:
		return m, true
	}
	return "", false
}

// Fit is the mode's fit.
func (m Mode) Fit() Fit {
	if m == ModeContain {
		return Contain
	}
	return Cover
}

// Focus is what a crop keeps of a picture with or without a focal point, which
// somebody has set and so counts for more than what a program sees.
func (m Mode) Focus(x, y float64, set bool) Focus {
	switch {
	case m == ModeContain:
		return Focus{}
	case set:
		return At(x, y)
	case m == ModeSmart:
		return Focus{Gravity: Smart}
	}
	return Focus{}
}

// Size is a size as a URL spells it, in pixels; a Height of 0 keeps the aspect.
type Size struct {
	Width, Height int
	Mode          Mode // ModeCover unless both are given
}

// ParseSize reads a size as URLs spell it.
func ParseSize(text string) (Size, error) {
	s, ok := readSize(text)
	if !ok {
		return Size{}, invalid("The size %.20q must be {width}x{height} in pixels, such as 640x480 or 640x0, with -contain or -smart behind a box.", text)
	}
	return s, nil
}

// String is the size as URLs spell it: 640x480, 640x480-smart.
func (s Size) String() string {
	text := strconv.Itoa(s.Width) + "x" + strconv.Itoa(s.Height)
	if s.Mode != ModeCover {
		text += "-" + string(s.Mode)
	}
	return text
}

func readSize(text string) (s Size, ok bool) {
	box, mode, named := strings.Cut(text, "-")
	w, h, ok := strings.Cut(box, "x")
	if s.Width, ok = number(w, MaxDimension, ok); ok {
		s.Height, ok = number(h, MaxDimension, ok)
	}
	if named {
		s.Mode = Mode(mode)
		ok = ok && (s.Mode == ModeSmart || s.Mode == ModeContain) && s.Width > 0 && s.Height > 0
	}
	return s, ok && s.Width+s.Height > 0
}
