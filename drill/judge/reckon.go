package judge

import "time"

// Objective is the part of requests that may fail: 99.95 % do not.
const Objective = 0.0005

// Month is the time over which the error budget is kept.
const Month = 30 * 24 * time.Hour

// Budget is how much of a month's error budget so many failures have burnt, where
// requests come at a rate a second: 1 is all of it.
func Budget(failed int, rate float64) float64 {
	if rate <= 0 {
		return 0
	}
	return float64(failed) / (rate * Month.Seconds() * Objective)
}

// Reroute is how long after injected requests went on failing, up to healed: 0
// where none failed. It is a whole number of seconds, the length of the time up to
// the first second without failures that is followed by none with any. ok is false
// when some failed within the last quiet of the fault's time: then nobody can say
// that it is over.
func Reroute(all []Outcome, keep func(Outcome) bool, injected, healed time.Time, quiet time.Duration) (seconds int, ok bool) {
	last := time.Duration(-1)
	for _, o := range all {
		if o.Failed && keep(o) && !o.Due.Before(injected) && o.Due.Before(healed) {
			last = max(last, o.Due.Sub(injected))
		}
	}
	if last < 0 {
		return 0, true
	}
	return int(last/time.Second) + 1, last < healed.Sub(injected)-quiet
}

// Recovery is how long after healed requests failed or were slow more often than
// one in a hundred of a second's; as Reroute, in whole seconds. ok is false when
// the judge stopped looking, at end, before quiet had passed.
func Recovery(seconds []Second, began, healed, end time.Time, quiet time.Duration) (after int, ok bool) {
	last := time.Duration(-1)
	for _, s := range seconds {
		at := began.Add(time.Duration(s.T) * time.Second)
		// The second in which it is healed belongs to the fault.
		if at.Before(healed) || at.After(end) || s.Total() == 0 {
			continue
		}
		if float64(s.Failed+s.Slow) > 0.01*float64(s.Total()) {
			last = at.Sub(healed)
		}
	}
	if last < 0 {
		return 0, true
	}
	return int(last/time.Second) + 1, last+time.Second < end.Sub(healed)-quiet
}
