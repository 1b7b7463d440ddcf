package vips

// #include "bridge.h"
import "C"

import (
	"meridian/engine/imagegrid"
	"meridian/world"
)

// lookAt is the longer side of the picture in which attention is looked for: the
// same crop, whatever the size of the variant and of what it is cut from.
const lookAt = 256

// attention is the focus on what draws the eye (skin, strong colours, edges), for
// a crop of the region's shape.
func (j *job) attention(r region) (imagegrid.Focus, error) {
	scale := min(1, lookAt/float64(max(r.coverW, r.coverH)))
	of := func(n int) int { return max(1, int(float64(n)*scale+0.5)) }
	w, h := of(r.coverW), of(r.coverH)
	keep := extent{min(w, of(r.w)), min(h, of(r.h))}
	if focus, ok := j.eye[keep]; ok {
		return focus, nil
	}
	base, err := j.decoded()
	if err != nil {
		return imagegrid.Focus{}, err
	}
	look, err := base.small(j.ctx, j.op, w, h)
	if err != nil {
		return imagegrid.Focus{}, err
	}
	defer look.close()
	var x, y C.int
	if C.mv_attention(look.image, C.int(keep.w), C.int(keep.h), &x, &y) != 0 {
		return imagegrid.Focus{}, failed(j.ctx, j.op, world.CodeInternal, "")
	}
	middle := func(at C.int, kept, whole int) float64 {
		return min(1, max(0, (float64(at)+float64(kept)/2)/float64(whole)))
	}
	focus := imagegrid.At(middle(x, keep.w, w), middle(y, keep.h, h))
	if j.eye == nil {
		j.eye = map[extent]imagegrid.Focus{}
	}
	j.eye[keep] = focus
	return focus, nil
}
