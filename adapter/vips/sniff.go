package vips

import (
	"bytes"
	"encoding/binary"
)

// kind is a source format that is taken.
type kind int

const (
	kindNone kind = iota
	kindJPEG
	kindPNG
	kindWebP
	kindGIF
	kindAVIF
	kindHEIC
	kindSVG // our own drawings only; sniff never gives it
)

var mediaTypes = map[kind]string{
	kindJPEG: "image/jpeg", kindPNG: "image/png", kindWebP: "image/webp",
	kindGIF: "image/gif", kindAVIF: "image/avif", kindHEIC: "image/heic",
	kindSVG: "image/svg+xml",
}

// maxBrands bounds how many brands of an ISO base media file are read.
const maxBrands = 32

// sniff tells a format by its magic bytes (WHATWG MIME Sniffing §6.1; for AVIF
// and HEIC the brands of ISO/IEC 14496-12 §4.3). A name or a declared media type
// is never believed. kindNone stands for everything that is not taken.
func sniff(data []byte) kind {
	switch {
	case bytes.HasPrefix(data, []byte{0xFF, 0xD8, 0xFF}):
		return kindJPEG
	case bytes.HasPrefix(data, []byte("\x89PNG\r\n\x1a\n")):
		return kindPNG
	case bytes.HasPrefix(data, []byte("GIF87a")), bytes.HasPrefix(data, []byte("GIF89a")):
		return kindGIF
	case len(data) >= 12 && string(data[:4]) == "RIFF" && string(data[8:12]) == "WEBP":
		return kindWebP
	case len(data) >= 16 && string(data[4:8]) == "ftyp":
		return sniffBrands(data)
	}
	return kindNone
}

// sniffBrands reads the ftyp box: its size, the major brand, a minor version
// that says nothing, then compatible brands to the end of the box.
func sniffBrands(data []byte) kind {
	size := binary.BigEndian.Uint32(data)
	if size < 16 || uint64(size) > uint64(len(data)) {
		return kindNone
	}
	end := min(int(size), 16+4*maxBrands)
	for at := 8; at+4 <= end; at += 4 {
		if at == 12 {
			continue
		}
		switch string(data[at : at+4]) {
		case "avif", "avis":
			return kindAVIF
		case "heic", "heix", "heim", "heis":
			return kindHEIC
		}
	}
	return kindNone
}
