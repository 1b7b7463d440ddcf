package vips

import (
	"maps"
	"slices"
	"testing"

	"meridian/engine/imagegrid"
	"meridian/test/likeness"
)

// TestFormatsLookAlike holds the default qualities to what they are for: that a
// photograph is as like its pixels in each format, for fewer bytes in the better
// ones. docs/pictures.md has the figures.
func TestFormatsLookAlike(t *testing.T) {
	e := start(t, Options{})
	all := photographs(t)
	like, bytes := map[imagegrid.Format]float64{}, map[imagegrid.Format]int{}
	n := 0.
	for _, file := range slices.Sorted(maps.Keys(all)) {
		data := all[file]
		info, err := e.Inspect(ctx, data, Limits{})
		if err != nil {
			t.Fatal(err)
		}
		if sniff(data) != kindJPEG || info.Pixels() < 2_000_000 {
			continue
		}
		if n++; n > 4 && !*everyCell {
			n--
			break
		}
		spec := Spec{Width: 640}
		want := pixelsOf(t, e, data, extent{info.Width, info.Height}, spec)
		for _, f := range imagegrid.Formats() {
			spec.Format = f
			out, err := e.Transform(ctx, data, spec)
			if err != nil {
				t.Fatal(err)
			}
			like[f] += likeness.SSIM(want, opened(t, out, f))
			bytes[f] += len(out)
		}
	}
	for _, f := range imagegrid.Formats() {
		t.Logf("%s at quality %d: %.4f, %.1f kB", f, DefaultQuality(f), like[f]/n, float64(bytes[f])/1000/n)
	}
	for _, f := range []imagegrid.Format{imagegrid.WebP, imagegrid.AVIF} {
		if d := (like[f] - like[imagegrid.JPEG]) / n; d < -0.006 || d > 0.006 {
			t.Errorf("%s is %+.4f more like the picture than JPEG", f, d)
		}
		if bytes[f] >= bytes[imagegrid.JPEG] {
			t.Errorf("%s takes %d bytes, JPEG %d", f, bytes[f], bytes[imagegrid.JPEG])
		}
	}
}
