package wire

import (
	"encoding/json"
	"errors"
	"fmt"

	"meridian/world"
)

// Limits of a feed's line. A tier holds no more of a line than this.
const (
	MaxEventLine = 256 << 10 // bytes
	MaxCursor    = 64        // bytes of a cursor
	maxKind      = 32        // bytes of a kind
)

// ParseEvent reads one line of a feed. A kind that is not known here is not an
// error: a newer region may say more than an older tier understands.
func ParseEvent(line []byte) (world.Event, error) {
	if len(line) > MaxEventLine {
		return world.Event{}, badEvent(fmt.Errorf("a line of %d bytes", len(line)))
	}
	var e world.Event
	if err := json.Unmarshal(line, &e); err != nil {
		return world.Event{}, badEvent(err)
	}
	return e, checkEvent(e)
}

func checkEvent(e world.Event) error {
	if !world.Printable(e.Kind, maxKind) {
		return badEvent(errors.New("an event without a kind"))
	}
	if e.Cursor != "" && !world.Printable(e.Cursor, MaxCursor) {
		return badEvent(errors.New("a cursor that is none"))
	}
	if n := len(e.Groups) + len(e.URLs); n > world.MaxPurgeNames {
		return badEvent(fmt.Errorf("%d groups and URLs", n))
	}
	for _, g := range e.Groups {
		if !world.Printable(g, world.MaxGroup) {
			return badEvent(errors.New("a group's name that is none"))
		}
	}
	for _, u := range e.URLs {
		if !world.Printable(u, world.MaxPurgeURL) {
			return badEvent(errors.New("a URL that is none"))
		}
	}
	return nil
}

func badEvent(cause error) error {
	return world.Because(world.CodeBadUpstream, "wire.feed", "", cause)
}
