// Package vips makes and checks pictures with libvips: what is in an upload,
// whether it is whole, and every variant of it. It is the only package that
// reads or writes pixels, and what leaves it carries no metadata
// but a copyright notice where that is asked for.
//
// A JPEG whose numbers mean sRGB is read as planes, scaled and written as planes,
// past libvips (planar.h); all encoders are called directly (encode.h). Docs:
// docs/pictures.md.
//
// It speaks to libvips (8.14 or later) through a small bridge of its own,
// bridge.c, and through no binding. The bindings that compile against 8.14
// cannot ask for the fastest AVIF encoder setting (libheif speed 9, libvips
// effort 0, 15 ms instead of 555 for 640 × 480), nor choose the loader, nor
// block the loaders that libvips itself calls untrusted.
//
// Colour. What leaves is sRGB, 8 bits. A profile in the file decides; without one
// an AVIF or HEIC may say by code points what its numbers mean (nclx), which
// libvips 8.14 leaves unread. Then cicp.go reads them and light.go turns P3 and
// BT.2020, PQ and HLG into sRGB; highlights are bent, not cut off. Codes that are
// unspecified or unknown count as sRGB. This is done in linear light, from all
// the bits that were stored, but after the picture has been made smaller: at 640
// pixels it takes 40 ms, on all 20 megapixels of the source 1.5 s. Making it
// smaller happens in the stored numbers, as for every other picture. Only the box
// in the file counts: what the AV1 or HEVC data in it say of their colour is not
// read.
package vips
