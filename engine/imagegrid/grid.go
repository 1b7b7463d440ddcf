package imagegrid

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Aspect is a shape, width to height. The zero Aspect is [Natural].
type Aspect struct{ W, H int }

// The aspects of the default grid.
var (
	Natural   = Aspect{}     // the picture's own
	Square    = Aspect{1, 1} // avatars, product tiles
	Landscape = Aspect{4, 3} // product pages
)

func (a Aspect) height(width int) int {
	if a == Natural {
		return 0
	}
	return clamp(scaled(a.H, width, a.W), MaxDimension)
}

// Size is a size as a URL spells it, in pixels; a Height of 0 keeps the aspect.
type Size struct{ Width, Height int }

// String is the size as URLs spell it: 640x480.
func (s Size) String() string { return sizeText(s.Width, s.Height) }

// Grid is the small set of sizes that are served. A grid is what bounds the
// number of variants that an outsider can make Meridian compute and keep.
// The zero Grid allows nothing; use [New] or [Default].
type Grid struct {
	widths []int
	sizes  []Size
}

// Default is the grid that Meridian ships: eight widths at the picture's own
// aspect, 1:1 and 4:3.
func Default() Grid {
	g, err := New([]int{160, 320, 480, 640, 960, 1280, 1600, 1920}, []Aspect{Natural, Square, Landscape})
	if err != nil {
		panic(err) // the constants above are wrong: no input can cause it
	}
	return g
}

// MaxSizes is how many sizes a grid may have: with three formats each, what one
// picture can be made into.
const MaxSizes = 64

// New makes a grid of every width at every aspect, at most MaxSizes. Widths are
// in pixels, rising, from 1 to MaxDimension; an error names the first that is not.
func New(widths []int, aspects []Aspect) (Grid, error) {
	if len(widths) == 0 || len(aspects) == 0 {
		return Grid{}, invalid("A grid needs at least one width and one aspect.")
	}
	if len(widths)*len(aspects) > MaxSizes {
		return Grid{}, invalid("%d widths at %d aspects are %d sizes, and a grid may have %d; leave some out.", len(widths), len(aspects), len(widths)*len(aspects), MaxSizes)
	}
	g := Grid{widths: slices.Clone(widths)}
	for i, w := range widths {
		if w < 1 || w > MaxDimension || (i > 0 && w <= widths[i-1]) {
			return Grid{}, invalid("The grid's widths must rise from at least 1 to at most %d; %d does not fit.", MaxDimension, w)
		}
	}
	for _, a := range aspects {
		if a != Natural && (a.W < 1 || a.H < 1) {
			return Grid{}, invalid("The aspect %d:%d needs two numbers above 0.", a.W, a.H)
		}
		for _, w := range widths {
			g.sizes = append(g.sizes, Size{w, a.height(w)})
		}
	}
	return g, nil
}

// Sizes are all sizes of the grid, aspect by aspect, each from small to large.
func (g Grid) Sizes() []Size { return slices.Clone(g.sizes) }

// Widths are the grid's widths, rising.
func (g Grid) Widths() []int { return slices.Clone(g.widths) }

// Allowed is nil for a size on the grid. For another it is a world.Error of code
// invalid that names the nearest sizes which are.
func (g Grid) Allowed(width, height int) error {
	if slices.Contains(g.sizes, Size{width, height}) {
		return nil
	}
	near := g.Nearest(width, height, 3)
	names := make([]string, len(near))
	for i, s := range near {
		names[i] = s.String()
	}
	return invalid("The size %s is not served; the nearest that are: %s.", sizeText(width, height), strings.Join(names, ", "))
}

// Nearest are up to n sizes of the grid, the closest to width × height first.
// Sizes of the same kind come first: one that keeps the aspect for a request
// that does, one that crops for a request that does.
func (g Grid) Nearest(width, height, n int) []Size {
	keeps := width == 0 || height == 0
	distance := func(s Size) int {
		switch {
		case keeps && s.Height == 0:
			return abs(s.Width - max(width, height))
		case !keeps && s.Height != 0:
			return abs(s.Width-width) + abs(s.Height-height)
		}
		return MaxDimension*4 + abs(s.Width-width) + abs(s.Height-height)
	}
	near := slices.Clone(g.sizes)
	slices.SortStableFunc(near, func(a, b Size) int { return cmp.Compare(distance(a), distance(b)) })
	return near[:min(n, len(near))]
}

// Srcset is the value of an HTML srcset attribute (HTML Standard §4.8.4.2) for
// the asset, version and format of r, at every width of the grid and the given
// aspect: "/img/…/320x320 320w, …". r's own size is not used.
//
// srcW and srcH are the source's upright size in pixels. Because nothing is
// enlarged, widths beyond what the source can fill would repeat the same
// picture: the first of them is given with the width that it truly has, the
// rest are left out. 0 × 0 stands for a source whose size is not known: every
// width is given.
func (g Grid) Srcset(r Request, aspect Aspect, srcW, srcH int) string {
	var b strings.Builder
	last := 0
	for _, w := range g.widths {
		r.Width, r.Height = w, aspect.height(w)
		real := w
		if srcW > 0 && srcH > 0 {
			real, _, _ = OutputSize(srcW, srcH, r.Width, r.Height)
		}
		if real <= last {
			break
		}
		if last > 0 {
			b.WriteString(", ")
		}
		fmt.Fprintf(&b, "%s %dw", r, real)
		last = real
	}
	return b.String()
}

func abs(n int) int {
	return max(n, -n)
}
