package probe

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"golang.org/x/sync/semaphore"

	"meridian/adapter/vips"
	"meridian/world"
)

// Found is what there is to know of a picture before it is taken.
type Found struct {
	Info   vips.Info
	Colour string // average, "#rrggbb"
	Thumb  []byte // ThumbHash
}

// End is how the work on a picture ended.
type End string

// The ends. All but the first are those of a child that gave no answer.
const (
	Answered  End = "answered"  // whatever the answer was
	Crashed   End = "crashed"   // it ended by itself
	Memory    End = "memory"    // it came to the end of its memory
	CPU       End = "cpu"       // it used up its processor time
	Hung      End = "hung"      // its time was up, and it had hardly worked
	Busy      End = "busy"      // its time was up while it worked: the machine has too much to do
	Unstarted End = "unstarted" // it never came to see the picture: ours to mend
	Left      End = "left"      // who waited for it has gone
)

// Limits bound what the pictures of outsiders may take.
type Limits struct {
	Children int           // at once; whoever comes later waits
	Memory   int64         // bytes that a child may take beside what it starts with, where the system can tell
	CPU      time.Duration // of processor time, in whole seconds (setrlimit(2), RLIMIT_CPU)
	Time     time.Duration // from when a child has the picture until it has answered
	Start    time.Duration // until a child is ready for a picture
}

// Pool starts children and asks them. It is safe for concurrent use.
type Pool struct {
	command []string
	limits  Limits
	places  *semaphore.Weighted
	peak    atomic.Int64
}

// New is a pool whose children are started by command: a program, by its absolute
// path, that calls [Serve] with the arguments which follow those of command. It
// fails with invalid for limits that nothing could keep.
func New(command []string, l Limits) (*Pool, error) {
	if len(command) == 0 || l.Children < 1 || l.Memory < 1 || l.CPU < time.Second || l.Time <= 0 || l.Start <= 0 {
		return nil, world.E(world.CodeInvalid, "probe.new", "A probe needs a program, one child, some memory, a second of processor time and some time.")
	}
	return &Pool{command: command, limits: l, places: semaphore.NewWeighted(int64(l.Children))}, nil
}

// Examine decodes the whole picture. Errors are world.Errors:
//   - unsupported, too_large, unprocessed: as [vips.Engine.Inspect] and
//     [vips.Engine.Check] have them; also too_large for one that takes more
//     memory or processor time than a child has, and unprocessed for one that
//     crashes or hangs it
//   - internal, unavailable, timeout: no child could be asked, or ctx ended
func (p *Pool) Examine(ctx context.Context, data []byte, limits vips.Limits) (Found, End, error) {
	const op = "probe.examine"
	mediaType, err := vips.Screen(data, limits)
	if err != nil {
		return Found{}, Answered, world.Wrap(op, err)
	}
	a, _, end, err := p.ask(ctx, question{Limits: limits}, data)
	if err == nil {
		err = a.check(mediaType, limits)
	}
	if err != nil {
		return Found{}, end, world.Wrap(op, err)
	}
	return a.Found, end, nil
}

// Rasterise draws an outsider's SVG as a PNG whose longer side is side pixels.
// Errors are those of [vips.Engine.RasteriseSVG] and of [Pool.Examine].
func (p *Pool) Rasterise(ctx context.Context, svg []byte, side int, limits vips.Limits) ([]byte, End, error) {
	_, png, end, err := p.ask(ctx, question{Limits: limits, Side: side}, svg)
	return png, end, world.Wrap("probe.rasterise", err)
}

// Peak is the most memory that any child has held that gave an answer, by what it
// tells, in bytes; 0 where the system does not tell it.
func (p *Pool) Peak() int64 { return p.peak.Load() }

// ask has a child of its own work on a picture.
func (p *Pool) ask(ctx context.Context, q question, data []byte) (answer, []byte, End, error) {
	if err := p.places.Acquire(ctx, 1); err != nil {
		return answer{}, nil, Left, gaveUp(err)
	}
	defer p.places.Release(1)
	c, err := p.start(ctx, q.task())
	if err != nil && ctx.Err() != nil {
		return answer{}, nil, Left, gaveUp(errors.Join(ctx.Err(), err))
	}
	if err != nil {
		return answer{}, nil, Unstarted, p.refusal(Unstarted, err)
	}
	a, out, err := c.ask(ctx, q, data, p.limits.Time)
	ended := c.end()
	if err != nil {
		return p.unanswered(ctx, c, errors.Join(err, ended))
	}
	for now := p.peak.Load(); a.Peak > now && !p.peak.CompareAndSwap(now, a.Peak); now = p.peak.Load() {
	}
	if a.Memory {
		return answer{}, nil, Memory, p.refusal(Memory, errors.New(a.Cause))
	}
	return a, out, Answered, a.error()
}

// unanswered tells why a child has not answered, and its picture's sender what
// that means.
func (p *Pool) unanswered(ctx context.Context, c *child, cause error) (answer, []byte, End, error) {
	end := c.verdict(p.limits)
	if ctx.Err() != nil && end != CPU && end != Memory {
		return answer{}, nil, Left, gaveUp(errors.Join(ctx.Err(), cause))
	}
	return answer{}, nil, end, p.refusal(end, fmt.Errorf("%w: %s", cause, c.complaint.text))
}

func (p *Pool) refusal(end End, cause error) error {
	const op = "probe"
	switch end {
	case Unstarted:
		return world.Because(world.CodeUnavailable, op, "Pictures cannot be examined just now; try again.", cause)
	case Memory:
		return world.Because(world.CodeTooLarge, op, fmt.Sprintf("The picture takes more than %d MB of memory to decode; send a smaller one.", p.limits.Memory>>20), cause)
	case CPU:
		return world.Because(world.CodeTooLarge, op, fmt.Sprintf("The picture takes more than %v of work to decode; send a smaller or a simpler one.", p.limits.CPU), cause)
	case Busy:
		return world.Because(world.CodeTimeout, op, tookTooLong, cause)
	case Hung:
		return world.Because(world.CodeUnprocessed, op, fmt.Sprintf("The picture could not be decoded within %v; export it again.", p.limits.Time), cause)
	}
	return world.Because(world.CodeUnprocessed, op, vips.Damaged, cause)
}

const tookTooLong = "The picture took too long; try again."

func gaveUp(err error) error {
	if errors.Is(err, context.DeadlineExceeded) {
		return world.Because(world.CodeTimeout, "probe", tookTooLong, err)
	}
	return world.Because(world.CodeUnavailable, "probe", "The work on the picture was given up; try again.", err)
}
