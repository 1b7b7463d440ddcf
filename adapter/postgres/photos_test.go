package postgres_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"meridian/adapter/postgres"
	"meridian/world"
)

// Whatever way a cart lets go of a photo, it is found then; one that a cart or an
// order holds is not. The shop's own rights are enough for all of it.
func TestPhotosThatNothingHoldsAreFound(t *testing.T) {
	s, super := asShop(t)
	ctx := t.Context()
	if err := postgres.SeedStock(ctx, super.Pool, []postgres.SeedProduct{{Market: "de", Slug: "cake", Stock: 99}}); err != nil {
		t.Fatal(err)
	}
	photo := func(n int) string { return fmt.Sprintf("2%015d", n) }
	with := func(n int) string {
		t.Helper()
		id := id26()
		if err := s.NotePhoto(ctx, photo(n)); err != nil {
			t.Fatal(err)
		}
		if err := s.AddToCart(ctx, id, "de", world.CartAddition{SKU: "cake", Quantity: 1, Photo: photo(n)}, 9, 9); err != nil {
			t.Fatal(err)
		}
		return id
	}
	with(1)                                            // held by a cart
	if err := s.NotePhoto(ctx, photo(2)); err != nil { // never got into one
		t.Fatal(err)
	}
	if err := s.SetInCart(ctx, with(3), "de", "cake", 0); err != nil { // its line was removed
		t.Fatal(err)
	}
	if err := s.SetPhoto(ctx, with(4), "de", "cake", photo(5)); err != nil { // another took its place
		t.Fatal(err)
	}
	old := with(6) // its cart went
	if _, err := super.Pool.Exec(ctx, `update cart set updated_at = '2026-01-01' where id = $1`, old); err != nil {
		t.Fatal(err)
	}
	if n, err := s.ForgetCarts(ctx, time.Date(2026, 1, 2, 0, 0, 0, 0, time.UTC), 9); err != nil || n != 1 {
		t.Fatalf("%d, %v", n, err)
	}
	o := ordered(t, s, map[string]int{"cake": 1}) // it was ordered
	if err := s.SetPhoto(ctx, o.CartID, "de", "cake", photo(7)); err != nil {
		t.Fatal(err)
	}
	o.Lines[0].Photo = photo(7)
	if _, _, err := s.Place(ctx, o, "key-0123456789abcdef", draw); err != nil {
		t.Fatal(err)
	}

	var now time.Time // the database's, which notes by its own clock
	if err := super.Pool.QueryRow(ctx, "select now()").Scan(&now); err != nil {
		t.Fatal(err)
	}
	soon := now.Add(time.Hour)
	find := func(before, at time.Time, limit int) []string {
		t.Helper()
		found, err := s.UnusedPhotos(ctx, before, at, limit)
		if err != nil {
			t.Fatal(err)
		}
		slices.Sort(found)
		return found
	}
	if got := find(now.Add(-time.Hour), now, 9); len(got) != 0 {
		t.Errorf("not yet old enough: %v", got)
	}
	got := slices.Concat(find(soon, soon, 3), find(soon, soon, 3), find(soon, soon, 3))
	slices.Sort(got)
	if want := []string{photo(2), photo(3), photo(4), photo(6)}; !slices.Equal(got, want) {
		t.Errorf("found %v, want %v, each once", got, want)
	}
	if n := count(t, super.Pool, "select count(*) from unused_photo"); n != 4 {
		t.Errorf("%d are noted: those that are held need no note", n)
	}

	later := soon.Add(time.Hour)
	if err := s.PhotoDeleted(ctx, photo(2), ""); err != nil {
		t.Fatal(err)
	}
	if err := s.PhotoDeleted(ctx, photo(3), "media says no"); err != nil {
		t.Fatal(err)
	}
	if got := find(soon, later, 9); len(got) != 0 {
		t.Errorf("tried again at once: %v", got)
	}
	if got := find(later, later, 9); !slices.Equal(got, []string{photo(3), photo(4), photo(6)}) {
		t.Errorf("tried again later: %v", got)
	}
	if n := count(t, super.Pool, "select count(*) from unused_photo where error = 'media says no'"); n != 1 {
		t.Error("why it failed is not kept")
	}
}
