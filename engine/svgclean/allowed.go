package svgclean

import "strings"

// elements are those of SVG 1.1 that paint, hold or define what paints, without
// reaching outside of the file, running anything, or filtering (whose cost has no
// bound). All others go with everything in them.
var elements = words(`svg g defs symbol title desc path rect circle ellipse line polyline polygon
	text tspan linearGradient radialGradient stop clipPath use`)

// attributes are allowed on every element. Those of events begin with "on" and are
// none of these; href is looked at apart.
var attributes = words(`id class x y x1 y1 x2 y2 cx cy r rx ry fx fy dx dy d points width height
	viewBox preserveAspectRatio version transform gradientTransform gradientUnits spreadMethod offset
	pathLength rotate textLength lengthAdjust clipPathUnits`)

// properties are allowed as attributes and inside of a style attribute.
var properties = words(`fill fill-opacity fill-rule stroke stroke-width stroke-opacity stroke-linecap
	stroke-linejoin stroke-miterlimit stroke-dasharray stroke-dashoffset opacity color display visibility
	clip-path clip-rule stop-color stop-opacity font-family font-size font-style font-weight text-anchor
	letter-spacing word-spacing text-decoration dominant-baseline paint-order vector-effect overflow`)

func words(list string) map[string]bool {
	out := map[string]bool{}
	for _, w := range strings.Fields(list) {
		out[w] = true
	}
	return out
}

// harmless tells whether a value refers to nothing but parts of the same drawing:
// no url() other than url(#id), no escapes that could hide one, no scripts.
func harmless(value string) bool {
	v := strings.ToLower(value)
	if strings.ContainsAny(v, "\\<>{}@") || strings.Contains(v, "/*") || strings.Contains(v, "expression") || strings.Contains(v, "javascript:") || strings.Contains(v, "image(") || strings.Contains(v, "image-set") {
		return false
	}
	for rest := v; ; {
		at := strings.Index(rest, "url")
		if at < 0 {
			return true
		}
		rest = strings.TrimLeft(rest[at+len("url"):], " \t\r\n\f")
		inner, ok := strings.CutPrefix(rest, "(")
		if !ok {
			continue // a word that only holds these letters
		}
		if inner = strings.TrimLeft(inner, " \t\r\n\f'\""); !strings.HasPrefix(inner, "#") {
			return false
		}
	}
}

// style is a style attribute's value without the declarations that are not allowed.
func style(value string) string {
	var kept []string
	for declaration := range strings.SplitSeq(value, ";") {
		name, v, ok := strings.Cut(declaration, ":")
		if name = strings.ToLower(strings.TrimSpace(name)); ok && properties[name] && harmless(v) {
			kept = append(kept, name+":"+strings.TrimSpace(v))
		}
	}
	return strings.Join(kept, ";")
}
