package openapi

import (
	"net/http"
	"slices"
	"strings"

	"meridian/world"
)

// Match compares the If-Match of a request with the entity tag of what is there,
// strongly (RFC 9110 §13.1.1). Tags have no comma in them. Errors:
// precondition_required for no condition, precondition_failed for other versions,
// with the present one as the answer's ETag.
func Match(w http.ResponseWriter, condition, present string) error {
	const op = "openapi.match"
	named := strings.Split(condition, ",")
	for i, tag := range named {
		named[i] = strings.TrimSpace(tag)
	}
	switch {
	case strings.TrimSpace(condition) == "":
		return world.E(world.CodeUnconditional, op, "")
	case named[0] == "*" && len(named) == 1, slices.Contains(named, present):
		return nil
	}
	w.Header().Set("ETag", present)
	return world.E(world.CodePrecondition, op, "")
}
