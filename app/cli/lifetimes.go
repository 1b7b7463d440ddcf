package cli

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"meridian/world"
)

// lifetimes is a flag of lifetimes by status, as "200=10m" or "200=10m,404=1m".
// It may be given more than once.
type lifetimes struct{ to *map[int]time.Duration }

// Set adds lifetimes.
func (l lifetimes) Set(text string) error {
	for part := range strings.SplitSeq(text, ",") {
		status, life, _ := strings.Cut(part, "=")
		n, err := strconv.Atoi(strings.TrimSpace(status))
		d, lifeErr := time.ParseDuration(strings.TrimSpace(life))
		if err != nil || lifeErr != nil || d <= 0 {
			return world.E(world.CodeInvalid, "lifetime", fmt.Sprintf("%q is no lifetime: write 200=10m", part))
		}
		if *l.to == nil {
			*l.to = map[int]time.Duration{}
		}
		(*l.to)[n] = d
	}
	return nil
}

// String lists them by status.
func (l lifetimes) String() string {
	if l.to == nil {
		return ""
	}
	var out []string
	for _, status := range slices.Sorted(maps.Keys(*l.to)) {
		out = append(out, fmt.Sprintf("%d=%v", status, (*l.to)[status]))
	}
	return strings.Join(out, ",")
}

// Type names the value in a command's help.
func (l lifetimes) Type() string { return "status=time" }
