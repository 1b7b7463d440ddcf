package imagegrid

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"
)

// OffGrid is what becomes of a request for a size that the grid does not have.
type OffGrid string

const (
	Refuse OffGrid = "refuse" // invalid, naming the nearest sizes that are served
	Snap   OffGrid = "snap"   // answered in the nearest size
)

// Resolve is the size to answer a request with: the one asked for if the grid
// has it, else by the policy, where "" is Refuse. Snap keeps to the kind of size
// (one that has a box, or one that keeps the aspect), to the nearest shape and to
// the mode where the grid has it, and takes the smallest that has all the pixels
// asked for; where none has, the largest.
func (g Grid) Resolve(asked Size, policy OffGrid) (Size, error) {
	err := g.Allowed(asked)
	if err == nil {
		return asked, nil
	}
	width, height := asked.Width, asked.Height
	if policy != Snap || len(g.sizes) == 0 || width < 0 || height < 0 || width+height == 0 {
		return Size{}, err
	}
	return slices.MinFunc(g.sizes, func(a, b Size) int {
		return cmp.Or(
			cmp.Compare(a.misshape(width, height), b.misshape(width, height)),
			cmp.Compare(a.foreign(asked.Mode), b.foreign(asked.Mode)),
			cmp.Compare(a.lack(width, height), b.lack(width, height)),
			cmp.Compare(a.Width, b.Width),
		)
	}), nil
}

// foreign is 0 for a size of that mode, else 1.
func (s Size) foreign(to Mode) int {
	if s.Mode == to {
		return 0
	}
	return 1
}

// misshape is how far a size's shape is from that of a request, in hundredths so
// that a rounded side counts for nothing, and more than any shape for the other kind.
func (s Size) misshape(width, height int) float64 {
	keeps := width == 0 || height == 0
	switch {
	case keeps != (s.Height == 0):
		return math.Inf(1)
	case keeps:
		return 0
	}
	return math.Round(100 * math.Abs(math.Log(float64(s.Width)*float64(height)/(float64(s.Height)*float64(width)))))
}

// lack is how many pixels of a request's longer side a size has too few. One
// that keeps the aspect is measured by its width: a height alone says less.
func (s Size) lack(width, height int) int {
	if s.Height == 0 {
		return max(0, max(width, height)-s.Width)
	}
	return max(0, width-s.Width, height-s.Height)
}

// ParseAspect reads an aspect as a setting spells it: "natural", or width to
// height as in "4:3".
func ParseAspect(s string) (Aspect, error) {
	if s == "natural" {
		return Natural, nil
	}
	w, h, ok := strings.Cut(s, ":")
	var a Aspect
	if a.W, ok = number(w, MaxDimension, ok); ok {
		a.H, ok = number(h, MaxDimension, ok)
	}
	if !ok || a.W == 0 || a.H == 0 {
		return Aspect{}, invalid("The aspect %q must be natural, or two whole numbers such as 4:3.", s)
	}
	return a, nil
}

// String is the aspect as [ParseAspect] reads it.
func (a Aspect) String() string {
	if a == Natural {
		return "natural"
	}
	return fmt.Sprintf("%d:%d", a.W, a.H)
}
