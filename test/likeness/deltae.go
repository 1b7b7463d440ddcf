package likeness

import (
	"image"
	"image/color"
	"math"
)

// Lab is a colour of CIELAB under D65.
type Lab struct{ L, A, B float64 }

// LabOf takes a colour for sRGB (IEC 61966-2-1); its opacity is left aside.
func LabOf(c color.Color) Lab {
	n := color.NRGBAModel.Convert(c).(color.NRGBA)
	linear := func(v uint8) float64 {
		f := float64(v) / 255
		if f <= 0.04045 {
			return f / 12.92
		}
		return math.Pow((f+0.055)/1.055, 2.4)
	}
	r, g, b := linear(n.R), linear(n.G), linear(n.B)
	f := func(t float64) float64 {
		if t > 216./24389 {
			return math.Cbrt(t)
		}
		return (24389./27*t + 16) / 116
	}
	x := f((0.4124564*r + 0.3575761*g + 0.1804375*b) / 0.95047)
	y := f(0.2126729*r + 0.7151522*g + 0.0721750*b)
	z := f((0.0193339*r + 0.1191920*g + 0.9503041*b) / 1.08883)
	return Lab{116*y - 16, 500 * (x - y), 200 * (y - z)}
}

// DeltaE is the distance of two colours by CIEDE2000 (ISO/CIE 11664-6; formulae as
// in Sharma, Wu, Dalal 2005): 1 is about what an eye can tell side by side.
func DeltaE(p, q Lab) float64 {
	const pow7 = 25. * 25 * 25 * 25 * 25 * 25 * 25
	meanC := (math.Hypot(p.A, p.B) + math.Hypot(q.A, q.B)) / 2
	m7 := math.Pow(meanC, 7)
	g := 0.5 * (1 - math.Sqrt(m7/(m7+pow7)))
	pa, qa := p.A*(1+g), q.A*(1+g)
	pc, qc := math.Hypot(pa, p.B), math.Hypot(qa, q.B)
	ph, qh := hue(pa, p.B), hue(qa, q.B)

	dh, mh := qh-ph, (ph+qh)/2
	switch {
	case pc*qc == 0:
		dh, mh = 0, ph+qh
	case math.Abs(dh) > 180:
		if dh > 0 {
			dh -= 360
		} else {
			dh += 360
		}
		if ph+qh < 360 {
			mh += 180
		} else {
			mh -= 180
		}
	}
	dL, dC := q.L-p.L, qc-pc
	dH := 2 * math.Sqrt(pc*qc) * math.Sin(radians(dh/2))
	mL, mC := (p.L+q.L)/2, (pc+qc)/2
	t := 1 - 0.17*math.Cos(radians(mh-30)) + 0.24*math.Cos(radians(2*mh)) +
		0.32*math.Cos(radians(3*mh+6)) - 0.20*math.Cos(radians(4*mh-63))
	sL := 1 + 0.015*(mL-50)*(mL-50)/math.Sqrt(20+(mL-50)*(mL-50))
	sC, sH := 1+0.045*mC, 1+0.015*mC*t
	c7 := math.Pow(mC, 7)
	rT := -2 * math.Sqrt(c7/(c7+pow7)) * math.Sin(radians(60*math.Exp(-(mh-275)/25*(mh-275)/25)))
	l, c, h := dL/sL, dC/sC, dH/sH
	return math.Sqrt(l*l + c*c + h*h + rT*c*h)
}

func radians(degrees float64) float64 { return degrees * math.Pi / 180 }

// hue is an angle from 0 to 360 degrees; 0 for grey.
func hue(a, b float64) float64 {
	if a == 0 && b == 0 {
		return 0
	}
	h := math.Atan2(b, a) * 180 / math.Pi
	if h < 0 {
		h += 360
	}
	return h
}

// Colours are the mean colours of a picture's rectangle r, cut into nx × ny parts,
// row by row. r is counted from the picture's corner.
func Colours(m image.Image, r image.Rectangle, nx, ny int) []Lab {
	out := make([]Lab, 0, nx*ny)
	for y := range ny {
		for x := range nx {
			part := image.Rect(
				r.Min.X+x*r.Dx()/nx, r.Min.Y+y*r.Dy()/ny,
				r.Min.X+(x+1)*r.Dx()/nx, r.Min.Y+(y+1)*r.Dy()/ny,
			)
			out = append(out, LabOf(mean(m, part)))
		}
	}
	return out
}

// Apart is the mean distance of two lists of colours, by DeltaE; NaN for lists of
// different lengths. Of means of parts of two pictures it is small where the
// colours are the same, whatever encoders did to grain and edges.
func Apart(p, q []Lab) float64 {
	if len(p) != len(q) {
		return math.NaN()
	}
	sum := 0.0
	for i := range p {
		sum += DeltaE(p[i], q[i])
	}
	return sum / float64(len(p))
}

// samples is how many pixels a side are looked at, at most, for a mean.
const samples = 24

func mean(m image.Image, r image.Rectangle) color.NRGBA {
	at := m.Bounds().Min
	stepX, stepY := max(1, r.Dx()/samples), max(1, r.Dy()/samples)
	var sum [3]int
	n := 0
	for y := r.Min.Y; y < r.Max.Y; y += stepY {
		for x := r.Min.X; x < r.Max.X; x += stepX {
			c := color.NRGBAModel.Convert(m.At(at.X+x, at.Y+y)).(color.NRGBA)
			sum[0], sum[1], sum[2] = sum[0]+int(c.R), sum[1]+int(c.G), sum[2]+int(c.B)
			n++
		}
	}
	n = max(1, n)
	of := func(s int) uint8 { return uint8((s + n/2) / n) }
	return color.NRGBA{of(sum[0]), of(sum[1]), of(sum[2]), 255}
}
