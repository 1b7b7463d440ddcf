package postgres_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"meridian/adapter/postgres"
	"meridian/world"
)

// tester is a test, or a try of one with random values.
type tester interface {
	rapid.TB
	Context() context.Context
}

// filled is a new cart of the German market with so many of each SKU, in this order.
func filled(t tester, s *postgres.OrderStore, lines ...world.CartLine) string {
	t.Helper()
	id := id26()
	err := s.NewCart(t.Context(), id, "de")
	for _, l := range lines {
		if err == nil {
			err = s.AddToCart(t.Context(), id, "de", world.CartAddition{SKU: l.SKU, Quantity: l.Quantity, Photo: l.Photo}, 99, 99)
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	return id
}

// holds fails a test for a cart that holds anything else.
func holds(t tester, s *postgres.OrderStore, id, what string, want []world.CartLine) {
	t.Helper()
	if got, err := s.Cart(t.Context(), id, "de"); err != nil || !slices.Equal(got, want) {
		t.Errorf("%s holds %v, %v; want %v", what, got, err, want)
	}
}

func TestMergeCarts(t *testing.T) {
	s, _ := asShop(t)
	dog, cat := "20abcdefghjkmnpq", "20abcdefghjkmnpr"
	type lines = []world.CartLine
	made := func(sku string, n int, photo string) world.CartLine {
		return world.CartLine{SKU: sku, Quantity: n, Photo: photo}
	}
	line := func(sku string, n int) world.CartLine { return world.CartLine{SKU: sku, Quantity: n} }
	for name, c := range map[string]struct {
		into, from     lines
		most, maxLines int
		want, cut      lines
		code           world.Code
	}{
		"two empty ones":               {most: 9, maxLines: 9},
		"into an empty one":            {from: lines{line("b", 2), line("a", 1)}, most: 9, maxLines: 9, want: lines{line("b", 2), line("a", 1)}},
		"an empty one":                 {into: lines{line("b", 2)}, most: 9, maxLines: 9, want: lines{line("b", 2)}},
		"new ones come last, in order": {into: lines{line("m", 1)}, from: lines{line("z", 2), line("m", 1), line("a", 3)}, most: 9, maxLines: 9, want: lines{line("m", 2), line("z", 2), line("a", 3)}},
		"just as many":                 {into: lines{line("a", 4)}, from: lines{line("a", 5)}, most: 9, maxLines: 1, want: lines{line("a", 9)}},
		"one too many":                 {into: lines{line("a", 5)}, from: lines{line("a", 5)}, most: 9, maxLines: 9, want: lines{line("a", 9)}, cut: lines{line("a", 1)}},
		"past a lower limit":           {into: lines{line("a", 12), line("b", 12)}, from: lines{line("a", 1), line("c", 11)}, most: 9, maxLines: 9, want: lines{line("a", 9), line("b", 12), line("c", 9)}, cut: lines{line("a", 4), line("c", 2)}},
		"past the schema's":            {into: lines{line("a", 60)}, from: lines{line("a", 60)}, most: 500, maxLines: 9, want: lines{line("a", 99)}, cut: lines{line("a", 21)}},
		"as many lines as may be":      {into: lines{line("a", 1)}, from: lines{line("a", 1), line("b", 1)}, most: 9, maxLines: 2, want: lines{line("a", 2), line("b", 1)}},
		"a line too many":              {into: lines{line("a", 1)}, from: lines{line("a", 1), line("b", 1)}, most: 9, maxLines: 1, code: world.CodeTooLarge},
		"none new in one past a limit": {into: lines{line("a", 1), line("b", 1)}, from: lines{line("a", 1)}, most: 9, maxLines: 1, want: lines{line("a", 2), line("b", 1)}},
		"a photo moves":                {from: lines{made("a", 1, dog)}, most: 9, maxLines: 9, want: lines{made("a", 1, dog)}},
		"a photo is added":             {into: lines{line("a", 1)}, from: lines{made("a", 1, dog)}, most: 9, maxLines: 9, want: lines{made("a", 2, dog)}},
		"a photo stays":                {into: lines{made("a", 1, dog)}, from: lines{line("a", 1)}, most: 9, maxLines: 9, want: lines{made("a", 2, dog)}},
		"of two photos one stays":      {into: lines{made("a", 1, dog)}, from: lines{made("a", 1, cat)}, most: 9, maxLines: 9, want: lines{made("a", 2, dog)}},
	} {
		t.Run(name, func(t *testing.T) {
			m := world.CartMerge{Into: filled(t, s, c.into...), From: filled(t, s, c.from...)}
			got, cut, err := s.MergeCarts(t.Context(), "de", m, c.most, c.maxLines, agree)
			if world.CodeOf(err) != c.code || !slices.Equal(got, c.want) || !slices.Equal(cut, c.cut) {
				t.Errorf("%v, cut %v, %v", got, cut, err)
			}
			if c.code != "" {
				holds(t, s, m.Into, "the one that stays", c.into)
				holds(t, s, m.From, "the other", c.from)
				return
			}
			for range 2 {
				holds(t, s, m.Into, "the one that stays", c.want)
				holds(t, s, m.From, "the other", nil)
				if again, cut, err := s.MergeCarts(t.Context(), "de", m, c.most, c.maxLines, agree); err != nil || !slices.Equal(again, c.want) || len(cut) > 0 {
					t.Errorf("again: %v, cut %v, %v", again, cut, err)
				}
			}
			if known, err := s.KnowsCart(t.Context(), m.From, "de"); !known || err != nil {
				t.Errorf("the other is known: %v, %v", known, err)
			}
		})
	}
}

// What is refused changes nothing, and uses no key up.
func TestMergeCartsRefusals(t *testing.T) {
	s, super := asShop(t)
	ctx := t.Context()
	bread, roll := []world.CartLine{{SKU: "brot", Quantity: 2}}, []world.CartLine{{SKU: "brezel", Quantity: 3}}
	m := world.CartMerge{Into: filled(t, s, bread...), From: filled(t, s, roll...), Key: "a"}
	try := func(market string, m world.CartMerge, agree func([]world.CartLine) error, want world.Code) {
		t.Helper()
		if got, cut, err := s.MergeCarts(ctx, market, m, 9, 9, agree); world.CodeOf(err) != want || got != nil || cut != nil {
			t.Errorf("%v %v %v, want %s", got, cut, err, want)
		}
		holds(t, s, m.Into, "the one that stays", bread)
	}
	try("de", world.CartMerge{Into: m.Into, From: m.Into, Key: "a"}, agree, world.CodeUnprocessed)
	try("de", world.CartMerge{Into: m.Into, From: id26(), Key: "a"}, agree, world.CodeNotFound)
	try("gb", m, agree, world.CodeNotFound)
	unknown := world.CartMerge{Into: id26(), From: m.Into, Key: "a"}
	if _, _, err := s.MergeCarts(ctx, "de", unknown, 9, 9, agree); !world.Is(err, world.CodeNotFound) {
		t.Errorf("into one that is not known: %v", err)
	}
	british := id26()
	if err := s.NewCart(ctx, british, "gb"); err != nil {
		t.Fatal(err)
	}
	try("de", world.CartMerge{Into: m.Into, From: british, Key: "a"}, agree, world.CodeNotFound)
	no := errors.New("no")
	try("de", m, func(l []world.CartLine) error {
		if !slices.Equal(l, bread) {
			t.Errorf("agree is shown %v", l)
		}
		return world.Because(world.CodePrecondition, "test", "", no)
	}, world.CodePrecondition)
	holds(t, s, m.From, "the other", roll)
	if n := count(t, super.Pool, "select count(*) from idempotency_key"); n != 0 {
		t.Errorf("%d keys are used up", n)
	}
}

// Under one key carts are merged once, also when there is something to merge again,
// and at once. The key has nothing that opens the other cart.
func TestCartsAreMergedOnceAKey(t *testing.T) {
	s, super := asShop(t)
	ctx := t.Context()
	m := world.CartMerge{Into: filled(t, s), From: filled(t, s, world.CartLine{SKU: "brot", Quantity: 2}), Key: "a"}
	want := []world.CartLine{{SKU: "brot", Quantity: 2}}
	merge := func(agree func([]world.CartLine) error) {
		t.Helper()
		if got, cut, err := s.MergeCarts(ctx, "de", m, 9, 9, agree); err != nil || !slices.Equal(got, want) || len(cut) > 0 {
			t.Errorf("%v, cut %v, %v", got, cut, err)
		}
	}
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() { merge(agree) })
	}
	all.Wait()
	more := world.CartAddition{SKU: "brot", Quantity: 1}
	if err := s.AddToCart(ctx, m.From, "de", more, 9, 9); err != nil {
		t.Fatal(err)
	}
	merge(func([]world.CartLine) error { return errors.New("asked what it was asked before") })
	holds(t, s, m.From, "the other", []world.CartLine{{SKU: "brot", Quantity: 1}})
	other := m
	other.From = filled(t, s)
	if _, _, err := s.MergeCarts(ctx, "de", other, 9, 9, agree); !world.Is(err, world.CodeConflict) {
		t.Errorf("the key of another merge: %v", err)
	}
	more.Key = "a"
	if err := s.AddToCart(ctx, m.Into, "de", more, 9, 9); !world.Is(err, world.CodeConflict) {
		t.Errorf("the key of a merge, for an addition: %v", err)
	}
	if n := count(t, super.Pool, "select count(*) from idempotency_key where (scope, key, answer)::text like '%"+m.From+"%'"); n != 0 {
		t.Error("the key tells the other cart's token")
	}
	m.Key, want = "b", []world.CartLine{{SKU: "brot", Quantity: 3}}
	merge(agree)
}

// Of two photos the one that nobody holds any more is found; one that has moved is not.
func TestMergedCartsLetGoOfPhotos(t *testing.T) {
	s, super := asShop(t)
	ctx := t.Context()
	photo := func(n int) string { return fmt.Sprintf("2%015d", n) }
	cake := func(sku string, n int) world.CartLine { return world.CartLine{SKU: sku, Quantity: 1, Photo: photo(n)} }
	m := world.CartMerge{Into: filled(t, s, cake("both", 1), world.CartLine{SKU: "bare", Quantity: 1}), From: filled(t, s, cake("both", 2), cake("bare", 3), cake("new", 4))}
	if _, _, err := s.MergeCarts(ctx, "de", m, 9, 9, agree); err != nil {
		t.Fatal(err)
	}
	var now time.Time // the database's, which notes by its own clock
	if err := super.Pool.QueryRow(ctx, "select now()").Scan(&now); err != nil {
		t.Fatal(err)
	}
	later := now.Add(time.Hour)
	if got, err := s.UnusedPhotos(ctx, later, later, 9); err != nil || !slices.Equal(got, []string{photo(2)}) {
		t.Errorf("let go of %v, %v", got, err)
	}
}

// However many merge two carts in both directions while others fill them, each piece
// is in one of them in the end, and nobody fails.
func TestCartsMergedBothWaysAtOnce(t *testing.T) {
	s, _ := asShop(t)
	ctx := t.Context()
	a, b := filled(t, s, world.CartLine{SKU: "brot", Quantity: 5}), filled(t, s, world.CartLine{SKU: "brezel", Quantity: 7}, world.CartLine{SKU: "brot", Quantity: 1})
	var all sync.WaitGroup
	for i := range 8 {
		m := world.CartMerge{Into: a, From: b}
		if i%2 == 1 {
			m.Into, m.From = b, a
		}
		all.Go(func() {
			for range 5 {
				if _, cut, err := s.MergeCarts(ctx, "de", m, 99, 9, agree); err != nil || len(cut) > 0 {
					t.Errorf("cut %v, %v", cut, err)
				}
				if err := s.AddToCart(ctx, m.Into, "de", world.CartAddition{SKU: "brot", Quantity: 1}, 99, 9); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	got := map[string]int{}
	for _, id := range []string{a, b} {
		lines, err := s.Cart(ctx, id, "de")
		if err != nil {
			t.Fatal(err)
		}
		for _, l := range lines {
			got[l.SKU] += l.Quantity
		}
	}
	if got["brot"] != 6+8*5 || got["brezel"] != 7 || len(got) != 2 {
		t.Errorf("in both: %v", got)
	}
}

// Merges in opposite directions wait for one another at the same cart, and hold the
// other one no sooner.
func TestMergesLockInOneOrder(t *testing.T) {
	s, c := asShop(t)
	ctx := t.Context()
	first, second := filled(t, s), filled(t, s) // of rising ids
	tx, err := c.Pool.Begin(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Rollback(ctx)
	if _, err := tx.Exec(ctx, `select from cart where id = $1 for update`, first); err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	for _, m := range []world.CartMerge{{Into: first, From: second}, {Into: second, From: first}} {
		all.Go(func() {
			if _, _, err := s.MergeCarts(ctx, "de", m, 9, 9, agree); err != nil {
				t.Error(err)
			}
		})
	}
	blocked(t, c, 2)
	if _, err := tx.Exec(ctx, `select from cart where id = $1 for update nowait`, second); err != nil {
		t.Errorf("the second is locked before the first: %v", err)
	}
	if err := tx.Rollback(ctx); err != nil {
		t.Fatal(err)
	}
	all.Wait()
}

// What an order takes out of a cart at this moment is not put into another; what has
// been put into another cannot be ordered from the first.
func TestMergeCartsAndOrders(t *testing.T) {
	s, c := asShop(t)
	ctx := t.Context()
	if err := postgres.SeedStock(ctx, c.Pool, []postgres.SeedProduct{{Market: "de", Slug: "brezel", Stock: 9}}); err != nil {
		t.Fatal(err)
	}
	o := ordered(t, s, map[string]int{"brezel": 2})
	tx, err := c.Pool.Begin(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Rollback(ctx)
	if _, err := tx.Exec(ctx, `select cart_take($1, '{brezel}', '{2}', '{""}')`, o.CartID); err != nil {
		t.Fatal(err)
	}
	over := make(chan error, 1)
	m := world.CartMerge{Into: filled(t, s), From: o.CartID}
	go func() {
		_, _, err := s.MergeCarts(ctx, "de", m, 9, 9, agree)
		over <- err
	}()
	blocked(t, c, 1)
	if err := tx.Commit(ctx); err != nil {
		t.Fatal(err)
	}
	if err := <-over; err != nil {
		t.Error(err)
	}
	holds(t, s, m.Into, "after the order", nil)

	o = ordered(t, s, map[string]int{"brezel": 2})
	m.From = o.CartID
	if _, _, err := s.MergeCarts(ctx, "de", m, 9, 9, agree); err != nil {
		t.Fatal(err)
	}
	if _, _, err := s.Place(ctx, o, "key-0123456789abcdef", draw); !world.Is(err, world.CodeConflict) {
		t.Errorf("ordered from the emptied cart: %v", err)
	}
	holds(t, s, m.Into, "after the merge", []world.CartLine{{SKU: "brezel", Quantity: 2}})
}

// A photo that is given to a line while its cart is emptied is told that the line is
// gone, not lost.
func TestMergeCartsAndAPhoto(t *testing.T) {
	s, c := asShop(t)
	ctx := t.Context()
	dog, cat := "20abcdefghjkmnpq", "20abcdefghjkmnpr"
	cake := world.CartLine{SKU: "cake", Quantity: 1}
	m := world.CartMerge{Into: filled(t, s, cake), From: filled(t, s, world.CartLine{SKU: "cake", Quantity: 1, Photo: dog})}
	tx, err := c.Pool.Begin(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Rollback(ctx)
	if _, err := tx.Exec(ctx, `update cart_line set photo = $2 where cart_id = $1`, m.From, cat); err != nil {
		t.Fatal(err)
	}
	over := make(chan error, 1)
	go func() {
		_, _, err := s.MergeCarts(ctx, "de", m, 9, 9, agree)
		over <- err
	}()
	blocked(t, c, 1)
	if err := tx.Commit(ctx); err != nil {
		t.Fatal(err)
	}
	if err := <-over; err != nil {
		t.Error(err)
	}
	holds(t, s, m.Into, "the one that stays", []world.CartLine{{SKU: "cake", Quantity: 2, Photo: cat}})
	if err := s.SetPhoto(ctx, m.From, "de", "cake", dog); !world.Is(err, world.CodeNotFound) {
		t.Errorf("a photo for a line that has moved: %v", err)
	}
}

// Whatever two carts hold: of each SKU there are as many as in both, at most the most;
// the rest is told; those that stayed come first, each in its order; the other is empty.
func TestMergedCartsAreTheSumOfBoth(t *testing.T) {
	s, _ := asShop(t)
	rapid.Check(t, func(rt *rapid.T) {
		lines := rapid.SliceOfNDistinct(rapid.Custom(func(rt *rapid.T) world.CartLine {
			return world.CartLine{SKU: rapid.StringMatching(`[a-f]`).Draw(rt, "sku"), Quantity: rapid.IntRange(1, 99).Draw(rt, "quantity")}
		}), 0, 5, func(l world.CartLine) string { return l.SKU })
		into, from, most := lines.Draw(rt, "into"), lines.Draw(rt, "from"), rapid.IntRange(1, 120).Draw(rt, "most")
		m := world.CartMerge{Into: filled(rt, s, into...), From: filled(rt, s, from...)}
		got, cut, err := s.MergeCarts(t.Context(), "de", m, most, 9, agree)
		if err != nil {
			rt.Fatal(err)
		}
		want, rest := slices.Clone(into), []world.CartLine(nil)
		for _, l := range from {
			i := slices.IndexFunc(want, func(w world.CartLine) bool { return w.SKU == l.SKU })
			if i < 0 {
				i, want = len(want), append(want, world.CartLine{SKU: l.SKU})
			}
			sum := want[i].Quantity + l.Quantity
			want[i].Quantity = min(sum, most, postgres.MaxCartQuantity)
			if sum > want[i].Quantity {
				rest = append(rest, world.CartLine{SKU: l.SKU, Quantity: sum - want[i].Quantity})
			}
		}
		if !slices.Equal(got, want) || !slices.Equal(cut, rest) {
			rt.Errorf("%v, cut %v; want %v, cut %v", got, cut, want, rest)
		}
		holds(rt, s, m.From, "the other", nil)
	})
}
