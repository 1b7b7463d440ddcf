package postgres_test

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"meridian/adapter/postgres"
	"meridian/world"
)

func TestSetLine(t *testing.T) {
	s, _ := asShop(t)
	ctx := t.Context()
	id := id26()
	if _, err := s.SetLine(ctx, id, "de", "brot", 1, 9, agree); !world.Is(err, world.CodeNotFound) {
		t.Errorf("a cart that nobody made: %v", err)
	}
	if err := s.NewCart(ctx, id, "de"); err != nil {
		t.Fatal(err)
	}
	if err := s.NewCart(ctx, id, "gb"); !world.Is(err, world.CodeConflict) {
		t.Errorf("made twice: %v", err)
	}
	if known, err := s.KnowsCart(ctx, id, "de"); !known || err != nil {
		t.Errorf("%v %v", known, err)
	}
	if _, err := s.SetLine(ctx, id, "gb", "brot", 1, 9, agree); !world.Is(err, world.CodeNotFound) {
		t.Errorf("another market's: %v", err)
	}
	for _, c := range []struct {
		sku            string
		quantity, most int
		want           string
	}{{"brot", 2, 2, "brot 2"}, {"torte", 1, 2, "brot 2, torte 1"}, {"brot", 5, 2, "brot 5, torte 1"}, {"torte", 0, 2, "brot 5"}, {"torte", 0, 2, "brot 5"}, {"brot", 200, 1, "brot 99"}} {
		got, err := s.SetLine(ctx, id, "de", c.sku, c.quantity, c.most, agree)
		if told(got) != c.want || err != nil {
			t.Errorf("%s %d: %s, %v", c.sku, c.quantity, told(got), err)
		}
	}
	if _, err := s.SetLine(ctx, id, "de", "torte", 1, 1, agree); !world.Is(err, world.CodeTooLarge) {
		t.Errorf("past its lines: %v", err)
	}
	no := errors.New("no")
	if _, err := s.SetLine(ctx, id, "de", "brot", 1, 9, func(l []world.CartLine) error {
		if told(l) != "brot 99" {
			t.Errorf("agree is shown %s", told(l))
		}
		return world.Because(world.CodePrecondition, "test", "", no)
	}); !world.Is(err, world.CodePrecondition) || !errors.Is(err, no) {
		t.Errorf("not agreed: %v", err)
	}
	if got, _ := s.Cart(ctx, id, "de"); told(got) != "brot 99" {
		t.Errorf("after what was refused: %s", told(got))
	}
}

// Of changes that are all made of the same state one is carried out.
func TestSetLineIsAgreedToOnce(t *testing.T) {
	s, _ := asShop(t)
	id := id26()
	if err := s.NewCart(t.Context(), id, "de"); err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	var mu sync.Mutex
	done := 0
	for i := range 8 {
		wg.Go(func() {
			_, err := s.SetLine(t.Context(), id, "de", "brot", i+1, 9, func(l []world.CartLine) error {
				if len(l) > 0 {
					return world.E(world.CodePrecondition, "test", "")
				}
				return nil
			})
			mu.Lock()
			defer mu.Unlock()
			if err == nil {
				done++
			} else if !world.Is(err, world.CodePrecondition) {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if done != 1 {
		t.Errorf("%d changes of one state", done)
	}
}

// Who changes a line looks at the cart when no order takes lines out of it: the cart
// that was ordered is not filled again by who was shown the full one.
func TestSetLineWaitsForAnOrder(t *testing.T) {
	s, c := asShop(t)
	o := ordered(t, s, map[string]int{"brezel": 2})
	tx, err := c.Pool.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Rollback(t.Context())
	if _, err := tx.Exec(t.Context(), `select cart_take($1, '{brezel}', '{2}', '{""}')`, o.CartID); err != nil {
		t.Fatal(err)
	}
	shown, over := make(chan string, 1), make(chan error, 1)
	go func() {
		_, err := s.SetLine(t.Context(), o.CartID, "de", "brezel", 5, 9, func(l []world.CartLine) error {
			shown <- told(l)
			return nil
		})
		over <- err
	}()
	blocked(t, c, 1)
	if err := tx.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := <-over; err != nil {
		t.Error(err)
	}
	if got := <-shown; got != "" {
		t.Errorf("it is shown what was ordered: %s", got)
	}
}

// blocked waits until so many wait for locks.
func blocked(t *testing.T, c *postgres.Cluster, n int) {
	t.Helper()
	eventually(t, "somebody waits for a lock", func() bool {
		var waiting int
		err := c.Pool.QueryRow(t.Context(), `select count(*) from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()`).Scan(&waiting)
		return err == nil && waiting == n
	})
}

func told(lines []world.CartLine) string {
	var out []string
	for _, l := range lines {
		out = append(out, fmt.Sprint(l.SKU, " ", l.Quantity))
	}
	return strings.Join(out, ", ")
}

func agree([]world.CartLine) error { return nil }
