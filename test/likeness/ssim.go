// Package likeness tells how like two pictures are, as an eye would: their
// structural similarity, and how far their colours are apart.
package likeness

import (
	"image"
	"math"
)

// window is the side of the squares that are compared, and stride how far apart
// they stand: 8 and 4 are usual where 11 with a bell's weights would be slow.
const (
	window = 8
	stride = 4
)

// SSIM is the mean structural similarity of the brightness of two pictures of the
// same size (Wang, Bovik, Sheikh, Simoncelli: Image Quality Assessment, IEEE TIP
// 13(4), 2004, with plain 8 × 8 windows): 1 for the same, 0 for unrelated ones.
// Pictures of different sizes give NaN, smaller ones than a window 1 or 0.
func SSIM(a, b image.Image) float64 {
	w, h := a.Bounds().Dx(), a.Bounds().Dy()
	if b.Bounds().Dx() != w || b.Bounds().Dy() != h {
		return math.NaN()
	}
	x, y := Luma(a), Luma(b)
	sum, n := 0.0, 0
	side := min(window, w, h)
	for top := 0; top+side <= h; top += stride {
		for left := 0; left+side <= w; left += stride {
			sum += similarity(x, y, w, left, top, side)
			n++
		}
	}
	return sum / float64(n)
}

// similarity is that of one window; the constants are of the paper, for 8 bits.
func similarity(a, b []float32, stride, left, top, side int) float64 {
	const c1, c2 = (0.01 * 255) * (0.01 * 255), (0.03 * 255) * (0.03 * 255)
	var sa, sb, saa, sbb, sab float64
	for y := top; y < top+side; y++ {
		ra, rb := a[y*stride+left:][:side], b[y*stride+left:][:side]
		for i := range ra {
			va, vb := float64(ra[i]), float64(rb[i])
			sa, sb = sa+va, sb+vb
			saa, sbb, sab = saa+va*va, sbb+vb*vb, sab+va*vb
		}
	}
	n := float64(side * side)
	ma, mb := sa/n, sb/n
	va, vb, cov := saa/n-ma*ma, sbb/n-mb*mb, sab/n-ma*mb
	return (2*ma*mb + c1) * (2*cov + c2) / ((ma*ma + mb*mb + c1) * (va + vb + c2))
}

// Luma is a picture's brightness, 0 to 255, row by row (ITU-R BT.601).
func Luma(m image.Image) []float32 {
	b := m.Bounds()
	out := make([]float32, 0, b.Dx()*b.Dy())
	if planar, ok := m.(*image.YCbCr); ok {
		for y := b.Min.Y; y < b.Max.Y; y++ {
			for _, v := range planar.Y[planar.YOffset(b.Min.X, y):][:b.Dx()] {
				out = append(out, float32(v))
			}
		}
		return out
	}
	for y := b.Min.Y; y < b.Max.Y; y++ {
		for x := b.Min.X; x < b.Max.X; x++ {
			r, g, bl, _ := m.At(x, y).RGBA()
			out = append(out, (0.299*float32(r)+0.587*float32(g)+0.114*float32(bl))/257)
		}
	}
	return out
}
