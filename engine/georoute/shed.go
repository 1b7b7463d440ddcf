package georoute

import (
	"hash/fnv"
	"io"
	"math"

	"meridian/world"
)

// DefaultFull is the load, in percent, from which a place is full: it takes nobody
// over, and a [Shedder] begins to send some of its clients on.
const DefaultFull = 80

// neighbours is over how many of the next places a full one's clients are spread:
// more than one, so that they do not fall upon it together, and few, so that
// nobody is sent round the world.
const neighbours = 3

// spill gives the client to a neighbour if the first place sheds it. Who is shed,
// and where to, goes by hashes of the client's network: the same clients go, to the
// same places, and as the share grows others go beside them.
func (r *ranking) spill() {
	if len(r.choices) == 0 || r.client.Network == "" || r.choices[0].Reason == AllDown || !r.sheds(r.choices[0].Name) {
		return
	}
	to := r.neighbour()
	if to < 0 {
		return
	}
	next := r.choices[to]
	next.Reason = Spilled
	r.choices[0].Reason = Full
	r.toFront(to, next)
}

// sheds reports whether the client is one of those that a place sends on.
func (r *ranking) sheds(place string) bool {
	return draw("shed", place, r.client.Network) < r.of[place].Shed
}

// neighbour is the place, among the next few of the same state, that takes over the
// client: by chance in proportion to its room, always the same one while the rooms
// stay (weighted rendezvous hashing), or the held one if it can. -1 if none has
// room for it.
func (r *ranking) neighbour() int {
	to, least := -1, math.Inf(1)
	for i := 1; i < min(1+neighbours, r.best()); i++ {
		name := r.choices[i].Name
		room := r.room(name)
		if room <= 0 || r.sheds(name) {
			continue
		}
		if name == r.client.Held {
			return i
		}
		if score := -math.Log(draw("take", name, r.client.Network)) / room; score < least {
			to, least = i, score
		}
	}
	return to
}

// room is how much more a place can serve.
func (r *ranking) room(place string) float64 {
	c := r.of[place]
	return float64(max(0, r.policy.full()-c.Load) * max(1, c.Weight))
}

func (p Policy) full() int {
	if p.Full <= 0 {
		return DefaultFull
	}
	return p.Full
}

// draw is a number between 0 and 1, both excluded, that is always the same for the
// same words.
func draw(words ...string) float64 {
	h := fnv.New64a()
	for _, w := range words {
		_, _ = io.WriteString(h, w) // a hash's Write never fails
		_, _ = h.Write([]byte{0})
	}
	// FNV's high bits hardly hear of the last bytes: mixed as by SplitMix64 (Steele,
	// Lea and Flood, OOPSLA 2014).
	x := h.Sum64()
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	x ^= x >> 31
	return (float64(x>>11) + 0.5) / (1 << 53)
}

// Shedder reckons which share of its clients each place has to send on, from the
// loads that the health feed has. It goes by small steps towards the load at which
// a place is just full: who has been sent on is no longer in the load, so a share
// that followed the load at once would send everybody back. Not safe for
// concurrent use.
type Shedder struct {
	Full int // as [Policy] has it

	share map[string]float64
}

// The steps of a [Shedder]. A client that was sent elsewhere by DNS shows in the
// load a TTL later: with these, half a minute of that keeps the share from swinging
// up to three times a place's room.
const (
	shedStep = 0.01 // of a share, a beat, for each load that is over by as much again as can be served
	shedEase = 0.01 // of a share, a beat, without a known load
	shedBand = 5    // percent of load beside full at which a share stays as it is
)

// Observe takes the loads of a beat of the feed, by place.
func (s *Shedder) Observe(loads map[string]int) {
	if s.share == nil {
		s.share = map[string]float64{}
	}
	full := Policy{Full: s.Full}.full()
	for place := range s.share {
		if loads[place] == 0 {
			s.set(place, -shedEase)
		}
	}
	for place, load := range loads {
		if over := load - full; load > 0 && (over > shedBand || over < -shedBand) {
			s.set(place, shedStep*float64(over)/100)
		}
	}
}

func (s *Shedder) set(place string, by float64) {
	share := min(1, s.share[place]+by)
	if share <= 0 {
		delete(s.share, place)
		return
	}
	s.share[place] = share
}

// Share is what a place sheds now, 0 to 1.
func (s *Shedder) Share(place string) float64 { return s.share[place] }

// Loads are the loads that a view of the health feed has of the places of a kind.
func Loads(v world.HealthView, kind string) map[string]int {
	out := map[string]int{}
	for _, t := range v.Targets {
		if k, place, ok := world.SplitTarget(t.Target); ok && k == kind && t.Load > 0 {
			out[place] = t.Load
		}
	}
	return out
}
