// Package imagegrid says which pictures exist: the grammar of picture URLs, the
// grid of sizes, what a browser's Accept header means and how large a picture
// comes out. It decides; package vips in adapter makes the pixels.
package imagegrid
