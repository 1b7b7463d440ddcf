package ops

import (
	"context"
	"io"
	"log/slog"
	"time"

	"meridian/engine/purge"
	"meridian/world"
)

// Deps are the parts that an ops role is given.
type Deps struct {
	World  *world.World
	Ledger Ledger
	Peers  Peers

	Providers []Provider   // outside CDNs, the same in every region
	Feed      purge.Source // of this region's catalog cluster; nil without providers

	Rates      Rates
	FetchRates func(ctx context.Context) ([]byte, error) // the newest file of lists; nil where none is fetched

	Now    func() time.Time
	Random io.Reader
	Log    *slog.Logger
}

// Ledger keeps the purges that were asked for, and puts them into the feed of
// this region's catalog cluster.
type Ledger interface {
	// Begin writes down a purge and, in the same transaction, puts here into the
	// region's feed, unless it is empty; cursor is its place there. When the token
	// has used the key before, nothing is done and the purge of then is returned,
	// with existed true. Errors: unavailable, timeout.
	Begin(ctx context.Context, p world.PurgeAsked, here world.Purge) (asked world.PurgeAsked, cursor world.Cursor, existed bool, err error)
	// Place puts a purge into the region's feed and returns its place there.
	Place(ctx context.Context, p world.Purge) (world.Cursor, error)
	// Record keeps how far a purge has come. Places that are known stay known.
	Record(ctx context.Context, id string, r world.PurgeResult) error
	// Unplaced are the purges asked for in this region since a moment whose place
	// in some region's feed is not known, oldest first, at most limit.
	Unplaced(ctx context.Context, since time.Time, limit int) ([]world.PurgeAsked, error)
	// ForgetEvents removes events from the region's feed that came before a moment,
	// at most limit, the oldest first, and returns how many: fewer than limit when
	// there are no more. ForgetPurges does so with the list.
	ForgetEvents(ctx context.Context, before time.Time, limit int) (int, error)
	ForgetPurges(ctx context.Context, before time.Time, limit int) (int, error)
	// SaveProvider keeps how far a provider has carried out this region's feed.
	SaveProvider(ctx context.Context, s world.ProviderState) error
	// Providers are the states of every provider in every region. missing are
	// regions that were not reached.
	Providers(ctx context.Context) (states []world.ProviderState, missing []string, err error)
	// Asked is one purge, wherever it was asked for; not_found when there is none.
	Asked(ctx context.Context, id string) (world.PurgeAsked, error)
	// List is the newest purges of every region before a moment, at most limit;
	// token "" for those of all tokens. missing are regions that were not reached.
	List(ctx context.Context, token string, before time.Time, limit int) (page []world.PurgeAsked, missing []string, err error)
}

// Peers reach the ops role of other regions.
type Peers interface {
	// Purge has a region put a purge into its feed, and calls each with what it
	// says: that it is placed, then who has carried it out, as long as wait.
	Purge(ctx context.Context, region string, p world.Purge, wait time.Duration, each func(world.PurgeNews) error) error
}
