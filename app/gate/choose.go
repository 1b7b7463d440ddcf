package gate

import (
	"fmt"
	"slices"
	"sync"
	"time"

	"meridian/engine/georoute"
	"meridian/world"
)

// keepMargin is how much nearer another PoP has to be for a city's travellers to
// leave the one they have: less is the jitter of a line, not a better way.
const keepMargin = 10 * time.Millisecond

// chooser picks a city's PoP as the name server does for who asks from there: by
// nearness, and by what the health feed knows.
type chooser struct {
	health func() world.HealthView

	mu   sync.Mutex
	shed georoute.Shedder
	beat beatOf
	held map[string]string // by city: the PoP that its travellers have
}

// beatOf tells one issue of the feed from the next.
type beatOf struct {
	monitor string
	beat    uint64
}

func newChooser(health func() world.HealthView) *chooser {
	if health == nil {
		health = func() world.HealthView { return world.HealthView{} }
	}
	return &chooser{health: health, held: map[string]string{}}
}

// order is a city's PoPs in the order in which they are tried, and why the first
// is the first, for people.
func (c *chooser) order(city string, pops []PoP) ([]PoP, string) {
	if len(pops) == 0 {
		return nil, ""
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	view := c.health()
	if beat := (beatOf{view.Monitor, view.Beat}); beat != c.beat {
		c.beat = beat
		c.shed.Observe(georoute.Loads(view, world.TargetPoP))
	}
	candidates := make([]georoute.Candidate, len(pops))
	trips := map[string]time.Duration{}
	for i, p := range pops {
		t := view.Of(world.Target(world.TargetPoP, p.ID))
		candidates[i] = georoute.Candidate{Name: p.ID, Site: world.Site{ID: p.ID}, State: t.State, Load: t.Load, Shed: c.shed.Share(p.ID)}
		trips[p.ID] = p.RTT
	}
	choices := georoute.Policy{Margin: keepMargin}.Rank(georoute.Client{Site: world.Site{ID: city}, Network: city, Held: c.held[city]}, candidates,
		func(_, pop string) (time.Duration, bool) { return trips[pop], true })
	c.held[city] = choices[0].Name
	out := make([]PoP, len(choices))
	for i, choice := range choices {
		out[i] = pops[slices.IndexFunc(pops, func(p PoP) bool { return p.ID == choice.Name })]
	}
	return out, why(choices, view)
}

// why is the reason of the first choice, in words.
func why(choices []georoute.Choice, view world.HealthView) string {
	first, text := choices[0], "nearest"
	nearer := slices.IndexFunc(choices, func(c georoute.Choice) bool { return c.RTT < first.RTT })
	switch {
	case first.Reason == georoute.AllDown:
		text = "no PoP is well: the nearest is tried"
	case first.Reason == georoute.Held:
		text = "kept: no other is nearer by more than " + keepMargin.String()
	case nearer >= 0:
		t := view.Of(world.Target(world.TargetPoP, choices[nearer].Name))
		text = fmt.Sprintf("nearest that is well: %s is %s (%s)", choices[nearer].Name, t.State, t.Reason)
		if first.Reason == georoute.Spilled {
			text = choices[nearer].Name + " is full"
		}
	}
	if view.Frozen && view.Version.Number > 0 {
		text += fmt.Sprintf("; the health feed is silent for %d s", int(view.Age.Seconds()))
	}
	return text
}
