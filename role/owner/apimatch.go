package owner

import (
	"strconv"

	"meridian/platform/openapi"
	"meridian/world"
)

// Matching names the version that a change replaces. (It is exported, as are the
// others that requests are made of: what is not cannot be read into.)
type Matching struct {
	IfMatch string `header:"If-Match" maxLength:"256" doc:"the ETag of what was read; * for whatever is there"`
}

// conditional are the failures of a change that wants If-Match, beside its own.
func conditional(more ...world.Code) []world.Code {
	return append([]world.Code{world.CodePrecondition, world.CodeUnconditional}, more...)
}

// match compares If-Match with the version that is there, strongly (RFC 9110
// §13.1.1). Errors: precondition_required for none, precondition_failed for other
// versions, with the present one as the answer's ETag.
func (v *visit) match(condition, present string) error {
	return openapi.Match(v.w, condition, quoted(present))
}

// maxRaces is how often a change is tried again when others keep changing the same.
const maxRaces = 5

// guarded changes what is at the version that If-Match names. present reads the
// version that is there; change makes it the next one, and fails with conflict when
// it is another by then. Errors: those of [visit.match] and of both.
func guarded(v *visit, condition string, present func() (int64, error), change func(expect int64) error) error {
	seen := int64(-1)
	for range maxRaces {
		version, err := present()
		if err != nil {
			return err
		}
		if err := v.match(condition, strconv.FormatInt(version, 10)); err != nil {
			return err
		}
		err = change(version)
		if !world.Is(err, world.CodeConflict) || version == seen {
			return err
		}
		seen = version
	}
	return world.E(world.CodeBusy, "owner.match", "Others keep changing this. Read it again and repeat.")
}
