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
	MaxGroups    = 1000      // groups in one event
	MaxGroup     = 256       // bytes of a group's name
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
	if !printable(e.Kind, maxKind) {
		return badEvent(errors.New("an event without a kind"))
	}
	if e.Cursor != "" && !printable(e.Cursor, MaxCursor) {
		return badEvent(errors.New("a cursor that is none"))
	}
	if len(e.Groups) > MaxGroups {
		return badEvent(fmt.Errorf("%d groups", len(e.Groups)))
	}
	for _, g := range e.Groups {
		if !printable(g, MaxGroup) {
			return badEvent(errors.New("a group's name that is none"))
		}
	}
	return nil
}

// printable reports whether s is 1 to most visible ASCII characters: what a
// cursor in a query or a group in a header may be made of.
func printable(s string, most int) bool {
	if len(s) == 0 || len(s) > most {
		return false
	}
	for i := range len(s) {
		if s[i] <= ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}

func badEvent(cause error) error {
	return world.Because(world.CodeBadUpstream, "wire.feed", "", cause)
}
