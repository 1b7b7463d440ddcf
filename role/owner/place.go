package owner

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"meridian/world"
)

// maxMicros is the end of the year 9999: no clock of ours, and still a date
// that every part behind can read.
const maxMicros = 253402300799_999999

// formatPlace names the place behind an order on the list: microseconds since
// 1970, a dot, the order's id.
func formatPlace(o world.Order) string {
	return fmt.Sprintf("%d.%s", o.PlacedAt.UnixMicro(), o.ID)
}

// parsePlace reads what [formatPlace] wrote; "" is the list's beginning.
func parsePlace(s string) (before time.Time, beforeID string, err error) {
	if s == "" {
		return time.Time{}, "", nil
	}
	at, id, ok := strings.Cut(s, ".")
	micros, err := strconv.ParseInt(at, 10, 64)
	if !ok || err != nil || micros < 0 || micros > maxMicros || !validToken(id) {
		return time.Time{}, "", world.E(world.CodeInvalid, "owner.place", "This page of the list does not exist. Begin again with the newest orders.")
	}
	return time.UnixMicro(micros).UTC(), id, nil
}
