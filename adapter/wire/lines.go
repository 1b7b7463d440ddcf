package wire

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"time"

	"meridian/world"
)

// lineStream is an answer without an end, of lines with a heartbeat among them.
type lineStream struct {
	caller  caller
	op      string
	quiet   time.Duration // its longest silence
	longest int           // bytes of a line without its end; a longer one is bad_upstream
}

var errQuiet = errors.New("the feed fell silent")

// read hands each line on until ctx ends (its error is returned), each fails (its
// error is returned as it is) or the stream breaks: timeout after a silence,
// unavailable for the rest.
func (s lineStream) read(ctx context.Context, path string, query url.Values, each func(line []byte) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	silence := time.AfterFunc(s.quiet, func() { cancel(errQuiet) })
	defer silence.Stop()
	r, err := s.caller.request(ctx, http.MethodGet, path, query, nil)
	if err != nil {
		return world.Wrap(s.op, err)
	}
	r.Header.Set("Accept", "application/x-ndjson")
	res, err := s.caller.send(r, http.StatusOK)
	if err != nil {
		return s.ended(ctx, err)
	}
	defer res.Body.Close()
	lines := bufio.NewScanner(res.Body)
	lines.Buffer(make([]byte, 0, 4096), s.longest+2) // with its line end
	for lines.Scan() {
		silence.Stop() // who is slow to take a line is not the feed's silence
		if err := each(lines.Bytes()); err != nil {
			return err
		}
		silence.Reset(s.quiet)
	}
	if err := lines.Err(); err != nil {
		return s.ended(ctx, err)
	}
	return s.ended(ctx, io.EOF)
}

// ended says why a stream is over.
func (s lineStream) ended(ctx context.Context, err error) error {
	op := s.op + " " + s.caller.host
	switch cause := context.Cause(ctx); {
	case errors.Is(cause, errQuiet):
		return world.Because(world.CodeTimeout, op, "", cause)
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.Is(err, bufio.ErrTooLong):
		return world.Because(world.CodeBadUpstream, op, "", err)
	}
	return world.Wrap(op, transportError(ctx, err))
}
