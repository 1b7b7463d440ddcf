package vips

import (
	"image"
	"testing"
)

// pixelsOf is what an encoder would be given for a spec, as an image of Go's.
func pixelsOf(t testing.TB, e *Engine, data []byte, of extent, s Spec) image.Image {
	t.Helper()
	info, k, err := e.inspect(ctx, "test", data, e.limits)
	if err != nil {
		t.Fatal(err)
	}
	j := &job{ctx: ctx, op: "test", data: data, kind: k, info: info, shape: of, specs: []Spec{s}}
	if err := j.takeNotes(); err != nil {
		t.Fatal(err)
	}
	r := s.region(of.w, of.h)
	cut, err := j.cut(r)
	if err != nil {
		t.Fatal(err)
	}
	defer j.base.close()
	defer cut.close()
	p, err := cut.small(ctx, "test", r.w, r.h)
	if err != nil {
		t.Fatal(err)
	}
	defer p.close()
	pixels, bands := p.bytes()
	m := image.NewNRGBA(image.Rect(0, 0, r.w, r.h))
	for i := range r.w * r.h {
		copy(m.Pix[4*i:], pixels[bands*i:bands*i+3])
		m.Pix[4*i+3] = 255
	}
	return m
}
