package shop

import (
	"context"
	"slices"
	"testing"
	"time"

	"meridian/world"
)

// hookPost is what became of messages.
type hookPost struct {
	settled []string
	fail    error
}

func (p *hookPost) ClaimHooks(context.Context, int, time.Duration) ([]world.HookCall, error) {
	return nil, nil
}

func (p *hookPost) HookSent(context.Context, world.HookMessage) error {
	p.settled = append(p.settled, "sent")
	return nil
}

func (p *hookPost) HookFailed(_ context.Context, _ world.HookMessage, again time.Duration, _ string) error {
	p.settled = append(p.settled, "again in "+again.String())
	return nil
}

func (p *hookPost) ParkHook(context.Context, world.HookMessage, string) error {
	p.settled = append(p.settled, "parked")
	return nil
}

func (p *hookPost) ForgetHooks(context.Context, time.Time, int) (int, error) { return 0, nil }

func (p *hookPost) Send(context.Context, world.HookCall) error { return p.fail }

func TestWhatBecomesOfAMessage(t *testing.T) {
	away := world.E(world.CodeUnavailable, "", "")
	for name, c := range map[string]struct {
		fail    error
		since   time.Duration
		attempt int
		want    string
	}{
		"it is told":             {nil, 0, 1, "sent"},
		"told at last":           {nil, 100 * time.Hour, 60, "sent"},
		"away":                   {away, 0, 1, "again in 10s"},
		"a refusal":              {world.E(world.CodeBadUpstream, "", ""), time.Hour, 4, "again in 1m20s"},
		"just before three days": {away, 72*time.Hour - 1, 60, "again in 1h0m0s"},
		"after three days":       {away, 72 * time.Hour, 60, "parked"},
	} {
		p := &hookPost{fail: c.fail}
		b := open(t, "eu-central", "de.localhost", func(_ *Config, d *Deps) { d.Hooks, d.Notifier = p, p })
		call := world.HookCall{HookMessage: world.HookMessage{Since: noon.Add(-c.since), Attempts: c.attempt}}
		if err := b.shop.sendHook(t.Context(), call); err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(p.settled, []string{c.want}) {
			t.Errorf("%s: %v, want %s", name, p.settled, c.want)
		}
	}
}
