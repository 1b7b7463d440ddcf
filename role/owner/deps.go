package owner

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"time"

	"meridian/engine/invoice"
	"meridian/engine/tax"
	"meridian/platform/i18n"
	"meridian/world"
)

// Deps are the parts that an owner role is given.
type Deps struct {
	World     *world.World
	Catalog   Catalog
	Editing   Editing    // over the same as Catalog
	Tax       *tax.Table // the rules that the shop reckons by
	Orders    Orders     // over the resident cluster of this region
	Accounts  Accounts   // over the same
	Documents Documents  // over the same
	Selling   Selling    // over the same as Catalog
	Stock     Stock      // over the resident cluster
	Hooks     Hooks      // over the same
	Letters   Letters    // over the same
	// Tell tells the region's shop that something is owed; nil: it looks by itself.
	Tell   func(ctx context.Context) error
	Media  http.RoundTripper // the region's media role; it always reaches its role
	Texts  *i18n.Texts       // how each market's first locale writes dates and addresses: date.format, address.format
	Now    func() time.Time
	Random io.Reader // of cryptographic quality: a session's token is a secret
	Log    *slog.Logger
}

// Catalog reads and changes the catalog of the markets at home in this region,
// at its primary.
type Catalog interface {
	// List is one page of a market's products, with the text of a locale, their
	// prices and their pictures; invalid for a place to begin at that is none.
	List(ctx context.Context, q world.ListQuery) (world.Listing, error)
	// Draft is one SKU by its key, whether its product is for sale at that moment
	// or not; not_found when the market has none.
	Draft(ctx context.Context, market, key, locale string, at time.Time) (world.Offer, error)
	// Prices calls each with a SKU's prices in the base list, newest first, at
	// most limit.
	Prices(ctx context.Context, market, key string, limit int, each func(version, minor int64, currency string, since time.Time)) error
	// ChangePrice gives a SKU its next price in the base list and has the caches
	// forget the old one, both or neither. It returns the new version; conflict
	// when the version is not the expected one any more, not_found when there is
	// no such SKU.
	ChangePrice(ctx context.Context, market, key string, expectVersion, newMinor int64) (version int64, err error)
	// ChangePicture gives a product its picture and has the caches forget the
	// old one, both or neither; not_found when there is no such product.
	ChangePicture(ctx context.Context, market, slug, mediaID string) error
}

// Documents reads invoices, receipts and credit notes: resident data.
type Documents interface {
	// OfOrder are an order's documents, its own first; those that are owed have no
	// number yet. None for an order that was never placed.
	OfOrder(ctx context.Context, orderID string) ([]invoice.Entry, error)
}

// Orders reads orders and leads them on: resident data.
type Orders interface {
	// OrdersOfMarket are a market's orders with their lines, newest first, at
	// most limit, behind the one of the given time and id; a zero time begins
	// at the newest.
	OrdersOfMarket(ctx context.Context, market string, before time.Time, beforeID string, limit int) ([]world.Order, error)
	// Order is an order with lines and taxes, of whatever market; not_found
	// when there is none.
	Order(ctx context.Context, id string) (world.Order, error)
	// History is an order's log and its refunds, oldest first.
	History(ctx context.Context, id string) ([]world.OrderNote, []world.Refund, error)
	// Change leads an order to its next state, once. Errors: conflict when its state
	// does not allow it, forbidden when it is not the actor's to do.
	Change(ctx context.Context, step world.OrderStep) (world.Order, error)
	// Refund gives back some pieces of an order's lines, once for each key. Errors:
	// conflict when fewer are left or the state allows none, invalid for no lines.
	Refund(ctx context.Context, want world.Refund) (world.Refund, error)
	// Takings are those of the orders that a market took from one moment up to, not
	// including, another.
	Takings(ctx context.Context, market string, from, to time.Time) (world.Takings, error)
}

// Accounts keeps owners and their sessions: resident data. A session is known
// by the SHA-256 of its token; the token itself is never handed over.
type Accounts interface {
	// PasswordHash is what [HashPassword] made of an owner's password;
	// not_found when the market has no owner of that address, in lower case.
	PasswordHash(ctx context.Context, market, email string) (string, error)
	// StartSession signs an owner in until a moment.
	StartSession(ctx context.Context, tokenHash [32]byte, market, email string, until time.Time) error
	// Session is whose session it is; not_found when there is none in that
	// market or it has ended by now.
	Session(ctx context.Context, tokenHash [32]byte, market string, now time.Time) (email string, err error)
	// EndSession signs out; a session that is not there is no failure.
	EndSession(ctx context.Context, tokenHash [32]byte) error
	// ForgetSessions removes sessions that have ended by now, at most limit, and
	// returns how many: fewer than limit when there are no more.
	ForgetSessions(ctx context.Context, now time.Time, limit int) (int, error)
}
