package imagegrid

import (
	"cmp"
	"fmt"
	"math"
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

// Grid is the small set of sizes that are served. A grid is what bounds the
// number of variants that an outsider can make Meridian compute and keep.
// The zero Grid allows nothing; use [New] or [Default].
type Grid struct {
	widths  []int
	aspects []Aspect
	sizes   []Size
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

// MaxCells is how many cells a grid may have, sizes × formats: what an outsider
// can have made of one picture.
const MaxCells = 192

// New makes a grid of every width at every aspect, in each of the modes where the
// aspect makes a box; without modes, in ModeCover. Widths are in pixels, rising,
// from 1 to MaxDimension; an error names the first that is not. At most MaxCells
// sizes.
func New(widths []int, aspects []Aspect, modes ...Mode) (Grid, error) {
	if len(widths) == 0 || len(aspects) == 0 {
		return Grid{}, invalid("A grid needs at least one width and one aspect.")
	}
	if len(modes) == 0 {
		modes = []Mode{ModeCover}
	}
	if n := len(widths) * len(aspects) * len(modes); n > MaxCells {
		return Grid{}, invalid("%d widths at %d aspects in %d modes are %d sizes, and a grid may have %d; leave some out.", len(widths), len(aspects), len(modes), n, MaxCells)
	}
	g := Grid{widths: slices.Clone(widths), aspects: slices.Clone(aspects)}
	for i, w := range widths {
		if w < 1 || w > MaxDimension || (i > 0 && w <= widths[i-1]) {
			return Grid{}, invalid("The grid's widths must rise from at least 1 to at most %d; %d does not fit.", MaxDimension, w)
		}
	}
	for _, a := range aspects {
		if a != Natural && (a.W < 1 || a.H < 1) {
			return Grid{}, invalid("The aspect %d:%d needs two numbers above 0.", a.W, a.H)
		}
		of := modes
		if a == Natural { // all modes are the same without a box
			of = []Mode{ModeCover}
		}
		for _, m := range of {
			for _, w := range widths {
				g.sizes = append(g.sizes, Size{w, a.height(w), m})
			}
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
func (g Grid) Allowed(asked Size) error {
	if slices.Contains(g.sizes, asked) {
		return nil
	}
	near := g.Nearest(asked, 3)
	names := make([]string, len(near))
	for i, s := range near {
		names[i] = s.String()
	}
	return invalid("The size %s is not served; the nearest that are: %s.", asked, strings.Join(names, ", "))
}

// Nearest are up to n sizes of the grid, the closest to the one asked for first.
// Sizes of the same kind come first: one that keeps the aspect for a request
// that does, one with a box for a request that has one, and of these the ones of
// the same mode.
func (g Grid) Nearest(asked Size, n int) []Size {
	width, height := asked.Width, asked.Height
	keeps := width == 0 || height == 0
	distance := func(s Size) int {
		switch {
		case keeps && s.Height == 0:
			return abs(s.Width - max(width, height))
		case !keeps && s.Height != 0:
			return abs(s.Width-width) + abs(s.Height-height) + s.foreign(asked.Mode)*MaxDimension*2
		}
		return MaxDimension*4 + abs(s.Width-width) + abs(s.Height-height)
	}
	near := slices.Clone(g.sizes)
	slices.SortStableFunc(near, func(a, b Size) int { return cmp.Compare(distance(a), distance(b)) })
	return near[:min(n, len(near))]
}

// Shape is the grid's aspect that is nearest to one: itself where the grid has
// it. Natural, which crops nothing, is the last resort for a box.
func (g Grid) Shape(a Aspect) Aspect {
	if slices.Contains(g.aspects, a) || len(g.aspects) == 0 {
		return a
	}
	return slices.MinFunc(g.aspects, func(x, y Aspect) int { return cmp.Compare(a.apart(x), a.apart(y)) })
}

// apart is how far two aspects are from one another.
func (a Aspect) apart(b Aspect) float64 {
	if a == Natural || b == Natural {
		return math.Inf(1)
	}
	return math.Abs(math.Log(float64(a.W) * float64(b.H) / (float64(a.H) * float64(b.W))))
}

// Srcset is the value of an HTML srcset attribute (HTML Standard §4.8.4.2) for
// the asset, version and format of r, at every width of the grid and the given
// aspect, or the nearest that the grid has: "/img/…/320x320 320w, …". r's own
// size is not used.
//
// srcW and srcH are the source's upright size in pixels. Because nothing is
// enlarged, widths beyond what the source can fill would repeat the same
// picture: the first of them is given with the width that it truly has, the
// rest are left out. 0 × 0 stands for a source whose size is not known: every
// width is given.
func (g Grid) Srcset(r Request, aspect Aspect, srcW, srcH int) string {
	var b strings.Builder
	aspect = g.Shape(aspect)
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
