package vips

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"image"
	"image/color"
	"math"
	"runtime"
	"testing"

	"meridian/engine/imagegrid"
	"meridian/world"
)

// lit is a picture whose colour box is made to say something else.
func lit(t testing.TB, data []byte, primaries, transfer uint16) []byte {
	t.Helper()
	at := bytes.Index(data, []byte("colrnclx"))
	if at < 0 {
		t.Fatal("the picture has no colr box of type nclx")
	}
	data = bytes.Clone(data)
	binary.BigEndian.PutUint16(data[at+8:], primaries)
	binary.BigEndian.PutUint16(data[at+10:], transfer)
	return data
}

// The patches of testdata/patches-*: eight squares of 32 pixels in two rows, made
// with libvips (lossless, alpha 0.6) of these numbers of 1023 (the HEIC had its
// colr box put in afterwards).
var patches = [8][3]int{
	{594, 594, 594}, {400, 400, 400}, {1023, 1023, 1023}, {594, 400, 300},
	{300, 500, 420}, {640, 200, 150}, {802, 401, 201}, {0, 0, 0},
}

// asIs is the patches with their numbers taken for sRGB.
func asIs() (want [8][3]int) {
	for i, p := range patches {
		for c := range p {
			want[i][c] = int(math.Round(float64(p[c]) * 255 / 1023))
		}
	}
	return want
}

// The others were computed from the standards' formulas by another program,
// straight from the chromaticities. In P3, 802, 401, 201 is what p3.png holds.
var (
	p3SRGB     = [8][3]int{{148, 148, 148}, {100, 100, 100}, {255, 255, 255}, {156, 97, 70}, {56, 126, 103}, {174, 37, 28}, {215, 93, 31}, {0, 0, 0}}
	bt2020SRGB = [8][3]int{{148, 148, 148}, {100, 100, 100}, {255, 255, 255}, {172, 92, 69}, {0, 129, 103}, {197, 0, 28}, {241, 76, 29}, {0, 0, 0}}
	srgbPQ     = [8][3]int{{229, 229, 229}, {106, 106, 106}, {255, 255, 255}, {229, 95, 53}, {60, 171, 117}, {244, 19, 9}, {255, 41, 6}, {0, 0, 0}}
	p3PQ       = [8][3]int{{229, 229, 229}, {106, 106, 106}, {255, 255, 255}, {236, 78, 30}, {0, 174, 113}, {249, 0, 0}, {255, 0, 0}, {0, 0, 0}}
	bt2020PQ   = [8][3]int{{229, 229, 229}, {106, 106, 106}, {255, 255, 255}, {245, 42, 26}, {0, 179, 111}, {253, 0, 0}, {255, 0, 0}, {0, 0, 0}}
	bt2020HLG  = [8][3]int{{165, 165, 165}, {104, 104, 104}, {255, 255, 255}, {182, 98, 75}, {0, 136, 110}, {202, 0, 26}, {245, 52, 19}, {0, 0, 0}}
	srgbHLG    = [8][3]int{{165, 165, 165}, {104, 104, 104}, {255, 255, 255}, {156, 106, 81}, {81, 131, 112}, {164, 51, 37}, {228, 100, 50}, {0, 0, 0}}
)

func near(a, b, tolerance int) bool { return max(a, b)-min(a, b) <= tolerance }

func TestSignalledColoursReachSRGB(t *testing.T) {
	e := start(t, Options{})
	for file, alpha := range map[string]int{"patches-12bit.avif": 255, "patches-12bit-alpha.avif": 153, "patches-10bit.heic": 255} {
		stored := testdata(t, file)
		for _, c := range []struct {
			primaries, transfer uint16
			want                [8][3]int
		}{
			{1, 13, asIs()}, {1, 1, asIs()}, {2, 2, asIs()}, {2, 1, asIs()}, {6, 6, asIs()}, {77, 99, asIs()},
			{12, 13, p3SRGB}, {12, 1, p3SRGB}, {12, 6, p3SRGB}, {12, 2, p3SRGB},
			{9, 14, bt2020SRGB}, {9, 15, bt2020SRGB}, {9, 13, bt2020SRGB},
			{1, 16, srgbPQ}, {2, 16, srgbPQ}, {12, 16, p3PQ}, {9, 16, bt2020PQ},
			{9, 18, bt2020HLG}, {1, 18, srgbHLG},
		} {
			what := fmt.Sprintf("%s as %d/%d", file, c.primaries, c.transfer)
			data := lit(t, stored, c.primaries, c.transfer)
			for _, width := range []int{128, 64} {
				checkPatches(t, fmt.Sprintf("%s, %d pixels", what, width), e, data, width, c.want, alpha)
			}
		}
	}
}

func checkPatches(t *testing.T, what string, e *Engine, data []byte, width int, want [8][3]int, alpha int) {
	t.Helper()
	info, k, err := e.inspect(ctx, "test", data, e.limits)
	if err != nil {
		t.Fatal(err)
	}
	p, err := decodeRGB(ctx, "test", data, k, plan(k, info, width, width/2), width, width/2)
	if err != nil {
		t.Fatal(err)
	}
	defer p.close()
	pixels, bands := p.bytes()
	if len(pixels) != width*width/2*bands || bands != map[bool]int{true: 3, false: 4}[alpha == 255] {
		t.Fatalf("%s: %d bytes in %d bands", what, len(pixels), bands)
	}
	for i, w := range want {
		x, y := i%4*width/4+width/8, i/4*width/4+width/8
		got := pixels[(y*width+x)*bands:]
		if bands == 4 && !near(int(got[3]), alpha, 1) {
			t.Errorf("%s: patch %d has alpha %d, want %d", what, i, got[3], alpha)
		}
		for c := range 3 {
			if !near(int(got[c]), w[c], 2) {
				t.Errorf("%s: patch %d is %v, want %v", what, i, got[:3], w)
				break
			}
		}
	}
}

func TestEveryWayOutGoesBySignalledColour(t *testing.T) {
	e := start(t, Options{})
	data := lit(t, testdata(t, "patches-12bit.avif"), 12, 16)
	var sum [3]int
	for _, p := range p3PQ {
		for c := range sum {
			sum[c] += p[c]
		}
	}
	var mean [3]int
	got, _, err := e.Placeholder(ctx, data)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := fmt.Sscanf(got, "#%02x%02x%02x", &mean[0], &mean[1], &mean[2]); err != nil {
		t.Fatal(err)
	}
	for c := range sum {
		if !near(mean[c], sum[c]/8, 3) {
			t.Errorf("the average is %v, want %v / 8", mean, sum)
		}
	}
	specs := []Spec{{Width: 128, Format: imagegrid.WebP}, {Width: 64, Format: imagegrid.JPEG}, {Width: 32, Height: 32, Format: imagegrid.WebP}}
	all, err := e.TransformAll(ctx, data, specs)
	if err != nil {
		t.Fatal(err)
	}
	white := color.NRGBA{229, 229, 229, 255}
	for i := range specs[:2] {
		m := decoded(t, e, all[i].Data, specs[i].Format)
		looks(t, "reference white", m, .1, .25, white)
		looks(t, "red", m, .37, .75, color.NRGBA{249, 0, 0, 255})
	}
	looks(t, "cropped", decoded(t, e, all[2].Data, imagegrid.WebP), .75, .2, color.NRGBA{255, 255, 255, 255})
}

func TestEightBitsGoTheSameWay(t *testing.T) {
	e := start(t, Options{})
	avif, err := e.Transform(ctx, pngOf(t, quarters(80, 80)), Spec{Width: 80, Format: imagegrid.AVIF, Quality: 100})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		primaries, transfer      uint16
		red, green, blue, bottom color.NRGBA
	}{
		{12, 13, color.NRGBA{240, 0, 0, 255}, color.NRGBA{0, 183, 0, 255}, color.NRGBA{30, 30, 229, 255}, grey},
		{12, 16, color.NRGBA{255, 0, 0, 255}, color.NRGBA{0, 255, 0, 255}, color.NRGBA{1, 1, 255, 255}, color.NRGBA{181, 181, 181, 255}},
		{9, 18, color.NRGBA{253, 0, 0, 255}, color.NRGBA{0, 218, 0, 255}, color.NRGBA{0, 4, 240, 255}, color.NRGBA{137, 137, 137, 255}},
	} {
		out, err := e.Transform(ctx, lit(t, avif, c.primaries, c.transfer), Spec{Width: 80, Format: imagegrid.WebP, Quality: 100})
		if err != nil {
			t.Fatal(err)
		}
		m := decoded(t, e, out, imagegrid.WebP)
		what := fmt.Sprintf("%d/%d", c.primaries, c.transfer)
		looks(t, what, m, .2, .2, c.red)
		looks(t, what, m, .8, .2, c.green)
		looks(t, what, m, .2, .8, c.blue)
		looks(t, what, m, .8, .8, c.bottom)
	}
}

// lightOn decodes with a light that the file itself does not name.
func lightOn(ctx context.Context, data []byte, l *light, side int) (picture, error) {
	var pin runtime.Pinner
	defer pin.Unpin()
	load := plan(kindPNG, Info{Width: side, Height: side}, side, side)
	load.light = l.bridge(&pin)
	return decodeTo(ctx, "test", data, load, side, side)
}

func TestGreyStaysGrey(t *testing.T) {
	start(t, Options{})
	ramp := image.NewNRGBA64(image.Rect(0, 0, 256, 256)) // every grey of 16 bits
	for i := range 1 << 16 {
		grey := uint16(i)
		ramp.SetNRGBA64(i%256, i/256, color.NRGBA64{grey, grey, grey, 0xFFFF})
	}
	data := pngOf(t, ramp)
	for _, c := range []cicp{{12, 13}, {9, 1}, {1, 16}, {12, 16}, {9, 16}, {1, 18}, {12, 18}, {9, 18}} {
		p, err := lightOn(ctx, data, c.light(), 256)
		if err != nil {
			t.Fatal(err)
		}
		pixels, bands := p.bytes()
		last := 0
		for at := 0; at < len(pixels); at += bands {
			r, g, b := int(pixels[at]), int(pixels[at+1]), int(pixels[at+2])
			if !near(r, g, 1) || !near(g, b, 1) || g < last-1 {
				t.Fatalf("%v: grey %d is %d, %d, %d after %d", c, at/bands, r, g, b, last)
			}
			last = max(last, g)
		}
		if pixels[0] != 0 || last != 255 {
			t.Errorf("%v: greys run from %d to %d", c, pixels[0], last)
		}
		p.close()
	}
}

func TestAProfileGoesBeforeSignalledColour(t *testing.T) {
	start(t, Options{})
	p3 := testdata(t, "p3.png")
	p, err := lightOn(ctx, p3, cicp{9, 16}.light(), 16)
	if err != nil {
		t.Fatal(err)
	}
	defer p.close()
	if pixels, _ := p.bytes(); !near(int(pixels[0]), 215, 2) || !near(int(pixels[1]), 93, 2) || !near(int(pixels[2]), 32, 2) {
		t.Errorf("the colour is %v, want that of the profile", pixels[:3])
	}
}

func TestSignalledColourStopsWithTheContext(t *testing.T) {
	start(t, Options{})
	over, cancel := context.WithCancel(ctx)
	cancel()
	if _, err := lightOn(over, pngOf(t, quarters(1000, 1000)), cicp{9, 18}.light(), 1000); !world.Is(err, world.CodeUnavailable) {
		t.Errorf("decode = %v", err)
	}
}

// TestCurvesMeetTheStandards holds the curves to figures that the standards and
// reports print.
func TestCurvesMeetTheStandards(t *testing.T) {
	for name, c := range map[string]struct{ got, want, tolerance float64 }{
		"PQ 0":                     {pqToLight(0), 0, 0},
		"PQ 1 is 10 000 cd/m²":     {pqToLight(1) * whiteNits, 10000, 1e-6},
		"PQ 0.508 is 100 cd/m²":    {pqToLight(0.508078) * whiteNits, 100, 0.01},
		"PQ 0.58 is white":         {pqToLight(0.58069), 1, 1e-3}, // BT.2408 table 1: 58 %
		"PQ 0.75 is 1000 cd/m²":    {pqToLight(0.751827) * whiteNits, 1000, 0.01},
		"HLG 0":                    {hlgToScene(0), 0, 0},
		"HLG 0.5 is 1/12":          {hlgToScene(0.5), 1. / 12, 1e-12},
		"HLG 1":                    {hlgToScene(1), 1, 1e-6},
		"HLG 0.75 is white":        {hlgToScene(0.75) * hlgOOTF(hlgToScene(0.75)), 1, 2e-3}, // BT.2408 table 1: 75 %
		"HLG 1 is 1000 cd/m²":      {hlgToScene(1) * hlgOOTF(1) * whiteNits, 1000, 1e-2},
		"sRGB 0.5":                 {srgbToLight(0.5), 0.21404, 1e-5},
		"tone of black":            {toneFactor(0), 1, 0},
		"tone below the knee":      {toneFactor(87. / whiteNits), 1, 0},
		"tone of white":            {toneFactor(1), 0.7835, 1e-3},
		"tone of the peak":         {toneFactor(1000./whiteNits) * 1000 / whiteNits, 1, 1e-9},
		"tone of 10 000 cd/m²":     {toneFactor(10000./whiteNits) * 10000 / whiteNits, 1, 1e-9},
		"tone just above the knee": {toneFactor(89. / whiteNits), 1, 1e-3},
	} {
		if math.Abs(c.got-c.want) > c.tolerance || math.IsNaN(c.got) {
			t.Errorf("%s: %.6f, want %.6f", name, c.got, c.want)
		}
	}
	for l := 0.001; l < 60; l += 0.001 {
		if math.Abs(pqToLight(lightToPQ(l))-l) > 1e-9*max(1, l) {
			t.Fatalf("PQ of %v comes back as %v", l, pqToLight(lightToPQ(l)))
		}
		if now, before := toneFactor(l)*l, toneFactor(l-0.001)*(l-0.001); now < before-1e-12 || now > 1+1e-12 {
			t.Fatalf("the tone of %v is %v after %v", l, now, before)
		}
	}
}

// TestMatricesFollowFromTheirPrimaries derives them from chromaticities (SMPTE RP 177).
func TestMatricesFollowFromTheirPrimaries(t *testing.T) {
	// red, green and blue: ISO/IEC 23091-2 table 2.
	chromaticities := map[uint16][3][2]float64{
		primariesBT2020: {{.708, .292}, {.170, .797}, {.131, .046}},
		primariesP3:     {{.680, .320}, {.265, .690}, {.150, .060}},
	}
	srgb := toXYZ([3][2]float64{{.640, .330}, {.300, .600}, {.150, .060}})
	for primaries, m := range matrices {
		wide := toXYZ(chromaticities[primaries])
		for col := range 3 {
			var column [3]float64
			for row := range column {
				column[row] = wide[row][col]
			}
			want := solve(srgb, column)
			for row := range 3 {
				if math.Abs(m[3*row+col]-want[row]) > 1e-8 {
					t.Errorf("primaries %d, row %d, column %d: %v, want %v", primaries, row, col, m[3*row+col], want[row])
				}
			}
		}
	}
}

// toXYZ is the matrix from primaries with the white D65 to CIE XYZ.
func toXYZ(p [3][2]float64) (m [3][3]float64) {
	const x, y = .3127, .3290
	for i, c := range p {
		m[0][i], m[1][i], m[2][i] = c[0]/c[1], 1, (1-c[0]-c[1])/c[1]
	}
	s := solve(m, [3]float64{x / y, 1, (1 - x - y) / y})
	for row := range m {
		for i := range s {
			m[row][i] *= s[i]
		}
	}
	return m
}

// solve is Cramer's rule: the v for which m·v = b.
func solve(m [3][3]float64, b [3]float64) (v [3]float64) {
	det := func(m [3][3]float64) float64 {
		return m[0][0]*(m[1][1]*m[2][2]-m[1][2]*m[2][1]) - m[0][1]*(m[1][0]*m[2][2]-m[1][2]*m[2][0]) + m[0][2]*(m[1][0]*m[2][1]-m[1][1]*m[2][0])
	}
	for i := range v {
		with := m
		for row := range with {
			with[row][i] = b[row]
		}
		v[i] = det(with) / det(m)
	}
	return v
}
