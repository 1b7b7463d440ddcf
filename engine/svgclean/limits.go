package svgclean

import (
	"fmt"

	"meridian/world"
)

// Limits bound what a drawing may ask of who renders it. A field of 0 takes the
// default.
type Limits struct {
	MaxBytes    int // of the file
	MaxDepth    int // elements inside one another
	MaxElements int // with those that "use" repeats
	MaxValue    int // bytes of one attribute or text
}

// DefaultLimits are far above what drawing programs write for a web page.
func DefaultLimits() Limits {
	return Limits{MaxBytes: 2 << 20, MaxDepth: 48, MaxElements: 20_000, MaxValue: 256 << 10}
}

func (l Limits) orDefault() Limits {
	d := DefaultLimits()
	set := func(v *int, to int) {
		if *v <= 0 {
			*v = to
		}
	}
	set(&l.MaxBytes, d.MaxBytes)
	set(&l.MaxDepth, d.MaxDepth)
	set(&l.MaxElements, d.MaxElements)
	set(&l.MaxValue, d.MaxValue)
	return l
}

const op = "svgclean"

func tooLarge(format string, args ...any) error {
	return world.E(world.CodeTooLarge, op, fmt.Sprintf(format, args...))
}

func damaged(cause error) error {
	return world.Because(world.CodeUnprocessed, op, "The drawing is no SVG that can be read; export it again as plain SVG.", cause)
}
