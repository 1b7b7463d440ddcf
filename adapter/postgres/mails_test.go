package postgres_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"meridian/adapter/postgres"
	"meridian/world"
)

// owed are the letters that are claimed now, as kind.n.
func owed(t *testing.T, mails *postgres.MailStore, lease time.Duration) (all []world.QueuedMail, names []string) {
	t.Helper()
	all, err := mails.ClaimMails(t.Context(), 100, lease)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range all {
		names = append(names, fmt.Sprintf("%s.%d", m.Kind, m.N))
	}
	slices.Sort(names)
	return all, names
}

// What happens to an order is told, each thing once, whoever writes it.
func TestAnOrdersLogOwesItsLetters(t *testing.T) {
	s, c := newOrders(t, map[string]int{"brezel": 10})
	mails := postgres.NewMailStore(c)
	o, _, err := s.Place(t.Context(), ordered(t, s, map[string]int{"brezel": 3}), "key-0123456789abcdef", draw)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if _, err := s.Change(t.Context(), world.OrderStep{OrderID: o.ID, Event: world.OrderMakeReady, By: world.ByOwner, At: time.Now()}); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Refund(t.Context(), world.Refund{OrderID: o.ID, Key: "refund-0123456789ab", At: time.Now(), By: world.ByOwner,
			Lines: []world.RefundLine{{Line: 1, Quantity: 1}}}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := s.Change(t.Context(), world.OrderStep{OrderID: o.ID, Event: world.OrderCancel, By: world.ByOwner, At: time.Now()}); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if _, err := c.Pool.Exec(t.Context(), `select mail_queue($1, 'payment_failed', 1)`, o.ID); err != nil {
			t.Fatal(err)
		}
	}
	all, names := owed(t, mails, time.Hour)
	if want := []string{"cancelled.4", "payment_failed.1", "placed.1", "ready.2", "refunded.1"}; !slices.Equal(names, want) {
		t.Errorf("owed %v, want %v", names, want)
	}
	if all[0].OrderID != o.ID || all[0].Attempts != 1 {
		t.Errorf("%+v", all[0])
	}
}

func TestALetterIsClaimedByOneAndSettledOnce(t *testing.T) {
	s, c := newOrders(t, map[string]int{"brezel": 10})
	mails := postgres.NewMailStore(c)
	if _, _, err := s.Place(t.Context(), ordered(t, s, map[string]int{"brezel": 1}), "key-0123456789abcdef", draw); err != nil {
		t.Fatal(err)
	}
	first, _ := owed(t, mails, 0) // a lease that is over at once: its holder died
	second, _ := owed(t, mails, time.Hour)
	if len(first) != 1 || len(second) != 1 || second[0].Attempts != 2 {
		t.Fatalf("%+v, then %+v", first, second)
	}
	if _, names := owed(t, mails, time.Hour); len(names) != 0 {
		t.Errorf("a letter under lease is given away: %v", names)
	}
	// Who lost the lease settles nothing.
	if err := mails.ParkMail(t.Context(), first[0], "late"); err != nil {
		t.Fatal(err)
	}
	if err := mails.MailFailed(t.Context(), second[0], 0, "the server is away"); err != nil {
		t.Fatal(err)
	}
	third, _ := owed(t, mails, time.Hour)
	if len(third) != 1 || third[0].Attempts != 3 {
		t.Fatalf("after a failure: %+v", third)
	}
	if err := mails.ParkMail(t.Context(), third[0], "no such address"); err != nil {
		t.Fatal(err)
	}
	if _, names := owed(t, mails, time.Hour); len(names) != 0 {
		t.Errorf("a letter that was given up is due: %v", names)
	}
	for market, n := range map[string]int{"de": 1, "gb": 0} {
		parked, err := mails.ParkedMails(t.Context(), market, 0, 10)
		if err != nil || len(parked) != n || n > 0 && (parked[0].Failure != "no such address" || !strings.HasPrefix(parked[0].Number, "SC-DE-") || parked[0].Since.IsZero()) {
			t.Errorf("%s: %+v, %v", market, parked, err)
		}
	}
	if err := mails.RetryMail(t.Context(), "gb", third[0].ID); !world.Is(err, world.CodeNotFound) {
		t.Errorf("by another market: %v", err)
	}
	if err := mails.RetryMail(t.Context(), "de", third[0].ID); err != nil {
		t.Fatal(err)
	}
	if err := mails.RetryMail(t.Context(), "de", third[0].ID); !world.Is(err, world.CodeNotFound) {
		t.Errorf("retried twice: %v", err)
	}
	again, _ := owed(t, mails, time.Hour)
	if len(again) != 1 || again[0].Attempts != 1 {
		t.Fatalf("retried: %+v", again)
	}
	if err := mails.MailSent(t.Context(), again[0]); err != nil {
		t.Fatal(err)
	}
	if n, err := mails.ForgetMails(t.Context(), time.Now().Add(-time.Hour), 10); err != nil || n != 0 {
		t.Errorf("forgot %d, %v", n, err)
	}
	if n, err := mails.ForgetMails(t.Context(), time.Now().Add(time.Hour), 10); err != nil || n != 1 {
		t.Errorf("forgot %d, %v", n, err)
	}
}

// A payment that fails is told while the order waits for one; money that came is
// told to the owner's systems.
func TestPaymentsOweTheirOwn(t *testing.T) {
	s, c := newOrders(t, map[string]int{"brezel": 10})
	mails, hooks := postgres.NewMailStore(c), postgres.NewHookStore(c)
	endpoint(t, hooks, "de", world.HookPaymentCaptured)
	o := ordered(t, s, map[string]int{"brezel": 1})
	o.State, o.Method, o.ExpiresAt = world.OrderAwaitingPayment, world.PayCard, time.Now().Add(time.Hour)
	o, _, err := s.Place(t.Context(), o, "key-0123456789abcdef", draw)
	if err != nil {
		t.Fatal(err)
	}
	for _, q := range []string{
		`insert into payment (key, order_id, market, attempt, provider, state, currency, amount_minor, opened_at, changed_at) select 'a', $1, 'de', 1, 'test', 'opened', 'EUR', 107, now(), now()`,
		`update payment set state = 'failed' where key = 'a' and order_id = $1`,
		`insert into payment (key, order_id, market, attempt, provider, state, currency, amount_minor, opened_at, changed_at) select 'b', $1, 'de', 2, 'test', 'opened', 'EUR', 107, now(), now()`,
		`update payment set state = 'captured', captured_minor = 107 where key = 'b' and order_id = $1`,
	} {
		if _, err := c.Pool.Exec(t.Context(), q, o.ID); err != nil {
			t.Fatal(err)
		}
	}
	if _, names := owed(t, mails, time.Hour); !slices.Equal(names, []string{"payment_failed.1"}) {
		t.Errorf("owed %v", names)
	}
	if kinds, data := toldAll(t, hooks); !slices.Equal(kinds, []world.HookKind{world.HookPaymentCaptured}) || !strings.Contains(data, o.Number) {
		t.Errorf("told %v: %s", kinds, data)
	}
}
