package probe

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"time"

	"golang.org/x/sys/unix"

	"meridian/adapter/vips"
	"meridian/world"
)

// Serve is what a child does: it takes the bounds that args name, then one
// picture from in, and answers on out. An error means that it could not.
func Serve(ctx context.Context, args []string, in io.Reader, out io.Writer) error {
	if _, err := vips.Start(vips.Options{MaxWorkers: 1}); err != nil { // before it is bound: it opens files
		return err
	}
	return serve(ctx, args, in, out, work)
}

// serve is Serve with other work.
func serve(ctx context.Context, args []string, in io.Reader, out io.Writer, do func(context.Context, question, []byte) (Found, []byte, error)) error {
	peak := openPeak()
	if err := bind(args); err != nil {
		return err
	}
	used, err := cpuTime()
	if err != nil {
		return err
	}
	if _, err := fmt.Fprintf(out, readyLine, used); err != nil {
		return err
	}
	q, data, err := receive(in)
	if err != nil {
		return err
	}
	found, drawing, err := do(ctx, q, data)
	a := answerOf(found, err)
	a.Size, a.Peak = len(drawing), peak()
	line, err := json.Marshal(a)
	if err != nil {
		return err
	}
	_, err = out.Write(append(append(line, '\n'), drawing...))
	return err
}

// cpuTime is the processor time that this process has used.
func cpuTime() (time.Duration, error) {
	var u unix.Rusage
	err := unix.Getrusage(unix.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano()), err
}

func bind(args []string) error {
	if len(args) != 3 {
		return errors.New("a child takes its task, bytes of memory and seconds")
	}
	memory, err := strconv.ParseInt(args[1], 10, 64)
	if err != nil {
		return err
	}
	seconds, err := strconv.ParseInt(args[2], 10, 64)
	if err != nil {
		return err
	}
	return confine(bounds{memory: memory, cpu: time.Duration(seconds) * time.Second, files: files[task(args[0])]})
}

// files is how many a child may have open at once. Nothing can be opened at 0,
// no socket either; what is open stays so.
var files = map[task]uint64{examine: 0, draw: 64}

func receive(in io.Reader) (q question, data []byte, err error) {
	r := bufio.NewReader(in)
	line, err := r.ReadBytes('\n')
	if err == nil {
		err = json.Unmarshal(line, &q)
	}
	if err != nil {
		return q, nil, fmt.Errorf("no question: %w", err)
	}
	data = make([]byte, q.Size)
	_, err = io.ReadFull(r, data)
	return q, data, err
}

// work is what is done with a picture.
func work(ctx context.Context, q question, data []byte) (Found, []byte, error) {
	engine, err := vips.Start(vips.Options{MaxWorkers: 1, Limits: q.Limits})
	if err != nil {
		return Found{}, nil, err
	}
	defer engine.Close()
	if q.task() == draw {
		drawing, err := engine.RasteriseSVG(ctx, data, q.Side)
		return Found{}, drawing, err
	}
	found, err := Within(ctx, engine, data, q.Limits)
	return found, nil, err
}

// Within examines a picture in this very process, where no child can be had.
// Errors are those of the engine.
func Within(ctx context.Context, engine *vips.Engine, data []byte, limits vips.Limits) (found Found, err error) {
	if found.Info, err = engine.Inspect(ctx, data, limits); err != nil {
		return found, err
	}
	if err = engine.Check(ctx, data, limits); err != nil {
		return found, err
	}
	found.Colour, found.Thumb, err = engine.Placeholder(ctx, data)
	return found, err
}

func answerOf(found Found, err error) answer {
	if err == nil {
		return answer{Found: found}
	}
	a := answer{Code: world.CodeOf(err), Cause: err.Error(), Memory: outOfMemory([]byte(err.Error()))}
	var e *world.Error
	if errors.As(err, &e) {
		a.Message = e.Message
	}
	return a
}
