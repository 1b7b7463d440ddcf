package likeness

import (
	"image"
	"image/color"
	"math"
	"math/rand/v2"
	"testing"
)

func textured(seed uint64, noise float64) *image.Gray {
	m := image.NewGray(image.Rect(0, 0, 64, 64))
	r := rand.New(rand.NewPCG(seed, 0))
	for y := range 64 {
		for x := range 64 {
			v := 128 + 60*math.Sin(float64(x)/5)*math.Cos(float64(y)/7) + noise*r.NormFloat64()
			m.SetGray(x, y, color.Gray{uint8(max(0, min(255, v)))})
		}
	}
	return m
}

func TestSSIM(t *testing.T) {
	a := textured(1, 5)
	if s := SSIM(a, a); s < 0.999999 {
		t.Errorf("a picture is %.4f like itself", s)
	}
	last := 1.0
	for _, noise := range []float64{7, 15, 40} {
		s := SSIM(a, textured(2, noise))
		if s >= last {
			t.Errorf("with noise %g it is %.4f, with less it was %.4f", noise, s, last)
		}
		last = s
	}
	if s := SSIM(a, image.NewGray(a.Rect)); s > 0.1 {
		t.Errorf("black is %.4f like it", s)
	}
	if !math.IsNaN(SSIM(a, image.NewGray(image.Rect(0, 0, 63, 64)))) {
		t.Error("two sizes are compared")
	}
}

// Pairs of the table in Sharma, Wu, Dalal: The CIEDE2000 Color-Difference Formula
// (Color Research and Application 30(1), 2005), which test each branch.
func TestDeltaE(t *testing.T) {
	for _, c := range []struct {
		p, q Lab
		want float64
	}{
		{Lab{50, 2.6772, -79.7751}, Lab{50, 0, -82.7485}, 2.0425},
		{Lab{50, 3.1571, -77.2803}, Lab{50, 0, -82.7485}, 2.8615},
		{Lab{50, -1.3802, -84.2814}, Lab{50, 0, -82.7485}, 1.0000},
		{Lab{50, 0, 0}, Lab{50, -1, 2}, 2.3669},
		{Lab{50, 2.49, -0.001}, Lab{50, -2.49, 0.0009}, 7.1792},
		{Lab{50, 2.5, 0}, Lab{73, 25, -18}, 27.1492},
		{Lab{50, 2.5, 0}, Lab{50, 3.2592, 0.335}, 1.0000},
		{Lab{60.2574, -34.0099, 36.2677}, Lab{60.4626, -34.1751, 39.4387}, 1.2644},
		{Lab{2.0776, 0.0795, -1.135}, Lab{0.9033, -0.0636, -0.5514}, 0.9082},
	} {
		for _, got := range []float64{DeltaE(c.p, c.q), DeltaE(c.q, c.p)} {
			if math.Abs(got-c.want) > 0.0001 {
				t.Errorf("%v to %v is %.4f, want %.4f", c.p, c.q, got, c.want)
			}
		}
	}
}

func TestLabOfKnownColours(t *testing.T) {
	for c, want := range map[color.NRGBA]Lab{
		{255, 255, 255, 255}: {100, 0, 0},
		{0, 0, 0, 255}:       {0, 0, 0},
		{255, 0, 0, 255}:     {53.24, 80.09, 67.20},
		{0, 0, 255, 255}:     {32.30, 79.19, -107.86},
	} {
		if d := DeltaE(LabOf(c), want); d > 0.02 {
			t.Errorf("%v is %v, want %v", c, LabOf(c), want)
		}
	}
}

func TestColoursOfParts(t *testing.T) {
	m := image.NewNRGBA(image.Rect(10, 10, 110, 60)) // red left, blue right, and noise
	for y := range 50 {
		for x := range 100 {
			c := color.NRGBA{uint8(200 + (x+y)%3), 0, 0, 255}
			if x >= 50 {
				c = color.NRGBA{0, 0, 200, 255}
			}
			m.Set(10+x, 10+y, c)
		}
	}
	got := Colours(m, image.Rect(0, 0, 100, 50), 2, 1)
	want := []Lab{LabOf(color.NRGBA{201, 0, 0, 255}), LabOf(color.NRGBA{0, 0, 200, 255})}
	if d := Apart(got, want); !(d < 0.01) {
		t.Errorf("they are %v, %.3f away", got, d)
	}
	if d := Apart(got, []Lab{want[1], want[0]}); d < 40 {
		t.Errorf("red and blue are %.1f apart", d)
	}
	if !math.IsNaN(Apart(got, want[:1])) {
		t.Error("lists of different lengths are compared")
	}
	if c := Colours(m, image.Rect(60, 0, 100, 50), 1, 1); DeltaE(c[0], want[1]) > 0.01 {
		t.Errorf("the right part is %v", c)
	}
}
