package worldtest

import (
	"bytes"
	"image"
	"image/jpeg"
	"math/rand/v2"
)

// Grainy is a square JPEG that is all noise: it has about as many bytes as pixels,
// and no variant of it is small. Another seed gives another picture.
func Grainy(seed uint64, side int) ([]byte, error) {
	noise := rand.New(rand.NewPCG(seed, 0))
	m := image.NewGray(image.Rect(0, 0, side, side))
	for i := range m.Pix {
		m.Pix[i] = uint8(noise.Uint32())
	}
	var b bytes.Buffer
	err := jpeg.Encode(&b, m, &jpeg.Options{Quality: 90})
	return b.Bytes(), err
}
