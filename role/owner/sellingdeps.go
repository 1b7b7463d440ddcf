package owner

import (
	"context"
	"time"

	"meridian/engine/checkout"
	"meridian/engine/promotion"
	"meridian/world"
)

// Selling keeps the promotions and hours of the markets at home in this region, at
// the catalog's primary.
type Selling interface {
	// Offers are a market's promotions, those that end last first, at most limit
	// behind the one of a name; "" begins with the first.
	Offers(ctx context.Context, market, after string, limit int) ([]promotion.Offer, error)
	// Offer is one of them; not_found where there is none of that name.
	Offer(ctx context.Context, market, id string) (promotion.Offer, error)
	// SaveOffer keeps a new promotion where its version is 0, else one in place of
	// that version, and returns the version it has then. Errors: invalid and
	// too_large for one that cannot be, saying what to mend; conflict where its name
	// or code is taken, or it is not of that version any more; not_found.
	SaveOffer(ctx context.Context, market string, o promotion.Offer, now time.Time) (int64, error)
	// EndOffer ends a promotion of a version, or removes one that is to come.
	EndOffer(ctx context.Context, market, id string, version int64, now time.Time) (removed bool, err error)
	// Week is when a market hands goods over; ChangeWeek puts another in the place
	// of the one of its version: conflict where somebody has changed it meanwhile.
	Week(ctx context.Context, market string, now time.Time) (checkout.Week, error)
	ChangeWeek(ctx context.Context, market string, w checkout.Week, now time.Time) (int64, error)
	// Categories are a market's that have something for sale. until is when there may
	// be others by the calendar alone; zero for never.
	Categories(ctx context.Context, market, locale string, at time.Time) (all []world.Category, until time.Time, err error)
}

// Stock keeps the ledger of stock, and what orders use up: resident data.
type Stock interface {
	// Stock is how much there is of some SKUs; one that was never received has no entry.
	Stock(ctx context.Context, market string, skus []string) (map[string]world.StockLevel, error)
	// KeepStock does something by hand, once for each key. Errors: invalid for what
	// cannot be; conflict when less would be left than is reserved.
	KeepStock(ctx context.Context, c world.StockChange) (world.StockLevel, error)
	// Movements are the ledger's of one SKU, newest first, with ids below before.
	Movements(ctx context.Context, market, sku string, before int64, limit int) ([]world.StockMovement, error)
	// StockFaults are the SKUs whose level is not what the ledger and the orders say,
	// at most limit; none when all is well.
	StockFaults(ctx context.Context, market string, limit int) ([]world.StockFault, error)
	// SlotUse is how many orders each of some slots has; without an entry none.
	SlotUse(ctx context.Context, market string, slots []string) (map[string]int, error)
	// PromotionUses is how often promotions were used so far.
	PromotionUses(ctx context.Context, market string, promotions []string) (map[string]int, error)
}

// Hooks keeps the endpoints of owners' systems, and what they are told.
type Hooks interface {
	// AddEndpoint keeps one with its secret, once for each key: again tells that it
	// was done before, and with the former secret. Errors: invalid, saying what to
	// mend; conflict when the market has [world.MaxHookEndpoints], or the key was
	// another act's.
	AddEndpoint(ctx context.Context, e world.HookEndpoint, secret, key string, open bool) (again bool, err error)
	Endpoints(ctx context.Context, market string) ([]world.HookEndpoint, error)
	// The others change one: not_found where the market has none of this id.
	RemoveEndpoint(ctx context.Context, market, id string) error
	EnableEndpoint(ctx context.Context, market, id string, enabled bool) error
	// RotateSecret gives one another secret, once for each key as AddEndpoint does; the
	// one that receivers have is good for the time of keep.
	RotateSecret(ctx context.Context, market, id, secret, key string, keep time.Duration) (again bool, err error)
	// Messages are what an endpoint is owed and was told, newest first.
	Messages(ctx context.Context, market, endpoint string, before int64, limit int) ([]world.HookMessage, error)
	Replay(ctx context.Context, market string, id int64) error
	ReplaySince(ctx context.Context, market, endpoint string, since time.Time, sent bool) (int, error)
}

// Letters keeps letters to buyers: resident data.
type Letters interface {
	// ParkedMails are those that were given up, newest first, with ids below before.
	ParkedMails(ctx context.Context, market string, before int64, limit int) ([]world.ParkedMail, error)
	// RetryMail has one tried again; not_found for one that was not given up.
	RetryMail(ctx context.Context, market string, id int64) error
}

// owes tells whoever sends letters, messages, documents and money that something may
// be owed now. They look by themselves too, so it is no failure of the visit's.
func (o *Owner) owes(v *visit) {
	if o.deps.Tell == nil {
		return
	}
	if err := o.deps.Tell(v.r.Context()); err != nil {
		o.deps.Log.WarnContext(v.r.Context(), "nobody could be told that something is owed; it is found by the next look", "err", err)
	}
}

// who is whom a ledger or a log names for what a visit does.
func (v *visit) who() string {
	if v.token != nil {
		return v.token.Name
	}
	return v.email
}
