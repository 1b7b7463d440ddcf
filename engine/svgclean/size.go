package svgclean

import (
	"math"
	"strconv"
	"strings"

	"meridian/world"
)

// Sized is Clean for who draws it: the drawing says that it is w × h pixels, the
// longer of which is side, whatever it said of itself. Its shape is that of its
// width and height where both are lengths, else of its viewBox; one that has
// neither is unprocessed.
func Sized(data []byte, side int, limits Limits) (clean []byte, w, h int, err error) {
	root, err := parse(data, limits)
	if err != nil {
		return nil, 0, 0, err
	}
	width, height, ok := root.shape()
	if !ok {
		return nil, 0, 0, world.E(world.CodeUnprocessed, op, "The drawing does not say how wide and high it is; export it with a viewBox.")
	}
	of := func(n float64) int { return max(1, int(math.Round(float64(side)*(n/max(width, height))))) }
	w, h = of(width), of(height)
	if _, _, boxed := viewBox(root.attr("viewBox")); !boxed {
		number := func(f float64) string { return strconv.FormatFloat(f, 'g', -1, 64) }
		root.set("viewBox", "0 0 "+number(width)+" "+number(height))
	}
	root.set("width", strconv.Itoa(w))
	root.set("height", strconv.Itoa(h))
	return root.bytes(), w, h, nil
}

// shape is how wide and high a drawing is, in any unit.
func (n *node) shape() (w, h float64, ok bool) {
	w, wide := length(n.attr("width"))
	h, high := length(n.attr("height"))
	if wide && high {
		return w, h, true
	}
	return viewBox(n.attr("viewBox"))
}

// units are those of CSS in pixels (CSS Values and Units 3 §6.2).
var units = map[string]float64{"": 1, "px": 1, "pt": 96. / 72, "pc": 16, "in": 96, "cm": 96 / 2.54, "mm": 96 / 25.4}

// length reads one that does not depend on where the drawing stands. Of 2em the e
// is taken for an exponent's, which makes it no number, as it shall be.
func length(s string) (pixels float64, ok bool) {
	s = strings.TrimSpace(s)
	unit := strings.TrimLeft(s, "0123456789+-.eE")
	number := strings.TrimSuffix(s, unit)
	per, known := units[unit]
	f, err := strconv.ParseFloat(number, 64)
	return f * per, known && err == nil && drawable(f*per)
}

// viewBox reads its width and height (SVG 2 §8.6).
func viewBox(s string) (w, h float64, ok bool) {
	fields := strings.FieldsFunc(s, func(r rune) bool { return r == ',' || r == ' ' || r == '\t' || r == '\r' || r == '\n' })
	if len(fields) != 4 {
		return 0, 0, false
	}
	w, err := strconv.ParseFloat(fields[2], 64)
	if err == nil {
		h, err = strconv.ParseFloat(fields[3], 64)
	}
	return w, h, err == nil && drawable(w) && drawable(h)
}

// drawable tells whether a side can be drawn: above nothing, and a number with
// which renderers, which reckon with fewer digits, can reckon.
func drawable(f float64) bool { return f >= 1e-6 && f <= 1e12 }
