package world

import (
	"fmt"
	"maps"
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
// by transaction, then by number.
type Cursor struct{ Tx, Seq uint64 }

// String is the wire form: "731.12".
func (c Cursor) String() string { return fmt.Sprintf("%d.%d", c.Tx, c.Seq) }

// Less reports whether c comes before d.
func (c Cursor) Less(d Cursor) bool { return c.Tx < d.Tx || c.Tx == d.Tx && c.Seq < d.Seq }

// maxCursorLen is two 64-bit numbers and a dot.
const maxCursorLen = 41

// ParseCursor reads what [Cursor.String] wrote; "" is the oldest place.
func ParseCursor(s string) (Cursor, error) {
	bad := E(CodeInvalid, "world.cursor", `A cursor is one that the feed gave, "now", or empty.`)
	if s == "" {
		return Cursor{}, nil
	}
	a, b, ok := strings.Cut(s, ".")
	if len(s) > maxCursorLen || !ok {
		return Cursor{}, bad
	}
	tx, err1 := strconv.ParseUint(a, 10, 64)
	seq, err2 := strconv.ParseUint(b, 10, 64)
	if err1 != nil || err2 != nil {
		return Cursor{}, bad
	}
	return Cursor{tx, seq}, nil
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
