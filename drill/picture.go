package drill

import (
	"cmp"
	"fmt"
	"slices"

	"meridian/drill/judge"
)

// The picture's measures, in its own units.
const (
	pictureWidth = 960
	left, right  = 44, 12
	marksHeight  = 78 // room for the marks' names
	barsHeight   = 220
	axisHeight   = 30
	leastBar     = 3 // a bar of few failures is seen all the same
)

// picture is a verdict's seconds as bars, with its marks.
type picture struct {
	Width, Height int
	Bars          []bar
	Lines         []line // of the axis
	Marks         []mark
	Shade         bar // the time in which something was broken
	Base          float64
}

type bar struct {
	X, Y, W, H float64
	Class      string
	Title      string
}

type line struct {
	X, Y, X2, Y2 float64
	Text         string
}

type mark struct {
	X, TextY, Foot float64
	Text, Class    string
	Anchor         string
}

// draw lays a verdict's seconds out.
func draw(v *Verdict) picture {
	p := picture{Width: pictureWidth, Height: marksHeight + barsHeight + axisHeight, Base: marksHeight + barsHeight}
	most, n := 1, max(len(v.Seconds), 1)
	for _, s := range v.Seconds {
		most = max(most, s.Total())
	}
	wide := float64(pictureWidth-left-right) / float64(n)
	x := func(t float64) float64 { return left + t*wide }
	for _, s := range v.Seconds {
		p.Bars = append(p.Bars, stack(s, x(float64(s.T)), wide, most, p.Base)...)
	}
	p.Shade = bar{X: x(v.Marks.Injected), Y: 0, W: x(v.Marks.Healed) - x(v.Marks.Injected), H: p.Base, Class: "shade"}
	p.axes(most, n, x)
	p.mark(v.Marks, n, x)
	return p
}

// stack is one second, what went wrong at its foot.
func stack(s judge.Second, x, wide float64, most int, base float64) []bar {
	var out []bar
	y := base
	for _, part := range []struct {
		n     int
		class string
	}{{s.Failed, "failed"}, {s.Stale, "stale"}, {s.Slow, "slow"}, {s.OK, "ok"}} {
		if part.n == 0 {
			continue
		}
		h := max(float64(part.n)/float64(most)*barsHeight, leastBar)
		y -= h
		out = append(out, bar{X: x, Y: max(y, marksHeight-leastBar), W: max(wide-1, 0.5), H: h, Class: part.class,
			Title: fmt.Sprintf("second %d: %d in time, %d slow, %d stale, %d failed", s.T, s.OK, s.Slow, s.Stale, s.Failed)})
	}
	return out
}

func (p *picture) axes(most, n int, x func(float64) float64) {
	for _, part := range []float64{0, 0.5, 1} {
		y := p.Base - part*barsHeight
		p.Lines = append(p.Lines, line{X: left, Y: y, X2: pictureWidth - right, Y2: y, Text: fmt.Sprintf("%.3g", part*float64(most))})
	}
	step := 5
	for n/step > 14 {
		step *= 2
	}
	for t := 0; t <= n; t += step {
		p.Lines = append(p.Lines, line{X: x(float64(t)), Y: p.Base + 18, Text: fmt.Sprintf("%d s", t)})
	}
}

// rowHeight is a mark's name; marks that stand close take rows of their own.
const (
	rowHeight  = 17
	nameWidth  = 110
	marksFirst = 14
)

func (p *picture) mark(m Marks, n int, x func(float64) float64) {
	type named struct {
		at          float64
		text, class string
	}
	all := []named{{m.Injected, "broken", "bad"}, {m.Detected, "detected", "turn"}, {m.Rerouted, "rerouted", "turn"}, {m.Healed, "healed", "good"}, {m.Recovered, "recovered", "good"}}
	all = slices.DeleteFunc(all, func(a named) bool { return a.at < 0 || a.at > float64(n) })
	slices.SortStableFunc(all, func(a, b named) int { return cmp.Compare(a.at, b.at) })
	ends := make([]float64, marksHeight/rowHeight) // how far each row is taken
	for _, a := range all {
		at, row := x(a.at), 0
		k := mark{X: at, Text: fmt.Sprintf("%s %.1f s", a.text, a.at), Class: a.class, Anchor: "start", Foot: p.Base}
		from := at
		if at+nameWidth > pictureWidth {
			k.Anchor, from = "end", at-nameWidth
		}
		for row < len(ends)-1 && ends[row] > from {
			row++
		}
		ends[row] = from + nameWidth
		k.TextY = float64(marksFirst + row*rowHeight)
		p.Marks = append(p.Marks, k)
	}
}
