package cli

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"meridian/world"
)

// units of sizes: nginx's letters are powers of 1024, as are KiB, MiB and GiB;
// KB, MB, GB and TB are powers of 1000.
var units = map[string]float64{
	"": 1, "b": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30, "t": 1 << 40,
	"kib": 1 << 10, "mib": 1 << 20, "gib": 1 << 30, "tib": 1 << 40,
	"kb": 1e3, "mb": 1e6, "gb": 1e9, "tb": 1e12,
}

// size is a flag's value in bytes, as "512MB", "20g" or "1.5GiB".
type size struct{ to *int64 }

// Set reads a size.
func (s size) Set(text string) error {
	at := strings.LastIndexAny(text, "0123456789.") + 1
	n, err := strconv.ParseFloat(text[:at], 64)
	unit, known := units[strings.ToLower(strings.TrimSpace(text[at:]))]
	if err != nil || !known || n < 0 || n*unit >= math.MaxInt64 {
		return world.E(world.CodeInvalid, "size", fmt.Sprintf("%q is no size: write 512MB, 20GB or 64k", text))
	}
	*s.to = int64(n * unit)
	return nil
}

// String is the size in its largest whole unit.
func (s size) String() string {
	if s.to == nil {
		return "0"
	}
	for _, u := range []string{"TiB", "GiB", "MiB", "KiB"} {
		if n := int64(units[strings.ToLower(u)]); *s.to >= n && *s.to%n == 0 {
			return strconv.FormatInt(*s.to/n, 10) + u
		}
	}
	return strconv.FormatInt(*s.to, 10)
}

// Type names the value in a command's help.
func (s size) Type() string { return "size" }
