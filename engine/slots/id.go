package slots

import (
	"fmt"
	"strings"
	"time"

	"meridian/engine/tax"
	"meridian/world"
)

// Ref is what a slot's id says.
type Ref struct {
	Kind  Kind
	Day   tax.Date
	Start time.Duration // since midnight by the market's clock
}

// String is the id, as [Parse] reads it.
func (r Ref) String() string {
	return fmt.Sprintf("%s-%s-%02d%02d", r.Kind, r.Day, r.Start/time.Hour, r.Start%time.Hour/time.Minute)
}

// Parse reads a slot's id: kind, day and start, such as
// "pickup-2026-11-23-0900". There is one way of writing each. It fails with
// [world.CodeInvalid] for anything else; whether there is such a slot is not
// asked, see [Limits.Find].
func Parse(id string) (Ref, error) {
	refusal := world.E(world.CodeInvalid, "slots.parse", "that is no slot; choose one from the list")
	const longest = len("delivery-2026-11-23-0900")
	if len(id) > longest {
		return Ref{}, refusal
	}
	kind, rest, _ := strings.Cut(id, "-")
	if k := Kind(kind); k != PickUp && k != Delivery {
		return Ref{}, refusal
	}
	at, err := time.Parse("2006-01-02-1504", rest)
	if err != nil {
		return Ref{}, refusal
	}
	ref := Ref{Kind: Kind(kind), Day: tax.DateOf(at, time.UTC),
		Start: time.Duration(at.Hour())*time.Hour + time.Duration(at.Minute())*time.Minute}
	if ref.String() != id {
		return Ref{}, refusal
	}
	return ref, nil
}
