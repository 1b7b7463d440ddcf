package owner

import (
	"context"
	"slices"
	"time"

	"meridian/engine/checkout"
	"meridian/engine/promotion"
	"meridian/world"
)

// keeping stands in for what keeps promotions, hours, stock, endpoints and letters.
type keeping struct {
	err error // what every store answers with, if set

	offers  []promotion.Offer
	week    checkout.Week
	levels  map[string]world.StockLevel
	acts    []world.StockChange
	moves   []world.StockMovement
	faults  []world.StockFault
	booked  map[string]int
	uses    map[string]int
	hooks   []world.HookEndpoint
	secrets []string
	keys    map[string]bool // under which something was done to endpoints
	sent    []world.HookMessage
	done    []string // to endpoints, messages and letters
	parked  []world.ParkedMail
	told    int
}

func (k *keeping) Offers(_ context.Context, market, after string, limit int) (out []promotion.Offer, err error) {
	if market != "de" {
		return nil, k.err
	}
	at := slices.IndexFunc(k.offers, func(o promotion.Offer) bool { return o.ID == after }) + 1
	return k.offers[at:min(len(k.offers), at+limit)], k.err
}

func (k *keeping) Offer(_ context.Context, market, id string) (promotion.Offer, error) {
	for _, o := range k.offers {
		if market == "de" && o.ID == id {
			return o, k.err
		}
	}
	return promotion.Offer{}, world.E(world.CodeNotFound, "", "")
}

// SaveOffer checks as the store does.
func (k *keeping) SaveOffer(_ context.Context, market string, o promotion.Offer, _ time.Time) (int64, error) {
	m, _ := testWorld().MarketByID(market)
	o, err := promotion.DefaultLimits.CheckOffer(o, m)
	if err != nil || k.err != nil {
		return 0, cmpErr(err, k.err)
	}
	o.Label = o.Labels[m.Locales[0]]
	for i, was := range k.offers {
		if was.ID == o.ID {
			if was.Version != o.Version {
				return 0, world.E(world.CodeConflict, "", "It has changed meanwhile.")
			}
			o.Version++
			k.offers[i] = o
			return o.Version, nil
		}
	}
	o.Version = 1
	k.offers = append(k.offers, o)
	return 1, nil
}

func cmpErr(a, b error) error {
	if a != nil {
		return a
	}
	return b
}

func (k *keeping) EndOffer(_ context.Context, _, id string, version int64, now time.Time) (bool, error) {
	for i := range k.offers {
		if o := &k.offers[i]; o.ID == id && o.Version == version {
			o.To, o.Version = now, o.Version+1
			return false, k.err
		}
	}
	return false, world.E(world.CodeConflict, "", "It has changed meanwhile.")
}

func (k *keeping) Week(context.Context, string, time.Time) (checkout.Week, error) {
	return k.week, k.err
}

func (k *keeping) ChangeWeek(_ context.Context, _ string, w checkout.Week, _ time.Time) (int64, error) {
	if w.Version != k.week.Version {
		return 0, world.E(world.CodeConflict, "", "The hours have changed meanwhile.")
	}
	k.week = w
	k.week.Version++
	return k.week.Version, k.err
}

func (k *keeping) Categories(context.Context, string, string, time.Time) ([]world.Category, time.Time, error) {
	return []world.Category{{Key: "cakes", Name: "Kuchen"}}, time.Time{}, k.err
}

func (k *keeping) Stock(_ context.Context, market string, skus []string) (map[string]world.StockLevel, error) {
	if market != "de" {
		return nil, k.err
	}
	return k.levels, k.err
}

func (k *keeping) KeepStock(_ context.Context, c world.StockChange) (world.StockLevel, error) {
	if err := c.Check(); err != nil || k.err != nil {
		return world.StockLevel{}, cmpErr(err, k.err)
	}
	k.acts = append(k.acts, c)
	return world.StockLevel{SKU: c.SKU, OnHand: c.Pieces}, nil
}

func (k *keeping) Movements(_ context.Context, _, _ string, before int64, limit int) (out []world.StockMovement, err error) {
	for _, m := range k.moves {
		if (before == 0 || m.ID < before) && len(out) < limit {
			out = append(out, m)
		}
	}
	return out, k.err
}

func (k *keeping) StockFaults(_ context.Context, market string, limit int) ([]world.StockFault, error) {
	if market != "de" {
		return nil, k.err
	}
	return k.faults[:min(len(k.faults), limit)], k.err
}

func (k *keeping) SlotUse(context.Context, string, []string) (map[string]int, error) {
	return k.booked, k.err
}

func (k *keeping) PromotionUses(context.Context, string, []string) (map[string]int, error) {
	return k.uses, k.err
}

func (k *keeping) AddEndpoint(_ context.Context, e world.HookEndpoint, secret, key string, open bool) (again bool, err error) {
	if err := e.Check(open); err != nil || k.err != nil {
		return false, cmpErr(err, k.err)
	}
	if slices.ContainsFunc(k.hooks, func(was world.HookEndpoint) bool { return k.keys[key] && was.ID == e.ID && was.URL != e.URL }) {
		return false, world.E(world.CodeConflict, "", "The key was used for something else.")
	}
	if k.used(key) {
		return true, nil
	}
	e.Enabled = true
	k.hooks, k.secrets = append(k.hooks, e), append(k.secrets, secret)
	return false, nil
}

// used tells whether something was done under a key, and notes that it is.
func (k *keeping) used(key string) bool {
	if k.keys == nil {
		k.keys = map[string]bool{}
	}
	was := k.keys[key]
	k.keys[key] = true
	return was
}

func (k *keeping) Endpoints(_ context.Context, market string) (out []world.HookEndpoint, err error) {
	for _, e := range k.hooks {
		if e.Market == market {
			out = append(out, e)
		}
	}
	return out, k.err
}

// note is done to one of the market's endpoints.
func (k *keeping) note(market, id, what string) error {
	for _, e := range k.hooks {
		if e.Market == market && e.ID == id {
			k.done = append(k.done, what)
			return k.err
		}
	}
	return world.E(world.CodeNotFound, "", "")
}

func (k *keeping) RemoveEndpoint(_ context.Context, market, id string) error {
	return k.note(market, id, "remove")
}

func (k *keeping) EnableEndpoint(_ context.Context, market, id string, enabled bool) error {
	return k.note(market, id, map[bool]string{true: "on", false: "off"}[enabled])
}

func (k *keeping) RotateSecret(_ context.Context, market, id, secret, key string, keep time.Duration) (again bool, err error) {
	if k.keys[key] {
		return true, nil
	}
	if err := k.note(market, id, "rotate "+keep.String()); err != nil {
		return false, err
	}
	k.used(key)
	k.secrets = append(k.secrets, secret)
	return false, nil
}

func (k *keeping) Messages(_ context.Context, _, _ string, before int64, limit int) (out []world.HookMessage, err error) {
	for _, m := range k.sent {
		if (before == 0 || m.ID < before) && len(out) < limit {
			out = append(out, m)
		}
	}
	return out, k.err
}

func (k *keeping) Replay(_ context.Context, market string, id int64) error {
	for _, m := range k.sent {
		if m.ID == id && market == "de" {
			k.done = append(k.done, "replay")
			return k.err
		}
	}
	return world.E(world.CodeNotFound, "", "")
}

func (k *keeping) ReplaySince(_ context.Context, market, id string, since time.Time, sent bool) (int, error) {
	return 3, k.note(market, id, "replay since "+since.UTC().Format(time.RFC3339)+map[bool]string{true: " sent"}[sent])
}

func (k *keeping) ParkedMails(_ context.Context, market string, before int64, limit int) (out []world.ParkedMail, err error) {
	for _, m := range k.parked {
		if market == "de" && (before == 0 || m.ID < before) && len(out) < limit {
			out = append(out, m)
		}
	}
	return out, k.err
}

func (k *keeping) RetryMail(_ context.Context, market string, id int64) error {
	for _, m := range k.parked {
		if m.ID == id && market == "de" {
			k.done = append(k.done, "retry")
			return k.err
		}
	}
	return world.E(world.CodeNotFound, "", "No letter of this number was given up.")
}

func (k *keeping) tell(context.Context) error {
	k.told++
	return nil
}
