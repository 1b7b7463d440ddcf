package ops

import (
	"slices"
	"time"

	"meridian/world"
)

// errand is one event of the feed on its way to a provider.
type errand struct {
	cursor world.Cursor
	what   world.Forget
	came   time.Time
	done   int       // times that the provider has carried it out
	last   time.Time // when it last did
}

// pending is what a provider has still to forget, in the feed's order. An errand
// is carried out twice: as soon as our own tiers have taken its event, and once
// more later, for what the provider was fetching from us just then would be stored
// behind the first.
type pending struct {
	list  []errand
	keys  int // in all errands
	most  int // keys; past it everything is to be forgotten
	soon  time.Duration
	after time.Duration // longest wait for our own tiers
	again time.Duration // 0: once is enough
}

func (p *pending) add(e errand) {
	p.list = append(p.list, e)
	if p.keys += len(e.what.Keys); p.keys > p.most {
		p.collapse(e.came)
	}
}

// collapse makes one errand of all: everything.
func (p *pending) collapse(now time.Time) {
	if len(p.list) == 0 {
		return
	}
	last := p.list[len(p.list)-1]
	soft := !slices.ContainsFunc(p.list, func(e errand) bool { return !e.what.Soft })
	p.list, p.keys = []errand{{cursor: last.cursor, what: world.Forget{All: true, Soft: soft}, came: now}}, 0
}

// dueAt is when an errand is to be carried out; settled says whether all of our
// own tiers have taken its event.
func (p *pending) dueAt(e errand, settled bool) time.Time {
	at := e.came.Add(p.after)
	switch {
	case settled:
		at = e.came
	case e.done == 0 && p.again > 0:
		at = e.came.Add(min(p.soon, p.after))
	}
	if again := e.last.Add(p.again); e.done > 0 && at.Before(again) {
		return again
	}
	return at
}

// due are the indexes of what is to be carried out now, and when the next is.
func (p *pending) due(now time.Time, settled func(world.Cursor) bool) (list []int, next time.Time) {
	for i, e := range p.list {
		if p.over(e) {
			continue
		}
		at := p.dueAt(e, settled(e.cursor))
		if !at.After(now) {
			list = append(list, i)
		} else if next.IsZero() || at.Before(next) {
			next = at
		}
	}
	return list, next
}

func (p *pending) over(e errand) bool {
	return len(e.what.Keys) == 0 && !e.what.All || e.done > 1 || e.done == 1 && p.again == 0
}

// carried notes that the errands up to a cursor which were due have been carried out.
func (p *pending) carried(upTo []world.Cursor, now time.Time) {
	for i := range p.list {
		if slices.Contains(upTo, p.list[i].cursor) {
			p.list[i].done++
			p.list[i].last = now
		}
	}
}

// finished takes what is over from the front; c is the last of it.
func (p *pending) finished() (c world.Cursor, some bool) {
	for len(p.list) > 0 && p.over(p.list[0]) {
		c, some = p.list[0].cursor, true
		p.keys -= len(p.list[0].what.Keys)
		p.list = p.list[1:]
	}
	return c, some
}

// requests are what is to be asked of a provider for some errands: each key
// once, hard where any wants it so, within its limits; past most keys everything.
func requests(errands []errand, l world.CDNLimits, most int) []world.Forget {
	hard, soft := map[string]bool{}, map[string]bool{}
	all, allHard := false, false
	for _, e := range errands {
		if e.what.All {
			all, allHard = true, allHard || !e.what.Soft
		}
		for _, k := range e.what.Keys {
			if e.what.Soft {
				soft[k] = true
			} else {
				hard[k] = true
			}
		}
	}
	for k := range hard {
		delete(soft, k)
	}
	if all || len(hard)+len(soft) > most {
		return []world.Forget{{All: true, Soft: !allHard && len(hard) == 0}}
	}
	return append(batches(hard, false, l), batches(soft, true, l)...)
}

func batches(keys map[string]bool, soft bool, l world.CDNLimits) []world.Forget {
	var out []world.Forget
	bytes := 0
	for _, k := range sortedKeys(keys) {
		if n := len(out); n == 0 || len(out[n-1].Keys) == l.Keys || bytes+1+len(k) > l.Bytes {
			out = append(out, world.Forget{Soft: soft})
			bytes = -1
		}
		last := &out[len(out)-1]
		last.Keys = append(last.Keys, k)
		bytes += 1 + len(k)
	}
	return out
}
