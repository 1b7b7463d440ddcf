package shop

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"meridian/engine/checkout"
	"meridian/engine/promotion"
	"meridian/engine/tax"
	"meridian/engine/taxid"
	"meridian/platform/i18n"
	"meridian/world"
)

// Deps are the parts that a shop is given.
type Deps struct {
	World     *world.World
	Catalog   Catalog
	Photos    Photos         // at the media role of this shop's region
	Orders    Orders         // over the resident cluster of this shop's region
	Feed      Feed           // of the catalog cluster of this shop's region
	Invoices  Invoices       // over the same cluster
	Payments  Payments       // over the same cluster
	Paid      Paid           // likewise
	Providers []MarketPay    // of payments; a market without one is paid on collection
	Tax       *tax.Table     // dated rules of every market homed here
	Register  taxid.Register // of businesses' tax numbers in the European Union; nil: none is confirmed
	Rates     Rates          // of exchange, for display
	Texts     *i18n.Texts
	Peers     map[string]http.RoundTripper // the ways to other regions' shields, by region
	Now       func() time.Time
	Random    io.Reader             // of cryptographic quality: cart and order ids are secrets
	Mails     Mails                 // over the resident cluster of this shop's region
	Mailer    Mailer                // nil: letters wait
	Hooks     Hooks                 // over the same cluster; nil: nobody is told
	Notifier  Notifier              // of owners' systems
	Metrics   prometheus.Registerer // nil: nothing is reported
	Log       *slog.Logger
}

// Catalog reads every market's products. Implementations read the replica at
// hand, but for Current.
type Catalog interface {
	// List is one page of a market's products, with the text of a locale.
	// invalid for a place to begin at that is none.
	List(ctx context.Context, q world.ListQuery) (world.Listing, error)
	// Product is one product by an address that it has or had, or its slug;
	// not_found when there is none for sale at that moment. until is when it may
	// become another by the calendar alone; zero for never.
	Product(ctx context.Context, market, address, locale string, at time.Time) (p world.Product, until time.Time, err error)
	// Search is one page of the products whose words have all that is looked for,
	// the best first. A page that has fewer than its limit, or none, goes on where
	// it has a Next. invalid for a place to begin at that is none.
	Search(ctx context.Context, q world.SearchQuery) (world.Listing, error)
	// Categories are a market's that have something for sale, with the words of a
	// locale. until is when there may be others by the calendar alone; zero for never.
	Categories(ctx context.Context, market, locale string, at time.Time) (all []world.Category, until time.Time, err error)
	// Current is what the primary says of some SKUs at a moment, by their keys;
	// those that are not sold are left out. Away from the market's home region:
	// misdirected.
	Current(ctx context.Context, market, locale string, keys []string, at time.Time) ([]world.Offer, error)
	// Hours are a market's slots and the days on which it is closed.
	Hours(ctx context.Context, market string, at time.Time) (checkout.Selling, error)
	// Selling is what the primary says at a moment of a market's promotions, with
	// labels in a locale, and slots. Away from the market's home region: misdirected.
	Selling(ctx context.Context, market, locale string, at time.Time) (checkout.Selling, error)
	// WaitFor waits, at most for limit, until the replica at hand has what the
	// positions name of the market's cluster, and reports whether it has.
	WaitFor(ctx context.Context, market string, positions []world.Position, limit time.Duration) (bool, error)
	// SetAvailability writes down which SKUs of a market are sold out and which are not,
	// and has every cache forget what shows one that turned. Away from the market's home
	// region: misdirected. busy, and nothing is written, while somebody else changes one.
	SetAvailability(ctx context.Context, market string, standing []world.Availability) error
	// Availability is what the primary says of at most limit SKUs of a market, in the
	// order of their keys, behind one of them: fewer when there are no more. Away from
	// the market's home region: misdirected.
	Availability(ctx context.Context, market, after string, limit int) ([]world.Availability, error)
	// RenewPictures makes the pictures of a market's products as new as the
	// positions demand of the regions that took them in, and waits for that at
	// most for limit. It returns such a region of which the replica at hand stays
	// behind, with its pictures as they are known here; "" when there is none.
	RenewPictures(ctx context.Context, market string, products []world.Product, positions []world.Position, limit time.Duration) (behind string, err error)
}

// Photos keeps visitors' photos: resident data.
type Photos interface {
	// Keep stores a photo, which only who has a signed address can see, and
	// returns its media id. note is told that before anything is sent; its error
	// ends it. Errors: too_large, unsupported, unprocessed for a damaged one,
	// busy.
	Keep(ctx context.Context, photo []byte, note func(mediaID string) error) (mediaID string, err error)
	// Delete has a photo deleted, from every region and tier, and returns the id
	// of the receipt for it. Again it gives the same. not_found for one that was
	// never kept.
	Delete(ctx context.Context, mediaID string) (receipt string, err error)
}

// Orders keeps carts, stock and orders: resident data.
type Orders interface {
	// Cart is what is in a cart, oldest first; nothing for one that is not known.
	Cart(ctx context.Context, cartID, market string) ([]world.CartLine, error)
	// KnowsCart reports whether a browser has a cart in a market, or has placed
	// an order by one there.
	KnowsCart(ctx context.Context, cartID, market string) (bool, error)
	// AddToCart adds to a cart, made if need be. A quantity past most stays at
	// most. The same key again in the same cart changes nothing. Errors: too_large
	// when the cart would hold more than maxLines products, conflict by
	// [world.ErrAnotherKey] when the key was another addition's; another conflict is a
	// clash with somebody else's change, and nothing is added.
	AddToCart(ctx context.Context, cartID, market string, a world.CartAddition, most, maxLines int) error
	// SetInCart changes a line's quantity; 0 removes it. A cart that the market
	// does not have is not made.
	SetInCart(ctx context.Context, cartID, market, slug string, quantity int) error
	// NewCart keeps an empty cart. conflict for one that is there.
	NewCart(ctx context.Context, cartID, market string) error
	// SetLine changes how many of a SKU are in a cart, where agree does not object to
	// what the cart holds until then, and returns what it holds from then on; 0
	// removes the line. Errors: agree's own, not_found for a cart that the market
	// does not have, too_large when it would hold more than maxLines products.
	SetLine(ctx context.Context, cartID, market, sku string, quantity, maxLines int, agree func([]world.CartLine) error) ([]world.CartLine, error)
	// MergeCarts puts the lines of one cart into another of the market, where agree does
	// not object to what that holds until then. Quantities of a SKU add up; a quantity
	// past most stays at most, and cut is how many pieces that leaves out of which
	// SKUs. New lines come last, in their order. A line keeps its photo, or gets that of
	// the other cart where it has none. The other cart is empty then. It returns what
	// the one that stays holds from then on. The same again, or the same key in the cart
	// that stays, changes nothing and cuts nothing. Errors: agree's own, unprocessed for
	// a cart and itself, not_found for one that the market does not have, too_large when
	// lines would be added past maxLines, conflict by [world.ErrAnotherKey] when the key
	// was for something else; with each of them nothing is changed.
	MergeCarts(ctx context.Context, market string, m world.CartMerge, most, maxLines int, agree func([]world.CartLine) error) (lines, cut []world.CartLine, err error)
	// SetPhoto gives a product in a cart a photo, by its media id; not_found when
	// the cart does not hold the product.
	SetPhoto(ctx context.Context, cartID, market, slug, mediaID string) error
	// NotePhoto notes a photo that is about to be kept, before a cart holds it.
	NotePhoto(ctx context.Context, mediaID string) error
	// UnusedPhotos are photos that no cart and no order holds, noted before a
	// moment or let go of by then, and not tried since it: at most limit, fewer
	// when there are no more. From now on they count as tried.
	UnusedPhotos(ctx context.Context, before, now time.Time, limit int) (mediaIDs []string, err error)
	// PhotoDeleted forgets a photo that is deleted; with a failure, it notes why
	// that could not be.
	PhotoDeleted(ctx context.Context, mediaID, failure string) error
	// ForgetCarts removes carts that have not been changed since a moment, at
	// most limit, and returns how many: fewer than limit when there are no more.
	// Orders stay.
	ForgetCarts(ctx context.Context, since time.Time, limit int) (int, error)
	// Stock is how much there is of some SKUs, by SKU; without an entry none.
	Stock(ctx context.Context, market string, skus []string) (map[string]world.StockLevel, error)
	// TellTurns tells of at most limit SKUs of a market that have sold out or come
	// back, as they stand now, and forgets them once tell returned nil; one process at a
	// time does. It returns how many turns were told: fewer than limit when there are no
	// more.
	TellTurns(ctx context.Context, market string, limit int, tell func([]world.Availability) error) (int, error)
	// CompareStock has those SKUs of a market told again of which something else is said
	// than how they stand, and returns how many that are.
	CompareStock(ctx context.Context, market string, said []world.Availability) (int, error)
	// SlotUse is how many orders each of some slots has; without an entry none.
	SlotUse(ctx context.Context, market string, slots []string) (map[string]int, error)
	// PromotionUse is how often promotions with limits were used, in all and by a
	// buyer, counted no further than the limits; without an entry never.
	PromotionUse(ctx context.Context, market, email string, limited []promotion.Promotion) (total, byBuyer map[string]int, err error)
	// Place writes an order, takes its stock, slot and promotions, and empties
	// the cart, all or nothing. The same cart and key again give the order that is
	// there, with existed true. number draws an order number, again if one is
	// taken. Errors: unprocessed when stock is short, conflict when the cart holds
	// something else by now, the slot is full or a promotion is used up.
	Place(ctx context.Context, o world.Order, key string, number func() (string, error)) (placed world.Order, existed bool, err error)
	// Placed is the order of a cart and key; not_found when there is none.
	Placed(ctx context.Context, cartID, key string) (world.Order, error)
	// Order is an order with lines and taxes; not_found when there is none.
	Order(ctx context.Context, id string) (world.Order, error)
	// History is an order's log and its refunds, oldest first.
	History(ctx context.Context, id string) ([]world.OrderNote, []world.Refund, error)
	// Change leads an order to its next state, once. Errors: conflict when its state
	// does not allow it, forbidden when it is not the actor's to do.
	Change(ctx context.Context, step world.OrderStep) (world.Order, error)
	// ExpireOrders gives up orders that were not paid for by now, at most limit, and
	// returns how many: fewer than limit when there are no more.
	ExpireOrders(ctx context.Context, now time.Time, limit int) (int, error)
	// ForgetKeys removes idempotency keys from before a moment, at most limit, and
	// returns how many: fewer than limit when there are no more.
	ForgetKeys(ctx context.Context, before time.Time, limit int) (int, error)
	// OrdersOfCart are a browser's newest orders, without lines and taxes.
	OrdersOfCart(ctx context.Context, cartID, market string, limit int) ([]world.Order, error)
}

// Feed is the ordered list of what caches must forget.
type Feed interface {
	// Follow emits a hello, then every event after the cursor as it is
	// committed, until ctx ends or emit fails. In a quiet time it emits a
	// heartbeat every [world.FeedHeartbeat], whose cursor says up to where
	// nothing is missing. emit is never called twice at once. invalid for a bad
	// cursor.
	Follow(ctx context.Context, after string, emit func(world.Event) error) error
}
