package health

import (
	"time"

	"meridian/world"
)

// Damping is how readily a detector changes its mind. Going down takes few
// failures and coming back more successes; gdnsd counts so too (gdnsd.config(5),
// up_thresh, ok_thresh, down_thresh).
type Damping struct {
	DownAfter     int           `yaml:"down_after" doc:"failed probes until a target is taken for down, with fewer than ok_after good ones in a row between them"`
	OkAfter       int           `yaml:"ok_after" doc:"good probes in a row after which earlier failures are forgotten"`
	UpAfter       int           `yaml:"up_after" doc:"good probes in a row until one that was down is taken for up"`
	DegradedAfter int           `yaml:"degraded_after" doc:"probes in a row that are slow, stale or full until a target is degraded, and good ones until it is not"`
	FlapWindow    time.Duration `yaml:"flap_window" doc:"for how long it is remembered that a target went down: each time doubles the good probes it takes to come back"`
	FlapMost      int           `yaml:"flap_most" doc:"most good probes in a row that are asked of one that flaps"`
	Grace         time.Duration `yaml:"grace" doc:"how long after the monitor's start a target that has never answered yet is not called down: it may be starting too"`
}

// DefaultDamping fits probes every few seconds.
func DefaultDamping() Damping {
	return Damping{DownAfter: 3, OkAfter: 4, UpAfter: 5, DegradedAfter: 3, FlapWindow: 5 * time.Minute, FlapMost: 60, Grace: 10 * time.Second}
}

// Validate says what is out of range; "" when nothing is.
func (d Damping) Validate() string {
	switch {
	case d.DownAfter < 1 || d.OkAfter < 1 || d.DegradedAfter < 1:
		return "down_after, ok_after and degraded_after must be at least 1"
	case d.UpAfter < d.DownAfter:
		return "up_after must not be below down_after: to come back takes the longer proof"
	case d.FlapMost < d.UpAfter || d.FlapWindow < 0:
		return "flap_most must not be below up_after, nor flap_window below 0"
	case d.Grace < 0:
		return "grace must not be below 0"
	}
	return ""
}

// Opinion is what one monitor holds of one target.
type Opinion struct {
	Target string             `json:"target"`
	State  world.HealthState  `json:"state"`  // never draining: that is an operator's word
	Reason world.HealthReason `json:"reason"` // [world.ReasonUnknown] until it has looked
	Since  time.Time          `json:"since"`
	Wary   bool               `json:"wary,omitempty"` // its last look went wrong: others do well to look too
	Load   int                `json:"load,omitempty"` // percent, as the target itself says; 0: not known
}

// Detector judges one target by its probes. It has no clock: time is given.
type Detector struct {
	damping Damping
	is      Opinion
	failed  int         // since the last OkAfter answers in a row
	answers int         // in a row, of whatever quality
	well    int         // in a row that were good
	poor    int         // in a row that were slow, stale or full
	fell    []time.Time // when it went down, within FlapWindow
}

// NewDetector knows nothing of its target yet.
func NewDetector(target string, d Damping, now time.Time) *Detector {
	return &Detector{damping: d, is: Opinion{Target: target, State: world.Healthy, Reason: world.ReasonUnknown, Since: now}}
}

// Opinion is what it holds of the target.
func (d *Detector) Opinion() Opinion { return d.is }

// SetLoad keeps what the target says of its load, in percent.
func (d *Detector) SetLoad(percent int) { d.is.Load = percent }

// Doubt says that a probe of a target that was well is silent for long, and reports
// whether that is news.
func (d *Detector) Doubt() bool {
	if d.is.Wary || d.is.State == world.Down || d.is.Reason == world.ReasonUnknown {
		return false
	}
	d.is.Wary = true
	return true
}

// Take counts a probe that ended now with the given reason, and reports whether
// the opinion has changed.
func (d *Detector) Take(r world.HealthReason, now time.Time) bool {
	before := d.is
	switch r {
	case world.ReasonAnswers:
		d.well, d.poor = d.well+1, 0
		d.answered(now)
	case world.ReasonSlow, world.ReasonStale, world.ReasonFull:
		d.well, d.poor = 0, d.poor+1
		d.answered(now)
		if d.is.State != world.Down && d.poor >= d.damping.DegradedAfter {
			d.turn(world.Degraded, r, now)
		}
	default:
		d.refused(r, now)
	}
	return d.is != before
}

// answered counts an answer of whatever quality: who is degraded is not down.
func (d *Detector) answered(now time.Time) {
	d.is.Wary = false
	if d.answers++; d.answers >= d.damping.OkAfter {
		d.failed = 0
	}
	switch d.is.State {
	case world.Down:
		switch {
		case d.answers >= d.needed(now):
			d.failed = 0
			d.turn(world.Healthy, world.ReasonAnswers, now)
		case len(d.fell) > 1:
			d.is.Reason = world.ReasonFlapping
		default:
			d.is.Reason = world.ReasonRecovering
		}
	case world.Degraded:
		if d.well >= d.damping.DegradedAfter {
			d.turn(world.Healthy, world.ReasonAnswers, now)
		}
	default:
		d.is.Reason = world.ReasonAnswers
	}
}

// refused counts a probe that no right answer came to.
func (d *Detector) refused(r world.HealthReason, now time.Time) {
	d.answers, d.well, d.poor = 0, 0, 0
	d.failed++
	if d.is.State == world.Down {
		if d.is.Reason == world.ReasonRecovering || d.is.Reason == world.ReasonFlapping {
			d.is.Reason = r // it has answered, and does no more
		}
		return
	}
	starting := d.is.Reason == world.ReasonUnknown && now.Sub(d.is.Since) < d.damping.Grace
	d.is.Wary = !starting
	if d.failed >= d.damping.DownAfter && !starting {
		d.is.Wary = false
		d.fell = append(d.recent(now), now)
		d.turn(world.Down, r, now)
	}
}

// needed is how many good probes in a row bring a target back.
func (d *Detector) needed(now time.Time) int {
	d.fell = d.recent(now)
	n := d.damping.UpAfter
	for range len(d.fell) - 1 {
		if n *= 2; n >= d.damping.FlapMost {
			return d.damping.FlapMost
		}
	}
	return n
}

// recent are the falls that still count.
func (d *Detector) recent(now time.Time) []time.Time {
	for len(d.fell) > 0 && now.Sub(d.fell[0]) > d.damping.FlapWindow {
		d.fell = d.fell[1:]
	}
	return d.fell
}

func (d *Detector) turn(s world.HealthState, r world.HealthReason, now time.Time) {
	if d.is.State != s {
		d.is.Since = now
	}
	d.is.State, d.is.Reason = s, r
}
