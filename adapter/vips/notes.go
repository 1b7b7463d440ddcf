package vips

// #include "bridge.h"
import "C"

import (
	"unsafe"

	"meridian/world"
)

// notes are what a file says beside its pixels, as far as it matters here.
type notes struct {
	icc       []byte // colour profile; nil for none
	copyright []byte // a TIFF block with the copyright notice and nothing else; nil for none
}

// takeNotes reads those that the job needs: the profile of a JPEG decides how it
// is decoded, and the notice is for specs that keep it.
func (j *job) takeNotes() error {
	keeps := false
	for _, s := range j.specs {
		keeps = keeps || s.Copyright
	}
	if j.kind != kindJPEG && !keeps {
		return nil
	}
	var n C.MvNotes
	if C.mv_notes(unsafe.Pointer(&j.data[0]), C.size_t(len(j.data)), bridgeKinds[j.kind], &n) != 0 {
		return failed(j.ctx, j.op, world.CodeUnprocessed, Damaged)
	}
	var blobs [C.MV_NOTES][]byte
	for i := range blobs {
		if n.data[i] != nil {
			blobs[i] = taken(n.data[i], n.length[i])
		}
	}
	j.notes.icc = blobs[0]
	if text := noticeIn(blobs[1], blobs[2], blobs[3]); keeps && text != "" {
		j.notes.copyright = noticeBlock(text)
	}
	return nil
}
