package telemetry

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"net/netip"
	"strings"
	"time"

	"meridian/world"
)

// Access is a request and its answer, as the access log tells of them. There is
// no place for a query, a cookie or a credential.
type Access struct {
	Client     netip.Addr // of which the network alone is logged
	Method     string
	Host, Path string
	Status     int
	Bytes      int64 // of the content
	Took       time.Duration
	Cache      string // "hit", or why it was none
	ID         string // of the request
}

// accessLog is what of requests is logged.
type accessLog struct{ every int }

// maxLogged is how much of a host or path is logged, in bytes.
const maxLogged = 256

// SampleAccess has one request in so many logged, chosen by chance; 0: none.
func (t *Telemetry) SampleAccess(every int) {
	t.access = nil
	if every > 0 {
		t.access = &accessLog{every}
	}
}

// Sampled reports whether the request that is at hand is to be logged.
func (t *Telemetry) Sampled() bool { return t.access != nil && rand.IntN(t.access.every) == 0 }

// LogAccess writes a line of the access log.
func (t *Telemetry) LogAccess(a Access) {
	t.Log.LogAttrs(context.Background(), slog.LevelInfo, "access",
		slog.String("client", world.NetworkOf(a.Client)), slog.String("method", knownMethod(a.Method)),
		slog.String("host", a.Host[:min(len(a.Host), maxLogged)]), slog.String("path", a.Path[:min(len(a.Path), maxLogged)]),
		slog.Int("status", a.Status), slog.Int64("bytes", a.Bytes), slog.Duration("took", a.Took),
		slog.String("cache", a.Cache), slog.String("id", a.ID))
}

// verdict is what the last member of Cache-Status, ours, says (RFC 9211 §2):
// "hit", the reason for which it was none, or "" without one.
func verdict(lines []string) string {
	if len(lines) == 0 {
		return ""
	}
	line := lines[len(lines)-1]
	_, parameters, _ := strings.Cut(line[strings.LastIndexByte(line, ',')+1:], ";")
	for p := range strings.SplitSeq(parameters, ";") {
		switch p = strings.TrimSpace(p); {
		case p == "hit":
			return p
		case strings.HasPrefix(p, "fwd="):
			return p[len("fwd="):]
		}
	}
	return ""
}
