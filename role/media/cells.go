package media

import (
	"net/http"
	"slices"

	"meridian/engine/imagegrid"
	"meridian/world"
)

// specOf says how a variant is made of a version.
func specOf(v world.Version, r imagegrid.Request) PictureSpec {
	s := PictureSpec{Format: r.Format, Width: r.Width, Height: r.Height, Fit: r.Mode.Fit()}
	var at world.Point
	if v.Focal != nil {
		at = *v.Focal
	}
	s.Focus = r.Mode.Focus(at.X, at.Y, v.Focal != nil)
	return s
}

// fill makes what is served in some cells of a version, in their order, with one
// decode. Who can show AVIF can show WebP too, so a cell of AVIF holds WebP where
// that is better: for an animation, which WebP alone keeps moving, and where AVIF
// saves nothing. Where an app has no WebP it is measured against JPEG.
func fill(policy *imagegrid.Policy, v world.Version, cells []imagegrid.Request, thorough bool, work func([]PictureSpec) ([]Picture, error)) ([][]byte, error) {
	rival := imagegrid.JPEG
	if slices.Contains(policy.Formats, imagegrid.WebP) {
		rival = imagegrid.WebP
	}
	var specs []PictureSpec
	place := func(s PictureSpec) int {
		s.Thorough, s.Copyright = thorough, policy.Copyright
		at := slices.Index(specs, s)
		if at < 0 {
			at, specs = len(specs), append(specs, s)
		}
		return at
	}
	own, other := make([]int, len(cells)), make([]int, len(cells))
	for i, c := range cells {
		s := specOf(v, c)
		if c.Format == imagegrid.AVIF && v.Frames > 1 && rival == imagegrid.WebP {
			s.Format = imagegrid.WebP
		}
		own[i] = place(s)
		if other[i] = own[i]; s.Format == imagegrid.AVIF {
			s.Format = rival
			other[i] = place(s)
		}
	}
	made, err := work(specs)
	if err != nil {
		return nil, err
	}
	out := make([][]byte, len(cells))
	for i := range cells {
		if out[i] = made[own[i]].Data; made[own[i]].Larger {
			out[i] = made[other[i]].Data
		}
	}
	return out, nil
}

// contentType is the media type of what a cell holds, by its bytes: see [fill].
func contentType(f imagegrid.Format, body []byte) string {
	if f == imagegrid.AVIF {
		if t := http.DetectContentType(body); t == imagegrid.WebP.MediaType() || t == imagegrid.JPEG.MediaType() {
			return t
		}
	}
	return f.MediaType()
}
