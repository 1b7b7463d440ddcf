// Package svgclean makes a harmless picture of an SVG that an outsider sent: what
// it lets through is a list, what it does not know is left out, and what could
// cost a renderer its time or memory is refused. Rendering is for package vips in
// adapter.
package svgclean
