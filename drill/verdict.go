package drill

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"meridian/drill/judge"
	"meridian/world"
)

// Check is one thing that a drill holds against the system.
type Check struct {
	What string `json:"what"`
	Want string `json:"want"`
	Got  string `json:"got"`
	Pass bool   `json:"pass"`
}

// Verdict is what came of a drill.
type Verdict struct {
	Drill      string    `json:"drill"`
	Hypothesis string    `json:"hypothesis"`
	Steady     string    `json:"steady_state"`
	Blast      string    `json:"blast_radius"`
	Abort      string    `json:"abort_condition"`
	Broken     []string  `json:"broken"` // what was
	Pass       bool      `json:"pass"`
	Aborted    string    `json:"aborted,omitempty"` // why it was broken off
	Began      time.Time `json:"began"`
	Rate       float64   `json:"rate"`
	Seed       uint64    `json:"seed"`

	Marks   Marks          `json:"marks"`
	Checks  []Check        `json:"checks"`
	Figures Figures        `json:"figures"`
	Seconds []judge.Second `json:"seconds"` // of the judged reads
}

// Marks are moments, in seconds since the drill began; below 0: there was none.
type Marks struct {
	Injected  float64 `json:"injected"`
	Detected  float64 `json:"detected"`
	Rerouted  float64 `json:"rerouted"`
	Healed    float64 `json:"healed"`
	Recovered float64 `json:"recovered"`
}

// Figures are what was counted.
type Figures struct {
	Steady judge.Sum `json:"steady"` // of the judged reads
	Broken judge.Sum `json:"broken"`
	After  judge.Sum `json:"after"`
	Pinned judge.Sum `json:"pinned"` // clients that never ask DNS again, while it was broken

	DetectionSeconds float64 `json:"detection_s"` // below 0: nothing was to be detected, or it was not
	RerouteSeconds   int     `json:"reroute_s"`
	RecoverySeconds  int     `json:"recovery_s"`
	BudgetBurnt      float64 `json:"budget_burnt"` // of a month's error budget of 99.95 %: 1 is all of it

	FailedAfterReroute int `json:"failed_after_reroute"` // due later than the reroute may take
	ReadsAfterReroute  int `json:"reads_after_reroute"`
	FailedResolved     int `json:"failed_resolved"` // of clients that had asked DNS since it was detected; below 0: not known

	LateMS float64 `json:"judge_late_ms"` // P99 of how late the judge began requests: what its own machine adds

	Orders  Writes       `json:"orders"`
	Uploads Writes       `json:"uploads"`
	Prices  Writes       `json:"prices"`
	Kept    Acknowledged `json:"acknowledged"`

	Reasons       []judge.Reason `json:"reasons"` // why judged reads failed
	WriteReasons  []judge.Reason `json:"write_reasons"`
	PinnedReasons []judge.Reason `json:"pinned_reasons"`
}

// Writes are those who changed something while it was broken.
type Writes struct {
	Asked    int `json:"asked"`
	Answered int `json:"answered"`
	Refused  int `json:"refused"` // with a clear no
	Failed   int `json:"failed"`  // not answered however often they were sent
}

func writes(all []judge.Outcome, k judge.Kind, from, to time.Time) (w Writes) {
	for _, o := range all {
		if o.Kind != k || o.Due.Before(from) || !o.Due.Before(to) {
			continue
		}
		w.Asked++
		switch {
		case !o.Failed:
			w.Answered++
		case strings.HasPrefix(o.Why, errRefused.Error()):
			w.Refused++
		default:
			w.Failed++
		}
	}
	return w
}

// verdict reckons what came of it, and looks everything up that was acknowledged.
// Who has interrupted the drill is not kept waiting for that.
func (r *run) verdict(ctx context.Context) *Verdict {
	r.restore(context.WithoutCancel(ctx))
	if ctx.Err() != nil {
		return r.reckon(r.judge.Outcomes(), r.ledger.unseen())
	}
	r.waitWitness(ctx)
	return r.reckon(r.judge.Outcomes(), r.ledger.check(ctx))
}

// restore sets the prices that were found: they are a customer's matter no more.
func (r *run) restore(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, 2*giveUp)
	defer cancel()
	var all sync.WaitGroup
	for _, s := range r.crowd.sellers {
		all.Go(func() { _ = s.restore(ctx) })
	}
	all.Wait()
}

// reckon is the verdict on what was seen.
func (r *run) reckon(all []judge.Outcome, kept Acknowledged) *Verdict {
	v := &Verdict{
		Drill: r.drill.Name, Hypothesis: r.drill.Hypothesis, Blast: r.drill.Blast, Began: r.judge.Began, Rate: r.o.Rate, Seed: r.o.Seed, Aborted: r.aborted,
		Steady:  fmt.Sprintf("for %v no read fails or is stale, and at most %.0f %% take longer than %v", r.o.Steady, steadySlow*100, r.o.Slow),
		Abort:   fmt.Sprintf("more than %.0f %% of the reads fail, %d seconds in a row", theAbort.Part*100, theAbort.Seconds),
		Seconds: judge.Seconds(r.judge.Began, r.o.Slow, all, r.reads),
	}
	for _, f := range r.plan.Faults {
		text := f.Text()
		if r.plan.On > 0 {
			text += fmt.Sprintf(", %v on and %v off", r.plan.On, r.plan.Off)
		}
		v.Broken = append(v.Broken, text)
	}
	if r.plan.Purge {
		v.Broken = append(v.Broken, fmt.Sprintf("purge of everything, at %.3g times the rate", r.drill.Allow.Rate))
	}
	v.Figures = r.figures(all, kept)
	v.Marks = r.marks(v)
	v.Checks = r.checks(v, all)
	v.Pass = r.aborted == "" && !slices.ContainsFunc(v.Checks, func(c Check) bool { return !c.Pass })
	return v
}

// within lets through what was due in a time and is of a group.
func within(from, to time.Time, group func(judge.Outcome) bool) func(judge.Outcome) bool {
	return func(o judge.Outcome) bool { return !o.Due.Before(from) && o.Due.Before(to) && group(o) }
}

func (r *run) pinned(o judge.Outcome) bool { return o.Kind.Reads() && o.Class == judge.Pinned }

// reachable are judged reads but those of plain clients at a PoP that was lost, from
// before they could hear of it: those last asked DNS before it was detected. How
// many there are is a matter of the TTL, and told.
func (r *run) reachable(detected time.Time) func(judge.Outcome) bool {
	return func(o judge.Outcome) bool {
		unaware := o.Class == judge.Plain && slices.Contains(r.plan.LostPoPs, o.PoP) && (detected.IsZero() || o.Resolved.Before(detected))
		return r.reads(o) && !unaware
	}
}

// pinnedWell are pinned clients of PoPs that were not lost.
func (r *run) pinnedWell(o judge.Outcome) bool {
	return r.pinned(o) && !slices.Contains(r.plan.LostPoPs, o.PoP)
}

func (r *run) figures(all []judge.Outcome, kept Acknowledged) Figures {
	sum := func(from, to time.Time, group func(judge.Outcome) bool) judge.Sum {
		return judge.SumOf(r.o.Slow, all, within(from, to, group))
	}
	f := Figures{
		Steady: sum(r.judge.Began, r.injected, r.reads), Broken: sum(r.injected, r.healed, r.reads),
		After: sum(r.healed, r.ended, r.reads), Pinned: sum(r.injected, r.healed, r.pinned),
		DetectionSeconds: -1, FailedResolved: -1, Kept: kept, LateMS: float64(judge.Lateness(all).Microseconds()) / 1000,
		Orders: writes(all, judge.Order, r.injected, r.healed), Uploads: writes(all, judge.Upload, r.injected, r.healed), Prices: writes(all, judge.Price, r.injected, r.healed),
		Reasons:       judge.Reasons(all, within(r.judge.Began, r.ended, r.reads)),
		WriteReasons:  judge.Reasons(all, within(r.judge.Began, r.ended, func(o judge.Outcome) bool { return !o.Kind.Reads() })),
		PinnedReasons: judge.Reasons(all, within(r.judge.Began, r.ended, r.pinned)),
	}
	aware := r.reachable(r.watch.detected(r.plan.Down))
	f.RerouteSeconds, _ = judge.Reroute(all, aware, r.injected, r.healed, quiet)
	f.RecoverySeconds, _ = judge.Recovery(judge.Seconds(r.judge.Began, r.o.Slow, all, r.reads), r.judge.Began, r.healed, r.ended, quiet)
	f.BudgetBurnt = judge.Budget(f.Broken.Failed+f.After.Failed, r.o.Rate)
	later := judge.SumOf(r.o.Slow, all, within(r.injected.Add(time.Duration(r.drill.Allow.Reroute)*time.Second), r.healed, aware))
	f.FailedAfterReroute, f.ReadsAfterReroute = later.Failed, later.Requests
	if at := r.watch.detected(r.plan.Down); len(r.plan.Down) > 0 && !at.IsZero() {
		f.DetectionSeconds = at.Sub(r.injected).Seconds()
		f.FailedResolved = judge.SumOf(r.o.Slow, all, within(at, r.healed, func(o judge.Outcome) bool { return r.reads(o) && o.Resolved.After(at) })).Failed
	}
	return f
}

func (r *run) marks(v *Verdict) Marks {
	at := func(t time.Time) float64 { return t.Sub(r.judge.Began).Seconds() }
	m := Marks{Injected: at(r.injected), Detected: -1, Rerouted: at(r.injected) + float64(v.Figures.RerouteSeconds), Healed: at(r.healed), Recovered: at(r.healed) + float64(v.Figures.RecoverySeconds)}
	if v.Figures.DetectionSeconds >= 0 {
		m.Detected = m.Injected + v.Figures.DetectionSeconds
	}
	return m
}

// checks hold the figures against what is allowed.
func (r *run) checks(v *Verdict, all []judge.Outcome) []Check {
	f, a := v.Figures, r.drill.Allow
	var out []Check
	add := func(what, want, got string, pass bool) { out = append(out, Check{what, want, got, pass}) }

	if r.watch.watches() {
		if len(r.plan.Down) > 0 {
			got := "not at all"
			if f.DetectionSeconds >= 0 {
				got = fmt.Sprintf("%.1f s", f.DetectionSeconds)
			}
			add("the health feed says so: "+strings.Join(r.plan.Down, ", "), fmt.Sprintf("within %v", a.Detect), got, f.DetectionSeconds >= 0 && f.DetectionSeconds <= a.Detect.Seconds())
			if f.FailedResolved >= 0 {
				add("failed reads of clients that asked DNS after that", "0", fmt.Sprint(f.FailedResolved), f.FailedResolved == 0)
			}
		}
		if taken := r.watch.takenDown(); len(r.plan.Down) == 0 {
			add("targets taken down", "none", orNone(taken), len(taken) == 0)
		}
	}
	_, over := judge.Reroute(all, r.reachable(r.watch.detected(r.plan.Down)), r.injected, r.healed, quiet)
	add("reads fail for", fmt.Sprintf("at most %d s", a.Reroute), fmt.Sprintf("%d s (%d of %d)", f.RerouteSeconds, f.Broken.Failed, f.Broken.Requests), over && f.RerouteSeconds <= a.Reroute)
	add("reads that fail after those", fmt.Sprintf("below %.2f %%", mayFail*100), fmt.Sprintf("%d of %d", f.FailedAfterReroute, f.ReadsAfterReroute), float64(f.FailedAfterReroute) < mayFail*float64(f.ReadsAfterReroute) || f.FailedAfterReroute == 0)
	slow := judge.SumOf(r.o.Slow, all, within(r.injected.Add(time.Duration(a.Reroute)*time.Second), r.healed, r.reads)).Slow
	add(fmt.Sprintf("reads after those that take longer than %v", r.o.Slow), fmt.Sprintf("at most %.0f %%", a.SlowPart*100), fmt.Sprintf("%d of %d", slow, f.ReadsAfterReroute), float64(slow) <= a.SlowPart*float64(f.ReadsAfterReroute))
	stale := judge.SumOf(r.o.Slow, all, within(r.judge.Began, r.ended, func(o judge.Outcome) bool { return o.Kind.Reads() })).Stale
	if len(r.plan.LostPoPs) > 0 {
		unaware := judge.SumOf(r.o.Slow, all, within(r.injected, r.healed, func(o judge.Outcome) bool { return r.reads(o) && o.Class == judge.Plain && o.Failed }))
		add("plain clients' reads that failed, up to their next question to DNS", "told only", fmt.Sprint(unaware.Failed), true)
	}
	add(fmt.Sprintf("prices shown that were replaced more than %v before", r.o.Stale), "0", fmt.Sprint(stale)+unless(f.Prices.Asked > 0, ", but none was changed"), stale == 0)
	well := judge.SumOf(r.o.Slow, all, within(r.injected.Add(time.Duration(a.Reroute)*time.Second), r.healed, r.pinnedWell))
	add("reads of pinned clients at PoPs that are well, after those", "none fails", fmt.Sprintf("%d of %d fail", well.Failed, well.Requests), well.Failed == 0)
	if !a.Orders {
		add("orders go through", "all", fmt.Sprintf("%d of %d", f.Orders.Answered, f.Orders.Asked), f.Orders.Answered == f.Orders.Asked)
	}
	if !a.Uploads {
		add("uploads go through", "all", fmt.Sprintf("%d of %d", f.Uploads.Answered, f.Uploads.Asked), f.Uploads.Answered == f.Uploads.Asked)
	} else {
		add("uploads go through or are refused clearly", "all", fmt.Sprintf("%d and %d of %d", f.Uploads.Answered, f.Uploads.Refused, f.Uploads.Asked), f.Uploads.Failed == 0)
	}
	_, recovered := judge.Recovery(v.Seconds, r.judge.Began, r.healed, r.ended, quiet)
	add("recovery after the heal", fmt.Sprintf("within %d s", a.Recover), fmt.Sprintf("%d s", f.RecoverySeconds)+unless(recovered, ", and nobody looked on for long enough to see that it lasts"), recovered && f.RecoverySeconds <= a.Recover)
	add("acknowledged orders and uploads lost", "0", fmt.Sprintf("%d of %d", len(f.Kept.Lost), f.Kept.Orders+f.Kept.Uploads)+unless(!f.Kept.Unseen, ", not looked up"), len(f.Kept.Lost) == 0 && !f.Kept.Unseen)
	if r.witness != nil {
		out = append(out, r.witness.checks(r)...)
	}
	if r.drill.Extra != nil {
		out = append(out, r.drill.Extra(r)...)
	}
	return out
}

func unless(well bool, text string) string {
	if well {
		return ""
	}
	return text
}

func orNone(list []string) string {
	if len(list) == 0 {
		return "none"
	}
	return strings.Join(list, ", ")
}

// flapsLittle holds that a flapping region is not let in and out with each turn.
func flapsLittle(r *run) []Check {
	if !r.watch.watches() {
		return nil
	}
	var out []Check
	for _, t := range r.plan.Down {
		n := r.watch.flaps(t)
		const most = 4 // out, and in again once it is trusted; one mistake
		out = append(out, Check{"the feed changes its mind about " + t, fmt.Sprintf("at most %d times", most), fmt.Sprintf("%d times in %.0f turns", n, r.healed.Sub(r.injected).Seconds()/(r.plan.On+r.plan.Off).Seconds()), n <= most})
	}
	return out
}

// noticesFrozen holds that consumers notice by the feed's age.
func noticesFrozen(r *run) []Check {
	if !r.watch.watches() {
		return nil
	}
	const bound = 6 * world.HealthBeat // the consumer's own bound is four, and a beat may just have come
	at := r.watch.frozenAt()
	got := "not at all"
	if !at.IsZero() {
		got = fmt.Sprintf("%.1f s", at.Sub(r.injected).Seconds())
	}
	return []Check{{"consumers notice that the feed is frozen", fmt.Sprintf("within %v", bound), got, !at.IsZero() && at.Sub(r.injected) <= bound}}
}

// heard is how long after a fault began a name server may still have answered a
// question from before it.
const heard = 500 * time.Millisecond

// foundOverTCP holds that names were asked for while it was broken, and found over
// TCP alone.
func foundOverTCP(r *run) []Check {
	over, _ := r.target.resolver.between(r.injected.Add(heard), r.healed)
	return []Check{{"names found over TCP, and over UDP", "some, and none", fmt.Sprintf("%d, and %d", over["tcp"], over["udp"]), over["tcp"] > 0 && over["udp"] == 0}}
}

// foundElsewhere holds that names were asked for while it was broken, and found at
// the other name servers.
func foundElsewhere(r *run) []Check {
	_, by := r.target.resolver.between(r.injected.Add(heard), r.healed)
	killed, others := by[r.target.nameServers()[0]], 0
	for _, n := range by {
		others += n
	}
	others -= killed
	return []Check{{"names found at the other servers, and at the one that was killed", "some, and none", fmt.Sprintf("%d, and %d", others, killed), others > 0 && killed == 0}}
}
