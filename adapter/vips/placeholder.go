package vips

import (
	"context"
	"fmt"
	"image"

	"go.n16f.net/thumbhash"

	"meridian/engine/imagegrid"
)

// thumbSide is the longer side of the picture that a placeholder is made of: the
// most that a ThumbHash looks at (https://evanw.github.io/thumbhash/).
const thumbSide = 100

// Placeholder is what is shown of a picture until it is there: its mean colour as
// "#rrggbb", and its ThumbHash, some 25 bytes from which a blurred likeness is
// drawn. Pixels count by their opacity; the colour of a picture that is
// transparent throughout is white. Errors are those of [Engine.Transform].
func (e *Engine) Placeholder(ctx context.Context, data []byte) (colour string, thumb []byte, err error) {
	const op = "vips.placeholder"
	info, k, err := e.inspect(ctx, op, data, e.limits)
	if err != nil {
		return "", nil, err
	}
	err = e.work(ctx, op, info.Pixels(), func() error {
		job := &job{ctx: ctx, op: op, data: data, kind: k, info: info}
		if err := job.takeNotes(); err != nil {
			return err
		}
		w, h, _ := imagegrid.FittedSize(imagegrid.Contain, info.Width, info.Height, thumbSide, thumbSide)
		base, err := decode(ctx, op, data, k, info, job.notes, w, h, true)
		if err != nil {
			return err
		}
		defer base.close()
		p, err := base.small(ctx, op, w, h)
		if err != nil {
			return err
		}
		defer p.close()
		pixels, bands := p.bytes()
		colour, thumb = mean(pixels, bands), thumbhash.EncodeImage(straight(pixels, bands, w, h))
		return nil
	})
	return colour, thumb, err
}

// straight is a picture as the ThumbHash encoder reads it: it weighs each pixel
// by its opacity itself, so the numbers are not to be multiplied by it before,
// which this type would mean elsewhere.
func straight(data []byte, bands, w, h int) *image.RGBA {
	out := image.NewRGBA(image.Rect(0, 0, w, h))
	for i, at := 0, 0; at+bands <= len(data); i, at = i+4, at+bands {
		copy(out.Pix[i:i+3], data[at:at+3])
		if out.Pix[i+3] = 255; bands == 4 {
			out.Pix[i+3] = data[at+3]
		}
	}
	return out
}

func mean(data []byte, bands int) string {
	var sum [3]int
	weight := 0
	for at := 0; at+bands <= len(data); at += bands {
		alpha := 255
		if bands == 4 {
			alpha = int(data[at+3])
		}
		for c := range sum {
			sum[c] += int(data[at+c]) * alpha
		}
		weight += alpha
	}
	if weight == 0 {
		return "#ffffff"
	}
	for c := range sum {
		sum[c] = (sum[c] + weight/2) / weight
	}
	return fmt.Sprintf("#%02x%02x%02x", sum[0], sum[1], sum[2])
}
