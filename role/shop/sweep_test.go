package shop

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"meridian/world"
)

func TestCartsPastTheirAgeAreRemoved(t *testing.T) {
	b := open(t, "eu-central", "", func(c *Config, _ *Deps) { c.SweepBatch, c.CartAge = 10, 48*time.Hour })
	ctx, cancel := context.WithCancel(t.Context())
	b.orders.forget = func(since time.Time, limit int) (int, error) {
		cancel()
		if want := b.shop.deps.Now().Add(-48 * time.Hour); limit != 10 || !since.Equal(want) {
			t.Errorf("asked for %d since %v, want 10 since %v", limit, since, want)
		}
		return 0, nil
	}
	if err := b.shop.Run(ctx); err != nil || ctx.Err() == nil {
		t.Errorf("%v; the carts were not asked for", err)
	}
}

// expiring counts how often orders are asked for that were not paid for in time.
type expiring struct {
	*fakeOrders
	asked int
}

func (e *expiring) ExpireOrders(context.Context, time.Time, int) (int, error) {
	e.asked++
	return 0, nil
}

// Orders may await the payment of a provider that the config names no more: what they
// hold is given back all the same.
func TestOrdersExpireWithoutAProvider(t *testing.T) {
	orders := &expiring{}
	b := open(t, "eu-central", "", func(c *Config, d *Deps) {
		c.ExpireEvery = 7 * time.Second
		orders.fakeOrders = d.Orders.(*fakeOrders)
		d.Orders = orders
	})
	for _, l := range b.shop.sweeps() {
		if l.Every != 7*time.Second {
			continue
		}
		if _, err := l.Remove(t.Context(), 10); err != nil {
			t.Fatal(err)
		}
	}
	if orders.asked != 1 {
		t.Errorf("asked for %d times", orders.asked)
	}
}

// Photos that nothing holds are deleted, each by itself: one that cannot be keeps
// no other back, and with media away the rest waits.
func TestPhotosThatNothingHoldsAreDeleted(t *testing.T) {
	b := open(t, "eu-central", "", func(c *Config, _ *Deps) { c.SweepBatch, c.PhotoAge = 10, 2*time.Hour })
	now := b.shop.deps.Now()
	batches := [][]string{{"a", "none", "poison", "b"}, {"c", "away", "d"}, nil}
	b.orders.unused = func(before, at time.Time, limit int) ([]string, error) {
		if !before.Equal(now.Add(-2*time.Hour)) || !at.Equal(now) || limit != 10 {
			t.Errorf("asked for %d before %v at %v", limit, before, at)
		}
		batch := batches[0]
		batches = batches[1:]
		return batch, nil
	}
	b.photos.fails = map[string]error{
		"none": world.E(world.CodeNotFound, "fake", ""), "poison": world.E(world.CodeConflict, "fake", strings.Repeat("é", maxPhotoError)), "away": world.E(world.CodeUnavailable, "fake", ""),
	}
	for i, want := range []struct {
		n     int
		fails bool
		asked string
		gone  []string
	}{{4, false, "a none poison b", []string{"a", "none", "b"}}, {0, true, "c away", []string{"c"}}, {0, false, "", nil}} {
		b.photos.asked = nil
		clear(b.orders.gone)
		n, err := b.shop.deletePhotos(t.Context(), 10)
		if n != want.n || (err != nil) != want.fails || strings.Join(b.photos.asked, " ") != want.asked {
			t.Errorf("batch %d: %d, %v, asked for %v", i, n, err, b.photos.asked)
		}
		for id, failure := range b.orders.gone {
			if (failure == "") != slices.Contains(want.gone, id) || len(failure) > maxPhotoError || !utf8.ValidString(failure) {
				t.Errorf("batch %d: %s: %q", i, id, failure)
			}
		}
		if n := len(strings.Fields(want.asked)); len(b.orders.gone) != n {
			t.Errorf("batch %d: noted %v", i, b.orders.gone)
		}
	}
	if log := b.log.String(); strings.Count(log, "receipt=2receipt") != 3 || !strings.Contains(log, "media_id=poison") {
		t.Errorf("the log: %s", log)
	}
	b.orders.unused = func(time.Time, time.Time, int) ([]string, error) { return nil, errors.New("no database") }
	if _, err := b.shop.deletePhotos(t.Context(), 10); err == nil {
		t.Error("a database that is away is no error")
	}
}

// A photo is noted before media has it: one that is then refused, or whose cart
// is full, is not kept for ever. What cannot be noted is not sent.
func TestAPhotoIsNotedBeforeAnyoneHasIt(t *testing.T) {
	b := openCake(t, func(c *Config, _ *Deps) { c.MaxLines = 1 })
	b.add("brot", "1")
	if w := b.addCake("photo"); w.Code == 303 {
		t.Error("the cart is full")
	}
	wants(t, b.addCake("PK zip"), 422)
	if len(b.photos.kept) != 1 || len(b.orders.noted) != 2 {
		t.Errorf("%d kept, %v noted", len(b.photos.kept), b.orders.noted)
	}
	b.orders.unnotable = world.E(world.CodeUnavailable, "fake", "")
	if w := b.addCake("photo"); w.Code != 503 || len(b.photos.kept) != 1 {
		t.Errorf("%d, %d kept", w.Code, len(b.photos.kept))
	}
}
