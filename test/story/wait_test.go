package story

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"
)

// eventually waits for a condition.
func eventually(t *testing.T, within time.Duration, what string, holds func() bool) {
	t.Helper()
	if err := soon(within, what, func() (bool, error) { return holds(), nil }); err != nil {
		t.Fatal(err)
	}
}

// soon waits for a condition, for those who must not end the test. It fails with
// the condition's own error too.
func soon(within time.Duration, what string, holds func() (bool, error)) error {
	for began := time.Now(); ; time.Sleep(20 * time.Millisecond) {
		switch ok, err := holds(); {
		case err != nil:
			return fmt.Errorf("%s: %w", what, err)
		case ok:
			return nil
		case time.Since(began) > within:
			return fmt.Errorf("%s: not within %s", what, within)
		}
	}
}

// together does something for each of many at once. The test ends if it fails for
// one of them.
func together[T any](t *testing.T, all []T, do func(T) error) {
	t.Helper()
	errs := make([]error, len(all))
	var wg sync.WaitGroup
	for i, one := range all {
		wg.Go(func() { errs[i] = do(one) })
	}
	wg.Wait()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
}
