package slots_test

import (
	"testing"

	"meridian/engine/slots"
	"meridian/engine/tax"
	"meridian/world"
)

func TestParse(t *testing.T) {
	want := slots.Ref{Kind: slots.Delivery, Day: tax.Date{Year: 2028, Month: 2, Day: 29}, Start: hm(23, 5)}
	if got, err := slots.Parse("delivery-2028-02-29-2305"); err != nil || got != want || got.String() != "delivery-2028-02-29-2305" {
		t.Errorf("got %+v, %v", got, err)
	}
	for _, bad := range []string{
		"", "pickup", "pickup-", "pickup-2026-11-23", "pickup-2026-11-23-", "pickup-2026-11-23-9", "pickup-2026-11-23-2400",
		"pickup-2026-11-23-0960", "pickup-2027-02-29-0900", "pickup-2026-13-01-0900", "Pickup-2026-11-23-0900",
		"post-2026-11-23-0900", " pickup-2026-11-23-0900", "pickup-2026-11-23-0900 ", "pickup-2026-11-23-09:00",
		"pickup-2026-11-23-090", "pickup--2026-11-23-0900", "pickup-２０２６-11-23-0900", "delivery-2026-11-23-09000",
	} {
		if got, err := slots.Parse(bad); !world.Is(err, world.CodeInvalid) {
			t.Errorf("%q: got %+v, %v", bad, got, err)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{"pickup-2026-11-23-0900", "delivery-2028-02-29-2359", "pickup-0000-01-01-0000", "pickup-2026-1-1-0900", "\xff"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, id string) {
		ref, err := slots.Parse(id)
		if err != nil {
			return
		}
		if ref.String() != id || ref.Start < 0 || ref.Start >= hm(24, 0) {
			t.Fatalf("%q became %+v", id, ref)
		}
	})
}
