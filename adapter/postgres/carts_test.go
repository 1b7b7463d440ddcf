package postgres_test

import "testing"

// A cart is known from its first product, and still by its orders when it is gone.
func TestKnowsCart(t *testing.T) {
	s, c := newOrders(t, map[string]int{"brezel": 3})
	ctx := t.Context()
	knows := func(id, market string, want bool, when string) {
		t.Helper()
		if got, err := s.KnowsCart(ctx, id, market); err != nil || got != want {
			t.Errorf("%s: known %v, %v; want %v", when, got, err, want)
		}
	}
	planted := id26()
	for _, n := range []int{2, 0} {
		if err := s.SetInCart(ctx, planted, "de", "brezel", n); err != nil {
			t.Fatal(err)
		}
	}
	knows(planted, "de", false, "changed but never filled")
	o := ordered(t, s, map[string]int{"brezel": 1})
	knows(o.CartID, "de", true, "filled")
	knows(o.CartID, "gb", false, "in another market")
	if _, _, err := s.Place(ctx, o, "key-0123456789abcdef", draw); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Pool.Exec(ctx, "delete from cart"); err != nil {
		t.Fatal(err)
	}
	knows(o.CartID, "de", true, "by its order")
	knows(o.CartID, "gb", false, "by its order, in another market")
}
