package localworld

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"meridian/world"
)

// bench is a set of faults that only note what is done.
type bench struct {
	*faults
	done     []string
	healFail int // so many heals fail first
	failing  error
}

func newBench() *bench {
	b := &bench{failing: errors.New("not yet")}
	b.faults = newFaults([]faultKind{
		{Name: "cut", begin: func(_ context.Context, f Fault) (func(context.Context) error, error) {
			b.done = append(b.done, "cut "+f.Target)
			return func(context.Context) error {
				if b.healFail > 0 {
					b.healFail--
					return b.failing
				}
				b.done = append(b.done, "heal "+f.Target)
				return nil
			}, nil
		}},
		{Name: "odd", begin: func(context.Context, Fault) (func(context.Context) error, error) { return nil, b.failing }},
		{Name: "dns", Lacks: "This world has no name servers."},
	})
	return b
}

func TestAFaultDoesNotOutlastWhoAskedForIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench()
		f, err := b.begin(t.Context(), Fault{Kind: "cut", Target: "fra", TTLSeconds: 10})
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(9 * time.Second)
		if _, err := b.renew(f.ID, 10); err != nil {
			t.Fatal(err)
		}
		time.Sleep(9 * time.Second)
		if len(b.done) != 1 || len(b.list()) != 1 {
			t.Fatalf("renewed, it was healed all the same: %v", b.done)
		}
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if !slices.Equal(b.done, []string{"cut fra", "heal fra"}) || len(b.list()) != 0 {
			t.Errorf("%v, %v", b.done, b.list())
		}
		if _, err := b.renew(f.ID, 10); !world.Is(err, world.CodeNotFound) {
			t.Errorf("one that was over was renewed: %v", err)
		}
		if err := b.end(t.Context(), f.ID); !world.Is(err, world.CodeNotFound) {
			t.Errorf("one that was over was healed: %v", err)
		}
	})
}

func TestAHealThatFailsIsTriedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench()
		b.healFail = 3
		f, err := b.begin(t.Context(), Fault{Kind: "cut", Target: "fra", TTLSeconds: 1})
		if err != nil {
			t.Fatal(err)
		}
		if err := b.end(t.Context(), f.ID); !errors.Is(err, b.failing) {
			t.Errorf("the heal failed and says %v", err)
		}
		if l := b.list(); len(l) != 1 || l[0].Error == "" {
			t.Errorf("what could not be healed is not shown: %+v", l)
		}
		time.Sleep(time.Second + 3*expireAgain)
		synctest.Wait()
		if !slices.Contains(b.done, "heal fra") {
			t.Errorf("it was not tried again: %v", b.done)
		}
	})
}

func TestFaultsAreRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench()
		if _, err := b.begin(t.Context(), Fault{Kind: "cut", Target: "fra"}); err != nil {
			t.Fatal(err)
		}
		for want, f := range map[world.Code]Fault{
			world.CodeConflict:    {Kind: "cut", Target: "fra"},
			world.CodeUnprocessed: {Kind: "dns", Target: "fra"},
			world.CodeInvalid:     {Kind: "flood", Target: "fra"},
			world.CodeInternal:    {Kind: "odd", Target: "fra"},
		} {
			if _, err := b.begin(t.Context(), f); world.CodeOf(err) != want {
				t.Errorf("%+v: %v, want %s", f, err, want)
			}
		}
		for _, seconds := range []float64{-1, MaxFaultTTL.Seconds() + 1} {
			if _, err := b.begin(t.Context(), Fault{Kind: "cut", Target: "lhr", TTLSeconds: seconds}); !world.Is(err, world.CodeInvalid) {
				t.Errorf("ttl_s %v: %v", seconds, err)
			}
		}
		if _, err := b.begin(t.Context(), Fault{Kind: "cut", Target: "lhr", TTLSeconds: MaxFaultTTL.Seconds()}); err != nil {
			t.Errorf("the longest time: %v", err)
		}
		if err := b.endAll(t.Context()); err != nil || len(b.list()) != 0 {
			t.Errorf("%v; left: %v", err, b.list())
		}
		if want := []string{"cut fra", "cut lhr", "heal lhr", "heal fra"}; !slices.Equal(b.done, want) {
			t.Errorf("%v, want %v: the last is healed first", b.done, want)
		}
	})
}

func TestTooManyFaults(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench()
		for i := range maxFaults {
			if _, err := b.begin(t.Context(), Fault{Kind: "cut", Target: string(rune('a' + i))}); err != nil {
				t.Fatalf("fault %d: %v", i, err)
			}
		}
		if _, err := b.begin(t.Context(), Fault{Kind: "cut", Target: "one more"}); !world.Is(err, world.CodeBusy) {
			t.Errorf("one more than %d: %v", maxFaults, err)
		}
		b.close()
		time.Sleep(time.Hour)
		if len(b.done) != maxFaults {
			t.Error("a world that stops heals")
		}
		if _, err := b.begin(t.Context(), Fault{Kind: "cut", Target: "late"}); !world.Is(err, world.CodeUnavailable) {
			t.Errorf("a fault begins in a world that stops: %v", err)
		}
	})
}

// A replica that catches up cancels what is said to it; anything else is an error
// at once.
func TestAReplicaIsToldUntilItHears(t *testing.T) {
	catchesUp := &pgconn.PgError{Code: "40001"}
	for name, c := range map[string]struct {
		answers []error // then none
		want    error
		said    int
	}{
		"at once":            {nil, nil, 1},
		"cancelled twice":    {[]error{catchesUp, fmt.Errorf("exec: %w", catchesUp)}, nil, 3},
		"as often as it may": {slices.Repeat([]error{catchesUp}, saidAgain), nil, saidAgain + 1},
		"once too often":     {slices.Repeat([]error{catchesUp}, saidAgain+1), catchesUp, saidAgain + 1},
		"refused":            {[]error{&pgconn.PgError{Code: "55000"}}, &pgconn.PgError{}, 1},
		"nobody there":       {[]error{catchesUp, errors.ErrUnsupported}, errors.ErrUnsupported, 2},
	} {
		synctest.Test(t, func(t *testing.T) {
			said := 0
			err := untilHeard(t.Context(), func() error {
				said++
				if said > len(c.answers) {
					return nil
				}
				return c.answers[said-1]
			})
			var refused *pgconn.PgError
			if same := errors.Is(err, c.want) || errors.As(c.want, &refused) && errors.As(err, &refused); !same || said != c.said {
				t.Errorf("%s: %v after %d times; want %v after %d", name, err, said, c.want, c.said)
			}
		})
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := untilHeard(ctx, func() error { return catchesUp }); !errors.Is(err, error(catchesUp)) {
		t.Errorf("who has left: %v", err)
	}
}
