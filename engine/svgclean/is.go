package svgclean

import "bytes"

// sniffed is how many bytes are looked at for the name of the element: as many as
// browsers look at (WHATWG MIME Sniffing §7), and more for a long prologue.
const sniffed = 4096

// Is tells whether bytes are meant as SVG: they begin as XML does and soon name
// it. Every other picture begins otherwise. Whether it is one is Clean's to say.
func Is(data []byte) bool {
	data = bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))
	data = bytes.TrimLeft(data[:min(len(data), sniffed)], " \t\r\n")
	return bytes.HasPrefix(data, []byte("<")) && bytes.Contains(data, []byte("svg"))
}
