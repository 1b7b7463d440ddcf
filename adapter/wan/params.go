package wan

import (
	"fmt"
	"time"

	"meridian/world"
)

// State is whether a link carries.
type State string

// The states of a link.
const (
	Up        State = "up"        // carries
	Blackhole State = "blackhole" // holds bytes until it is healed; new connections hang
	Refuse    State = "refuse"    // resets connections, also new ones
)

// The ranges of a link's parameters.
const (
	MaxDelay     = 30 * time.Second  // a connect takes three of them, less than it may hang
	MinBandwidth = 1_000             // bit/s; 0 is unlimited
	MaxBandwidth = 1_000_000_000_000 // bit/s
	MaxLoss      = 0.5               // of packets: beyond it no stream gets anywhere
)

// Params are what a link is like. The zero value carries at once.
type Params struct {
	Delay     time.Duration // one way, 0 to [MaxDelay]
	Jitter    time.Duration // ± uniform around Delay, 0 to Delay
	Bandwidth int64         // bit/s for the link as a whole, [MinBandwidth] to [MaxBandwidth]; 0 is unlimited
	Loss      float64       // the part of packets that is lost, 0 to [MaxLoss]
	State     State         // "" is [Up]
}

func (p Params) check() (Params, error) {
	if p.State == "" {
		p.State = Up
	}
	switch {
	case p.Delay < 0 || p.Delay > MaxDelay:
		return p, invalid(fmt.Sprintf("The delay is %v: it must be from 0 to %v.", p.Delay, MaxDelay))
	case p.Jitter < 0 || p.Jitter > p.Delay:
		return p, invalid(fmt.Sprintf("The jitter is %v: it must be from 0 to the delay, which is %v.", p.Jitter, p.Delay))
	case p.Bandwidth != 0 && (p.Bandwidth < MinBandwidth || p.Bandwidth > MaxBandwidth):
		return p, invalid(fmt.Sprintf("The bandwidth is %d bit/s: it must be 0 (unlimited), or from %d to %d.", p.Bandwidth, MinBandwidth, MaxBandwidth))
	case !(p.Loss >= 0 && p.Loss <= MaxLoss): // NaN too
		return p, invalid(fmt.Sprintf("The loss is %g: it must be from 0 to %g.", p.Loss, MaxLoss))
	case p.State != Up && p.State != Blackhole && p.State != Refuse:
		return p, invalid(fmt.Sprintf("The state %q is unknown: write up, blackhole or refuse.", p.State))
	}
	return p, nil
}

func invalid(message string) error { return world.E(world.CodeInvalid, "wan", message) }
