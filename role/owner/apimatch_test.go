package owner

import (
	"net/http/httptest"
	"testing"

	"meridian/world"
)

func TestMatch(t *testing.T) {
	for condition, want := range map[string]world.Code{
		"": world.CodeUnconditional, "  ": world.CodeUnconditional,
		"*": "", `"7"`: "", ` "7" `: "", `"6", "7"`: "", `"6","7"`: "",
		`"6"`: world.CodePrecondition, `7`: world.CodePrecondition, `W/"7"`: world.CodePrecondition, `"07"`: world.CodePrecondition,
		`"77"`: world.CodePrecondition, `"6", W/"7"`: world.CodePrecondition, ",": world.CodePrecondition, `"*"`: world.CodePrecondition,
	} {
		w := httptest.NewRecorder()
		err := (&visit{w: w}).match(condition, "7")
		if world.CodeOf(err) != want || (w.Header().Get("ETag") == `"7"`) != (want == world.CodePrecondition) {
			t.Errorf("%q: %v, ETag %q", condition, err, w.Header().Get("ETag"))
		}
	}
}

// A change that another was faster than is refused where it names a version, and
// made of the newer one where any will do. A conflict of another kind stays one.
func TestGuarded(t *testing.T) {
	conflict := world.E(world.CodeConflict, "test", "")
	for name, c := range map[string]struct {
		condition string
		lost      int // races that others win
		stuck     bool
		want      world.Code
		made      int64
	}{
		"at once":            {`"1"`, 0, false, "", 1},
		"lost":               {`"1"`, 1, false, world.CodePrecondition, 0},
		"any":                {"*", 2, false, "", 3},
		"any, for ever":      {"*", 99, false, world.CodeBusy, 0},
		"never at that":      {`"9"`, 0, false, world.CodePrecondition, 0},
		"its state is wrong": {`"1"`, 99, true, world.CodeConflict, 0},
		"without":            {"", 0, false, world.CodeUnconditional, 0},
	} {
		version, made := int64(1), int64(0)
		err := guarded(&visit{w: httptest.NewRecorder()}, c.condition, func() (int64, error) { return version, nil }, func(expect int64) error {
			if c.lost--; c.lost >= 0 {
				if !c.stuck {
					version++
				}
				return conflict
			}
			made = expect
			return nil
		})
		if world.CodeOf(err) != c.want || made != c.made {
			t.Errorf("%s: %v, made %d", name, err, made)
		}
	}
}
