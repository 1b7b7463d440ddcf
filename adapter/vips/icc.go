package vips

import (
	"encoding/binary"
	"math"
)

// isSRGB tells whether an ICC profile (ICC.1:2010) says what sRGB says, so that
// going through it would change nothing that an eye can see: a display's RGB by
// matrix and curves, whose colorants and three equal curves are those of sRGB
// within what 8 bits can show. Phones, cameras and programs each embed one of
// their own making.
func isSRGB(profile []byte) bool {
	if len(profile) < 132 || string(profile[16:20]) != "RGB " || string(profile[36:40]) != "acsp" {
		return false
	}
	for i, name := range []string{"rXYZ", "gXYZ", "bXYZ"} {
		xyz, ok := xyzTag(iccTag(profile, name))
		if !ok {
			return false
		}
		for c := range xyz {
			if math.Abs(xyz[c]-srgbColorants[i][c]) > 0.003 {
				return false
			}
		}
	}
	for _, name := range []string{"rTRC", "gTRC", "bTRC"} {
		if !isSRGBCurve(iccTag(profile, name)) {
			return false
		}
	}
	return iccTag(profile, "A2B0") == nil // a table would go before the matrix
}

// srgbColorants are sRGB's primaries adapted to D50, as the ICC's own profile of
// sRGB has them.
var srgbColorants = [3][3]float64{
	{0.4361, 0.2225, 0.0139}, {0.3851, 0.7169, 0.0971}, {0.1431, 0.0606, 0.7141},
}

// maxICCTags bounds how many tags of a profile are looked at; sound ones have some twenty.
const maxICCTags = 100

// iccTag is the data of a tag (§7.3); nil where it is missing or out of bounds.
func iccTag(profile []byte, name string) []byte {
	count := min(int(binary.BigEndian.Uint32(profile[128:])), maxICCTags)
	for i := range count {
		entry := 132 + 12*i
		if entry+12 > len(profile) {
			return nil
		}
		if string(profile[entry:entry+4]) != name {
			continue
		}
		at, size := uint64(binary.BigEndian.Uint32(profile[entry+4:])), uint64(binary.BigEndian.Uint32(profile[entry+8:]))
		if at+size > uint64(len(profile)) {
			return nil
		}
		return profile[at : at+size]
	}
	return nil
}

func s15Fixed16(b []byte) float64 { return float64(int32(binary.BigEndian.Uint32(b))) / 65536 }

// xyzTag reads an XYZType of one triple (§10.31).
func xyzTag(tag []byte) (xyz [3]float64, ok bool) {
	if len(tag) < 20 || string(tag[:4]) != "XYZ " {
		return xyz, false
	}
	for c := range xyz {
		xyz[c] = s15Fixed16(tag[8+4*c:])
	}
	return xyz, true
}

// isSRGBCurve compares a curve with that of sRGB, in the light that each number
// stands for, at 33 places.
func isSRGBCurve(tag []byte) bool {
	curve := iccCurve(tag)
	if curve == nil {
		return false
	}
	for i := range 33 {
		v := float64(i) / 32
		got := curve(v)
		// Compared as numbers of 8 bits are: where they would differ by one.
		if !(math.Abs(lightToSRGB(got)-v) < 1.2/255) {
			return false
		}
	}
	return true
}

// iccCurve is a curveType or parametricCurveType (§10.6, §10.18) as a function; nil
// for one that is not understood.
func iccCurve(tag []byte) func(float64) float64 {
	if len(tag) < 12 {
		return nil
	}
	switch string(tag[:4]) {
	case "curv":
		n := int(binary.BigEndian.Uint32(tag[8:]))
		switch {
		case n < 2 || n > 65536 || len(tag) < 12+2*n: // identity and plain gamma are not sRGB's
			return nil
		}
		return func(v float64) float64 {
			x := v * float64(n-1)
			at := min(int(x), n-2)
			value := func(i int) float64 { return float64(binary.BigEndian.Uint16(tag[12+2*i:])) / 65535 }
			return value(at) + (x-float64(at))*(value(at+1)-value(at))
		}
	case "para":
		if binary.BigEndian.Uint16(tag[8:]) != 3 || len(tag) < 32 { // the form that sRGB has
			return nil
		}
		p := func(i int) float64 { return s15Fixed16(tag[12+4*i:]) }
		g, a, b, c, d := p(0), p(1), p(2), p(3), p(4)
		return func(v float64) float64 {
			if v >= d {
				return math.Pow(a*v+b, g)
			}
			return c * v
		}
	}
	return nil
}

// lightToSRGB is the inverse of srgbToLight.
func lightToSRGB(l float64) float64 {
	if l <= 0.0031308 {
		return 12.92 * l
	}
	return 1.055*math.Pow(l, 1/2.4) - 0.055
}
