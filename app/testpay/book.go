package testpay

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"

	"meridian/world"
)

// book holds all payments. Each has its turn; a change is on the disk before
// anybody is shown it.
type book struct {
	rules  rules
	most   int
	now    func() time.Time
	log    *slog.Logger
	ledger *ledger
	send   func(ctx context.Context, p payment, e event) error
	life   context.Context // timers and messages end with it
	after  func(tries int) time.Duration
	tries  int
	flows  chan struct{} // a place for each message that is under way
	beside sync.WaitGroup

	mu     sync.Mutex
	byRef  map[string]*entry
	byKey  map[[2]string]*entry // by account and key
	byPage map[string]*entry
}

// entry is one payment and its turn.
type entry struct {
	account string // of p, which never changes it

	turn    sync.Mutex
	p       payment
	timer   *time.Timer
	sending bool // a message of it is under way
}

// maxFlows is how many messages are under way at once.
const maxFlows = 16

// openBook reads the ledger of dir and goes on with what time left to do.
func openBook(life context.Context, c Config, now func() time.Time, log *slog.Logger) (*book, error) {
	if err := os.MkdirAll(c.Dir, 0o700); err != nil {
		return nil, world.Wrap("testpay.open", err)
	}
	l, payments, err := openLedger(filepath.Join(c.Dir, "ledger"))
	if err != nil {
		return nil, err
	}
	b := &book{
		rules: rules{late: c.Late, pageLife: c.PageLife, declines: c.Declines}, most: c.Payments, now: now, log: log, ledger: l,
		life: life, tries: c.Tries, flows: make(chan struct{}, maxFlows),
		byRef: map[string]*entry{}, byKey: map[[2]string]*entry{}, byPage: map[string]*entry{},
	}
	b.after = func(tries int) time.Duration { return min(c.Retry<<min(tries-1, 20), time.Hour) }
	for _, p := range payments {
		b.index(&entry{account: p.Account, p: p})
	}
	return b, nil
}

// start goes on with what time left to do; from then on send is asked.
func (b *book) start(send func(context.Context, payment, event) error) {
	b.send = send
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, e := range b.byRef {
		e.turn.Lock()
		b.wind(e)
		e.turn.Unlock()
	}
}

func (b *book) index(e *entry) {
	b.byRef[e.p.Ref], b.byKey[[2]string{e.p.Account, e.p.Asked.Key}], b.byPage[e.p.Page] = e, e, e
}

// close ends timers and waits for messages; life has ended.
func (b *book) close() error {
	b.mu.Lock()
	for _, e := range b.byRef {
		e.turn.Lock()
		if e.timer != nil {
			e.timer.Stop()
		}
		e.turn.Unlock()
	}
	b.mu.Unlock()
	b.beside.Wait() // who has seen life go on has begun under the lock; nobody begins now
	return b.ledger.close()
}

// open makes a payment, or finds the one of the same key.
func (b *book) open(account string, a asked) (payment, error) {
	const op = "testpay.open"
	b.mu.Lock()
	e, ok := b.byKey[[2]string{account, a.Key}]
	if !ok && len(b.byRef) >= b.most {
		b.mu.Unlock()
		return payment{}, world.E(world.CodeFull, op, "There are as many payments as the provider keeps: begin with an empty folder, or raise payments.")
	}
	if !ok {
		e = &entry{account: account, p: payment{Ref: newName("pay_"), Account: account, Page: newName(""), Asked: a, State: world.PaymentOpened, Version: 1, Opened: b.now().UTC()}}
		e.turn.Lock()
		b.index(e)
	}
	b.mu.Unlock()
	if !ok {
		defer e.turn.Unlock()
		if err := b.ledger.write(e.p); err != nil {
			return payment{}, world.Wrap(op, err)
		}
		b.wind(e)
		return e.p, nil
	}
	p, err := b.look(e)
	if err == nil && p.Asked != a {
		err = world.E(world.CodeConflict, op, "This key has opened another payment: take another key.")
	}
	return p, err
}

// ref finds an account's payment.
func (b *book) ref(account, ref string) (*entry, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	e, ok := b.byRef[ref]
	if !ok || e.account != account {
		return nil, world.E(world.CodeNotFound, "testpay.ref", "There is no such payment.")
	}
	return e, nil
}

// page finds a payment by the buyer's address.
func (b *book) page(secret string) (*entry, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	e, ok := b.byPage[secret]
	if !ok {
		return nil, world.E(world.CodeNotFound, "testpay.page", "There is no such payment.")
	}
	return e, nil
}

// look is a payment as it is now.
func (b *book) look(e *entry) (payment, error) {
	return b.change(e, func(*payment, time.Time) error { return nil })
}

// change has a payment changed and written down; who reads it then sees that. do
// changes a copy, which is dropped when do fails.
func (b *book) change(e *entry, do func(p *payment, now time.Time) error) (payment, error) {
	e.turn.Lock()
	defer e.turn.Unlock()
	next, now := e.p.clone(), b.now().UTC()
	next.settle(b.rules, now)
	settled := next.clone()
	err := do(&next, now)
	if err != nil {
		next = settled
	}
	if next.Version != e.p.Version || len(next.Events) != len(e.p.Events) || next.Stumbled != e.p.Stumbled {
		if failed := b.ledger.write(next); failed != nil {
			return payment{}, errors.Join(failed, err)
		}
	}
	e.p = next // how often a message was tried is not worth a line
	b.wind(e)
	return e.p.clone(), err
}

// wind sets the clock for what is to be done next; the caller has the turn.
func (b *book) wind(e *entry) {
	if e.timer != nil {
		e.timer.Stop()
	}
	at, ok := e.p.due(b.rules)
	if !ok || e.sending || b.life.Err() != nil || b.send == nil {
		return
	}
	e.timer = time.AfterFunc(max(at.Sub(b.now()), 0), func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		if b.life.Err() == nil {
			b.beside.Go(func() { b.tick(e) })
		}
	})
}

// tick does what time does to a payment and sends what is due.
func (b *book) tick(e *entry) {
	select {
	case b.flows <- struct{}{}:
		defer func() { <-b.flows }()
	case <-b.life.Done():
		return
	}
	var next *event
	p, err := b.change(e, func(p *payment, now time.Time) error {
		for _, v := range p.Events {
			if !e.sending && !v.Due.After(now) {
				next, e.sending = &v, true // the clock stands still meanwhile
				break
			}
		}
		return nil
	})
	if err != nil {
		b.log.Error("a payment cannot be written down", "err", err)
		return
	}
	if next != nil {
		b.told(e, *next, b.send(b.life, p, *next))
	}
}

// told notes that a message was taken, or when it is sent again.
func (b *book) told(e *entry, v event, failed error) {
	if b.life.Err() != nil {
		return
	}
	_, err := b.change(e, func(p *payment, now time.Time) error {
		e.sending = false
		for i := range p.Events {
			at := &p.Events[i]
			if at.ID != v.ID || at.Tries != v.Tries {
				continue
			}
			at.Tries++
			if failed == nil || at.Tries >= b.tries {
				p.Events = append(p.Events[:i], p.Events[i+1:]...)
			} else {
				at.Due = now.Add(b.after(at.Tries))
			}
			return nil
		}
		return nil
	})
	if failed != nil {
		b.log.Info("a webhook was not taken", "event", v.ID, "tries", v.Tries+1, "err", failed)
	}
	if err != nil {
		b.log.Error("a payment cannot be written down", "event", v.ID, "err", err)
	}
}
