package vips

import (
	"encoding/binary"
	"math"
	"testing"
)

// profile is an ICC profile of a display with these colorants and curve.
func profile(colorants [3][3]float64, curve []byte) []byte {
	be := binary.BigEndian
	head := make([]byte, 128)
	copy(head[12:], "mntrRGB XYZ ")
	copy(head[36:], "acsp")
	names := []string{"rXYZ", "gXYZ", "bXYZ", "rTRC", "gTRC", "bTRC"}
	out := be.AppendUint32(head, uint32(len(names)))
	at := len(out) + 12*len(names)
	var body []byte
	for i, name := range names {
		data := curve
		if i < 3 {
			data = append([]byte("XYZ "), 0, 0, 0, 0)
			for _, v := range colorants[i] {
				data = be.AppendUint32(data, uint32(int32(math.Round(v*65536))))
			}
		}
		out = append(out, name...)
		out = be.AppendUint32(out, uint32(at+len(body)))
		out = be.AppendUint32(out, uint32(len(data)))
		body = append(body, data...)
	}
	return append(out, body...)
}

func parametric(g, a, b, c, d float64) []byte {
	out := append([]byte("para"), 0, 0, 0, 0, 0, 3, 0, 0)
	for _, v := range []float64{g, a, b, c, d} {
		out = binary.BigEndian.AppendUint32(out, uint32(int32(math.Round(v*65536))))
	}
	return out
}

func sampled(n int, f func(float64) float64) []byte {
	out := append([]byte("curv"), 0, 0, 0, 0)
	out = binary.BigEndian.AppendUint32(out, uint32(n))
	for i := range n {
		out = binary.BigEndian.AppendUint16(out, uint16(math.Round(65535*f(float64(i)/float64(n-1)))))
	}
	return out
}

func TestProfilesThatSayWhatSRGBSays(t *testing.T) {
	curve := parametric(2.4, 1/1.055, 0.055/1.055, 1/12.92, 0.04045)
	gamma := func(v float64) float64 { return math.Pow(v, 2.2) }
	p3 := [3][3]float64{{0.5151, 0.2412, -0.0011}, {0.2920, 0.6922, 0.0419}, {0.1571, 0.0666, 0.7841}}
	adobe := [3][3]float64{{0.6097, 0.3111, 0.0195}, {0.2053, 0.6257, 0.0609}, {0.1492, 0.0632, 0.7446}}
	for _, c := range []struct {
		what string
		in   []byte
		want bool
	}{
		{"its own", profile(srgbColorants, curve), true},
		{"by samples", profile(srgbColorants, sampled(1024, srgbToLight)), true},
		{"another gamma", profile(srgbColorants, sampled(1024, gamma)), false},
		{"Display P3", profile(p3, curve), false},
		{"Adobe RGB", profile(adobe, sampled(1024, gamma)), false},
		{"a curve of one number", profile(srgbColorants, append([]byte("curv\x00\x00\x00\x00\x00\x00\x00\x01"), 2, 51)), false},
		{"cut off", profile(srgbColorants, curve)[:300], false},
		{"nothing", nil, false},
	} {
		if got := isSRGB(c.in); got != c.want {
			t.Errorf("%s: %v", c.what, got)
		}
	}
}

func FuzzIsSRGB(f *testing.F) {
	f.Add(profile(srgbColorants, parametric(2.4, 1/1.055, 0.055/1.055, 1/12.92, 0.04045)))
	f.Add(profile(srgbColorants, sampled(16, srgbToLight)))
	f.Fuzz(func(_ *testing.T, in []byte) { isSRGB(in) })
}
