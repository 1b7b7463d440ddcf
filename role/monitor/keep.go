package monitor

import (
	"encoding/json"
	"slices"

	"meridian/engine/health"
	"meridian/world"
)

// kept is what a monitor's next life has to know.
type kept struct {
	Number uint64         `json:"number"` // above that of every version it has given
	Orders []health.Order `json:"orders"`
}

// numbersAhead is how many versions may be given before the number is kept again.
const numbersAhead = 1000

// keeping knows what was saved last.
type keeping struct{ last kept }

func (k *keeping) load(keeper Keeper) (kept, error) {
	const op = "monitor.state"
	if keeper == nil {
		return kept{}, nil
	}
	text, err := keeper.Load()
	if err != nil || len(text) == 0 {
		return kept{}, world.Wrap(op, err)
	}
	var was kept
	if err := json.Unmarshal(text, &was); err != nil {
		return kept{}, world.Because(world.CodeInvalid, op, "The monitor's state file cannot be read. Remove it: the other monitors remember the drains.", err)
	}
	if was.Number > health.MaxNumber {
		return kept{}, world.E(world.CodeInvalid, op, "The monitor's state file has a number out of range. Remove it: the other monitors remember the drains.")
	}
	if err := health.CheckOrders(was.Orders); err != nil {
		return kept{}, world.Wrap(op, err)
	}
	k.last = was
	return was, nil
}

// save writes down what changed since the last time.
func (k *keeping) save(keeper Keeper, b *health.Board) error {
	orders := b.Orders()
	if keeper == nil || b.Number() < k.last.Number && slices.Equal(orders, k.last.Orders) {
		return nil
	}
	now := kept{Number: b.Number() + numbersAhead, Orders: orders}
	text, err := json.MarshalIndent(now, "", "  ")
	if err == nil {
		err = keeper.Save(append(text, '\n'))
	}
	if err != nil {
		return world.Wrap("monitor.state", err)
	}
	k.last = now
	return nil
}
