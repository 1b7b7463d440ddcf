package vips

// #include "bridge.h"
import "C"

import (
	"math"
	"runtime"
	"sync"
)

// Light is counted in units of reference white. In PQ and HLG that is 203 cd/m²
// (ITU-R BT.2408 §2.1), in which a sheet of paper or a face looks as bright as
// in an ordinary picture.
const (
	whiteNits = 203
	// peakNits is the brightest light that is still told from brighter ones: what
	// nearly all HDR pictures are graded for, and the nominal peak of HLG.
	peakNits = 1000
	// pqNits is what the largest number of PQ means.
	pqNits = 10000
)

// light is how numbers that are not sRGB become it: each through curve to linear
// light, the three together through matrix to the primaries of sRGB. HLG then
// needs ootf, a factor by luminance; what is brighter than paper needs tone, a
// factor by the brightest of the three. Tables have C.MV_STEPS entries.
type light struct {
	curve  []float32 // by the number, 0 to 1
	matrix [9]float64
	ootf   []float32 // by luminance, 0 to 1; nil for none
	tone   []float32 // by light, 0 to pqNits; nil for none
}

// matrices take linear light from wide primaries to those of sRGB, all with the
// white D65; colours that sRGB does not have come out below 0 or above 1. For
// BT.2020 see ITU-R BT.2087-0 annex 2; both follow from the chromaticities of
// ISO/IEC 23091-2 table 2 (SMPTE RP 177).
var matrices = map[uint16][9]float64{
	primariesP3: {
		1.2249401763, -0.2249401763, 0,
		-0.0420569547, 1.0420569547, 0,
		-0.0196375546, -0.0786360456, 1.0982736002,
	},
	primariesBT2020: {
		1.6604910021, -0.5876411388, -0.0728498633,
		-0.1245504745, 1.1328998971, -0.0083494226,
		-0.0181507634, -0.1005788980, 1.1187296614,
	},
}

// sameColours is the matrix of primaries that are those of sRGB, or near them,
// or unknown.
var sameColours = [9]float64{1, 0, 0, 0, 1, 0, 0, 0, 1}

// light is nil for a picture whose numbers are sRGB, or are taken for it: the
// curve of BT.709 (and 601, 2020) in a still picture is the display's, not the
// camera's, and what is unspecified or unknown is sRGB by custom.
func (c cicp) light() *light {
	matrix, wide := matrices[c.primaries]
	if !wide {
		matrix = sameColours
	}
	switch {
	case c.transfer == transferPQ:
		return &light{curve: pqTable(), matrix: matrix, tone: toneTable()}
	case c.transfer == transferHLG:
		return &light{curve: hlgTable(), matrix: matrix, ootf: ootfTable(), tone: toneTable()}
	case wide:
		return &light{curve: srgbTable(), matrix: matrix}
	}
	return nil
}

// bridge is the light as C takes it, until pin is undone.
func (l *light) bridge(pin *runtime.Pinner) *C.MvLight {
	table := func(t []float32) *C.float {
		if t == nil {
			return nil
		}
		pin.Pin(&t[0])
		return (*C.float)(&t[0])
	}
	b := &C.MvLight{curve: table(l.curve), ootf: table(l.ootf), tone: table(l.tone), tone_top: pqNits / whiteNits}
	for i, m := range l.matrix {
		b.matrix[i] = C.double(m)
	}
	pin.Pin(b)
	return b
}

// The tables are made when first needed, 5 ms at most, and kept: 256 kB each.
var (
	srgbTable = tabulate(srgbToLight, 1)
	pqTable   = tabulate(pqToLight, 1)
	hlgTable  = tabulate(hlgToScene, 1)
	ootfTable = tabulate(hlgOOTF, 1)
	toneTable = tabulate(toneFactor, pqNits/whiteNits)
)

func tabulate(f func(float64) float64, top float64) func() []float32 {
	return sync.OnceValue(func() []float32 {
		table := make([]float32, C.MV_STEPS)
		for i := range table {
			table[i] = float32(f(top * float64(i) / (C.MV_STEPS - 1)))
		}
		return table
	})
}

// srgbToLight is the curve of IEC 61966-2-1 §5.2.
func srgbToLight(v float64) float64 {
	if v <= 0.04045 {
		return v / 12.92
	}
	return math.Pow((v+0.055)/1.055, 2.4)
}

// The constants of SMPTE ST 2084 §5.
const (
	pqM1 = 2610. / 16384
	pqM2 = 2523. / 4096 * 128
	pqC1 = 3424. / 4096
	pqC2 = 2413. / 4096 * 32
	pqC3 = 2392. / 4096 * 32
)

// pqToLight is the EOTF of SMPTE ST 2084 §5.1.
func pqToLight(v float64) float64 {
	p := math.Pow(v, 1/pqM2)
	return math.Pow(max(0, p-pqC1)/(pqC2-pqC3*p), 1/pqM1) * pqNits / whiteNits
}

// lightToPQ is its inverse, §5.2.
func lightToPQ(l float64) float64 {
	p := math.Pow(l*whiteNits/pqNits, pqM1)
	return math.Pow((pqC1+pqC2*p)/(1+pqC3*p), pqM2)
}

// hlgToScene is the inverse OETF of ITU-R BT.2100-2 table 5: scene light, 0 to 1.
func hlgToScene(v float64) float64 {
	const a, b, c = 0.17883277, 0.28466892, 0.55991073
	if v <= 0.5 {
		return v * v / 3
	}
	return (math.Exp((v-c)/a) + b) / 12
}

// hlgOOTF is the factor from scene light to a display of peakNits, whose gamma
// is 1.2 (ITU-R BT.2100-2 table 5), by the luminance of the scene.
func hlgOOTF(y float64) float64 { return math.Pow(y, 0.2) * peakNits / whiteNits }

// toneFactor brings light from 0 … peakNits into 0 … 1, by the EETF of ITU-R
// BT.2390 §5.4.1 with black at 0: in PQ numbers, all below a knee (88 cd/m²)
// stays as it is, what is above bends along a Hermite spline, and all beyond the
// peak is 1. So reference white comes out at 0.78 (229 of 255) and leaves room
// for what shines. The factor is taken of the brightest of red, green and blue
// and multiplies all three (ITU-R BT.2408 calls it maxRGB): hue and saturation
// stay, grey stays grey, nothing is cut off.
func toneFactor(l float64) float64 {
	peak := lightToPQ(peakNits / float64(whiteNits))
	top := lightToPQ(1) / peak
	knee := 1.5*top - 0.5
	e := min(1, lightToPQ(l)/peak)
	if e <= knee {
		return 1
	}
	t := (e - knee) / (1 - knee)
	t2, t3 := t*t, t*t*t
	bent := (2*t3-3*t2+1)*knee + (t3-2*t2+t)*(1-knee) + (3*t2-2*t3)*top
	return pqToLight(bent*peak) / l
}
