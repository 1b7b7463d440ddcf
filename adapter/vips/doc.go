// Package vips makes and checks pictures with libvips: what is in an upload,
// whether it is whole, and every variant of it. It is the only package that
// reads or writes pixels, and what leaves it carries no metadata at all.
//
// It speaks to libvips (8.14 or later) through a small bridge of its own,
// bridge.c, and through no binding. The bindings that compile against 8.14
// cannot ask for the fastest AVIF encoder setting (libheif speed 9, libvips
// effort 0, 15 ms instead of 555 for 640 × 480), nor choose the loader, nor
// block the loaders that libvips itself calls untrusted.
package vips
