package shop

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"meridian/world"
)

// post is what is owed and what became of it.
type post struct {
	mu      sync.Mutex
	owed    []world.QueuedMail
	sent    []world.Mail
	settled []string
	why     string // the last letter was parked
	fail    error
	log     []world.OrderNote
	refunds []world.Refund
}

func (p *post) ClaimMails(context.Context, int, time.Duration) ([]world.QueuedMail, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	due := p.owed
	p.owed = nil
	return due, nil
}

func (p *post) settle(what string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.settled = append(p.settled, what)
	return nil
}

func (p *post) MailSent(context.Context, world.QueuedMail) error { return p.settle("sent") }

func (p *post) MailFailed(_ context.Context, _ world.QueuedMail, again time.Duration, _ string) error {
	return p.settle("again in " + again.String())
}

func (p *post) ParkMail(_ context.Context, _ world.QueuedMail, why string) error {
	p.why = why
	return p.settle("parked")
}

func (p *post) History(context.Context, string) ([]world.OrderNote, []world.Refund, error) {
	return p.log, p.refunds, nil
}

func (p *post) ForgetMails(context.Context, time.Time, int) (int, error) { return 0, nil }

func (p *post) Send(_ context.Context, m world.Mail) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.sent = append(p.sent, m)
	return p.fail
}

// mailed is a shop in Frankfurt with an order that letters can be about.
func mailed(t *testing.T, p *post) *bench {
	t.Helper()
	b := open(t, "eu-central", "de.localhost", func(c *Config, d *Deps) {
		c.PublicScheme, c.PublicPort = "https", 8443
		d.Mails, d.Mailer = p, p
	})
	b.orders.orders = map[string]world.Order{"id": {
		ID: "id", Number: "SC-DE-7K3M9Q", Market: "de", Locale: "de-DE", Currency: "EUR", Jurisdiction: "DE", Fulfilment: world.PickUp, Method: world.PayOnCollection,
		Contact: world.Contact{Name: "Jürgen Weiß", Email: "j@example.de"}, PlacedAt: noon, ExpiresAt: noon.Add(30 * time.Minute),
		Lines: []world.OrderLine{{Name: "Brezeln", Quantity: 2, LineMinor: 1000, DiscountMinor: 100}}, Taxes: []world.OrderTax{{Label: "MwSt.", Rate: "7", TaxMinor: 59, NetMinor: 841}},
		NetMinor: 841, TaxMinor: 59, TotalMinor: 900, DiscountMinor: 100, Discounts: []world.OrderDiscount{{Label: "Zehn Prozent", Minor: 100}},
		Slot: world.OrderSlot{ID: "pickup-2026-11-23-0900", Start: noon.Add(20 * time.Hour), End: noon.Add(21 * time.Hour)},
	}}
	return b
}

func TestALetterSaysWhatWasSold(t *testing.T) {
	p := &post{log: []world.OrderNote{{N: 2, By: world.ByOwner, Event: world.OrderCancel, Text: "Der Ofen ist kaputt", Who: "anna@example.de"}},
		refunds: []world.Refund{{N: 1, TotalMinor: 450, Reason: "Zu dunkel"}}}
	b := mailed(t, p)
	waiting := b.orders.orders["id"]
	waiting.State = world.OrderAwaitingPayment
	b.orders.orders["waiting"] = waiting
	for kind, want := range map[world.MailKind][]string{
		world.MailPlaced:        {"2 × Brezeln: 10,00", "Zehn Prozent: -1,00", "0,59", "Gesamtbetrag: 9,00", "Abholung: So., 22. November, 09:00–10:00 Uhr", "https://de.localhost:8443/orders/id", "Rechnung drucken: https://de.localhost:8443/orders/id/invoice", "Jürgen Weiß"},
		world.MailPaymentFailed: {"13:30 Uhr", "9,00", "Zahlung noch einmal versuchen"},
		world.MailReady:         {"wartet auf Sie"},
		world.MailCancelled:     {"storniert", "Der Ofen ist kaputt"},
		world.MailRefunded:      {"4,50", "Zu dunkel"},
	} {
		n := int64(1)
		if kind == world.MailCancelled {
			n = 2
		}
		id := "id"
		if kind == world.MailPaymentFailed {
			id = "waiting"
		}
		m, err := b.shop.writeMail(t.Context(), world.QueuedMail{OrderID: id, Kind: kind, N: n, At: noon})
		if err != nil {
			t.Fatalf("%s: %v", kind, err)
		}
		for _, w := range want {
			if text := strings.ReplaceAll(m.Text, "\u00a0", " "); !strings.Contains(text, w) {
				t.Errorf("%s lacks %q:\n%s", kind, w, text)
			}
		}
		if strings.Contains(m.Text+m.HTML, "anna@example.de") {
			t.Errorf("%s names staff", kind)
		}
		if m.To != "j@example.de" || m.From != "orders@de.localhost" || !strings.HasPrefix(m.ID, "sc-de-7k3m9q."+string(kind)+".") || m.At != noon {
			t.Errorf("%s: %+v", kind, m)
		}
	}
}

func TestWhatBecomesOfALetter(t *testing.T) {
	for name, c := range map[string]struct {
		fail    error
		attempt int
		order   string
		want    string
	}{
		"it is sent":             {nil, 1, "id", "sent"},
		"the server is away":     {world.E(world.CodeUnavailable, "", ""), 1, "id", "again in 10s"},
		"and again":              {errors.New("odd"), 3, "id", "again in 40s"},
		"too often":              {world.E(world.CodeUnavailable, "", ""), 30, "id", "parked"},
		"it will not have it":    {world.E(world.CodeUnprocessed, "", ""), 1, "id", "parked"},
		"there is no such order": {nil, 1, "none", "parked"},
	} {
		p := &post{fail: c.fail}
		b := mailed(t, p)
		if err := b.shop.sendMail(t.Context(), world.QueuedMail{OrderID: c.order, Kind: world.MailPlaced, N: 1, Attempts: c.attempt}); err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(p.settled, []string{c.want}) {
			t.Errorf("%s: %v, want %s", name, p.settled, c.want)
		}
	}
}

// A mail server's refusal names the buyer. It is kept with the letter, which is the
// zone's, and not told to the log.
func TestALogNamesNoBuyer(t *testing.T) {
	p := &post{fail: world.Because(world.CodeUnprocessed, "smtp.send", "The mail server will not have the letter (550).", errors.New("550 5.1.1 <j@example.de>: no such user"))}
	b := mailed(t, p)
	var log strings.Builder
	b.shop.deps.Log = slog.New(slog.NewTextHandler(&log, nil))
	if err := b.shop.sendMail(t.Context(), world.QueuedMail{OrderID: "id", Kind: world.MailPlaced, N: 1, Attempts: 1}); err != nil {
		t.Fatal(err)
	}
	if said := log.String(); !strings.Contains(said, "a letter is given up") || !strings.Contains(said, "550") || strings.Contains(said, "j@example") {
		t.Errorf("the log says %s", said)
	}
	if !strings.Contains(p.why, "j@example.de") {
		t.Errorf("kept with the letter: %q", p.why)
	}
}

// Lines, discounts, taxes on top and what paying in coins adds come to the total.
func TestALetterShowsTheRounding(t *testing.T) {
	b := mailed(t, &post{})
	o := b.orders.orders["id"]
	o.Currency, o.RoundingMinor = "CHF", 2
	b.orders.orders["id"] = o
	m, err := b.shop.writeMail(t.Context(), world.QueuedMail{OrderID: "id", Kind: world.MailPlaced, N: 1, At: noon})
	if text := strings.ReplaceAll(m.Text, "\u00a0", " "); err != nil || !strings.Contains(text, ": 0,02") || !strings.Contains(text, "9,02") {
		t.Errorf("%v:\n%s", err, text)
	}
}

// Who has paid meanwhile is not told to try again.
func TestAPaymentThatWorkedAtLastIsNotToldToHaveFailed(t *testing.T) {
	p := &post{}
	b := mailed(t, p)
	if err := b.shop.sendMail(t.Context(), world.QueuedMail{OrderID: "id", Kind: world.MailPaymentFailed, N: 1, Attempts: 1}); err != nil {
		t.Fatal(err)
	}
	if len(p.sent) != 0 || !slices.Equal(p.settled, []string{"parked"}) {
		t.Errorf("sent %d, %v", len(p.sent), p.settled)
	}
}

// A letter goes out when somebody says that it is owed, not a look later.
func TestLettersGoOutWhenTheyAreOwed(t *testing.T) {
	p := &post{}
	b := mailed(t, p)
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		b.shop.told = make(chan struct{}, 1)
		var run sync.WaitGroup
		run.Go(func() { b.shop.runMails(ctx) })
		synctest.Wait()
		p.mu.Lock()
		p.owed = []world.QueuedMail{{OrderID: "id", Kind: world.MailPlaced, N: 1, Attempts: 1}}
		p.mu.Unlock()
		b.shop.Told()
		b.shop.Told()
		synctest.Wait()
		if len(p.sent) != 1 {
			t.Errorf("%d letters went out at once", len(p.sent))
		}
		cancel()
		run.Wait()
	})
}
