package monitor

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strconv"
	"sync"
	"time"

	"meridian/engine/pause"
	"meridian/world"
)

// mostAtOnce bounds the probes of one target that are under way.
const mostAtOnce = 4

// watch probes one target until ctx ends: every so often while it is well, and
// quickly once there is reason to doubt, without waiting for what is silent.
func (m *Monitor) watch(ctx context.Context, c *check, turn float64) error {
	var flights sync.WaitGroup
	defer flights.Wait()
	seats := make(chan struct{}, mostAtOnce)
	t := time.NewTimer(part(turn, min(c.every, m.cfg.Every)))
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-t.C:
		case <-c.doubt:
		}
		select {
		case seats <- struct{}{}:
			flights.Go(func() {
				m.look(ctx, c)
				<-seats
			})
		default: // enough are under way
		}
		t.Reset(m.pause(c, turn))
	}
}

// pause is how long until the next probe. What is down, or not known yet, is asked
// no less often than a shield: how soon it is trusted again goes by the number of
// good answers. What is well is asked when it is this monitor's turn by the clock,
// so that the monitors go on in turn after all have looked at once.
func (m *Monitor) pause(c *check, turn float64) time.Duration {
	switch o := m.opinion(c.target); {
	case o.Wary:
		return m.cfg.RetryEvery
	case o.State == world.Down || o.Reason == world.ReasonUnknown:
		return min(c.every, m.cfg.Every)
	}
	return pause.Next(m.deps.Now().Add(-part(turn, c.every)), c.every)
}

func part(of float64, d time.Duration) time.Duration { return time.Duration(of * float64(d)) }

// look probes a target once. A probe that is silent past patience raises a doubt
// before it has failed.
func (m *Monitor) look(ctx context.Context, c *check) {
	slack := m.lag.slack()
	probe, cancel := context.WithTimeout(ctx, m.cfg.Timeout+2*c.rtt+slack)
	defer cancel()
	doubt := time.AfterFunc(m.cfg.Patience+2*c.rtt+slack, func() { m.doubted(c) })
	defer doubt.Stop()
	began := m.deps.Now()
	r, load := m.ask(probe, c, began)
	if ctx.Err() != nil || r == "" { // "": there is nothing to ask for yet
		return
	}
	if r == world.ReasonTimeout && m.lag.slack() > slack {
		return // this process was kept waiting meanwhile: the silence says nothing
	}
	m.result(c, r, load)
}

// doubted has a target looked at by everybody.
func (m *Monitor) doubted(c *check) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.detectors[c.target].Doubt() {
		if err := m.speak(false); err != nil {
			m.deps.Log.Error("a doubt cannot be told", "target", c.target, "err", err)
		}
	}
	c.rouse()
}

// ask sends the probe's request and judges the answer. "" is no verdict.
func (m *Monitor) ask(ctx context.Context, c *check, began time.Time) (r world.HealthReason, load int) {
	req := c.request()
	if req == nil {
		return "", 0
	}
	m.sign(req, c.target)
	res, err := c.way.RoundTrip(req.WithContext(ctx))
	if err != nil {
		return failure(ctx, err), 0
	}
	defer drop(res.Body)
	if res.StatusCode != http.StatusOK {
		return world.ReasonStatus, 0
	}
	body, err := io.ReadAll(io.LimitReader(res.Body, m.cfg.MaxAnswer+1))
	switch {
	case err != nil:
		return failure(ctx, err), 0
	case int64(len(body)) > m.cfg.MaxAnswer:
		return world.ReasonContent, 0
	}
	load = loadOf(res.Header)
	if r := c.judge(res.Header, body); r != world.ReasonAnswers {
		return r, load
	}
	if res.Header.Get(world.HeaderFull) != "" {
		return world.ReasonFull, load
	}
	if m.deps.Now().Sub(began) > c.rtt+m.cfg.SlowBy+m.lag.slack() {
		return world.ReasonSlow, load
	}
	return world.ReasonAnswers, load
}

// sign says what a probe asks after, and to a PoP, which strangers reach too, that
// a monitor does.
func (m *Monitor) sign(r *http.Request, target string) {
	kind, _, _ := world.SplitTarget(target)
	if kind == world.TargetCDN {
		return // it is asked what everybody asks
	}
	r.Header.Set(world.HeaderProbe, target)
	if kind == world.TargetPoP {
		r.Header.Set("Authorization", world.ProbeProof(m.cfg.WireKey, target))
	}
}

// loadOf is what a target says of its load; 0, not known, for what cannot be one.
func loadOf(h http.Header) int {
	load, err := strconv.Atoi(h.Get(world.HeaderLoad))
	if err != nil || load < 0 {
		return 0
	}
	return min(load, world.MaxLoad)
}

// failure tells silence from refusal.
func failure(ctx context.Context, err error) world.HealthReason {
	if ctx.Err() != nil || errors.Is(err, context.DeadlineExceeded) || world.Is(err, world.CodeTimeout) {
		return world.ReasonTimeout
	}
	return world.ReasonRefused
}
