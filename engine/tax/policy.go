package tax

import (
	"fmt"

	"meridian/engine/money"
	"meridian/world"
)

// Per is the level at which tax is rounded to the minor unit, once.
type Per string

// The levels, by the names that a world file gives them.
const (
	PerLine     Per = "line"     // every line by itself
	PerRate     Per = "rate"     // the lines of one rate and label together
	PerDocument Per = "document" // the whole order
)

// Policy is how a country has tax reckoned. The zero Policy is refused.
type Policy struct {
	Inclusive bool           // prices contain the tax; else it is put on top
	Rounding  money.Rounding // of a fraction of a minor unit
	Per       Per            // where it is rounded
}

// PolicyOf reads a market's policy from its names in the world file. It fails
// with [world.CodeInvalid] for a name that is not known.
func PolicyOf(spec world.TaxSpec) (Policy, error) {
	p := Policy{Per: Per(spec.Per)}
	switch spec.Prices {
	case "inclusive":
		p.Inclusive = true
	case "exclusive":
	default:
		return Policy{}, world.E(world.CodeInvalid, "tax.policy",
			fmt.Sprintf("%q does not say how prices stand to tax; use inclusive or exclusive", clip(spec.Prices)))
	}
	var err error
	if p.Rounding, err = money.ParseRounding(spec.Rounding); err != nil {
		return Policy{}, world.Wrap("tax.policy", err)
	}
	if err := p.check(); err != nil {
		return Policy{}, err
	}
	return p, nil
}

func (p Policy) check() error {
	if _, err := money.ParseRounding(string(p.Rounding)); err != nil {
		return world.Wrap("tax.policy", err)
	}
	switch p.Per {
	case PerLine, PerRate, PerDocument:
		return nil
	}
	return world.E(world.CodeInvalid, "tax.policy",
		fmt.Sprintf("%q is not where tax can be rounded; use line, rate or document", clip(string(p.Per))))
}
