package shop

import (
	"context"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"meridian/engine/money"
	"meridian/engine/order"
	"meridian/platform/courier"
	"meridian/platform/sweep"
	"meridian/role/shop/letters"
	"meridian/world"
)

// MailConfig says how letters to buyers are sent.
type MailConfig struct {
	courier.Settings `yaml:",inline"`
	From             string        `yaml:"from" doc:"the address that letters come from; none: orders@ and the market's host"`
	Attempts         int           `yaml:"attempts" doc:"after so many failures a letter is given up, and kept with the reason"`
	Age              time.Duration `yaml:"age" doc:"how long it is kept which letters were sent or given up"`
}

// Mails keeps which letters are owed.
type Mails interface {
	// ClaimMails are letters that are due, oldest first, at most limit, and the
	// caller's for the time of a lease.
	ClaimMails(ctx context.Context, limit int, lease time.Duration) ([]world.QueuedMail, error)
	// MailSent, MailFailed and ParkMail settle one: sent, due again in a while, or
	// given up. They change nothing when another has claimed it since.
	MailSent(ctx context.Context, m world.QueuedMail) error
	MailFailed(ctx context.Context, m world.QueuedMail, again time.Duration, why string) error
	ParkMail(ctx context.Context, m world.QueuedMail, why string) error
	// History is an order's log and its refunds, oldest first.
	History(ctx context.Context, orderID string) (log []world.OrderNote, refunds []world.Refund, err error)
	// ForgetMails removes at most limit letters that were settled before a moment,
	// and returns how many.
	ForgetMails(ctx context.Context, before time.Time, limit int) (int, error)
}

// Mailer hands letters to a mail server.
type Mailer interface {
	// Send returns when the server has the letter. invalid and unprocessed are
	// final; after any other error it can be tried again.
	Send(ctx context.Context, m world.Mail) error
}

// maxFailure is how much is kept of why a letter could not be sent, in bytes.
const maxFailure = 500

// runMails sends letters until ctx ends; without a mail server they wait.
func (s *Shop) runMails(ctx context.Context) {
	if s.deps.Mailer == nil || s.deps.Mails == nil {
		return
	}
	loop := courier.Loop[world.QueuedMail]{Settings: s.cfg.Mail.Settings, What: "letters", Log: s.deps.Log, Claim: s.deps.Mails.ClaimMails, Do: s.sendMail, Wake: s.told}
	_ = loop.Run(ctx) // it never fails
}

// oldMails forgets letters that were settled long ago.
func (s *Shop) oldMails() sweep.Loop {
	return sweep.Loop{What: "old letters", Remove: func(ctx context.Context, limit int) (int, error) {
		if s.deps.Mails == nil {
			return 0, nil
		}
		return s.deps.Mails.ForgetMails(ctx, s.deps.Now().Add(-s.cfg.Mail.Age), limit)
	}}
}

// Told has letters and messages to owners' systems that are owed sent soon, in
// place of at the next look. Whoever has just changed an order calls it; it never
// waits.
func (s *Shop) Told() {
	for _, wake := range []chan struct{}{s.told, s.toldHooks} {
		select {
		case wake <- struct{}{}:
		default: // it is told already
		}
	}
}

// sendMail writes and sends one letter, and settles it.
func (s *Shop) sendMail(ctx context.Context, m world.QueuedMail) error {
	letter, err := s.writeMail(ctx, m)
	if world.Is(err, world.CodeConflict) {
		return world.Wrap("shop.mail", s.deps.Mails.ParkMail(ctx, m, err.Error()))
	}
	if err == nil {
		err = s.deps.Mailer.Send(ctx, letter)
	}
	if ctx.Err() != nil {
		return nil // we are told to stop: the lease will end
	}
	if err == nil {
		count(s.mailed, "sent")
		return world.Wrap("shop.mail", s.deps.Mails.MailSent(ctx, m))
	}
	why := err.Error()
	why = strings.ToValidUTF8(why[:min(len(why), maxFailure)], "")
	final := world.Is(err, world.CodeInvalid) || world.Is(err, world.CodeUnprocessed) || world.Is(err, world.CodeNotFound)
	if final || m.Attempts >= s.cfg.Mail.Attempts {
		count(s.mailed, "parked")
		// A mail server's own words name the buyer: they are kept with the letter alone.
		s.deps.Log.WarnContext(ctx, "a letter is given up", "order", m.OrderID, "kind", m.Kind, "attempts", m.Attempts, "why", saidOf(err))
		return world.Wrap("shop.mail", s.deps.Mails.ParkMail(ctx, m, why))
	}
	count(s.mailed, "failed")
	return world.Wrap("shop.mail", s.deps.Mails.MailFailed(ctx, m, s.cfg.Mail.RetryAfter(m.Attempts), why))
}

// writeMail is a letter as the order's buyer reads it, from what was sold. It
// fails with conflict where there is nothing to tell any more.
func (s *Shop) writeMail(ctx context.Context, m world.QueuedMail) (world.Mail, error) {
	o, err := s.deps.Orders.Order(ctx, m.OrderID)
	if err != nil {
		return world.Mail{}, world.Wrap("shop.mail", err)
	}
	if m.Kind == world.MailPaymentFailed && o.State != world.OrderAwaitingPayment {
		return world.Mail{}, world.E(world.CodeConflict, "shop.mail", "the order waits for no payment any more")
	}
	at, err := s.siteOfOrder(o)
	if err != nil {
		return world.Mail{}, err
	}
	l := s.letterOf(at, o, m)
	if m.Kind == world.MailRefunded || m.Kind == world.MailCancelled {
		if err := s.addHistory(ctx, at, o, m, &l); err != nil {
			return world.Mail{}, err
		}
	}
	papers, err := s.documents(ctx, at, o)
	if err != nil {
		return world.Mail{}, world.Wrap("shop.mail", err)
	}
	for _, p := range papers {
		l.Papers = append(l.Papers, letters.Paper{Name: p.Name, URL: s.origin(at.market.Host) + p.URL})
	}
	w, err := s.letters.Write(at.texts, l)
	if err != nil {
		return world.Mail{}, world.Wrap("shop.mail", err)
	}
	from := s.cfg.Mail.From
	if from == "" {
		from = "orders@" + at.market.Host
	}
	return world.Mail{ID: letters.ID(o.Number, m.Kind, m.N, at.market.Host), FromName: l.Brand, From: from, To: o.Contact.Email,
		Subject: w.Subject, Locale: at.locale(), Text: w.Text, HTML: w.HTML, At: m.At}, nil
}

// siteOfOrder is the market and language of an order; the market's first
// language where its own is no longer there.
func (s *Shop) siteOfOrder(o world.Order) (*site, error) {
	byPrefix, ok := s.sites[o.Market]
	if !ok {
		return nil, world.E(world.CodeInvalid, "shop.mail", "the order's market is not in the world any more")
	}
	for _, at := range byPrefix {
		if at.locale() == o.Locale {
			return at, nil
		}
	}
	return byPrefix[""], nil
}

func (s *Shop) letterOf(at *site, o world.Order, m world.QueuedMail) letters.Letter {
	l := letters.Letter{
		Kind: m.Kind, Brand: at.name(s.world.Name), Name: o.Contact.Name, Number: o.Number, How: o.Fulfilment,
		When: at.window(o.Slot.Start, o.Slot.End),
		URL:  s.origin(at.market.Host) + at.prefix + "/orders/" + o.ID,
	}
	switch m.Kind {
	case world.MailPaymentFailed:
		l.Total = at.orderMoney(o, o.PayableMinor())
		l.Until = at.date(o.ExpiresAt)
	case world.MailReady:
		if !l.How.AtShop() {
			l.Where = at.texts.Address(o.Contact)
		}
	case world.MailPlaced:
		at.addSums(o, &l)
		if !l.How.AtShop() {
			l.Where = at.texts.Address(o.Contact)
		}
		if o.Method == world.PayOnCollection {
			l.Note = at.texts.Text("checkout.payment_note")
		}
	}
	return l
}

// addSums adds lines, discounts and taxes, which come to the total.
func (at *site) addSums(o world.Order, l *letters.Letter) {
	for _, line := range o.Lines {
		l.Lines = append(l.Lines, letters.Line{Name: line.Name, Quantity: line.Quantity, Sum: at.orderMoney(o, line.LineMinor)})
	}
	for _, d := range o.Discounts {
		l.Rows = append(l.Rows, letters.Row{Label: d.Label, Sum: at.orderMoney(o, -d.Minor)})
	}
	if left := order.LeftOut(o); left != 0 {
		l.Rows = append(l.Rows, letters.Row{Label: at.texts.Text("tax.left_out"), Sum: at.orderMoney(o, left)})
	}
	for _, t := range at.sums(o).Taxes {
		l.Rows = append(l.Rows, letters.Row{Label: t.Label, Sum: t.Tax})
	}
	if o.RoundingMinor != 0 {
		l.Rows = append(l.Rows, letters.Row{Label: at.texts.Text("cart.rounding"), Sum: at.orderMoney(o, o.RoundingMinor)})
	}
	l.Total = at.orderMoney(o, o.PayableMinor())
}

// orderMoney is in the order's own currency, whatever the market's is now.
func (at *site) orderMoney(o world.Order, minor int64) string {
	return money.Amount{Minor: minor, Currency: o.Currency}.Format(at.locale())
}

// addHistory adds what the shop said and what it gives back.
func (s *Shop) addHistory(ctx context.Context, at *site, o world.Order, m world.QueuedMail, l *letters.Letter) error {
	log, refunds, err := s.deps.Mails.History(ctx, o.ID)
	if err != nil {
		return world.Wrap("shop.mail", err)
	}
	if m.Kind == world.MailCancelled {
		for _, note := range order.Shown(log) {
			if note.N == m.N {
				l.Reason = note.Text
			}
		}
		return nil
	}
	for _, r := range refunds {
		if int64(r.N) == m.N {
			l.Amount, l.Reason = at.orderMoney(o, r.TotalMinor), r.Reason
			return nil
		}
	}
	return world.E(world.CodeInvalid, "shop.mail", "the refund that the letter is about is not there")
}

// resultCounts counts what became of what is sent; nil where nothing is reported.
func resultCounts(reg prometheus.Registerer, name, help string) *prometheus.CounterVec {
	if reg == nil {
		return nil
	}
	c := prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help + " that were sent, failed and are tried again, or were given up (parked)."}, []string{"result"})
	reg.MustRegister(c)
	return c
}

func count(counts *prometheus.CounterVec, result string) {
	if counts != nil {
		counts.WithLabelValues(result).Inc()
	}
}
