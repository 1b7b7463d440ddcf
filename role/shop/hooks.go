package shop

import (
	"context"
	"net/netip"
	"strings"
	"time"

	"meridian/platform/courier"
	"meridian/platform/sweep"
	"meridian/world"
)

// HookConfig says how owners' systems are told what happens.
type HookConfig struct {
	courier.Settings `yaml:",inline"`
	Wait             time.Duration  `yaml:"wait" doc:"longest time for an endpoint's answer"`
	GiveUp           time.Duration  `yaml:"give_up" doc:"a message that fails for so long is given up, and kept until it is replayed"`
	Age              time.Duration  `yaml:"age" doc:"how long messages that were sent or given up are kept"`
	Private          []netip.Prefix `yaml:"private" doc:"networks that endpoints may be in although they are not public, such as 10.1.0.0/16"`
}

// Hooks keeps what owners' systems are owed.
type Hooks interface {
	// ClaimHooks are each endpoint's first message, where it is due, at most
	// limit, and the caller's for the time of a lease.
	ClaimHooks(ctx context.Context, limit int, lease time.Duration) ([]world.HookCall, error)
	// HookSent, HookFailed and ParkHook settle one: told, due again in a while, or
	// given up. They change nothing when another has claimed it since.
	HookSent(ctx context.Context, m world.HookMessage) error
	HookFailed(ctx context.Context, m world.HookMessage, again time.Duration, why string) error
	ParkHook(ctx context.Context, m world.HookMessage, why string) error
	// ForgetHooks removes at most limit messages that were settled before a
	// moment, and returns how many.
	ForgetHooks(ctx context.Context, before time.Time, limit int) (int, error)
}

// Notifier sends messages to owners' systems.
type Notifier interface {
	// Send returns when the endpoint has taken the message.
	Send(ctx context.Context, c world.HookCall) error
}

// runHooks tells owners' systems until ctx ends.
func (s *Shop) runHooks(ctx context.Context) {
	if s.deps.Hooks == nil {
		return
	}
	loop := courier.Loop[world.HookCall]{Settings: s.cfg.Hooks.Settings, What: "messages to owners' systems", Log: s.deps.Log,
		Claim: s.deps.Hooks.ClaimHooks, Do: s.sendHook, Wake: s.toldHooks}
	_ = loop.Run(ctx) // it never fails
}

// oldHooks forgets messages that were settled long ago.
func (s *Shop) oldHooks() sweep.Loop {
	return sweep.Loop{What: "old messages to owners' systems", Remove: func(ctx context.Context, limit int) (int, error) {
		if s.deps.Hooks == nil {
			return 0, nil
		}
		return s.deps.Hooks.ForgetHooks(ctx, s.deps.Now().Add(-s.cfg.Hooks.Age), limit)
	}}
}

// sendHook makes one attempt at a message, and settles it. Whatever goes wrong
// may be mended at the other end, so only time gives a message up.
func (s *Shop) sendHook(ctx context.Context, c world.HookCall) error {
	err := s.deps.Notifier.Send(ctx, c)
	if ctx.Err() != nil {
		return nil // we are told to stop: the lease will end
	}
	if err == nil {
		count(s.hooked, "sent")
		return world.Wrap("shop.hook", s.deps.Hooks.HookSent(ctx, c.HookMessage))
	}
	why := err.Error()
	why = strings.ToValidUTF8(why[:min(len(why), maxFailure)], "")
	if s.deps.Now().Sub(c.Since) >= s.cfg.Hooks.GiveUp {
		count(s.hooked, "parked")
		s.deps.Log.WarnContext(ctx, "a message to an owner's system is given up", "endpoint", c.Endpoint, "kind", c.Kind, "attempts", c.Attempts, "err", err)
		return world.Wrap("shop.hook", s.deps.Hooks.ParkHook(ctx, c.HookMessage, why))
	}
	count(s.hooked, "failed")
	return world.Wrap("shop.hook", s.deps.Hooks.HookFailed(ctx, c.HookMessage, s.cfg.Hooks.RetryAfter(c.Attempts), why))
}
