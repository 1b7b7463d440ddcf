package probe

import (
	"errors"
	"fmt"
	"regexp"
	"slices"

	"meridian/adapter/vips"
	"meridian/world"
)

// readyLine is what a child writes when its bounds are set, with the processor
// time in nanoseconds that it has used until then.
const readyLine = "ready %d\n"

// question is what a child is asked, one line of JSON before the picture.
type question struct {
	Limits vips.Limits
	Side   int // of a drawing; 0: the picture is examined
	Size   int // bytes of the picture
}

func (q question) task() task {
	if q.Side > 0 {
		return draw
	}
	return examine
}

// answer is one line of JSON before the drawing, if one was asked for.
type answer struct {
	Found   Found
	Size    int        // bytes of the drawing
	Code    world.Code // why the picture is refused; "" if it is not
	Message string
	Cause   string // for operators
	Memory  bool   // it is refused because the memory ended
	Peak    int64  // bytes that the child has held at most; 0: the system does not tell
}

// refusals are the codes that a child may refuse a picture with. It has seen
// hostile bytes: it is believed nothing that it cannot know.
var refusals = []world.Code{world.CodeUnsupported, world.CodeTooLarge, world.CodeUnprocessed, world.CodeInvalid}

// maxMessage is the most bytes of a refusal.
const maxMessage = 400

func (a answer) error() error {
	switch {
	case a.Code == "":
		return nil
	case !slices.Contains(refusals, a.Code) || a.Message == "" || len(a.Message) > maxMessage:
		return world.Because(world.CodeUnprocessed, "probe.child", vips.Damaged, fmt.Errorf("the child says %q: %s", a.Code, a.Cause))
	}
	return world.Because(a.Code, "probe.child", a.Message, errors.New(a.Cause))
}

var colour = regexp.MustCompile(`^#[0-9a-f]{6}$`)

// maxThumb is the most bytes of a ThumbHash, and more.
const maxThumb = 64

// check refuses what a child cannot have found.
func (a answer) check(mediaType string, limits vips.Limits) error {
	i := a.Found.Info
	within := i.Width > 0 && i.Height > 0 && i.Frames > 0 && limits.Allow(i) == nil
	if !within || i.MediaType != mediaType || !colour.MatchString(a.Found.Colour) || len(a.Found.Thumb) > maxThumb {
		return world.Because(world.CodeUnprocessed, "probe.child", vips.Damaged, fmt.Errorf("the child has found %+v", a.Found))
	}
	return nil
}
