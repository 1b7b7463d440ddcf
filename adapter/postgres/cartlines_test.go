package postgres_test

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

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

func told(lines []world.CartLine) string {
	var out []string
	for _, l := range lines {
		out = append(out, fmt.Sprint(l.SKU, " ", l.Quantity))
	}
	return strings.Join(out, ", ")
}

func agree([]world.CartLine) error { return nil }
