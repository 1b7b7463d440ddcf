package vips

import (
	"bytes"
	"encoding/binary"
)

// The markers of JPEG that matter here (ITU-T T.81 table B.1).
const (
	markEOI  = 0xD9
	markSOS  = 0xDA
	markSOF2 = 0xC2 // progressive, Huffman
)

// coarse is a progressive JPEG without the scans that tell anything but the mean
// of each block of 8 × 8 (ITU-T T.81 §G.1.2): all that is used of it at an eighth
// of its size, and a tenth of its data. What is not progressive, or not as it
// should be, is left as it is.
func coarse(data []byte) []byte {
	progressive, kept := false, 0
	var out []byte
	for at := 2; ; {
		if at+2 > len(data) || data[at] != 0xFF {
			break // cut off, or damaged: the decoder shows what it can of the whole
		}
		mark := data[at+1]
		if mark == markEOI {
			if !progressive || kept == 0 {
				break
			}
			return append(append(data[:2:2], out...), 0xFF, markEOI)
		}
		if mark == 0xFF { // filled up
			at++
			continue
		}
		if at+4 > len(data) {
			break
		}
		size := int(binary.BigEndian.Uint16(data[at+2:]))
		end := at + 2 + size
		if size < 2 || end > len(data) {
			break
		}
		progressive = progressive || mark == markSOF2
		keep := true
		if mark == markSOS {
			if !progressive {
				break
			}
			keep = startsWithMeans(data[at+4 : end])
			end = endOfScan(data, end)
		}
		if keep {
			out = append(out, data[at:end]...)
			if mark == markSOS {
				kept++
			}
		}
		at = end
	}
	return data
}

// startsWithMeans reads the header of a scan (§B.2.3): Ss is behind its components.
func startsWithMeans(header []byte) bool {
	if len(header) == 0 {
		return false
	}
	at := 1 + 2*int(header[0])
	return at < len(header) && header[at] == 0
}

// endOfScan is where the next marker stands, stuffed and restart ones not counted.
func endOfScan(data []byte, at int) int {
	for at+1 < len(data) {
		skip := bytes.IndexByte(data[at:], 0xFF)
		if skip < 0 || at+skip+1 >= len(data) {
			break
		}
		at += skip
		if next := data[at+1]; next != 0 && (next < 0xD0 || next > 0xD7) {
			return at
		}
		at += 2
	}
	return len(data)
}
