package postgres_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"meridian/adapter/postgres"
	"meridian/test/pgtest"
	"meridian/world"
)

func endpoint(t *testing.T, hooks *postgres.HookStore, market string, kinds ...world.HookKind) world.HookEndpoint {
	t.Helper()
	e := world.HookEndpoint{ID: id26(), Market: market, URL: "https://shop.example/hook", Kinds: kinds}
	if again, err := hooks.AddEndpoint(t.Context(), e, "whsec_one", "", false); again || err != nil {
		t.Fatal(again, err)
	}
	return e
}

// owe owes a message to whoever asks for its kind in Germany.
func owe(t *testing.T, db interface {
	Exec(context.Context, string, ...any) (pgconn.CommandTag, error)
}, kind world.HookKind, message string) {
	t.Helper()
	if _, err := db.Exec(t.Context(), `select hook_queue('de', $1, $2, '{}')`, kind, message); err != nil {
		t.Fatal(err)
	}
}

// calls are the messages that are claimed now.
func calls(t *testing.T, hooks *postgres.HookStore, lease time.Duration) []world.HookCall {
	t.Helper()
	all, err := hooks.ClaimHooks(t.Context(), 100, lease)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// toldAll settles whatever is due until nothing is, and says what it was.
func toldAll(t *testing.T, hooks *postgres.HookStore) (kinds []world.HookKind, data string) {
	t.Helper()
	for {
		due := calls(t, hooks, time.Hour)
		if len(due) == 0 {
			return kinds, data
		}
		for _, c := range due {
			kinds, data = append(kinds, c.Kind), data+string(c.Data)
			if err := hooks.HookSent(t.Context(), c.HookMessage); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// What happens is told to who asks for it, in order, once, and without the buyer.
func TestWhatHappensIsToldInOrder(t *testing.T) {
	s, c := newOrders(t, map[string]int{"brezel": 7})
	hooks := postgres.NewHookStore(c)
	endpoint(t, hooks, "de", world.HookKinds...)
	endpoint(t, hooks, "gb", world.HookKinds...)
	o, _, err := s.Place(t.Context(), ordered(t, s, map[string]int{"brezel": 3}), "key-0123456789abcdef", draw)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if _, err := s.Refund(t.Context(), world.Refund{OrderID: o.ID, Key: "refund-0123456789ab", At: time.Now(), By: world.ByOwner,
			Lines: []world.RefundLine{{Line: 1, Quantity: 1}}}); err != nil {
			t.Fatal(err)
		}
	}
	for _, event := range []world.OrderEvent{world.OrderMakeReady, world.OrderComplete} {
		if _, err := s.Change(t.Context(), world.OrderStep{OrderID: o.ID, Event: event, By: world.ByOwner, At: time.Now()}); err != nil {
			t.Fatal(err)
		}
	}
	for range 2 {
		owe(t, c.Pool, world.HookPaymentCaptured, "payment.1")
	}
	kinds, data := toldAll(t, hooks)
	slices.Sort(kinds[:2]) // of one transaction: the order and its stock
	want := []world.HookKind{world.HookOrderPlaced, world.HookStockLow, world.HookRefundMade, world.HookOrderReady, world.HookOrderCompleted, world.HookPaymentCaptured}
	if !slices.Equal(kinds, want) {
		t.Errorf("told %v, want %v", kinds, want)
	}
	for _, person := range []string{o.Contact.Name, o.Contact.Email, o.Contact.Line1, o.ID, o.CartID} {
		if strings.Contains(data, person) {
			t.Errorf("the messages have %q: %s", person, data)
		}
	}
	if !strings.Contains(data, o.Number) {
		t.Errorf("they lack the order's number: %s", data)
	}
}

// A message that fails holds back those behind it, and no other endpoint's.
func TestAnEndpointIsToldOneAfterTheOther(t *testing.T) {
	_, c := newOrders(t, nil)
	hooks := postgres.NewHookStore(c)
	a, b := endpoint(t, hooks, "de", world.HookStockLow), endpoint(t, hooks, "de", world.HookStockLow)
	for n := range 3 {
		owe(t, c.Pool, world.HookStockLow, fmt.Sprint(n))
	}
	first := calls(t, hooks, time.Hour)
	if len(first) != 2 || len(calls(t, hooks, time.Hour)) != 0 {
		t.Fatalf("claimed %+v, and more", first)
	}
	for _, call := range first {
		if call.Message != "0" || call.Attempts != 1 {
			t.Fatalf("%+v", call)
		}
		var err error
		if call.Endpoint == a.ID {
			err = hooks.HookFailed(t.Context(), call.HookMessage, time.Hour, "away")
		} else {
			err = hooks.HookSent(t.Context(), call.HookMessage)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	second := calls(t, hooks, 0) // a lease that is over at once: its holder died
	if len(second) != 1 || second[0].Endpoint != b.ID || second[0].Message != "1" {
		t.Fatalf("then %+v", second)
	}
	third := calls(t, hooks, time.Hour)
	if len(third) != 1 || third[0].Attempts != 2 {
		t.Fatalf("after a holder died %+v", third)
	}
	if err := hooks.ParkHook(t.Context(), second[0].HookMessage, "late"); err != nil { // who lost the lease settles nothing
		t.Fatal(err)
	}
	if err := hooks.ParkHook(t.Context(), third[0].HookMessage, "gone"); err != nil {
		t.Fatal(err)
	}
	if fourth := calls(t, hooks, time.Hour); len(fourth) != 1 || fourth[0].Message != "2" {
		t.Fatalf("behind one that was given up %+v", fourth)
	}
	if err := hooks.Replay(t.Context(), "gb", third[0].ID); !world.Is(err, world.CodeNotFound) {
		t.Errorf("another market replays it: %v", err)
	}
	if err := hooks.Replay(t.Context(), "de", third[0].ID); err != nil {
		t.Fatal(err)
	}
	if again := calls(t, hooks, time.Hour); len(again) != 1 || again[0].Message != "1" || again[0].Attempts != 1 {
		t.Errorf("replayed %+v", again)
	}
	list, err := hooks.Messages(t.Context(), "de", b.ID, 0, 2)
	if err != nil || len(list) != 2 || list[0].Message != "2" || list[1].Message != "1" {
		t.Errorf("list %+v, %v", list, err)
	}
	if rest, err := hooks.Messages(t.Context(), "de", b.ID, list[1].ID, 2); err != nil || len(rest) != 1 || rest[0].State != "sent" {
		t.Errorf("the rest %+v, %v", rest, err)
	}
}

// Nothing is given away before a transaction that began earlier is over: else an
// older message could come behind a younger one.
func TestNothingOvertakesWhatIsNotCommitted(t *testing.T) {
	_, c := newOrders(t, nil)
	hooks := postgres.NewHookStore(c)
	endpoint(t, hooks, "de", world.HookStockLow)
	slow, err := c.Pool.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer slow.Rollback(t.Context())
	owe(t, slow, world.HookStockLow, "older")
	owe(t, c.Pool, world.HookStockLow, "younger")
	if due := calls(t, hooks, time.Hour); len(due) != 0 {
		t.Fatalf("%+v", due)
	}
	if err := slow.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	if due := calls(t, hooks, time.Hour); len(due) != 1 || due[0].Message != "older" {
		t.Errorf("%+v", due)
	}
}

func TestEndpoints(t *testing.T) {
	_, c := newOrders(t, nil)
	hooks := postgres.NewHookStore(c)
	e := endpoint(t, hooks, "de", world.HookStockLow)
	queue := func(message string) { owe(t, c.Pool, world.HookStockLow, message) }
	queue("1")
	if _, err := hooks.RotateSecret(t.Context(), "de", e.ID, "whsec_two", "", time.Hour); err != nil {
		t.Fatal(err)
	}
	if due := calls(t, hooks, 0); len(due) != 1 || !slices.Equal(due[0].Secrets, []string{"whsec_two", "whsec_one"}) {
		t.Errorf("two secrets: %+v", due)
	}
	if _, err := hooks.RotateSecret(t.Context(), "de", e.ID, "whsec_three", "", 0); err != nil {
		t.Fatal(err)
	}
	if due := calls(t, hooks, 0); len(due) != 1 || !slices.Equal(due[0].Secrets, []string{"whsec_three"}) {
		t.Errorf("one secret: %+v", due)
	}
	if err := hooks.EnableEndpoint(t.Context(), "de", e.ID, false); err != nil {
		t.Fatal(err)
	}
	queue("2")
	if due := calls(t, hooks, 0); len(due) != 0 {
		t.Errorf("an endpoint that is off is told %+v", due)
	}
	_, elsewhere := hooks.RotateSecret(t.Context(), "gb", e.ID, "x", "key-1", 0)
	for name, err := range map[string]error{
		"another market removes": hooks.RemoveEndpoint(t.Context(), "gb", e.ID),
		"another market rotates": elsewhere,
		"another market enables": hooks.EnableEndpoint(t.Context(), "gb", e.ID, true),
	} {
		if !world.Is(err, world.CodeNotFound) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if all, err := hooks.Endpoints(t.Context(), "de"); err != nil || len(all) != 1 || all[0].Enabled || all[0].URL != e.URL || !slices.Equal(all[0].Kinds, e.Kinds) {
		t.Errorf("%+v, %v", all, err)
	}
	if err := hooks.RemoveEndpoint(t.Context(), "de", e.ID); err != nil {
		t.Fatal(err)
	}
	// Many at once fill the market up to its limit, and no further.
	var all sync.WaitGroup
	for range world.MaxHookEndpoints + 5 {
		id := id26()
		all.Go(func() {
			_, err := hooks.AddEndpoint(t.Context(), world.HookEndpoint{ID: id, Market: "de", URL: e.URL, Kinds: e.Kinds}, "s", id, false)
			if err != nil && !world.Is(err, world.CodeConflict) {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if got, err := hooks.Endpoints(t.Context(), "de"); err != nil || len(got) != world.MaxHookEndpoints {
		t.Errorf("%d endpoints, %v", len(got), err)
	}
}

// Asked for again under its key, an endpoint is not made twice, and its secret not
// changed twice: also when the endpoint is gone by then.
func TestEndpointsAreMadeOnce(t *testing.T) {
	conn := pgtest.Resident(t)
	hooks := postgres.NewHookStore(asOwner(t, "resident-here", conn, true))
	e := world.HookEndpoint{ID: id26(), Market: "de", URL: "https://shop.example/hook", Kinds: []world.HookKind{world.HookStockLow}}
	add := func(e world.HookEndpoint, secret string) (bool, error) {
		return hooks.AddEndpoint(t.Context(), e, secret, "key-add", false)
	}
	for n := range 3 {
		if again, err := add(e, fmt.Sprint("whsec_", n)); err != nil || again != (n > 0) {
			t.Errorf("added %d times: %v %v", n, again, err)
		}
	}
	other := e
	other.URL += "/other"
	if _, err := add(other, "x"); !world.Is(err, world.CodeConflict) {
		t.Errorf("another address: %v", err)
	}
	if _, err := hooks.RotateSecret(t.Context(), "de", e.ID, "x", "key-add", time.Hour); !world.Is(err, world.CodeConflict) {
		t.Errorf("another act: %v", err)
	}
	if _, err := hooks.RotateSecret(t.Context(), "de", id26(), "x", "key-rotate", time.Hour); !world.Is(err, world.CodeNotFound) {
		t.Errorf("no endpoint: %v", err)
	}
	rotate := func(secret, key string) (again bool) {
		t.Helper()
		again, err := hooks.RotateSecret(t.Context(), "de", e.ID, secret, key, time.Hour)
		if err != nil {
			t.Fatal(err)
		}
		return again
	}
	if rotate("whsec_new", "key-rotate") || !rotate("whsec_newer", "key-rotate") { // the failure before has not used the key up
		t.Error("rotated under one key")
	}
	signed := func(want ...string) {
		t.Helper()
		var secrets []string
		c := pgtest.Cluster(t, "resident-here", "here", conn)
		if err := c.Pool.QueryRow(t.Context(), `select array_remove(array[secret, case when old_until > now() then old_secret end], null) from hook_endpoint`).Scan(&secrets); err != nil || !slices.Equal(secrets, want) {
			t.Errorf("signed with %v, want %v: %v", secrets, want, err)
		}
	}
	signed("whsec_new", "whsec_0")
	if rotate("whsec_newest", "key-again") { // nobody has seen whsec_new
		t.Error("another key")
	}
	signed("whsec_newest", "whsec_0")
	if err := hooks.RemoveEndpoint(t.Context(), "de", e.ID); err != nil {
		t.Fatal(err)
	}
	if again, err := add(e, "x"); !again || err != nil {
		t.Errorf("added again after it was removed: %v %v", again, err)
	}
	if all, err := hooks.Endpoints(t.Context(), "de"); err != nil || len(all) != 0 {
		t.Errorf("%+v %v", all, err)
	}
}

func TestMessagesAreReplayedFromAMomentOn(t *testing.T) {
	conn := pgtest.Resident(t)
	c := pgtest.Cluster(t, "resident-here", "here", conn)
	hooks := postgres.NewHookStore(asOwner(t, "resident-here", conn, true))
	e := endpoint(t, hooks, "de", world.HookKinds...)
	for _, q := range []string{
		`insert into hook_delivery (endpoint, message, kind, data, at, state, done_at, attempts, failure) select $1, 'p' || n, 'order.placed', '{}', now() - n * interval '1 hour', 'parked', now(), 9, 'gone' from generate_series(1, 3) n`,
		`insert into hook_delivery (endpoint, message, kind, data, at, state, done_at, attempts, failure) select $1, 's' || n, 'order.placed', '{}', now() - n * interval '1 hour', 'sent', now(), 1, '' from generate_series(1, 3) n`,
	} {
		if _, err := c.Pool.Exec(t.Context(), q, e.ID); err != nil {
			t.Fatal(err)
		}
	}
	since := time.Now().Add(-150 * time.Minute)
	if _, err := hooks.ReplaySince(t.Context(), "gb", e.ID, since, true); !world.Is(err, world.CodeNotFound) {
		t.Errorf("another market's: %v", err)
	}
	for _, want := range []struct {
		sent bool
		n    int
	}{{false, 2}, {false, 0}, {true, 2}} {
		if n, err := hooks.ReplaySince(t.Context(), "de", e.ID, since, want.sent); err != nil || n != want.n {
			t.Errorf("%+v: %d, %v", want, n, err)
		}
	}
	all, err := hooks.Endpoints(t.Context(), "de")
	if err != nil || len(all) != 1 || all[0].Waiting != 4 || all[0].Failure == "" || !all[0].OldUntil.IsZero() {
		t.Errorf("%+v, %v", all, err)
	}
	if _, err := hooks.RotateSecret(t.Context(), "de", e.ID, "whsec_two", "", time.Hour); err != nil {
		t.Fatal(err)
	}
	if all, err = hooks.Endpoints(t.Context(), "de"); err != nil || all[0].OldUntil.Before(time.Now()) {
		t.Errorf("%+v, %v", all, err)
	}
	messages, err := hooks.Messages(t.Context(), "de", e.ID, 0, 10)
	if err != nil || len(messages) != 6 {
		t.Fatalf("%d, %v", len(messages), err)
	}
	if err := hooks.Replay(t.Context(), "de", messages[0].ID); err != nil { // the third that was given up
		t.Error(err)
	}
}
