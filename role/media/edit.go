package media

import (
	"context"
	"fmt"
	"io"

	"meridian/world"
)

// maxJSONBody is the most bytes of a demand that are read.
const maxJSONBody = 4 << 10

// versionWanted is what a new version shall be, made from an older one.
type versionWanted struct {
	From   int          `json:"from"`   // 0: the current one
	Crop   *world.Crop  `json:"crop"`   // in pixels of that one, upright
	Rotate int          `json:"rotate"` // quarter turns clockwise, after the crop
	Focal  *world.Point `json:"focal"`  // of the new version; null keeps what there is of the old one
}

// parseVersionWanted reads one JSON object without anything else.
func parseVersionWanted(body io.Reader) (versionWanted, error) {
	var want versionWanted
	err := readJSON(body, &want, "Send a JSON object with any of from (a version), crop {x, y, width, height}, rotate (0 to 3) and focal {x, y}, or a picture's bytes.")
	if err != nil {
		return versionWanted{}, err
	}
	bad := func(fix string) (versionWanted, error) {
		return versionWanted{}, world.E(world.CodeInvalid, "media.edit", fix)
	}
	switch {
	case want.From < 0:
		return bad("from is the number of a version, or left out for the current one.")
	case want.Rotate < 0 || want.Rotate > 3:
		return bad("rotate is a number of quarter turns clockwise, 0 to 3.")
	case want.Focal != nil && !want.Focal.Valid():
		return bad("focal is a point with x and y from 0 to 1.")
	case want.Crop == nil && want.Rotate == 0 && want.Focal == nil:
		return bad("Say what shall change: crop, rotate or focal.")
	}
	return want, nil
}

// of is the edit of a version that was asked for, nil when its pixels stay.
// invalid for a crop that does not lie in it, unsupported for an animation,
// which would lose its frames.
func (want versionWanted) of(base world.Version) (*world.Edit, error) {
	const op = "media.edit"
	if c := want.Crop; c != nil && !c.In(base.Width, base.Height) {
		return nil, world.E(world.CodeInvalid, op, fmt.Sprintf("The crop must lie in the picture, which is %d × %d pixels, and have at least one.", base.Width, base.Height))
	}
	e := world.Edit{Crop: want.Crop, Rotate: want.Rotate}
	if e.Crop != nil && *e.Crop == (world.Crop{Width: base.Width, Height: base.Height}) {
		e.Crop = nil
	}
	switch {
	case e.Crop == nil && e.Rotate == 0:
		return nil, nil
	case base.Frames > 1:
		return nil, world.E(world.CodeUnsupported, op, "An animation cannot be cropped or turned: edit it elsewhere and send the result.")
	}
	return &e, nil
}

// focal is the focal point that a version made by an edit has: the one that is
// asked for, else the old one where it is still in the picture.
func (want versionWanted) focal(base world.Version, e *world.Edit) *world.Point {
	if want.Focal != nil || base.Focal == nil || e == nil {
		if want.Focal != nil {
			return want.Focal
		}
		return base.Focal
	}
	p := *base.Focal
	if c := e.Crop; c != nil {
		p.X = (p.X*float64(base.Width) - float64(c.X)) / float64(c.Width)
		p.Y = (p.Y*float64(base.Height) - float64(c.Y)) / float64(c.Height)
	}
	for range e.Rotate {
		p.X, p.Y = 1-p.Y, p.X
	}
	if !p.Valid() {
		return nil
	}
	return &p
}

// edited is what becomes of a version. Its pixels are rendered from its original
// at full size, unless only its focal point changes; then it is the same original,
// and none is given.
func (m *Media) edited(ctx context.Context, found world.Manifest, base world.Version, want versionWanted) (world.Version, []byte, error) {
	e, err := want.of(base)
	if err != nil {
		return world.Version{}, nil, err
	}
	focal := want.focal(base, e)
	if e == nil {
		v := base
		v.From, v.Edit, v.Focal, v.Mezzanine = base.Number, nil, focal, nil
		return v, nil, nil
	}
	ctx, cancel := context.WithTimeout(ctx, m.cfg.Limits.Transform)
	defer cancel()
	data, err := m.original(ctx, found, base)
	if err == nil {
		data, err = m.pixels(ctx, found, base, data)
	}
	if err != nil {
		return world.Version{}, nil, err
	}
	data, err = m.pictures.Edit(ctx, data, *e)
	if err != nil {
		return world.Version{}, nil, err
	}
	v, stored, err := m.takeIn(ctx, found, data)
	v.From, v.Edit, v.Focal = base.Number, e, focal
	return v, stored, err
}
