package owner

import (
	"cmp"
	"fmt"
	"net/url"
	"strconv"
	"strings"

	"meridian/world"
)

// cropTyped is an edit as it is typed: pixels of the version, quarter turns.
type cropTyped struct{ X, Y, Width, Height, Rotate string }

func typedCrop(form url.Values) cropTyped {
	get := func(name string) string { return strings.TrimSpace(form.Get(name)) }
	return cropTyped{get("crop_x"), get("crop_y"), get("crop_w"), get("crop_h"), get("rotate")}
}

// read is the edit of a version that was typed. Fields that are left empty keep
// the whole side.
func (c cropTyped) read(n world.Version) (versionWanted, error) {
	whole := world.Crop{Width: n.Width, Height: n.Height}
	crop := whole
	var want versionWanted
	for _, f := range []struct {
		typed string
		to    *int
	}{{c.X, &crop.X}, {c.Y, &crop.Y}, {c.Width, &crop.Width}, {c.Height, &crop.Height}, {c.Rotate, &want.Rotate}} {
		if f.typed == "" {
			continue
		}
		var err error
		if *f.to, err = strconv.Atoi(f.typed); err != nil {
			return want, world.E(world.CodeInvalid, "owner.crop", "Type whole numbers of pixels.")
		}
	}
	if crop != whole {
		if !crop.In(n.Width, n.Height) {
			return want, world.E(world.CodeInvalid, "owner.crop", fmt.Sprintf("The crop must lie in the picture, which is %s pixels, and have at least one.", pixels(n)))
		}
		want.Crop = &crop
	}
	if want.Rotate < 0 || want.Rotate > 3 {
		return want, world.E(world.CodeInvalid, "owner.crop", "A picture is turned by one, two or three quarters.")
	}
	if want.Crop == nil && want.Rotate == 0 {
		return want, world.E(world.CodeInvalid, "owner.crop", "Choose a part of the picture, or turn it.")
	}
	return want, nil
}

// crop is the form for an edit, with a likeness of what it would make.
type crop struct {
	X, Y, Width, Height int // of the part, in pixels of the version
	Rotate              int
	OfWidth, OfHeight   int
	Src                 string
	Line                int // how thick to draw
	Result              cropResult
}

// cropResult draws the version as the edit would leave it.
type cropResult struct {
	Width, Height int
	Turn          string // the transform that turns the part upright again
	Part          string // the viewBox of the part
}

// cropOf is the form with what was typed, as far as that can be drawn.
func cropOf(n world.Version, src string, typed cropTyped) crop {
	c := crop{Width: n.Width, Height: n.Height, OfWidth: n.Width, OfHeight: n.Height, Src: src, Line: max(1, max(n.Width, n.Height)/300)}
	if want, err := typed.read(n); err == nil {
		part := cmp.Or(want.Crop, &world.Crop{Width: n.Width, Height: n.Height})
		c.X, c.Y, c.Width, c.Height, c.Rotate = part.X, part.Y, part.Width, part.Height, want.Rotate
	}
	c.Result = resultOf(c)
	return c
}

func resultOf(c crop) cropResult {
	r := cropResult{Width: c.Width, Height: c.Height, Part: fmt.Sprintf("%d %d %d %d", c.X, c.Y, c.Width, c.Height)}
	switch c.Rotate {
	case 1:
		r.Turn = fmt.Sprintf("translate(%d 0) rotate(90)", c.Height)
	case 2:
		r.Turn = fmt.Sprintf("translate(%d %d) rotate(180)", c.Width, c.Height)
	case 3:
		r.Turn = fmt.Sprintf("translate(0 %d) rotate(270)", c.Width)
	}
	if c.Rotate%2 == 1 {
		r.Width, r.Height = c.Height, c.Width
	}
	return r
}
