package world

import (
	"cmp"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"time"
)

// HealthPath is where a region's monitor serves the health feed: one [Health] a
// line, at once and with each beat. It is reached through the region's shield.
const HealthPath = "/-/health/feed"

// HealthViewsPath is where a monitor tells the other monitors what it holds, and
// what it has heard of the rest.
const HealthViewsPath = "/-/health/views"

// HealthPagePath is where operators see the health of the world, as a page or as
// JSON, and DrainsPath where they have something drained.
const (
	HealthPagePath = "/health"
	DrainsPath     = HealthPagePath + "/drains"
)

// HeaderLoad is how much of what it can serve the target that a probe asks for is
// asked for, in percent, 1 to [MaxLoad]. It is told to who sends [HeaderProbe] alone.
const HeaderLoad = "Meridian-Load"

// MaxLoad is the highest load that is told, in percent.
const MaxLoad = 10_000

// HeaderProbe names the target that a monitor's request asks after. An edge takes
// it from who proves to be a monitor ([ProbeProof]), and from nobody else.
const HeaderProbe = "Meridian-Probe"

// HeaderFull says, in answer to a probe, that the target answers and has no room for
// what is to be kept.
const HeaderFull = "Meridian-Full"

// ProbeProof is the Authorization of a monitor's probe of a PoP: it shows that who
// sends it knows the wire key, and does not show the key.
func ProbeProof(key, target string) string {
	mac := hmac.New(sha256.New, []byte(key))
	mac.Write([]byte("probe " + target)) // a hash's Write never fails
	return "Probe " + hex.EncodeToString(mac.Sum(nil))
}

// ProvesProbe reports whether an Authorization is the proof of a target's probe, in
// a time that says nothing of how nearly it is. Nothing proves an empty key.
func ProvesProbe(authorization, key, target string) bool {
	return key != "" && hmac.Equal([]byte(authorization), []byte(ProbeProof(key, target)))
}

// HealthBeat is how often a monitor says the feed again when nothing changes. What
// changes is said at once; a beat tells that the silence means nothing.
const HealthBeat = 2 * time.Second

// HealthState is what monitors say of a target.
type HealthState string

// The states. Who picks a place prefers a healthy one to a degraded one, sends
// nobody new to one that is draining, and to one that is down only when there is
// no other.
const (
	Healthy  HealthState = "healthy"
	Degraded HealthState = "degraded" // it answers, and not as it should: slowly, or from what is stored
	Draining HealthState = "draining" // an operator takes it out; it finishes what it has
	Down     HealthState = "down"     // a quorum of monitors gets no right answer
)

// HealthReason is the stable code of why a target is in its state.
type HealthReason string

// The reasons.
const (
	ReasonAnswers    HealthReason = "answers"    // healthy
	ReasonRefused    HealthReason = "refused"    // no connection
	ReasonTimeout    HealthReason = "timeout"    // no answer in time
	ReasonStatus     HealthReason = "status"     // an answer with another status than was expected
	ReasonContent    HealthReason = "content"    // the right status and wrong content
	ReasonSlow       HealthReason = "slow"       // degraded: it answers later than it should
	ReasonStale      HealthReason = "stale"      // degraded: it lives on what it has stored
	ReasonFlapping   HealthReason = "flapping"   // it answers again, and changes too often to be trusted yet
	ReasonFull       HealthReason = "full"       // degraded: it has no room for what is to be kept
	ReasonDrained    HealthReason = "drained"    // an operator's order
	ReasonRecovering HealthReason = "recovering" // it answers again, and has not shown for long that it does
	ReasonUnknown    HealthReason = "unknown"    // no quorum has looked yet: counts as healthy
)

// Kinds of targets, the first part of a target's name.
const (
	TargetPoP      = "pop"      // an edge: pop/fra
	TargetShield   = "shield"   // a region's door: shield/eu-central
	TargetMedia    = "media"    // a region's pictures and their store
	TargetShop     = "shop"     // a region's shop and its databases
	TargetIdentity = "identity" // a region's sign-in
	TargetCDN      = "cdn"      // another CDN, by the name that it has in the config of geodns
)

// Target names what monitors look at: a kind and the place, "pop/fra".
func Target(kind, place string) string { return kind + "/" + place }

// SplitTarget is the reverse of [Target]; ok is false for what is no target.
func SplitTarget(target string) (kind, place string, ok bool) {
	kind, place, ok = strings.Cut(target, "/")
	switch kind {
	case TargetPoP, TargetShield, TargetMedia, TargetShop, TargetIdentity, TargetCDN:
		return kind, place, ok && ValidName(place)
	}
	return "", "", false
}

// TargetHealth is what a quorum of monitors agrees on about one target.
type TargetHealth struct {
	Target string       `json:"target"`
	State  HealthState  `json:"state"`
	Reason HealthReason `json:"reason"`
	Since  time.Time    `json:"since"`          // when the state began: when a quorum had come to say so, by the last of their clocks
	By     []string     `json:"by"`             // the monitors (regions) that say so; an operator's name where drained
	Load   int          `json:"load,omitempty"` // percent of what it can serve that it is asked for; 0: not known
}

// ForReads is the state for who keeps nothing there: one that lacks nothing but room
// answers as ever.
func (t TargetHealth) ForReads() HealthState {
	if t.State == Degraded && t.Reason == ReasonFull {
		return Healthy
	}
	return t.State
}

// Silent reports whether the target is down and gives no right answer even now. One
// that answers again is kept out for a while, which nobody who has another place
// notices; who has no other asks it.
func (t TargetHealth) Silent() bool {
	return t.State == Down && t.Reason != ReasonFlapping && t.Reason != ReasonRecovering
}

// HealthVersion orders feeds: of two that disagree the later one holds, whoever
// says it. A monitor that has something new to say takes a number above every
// one that it has heard; the first after its start is above the milliseconds of
// the Unix time, so that a world that begins again does not begin from zero.
type HealthVersion struct {
	Number  uint64 `json:"number"`
	Monitor string `json:"monitor"` // who gave the number: it decides between equal ones
}

// Compare is negative when v comes before w.
func (v HealthVersion) Compare(w HealthVersion) int {
	return cmp.Or(cmp.Compare(v.Number, w.Number), cmp.Compare(v.Monitor, w.Monitor))
}

// Health is one issue of the health feed: all that its monitor knows, never a
// part of it, so two issues are never mixed.
type Health struct {
	Version  HealthVersion  `json:"version"`  // of the states and reasons; the rest may change without it
	Monitor  string         `json:"monitor"`  // the region whose monitor says this
	Beat     uint64         `json:"beat"`     // counts that monitor's issues: it goes on while the states stay
	At       time.Time      `json:"at"`       // by that monitor's clock: for people; nobody reckons an age with it
	Isolated bool           `json:"isolated"` // it hears no quorum of the monitors: its states are the last that were agreed on
	Heard    []string       `json:"heard"`    // the monitors whose views went in, itself among them
	Targets  []TargetHealth `json:"targets"`  // by name
}

// Of is what the feed says of a target: healthy, reason unknown, of one that it
// does not name.
func (h Health) Of(target string) TargetHealth {
	for _, t := range h.Targets {
		if t.Target == target {
			return t
		}
	}
	return TargetHealth{Target: target, State: Healthy, Reason: ReasonUnknown}
}

// HealthView is what a consumer makes of the feeds that it follows. Its zero
// value, before anything was heard, has every target healthy.
type HealthView struct {
	Health
	Frozen bool          // no monitor has said anything for longer than the consumer's bound
	Age    time.Duration // since the last issue that counted, by the consumer's own clock
	Open   bool          // frozen for so long that nothing is taken for down any more: Of answers so already
}

// Of is what a consumer goes by: as the feed says it, but that a view which fails
// open knows of nothing that is down or degraded. An operator's order holds on.
func (v HealthView) Of(target string) TargetHealth {
	t := v.Health.Of(target)
	if v.Open && (t.State == Down || t.State == Degraded) {
		t.State, t.Reason = Healthy, ReasonUnknown
	}
	return t
}
