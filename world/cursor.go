package world

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
)

// HeaderMinCursor carries, on a request from one cache tier to the next, how
// far the sender has taken each cluster's purge feed: a space-separated list
// of cluster=cursor. A tier whose own feed is behind does not answer from its
// cache. (The position in [HeaderMinPosition] is for databases: two readers of
// one event may be told different positions, but never different cursors.)
const HeaderMinCursor = "Meridian-Min-Cursor"

// Cursor is a place between two events of a cluster's feed. Events are ordered
// by transaction, then by number. A cluster that is set up anew or restored to
// an older state writes those numbers again for other events: cursors of
// different histories say nothing of one another.
type Cursor struct {
	Tx, Seq uint64
	History uint64 // which history of the cluster; 0: it is not told
}

// String is the wire form: "731.12.9f3c02d1", the history in hexadecimal.
func (c Cursor) String() string {
	if c.History == 0 {
		return fmt.Sprintf("%d.%d", c.Tx, c.Seq)
	}
	return fmt.Sprintf("%d.%d.%x", c.Tx, c.Seq, c.History)
}

// Less reports whether c comes before d in one history.
func (c Cursor) Less(d Cursor) bool { return c.Tx < d.Tx || c.Tx == d.Tx && c.Seq < d.Seq }

// Reached reports whether a follower at c has taken everything up to d. One of
// another history never has.
func (c Cursor) Reached(d Cursor) bool { return c.History == d.History && !c.Less(d) }

// Later is the cursor that only a follower has reached who has reached both.
// Of different histories nobody can have both: it is a cursor that nobody reaches.
func (c Cursor) Later(d Cursor) Cursor {
	switch {
	case c.History != d.History:
		return Cursor{Tx: math.MaxUint64, Seq: math.MaxUint64, History: math.MaxUint64}
	case c.Less(d):
		return d
	}
	return c
}

// maxCursorLen is two numbers of 64 bits, one of them in hexadecimal, and two dots.
const maxCursorLen = 20 + 1 + 20 + 1 + 16

// ParseCursor reads what [Cursor.String] wrote; "" is the oldest place.
func ParseCursor(s string) (Cursor, error) {
	bad := E(CodeInvalid, "world.cursor", `A cursor is one that the feed gave, "now", or empty.`)
	if s == "" {
		return Cursor{}, nil
	}
	if len(s) > maxCursorLen {
		return Cursor{}, bad
	}
	a, rest, ok := strings.Cut(s, ".")
	b, h, told := strings.Cut(rest, ".")
	if !ok {
		return Cursor{}, bad
	}
	tx, err1 := strconv.ParseUint(a, 10, 64)
	seq, err2 := strconv.ParseUint(b, 10, 64)
	var history uint64
	var err3 error
	if told {
		history, err3 = strconv.ParseUint(h, 16, 64)
	}
	if err1 != nil || err2 != nil || err3 != nil || told && history == 0 {
		return Cursor{}, bad
	}
	return Cursor{tx, seq, history}, nil
}

// ParseCursors reads a [HeaderMinCursor] value; "" is none.
func ParseCursors(s string) (map[string]Cursor, error) {
	fields := strings.Fields(s)
	if len(fields) > MaxPositions {
		return nil, E(CodeInvalid, "world.cursors", fmt.Sprintf("at most %d cursors", MaxPositions))
	}
	out := make(map[string]Cursor, len(fields))
	for _, f := range fields {
		cluster, text, ok := strings.Cut(f, "=")
		c, err := ParseCursor(text)
		if !ok || err != nil || !ValidName(cluster) || text == "" {
			return nil, E(CodeInvalid, "world.cursors", "write cluster=cursor, with spaces between")
		}
		out[cluster] = c
	}
	return out, nil
}

// FormatCursors writes a [HeaderMinCursor] value, in the order of the names.
func FormatCursors(cs map[string]Cursor) string {
	var b strings.Builder
	for _, cluster := range slices.Sorted(maps.Keys(cs)) {
		if b.Len() > 0 {
			b.WriteByte(' ')
		}
		fmt.Fprintf(&b, "%s=%s", cluster, cs[cluster])
	}
	return b.String()
}
