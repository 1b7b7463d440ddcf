package tax

import (
	"fmt"
	"math/big"
	"slices"

	"meridian/engine/money"
	"meridian/world"
)

// Back is what a buyer is to have back of a line: a part of its gross.
type Back struct {
	ID    string
	Gross money.Amount // more than zero, at most what is left of the line
}

// Left is what is left of a sale after earlier refunds: the same lines, each
// less what was given back of it. It fails with [world.CodeInvalid] for a line
// that is there twice and with [world.CodeConflict] where the refunds are not
// this sale's.
func (r Result) Left(before []Result) (Result, error) {
	lines := make([]LineTax, len(r.Lines))
	place := make(map[string]int, len(lines))
	for i, line := range r.Lines {
		if _, twice := place[line.ID]; twice {
			return Result{}, world.E(world.CodeInvalid, "tax.refund",
				fmt.Sprintf("line %q is there twice; give each line an id of its own", clip(line.ID)))
		}
		place[line.ID] = i
		line.Components = slices.Clone(line.Components)
		lines[i] = line
	}
	for _, refund := range before {
		for _, given := range refund.Lines {
			i, ok := place[given.ID]
			if !ok || !lines[i].less(given) {
				return Result{}, world.E(world.CodeConflict, "tax.refund",
					fmt.Sprintf("line %q was not refunded from this sale; give the refunds of this one", clip(given.ID)))
			}
		}
	}
	if len(lines) == 0 {
		return Result{}, nil
	}
	return summarise(lines, r.Notes)
}

// less takes a refund off the line; false when it cannot be one of it.
func (l *LineTax) less(given LineTax) bool {
	if len(given.Components) != len(l.Components) || given.Net.Currency != l.Net.Currency {
		return false
	}
	for i, c := range given.Components {
		if printed(c.Rule) != printed(l.Components[i].Rule) {
			return false
		}
		l.Components[i].Tax.Minor -= c.Tax.Minor
		if c.Tax.Minor < 0 || l.Components[i].Tax.Minor < 0 {
			return false
		}
	}
	l.Net.Minor -= given.Net.Minor
	l.Tax.Minor -= given.Tax.Minor
	l.Gross.Minor -= given.Gross.Minor
	return given.Net.Minor >= 0 && l.Net.Minor >= 0 && l.Tax.Minor >= 0 && l.Net.Minor+l.Tax.Minor == l.Gross.Minor
}

// Refund reckons the next refund of a sale, as positive sums. What is given
// back of a line is shared among its net and its taxes as they are left, by
// the largest remainder: so no refund takes more of a tax than is left of it,
// and the one that takes the last of a line takes the last of its taxes,
// however the refunds were cut and in whatever order they came.
//
// before are all earlier refunds of the sale. It fails with
// [world.CodeInvalid] for nothing, a line twice or not of the sale, or a sum
// that is not above zero; with [world.CodeUnprocessed] for more than is left;
// and as [Result.Left] does.
func (r Result) Refund(before []Result, wanted []Back) (Result, error) {
	left, err := r.Left(before)
	if err != nil {
		return Result{}, err
	}
	if len(wanted) == 0 {
		return Result{}, world.E(world.CodeInvalid, "tax.refund", "nothing to refund; name at least one line")
	}
	var lines []LineTax
	for i, back := range wanted {
		at := slices.IndexFunc(left.Lines, func(l LineTax) bool { return l.ID == back.ID })
		if at < 0 || slices.ContainsFunc(wanted[:i], func(b Back) bool { return b.ID == back.ID }) {
			return Result{}, world.E(world.CodeInvalid, "tax.refund",
				fmt.Sprintf("line %q is not one line of the sale; name each line once", clip(back.ID)))
		}
		line, err := left.Lines[at].part(back.Gross)
		if err != nil {
			return Result{}, err
		}
		lines = append(lines, line)
	}
	return summarise(lines, r.Notes)
}

// part is a share of a line as large as a gross.
func (l LineTax) part(gross money.Amount) (LineTax, error) {
	more, err := gross.Compare(l.Gross)
	switch {
	case err != nil:
		return LineTax{}, world.Wrap("tax.refund", err)
	case gross.Minor <= 0:
		return LineTax{}, world.E(world.CodeInvalid, "tax.refund",
			fmt.Sprintf("%s is not a refund of line %q; give back more than zero", gross, clip(l.ID)))
	case more > 0:
		return LineTax{}, world.E(world.CodeUnprocessed, "tax.refund",
			fmt.Sprintf("only %s is left of line %q; refund at most that", l.Gross, clip(l.ID)))
	}
	parts := []*big.Rat{proportion(gross, l.Net, l.Gross)}
	for _, c := range l.Components {
		parts = append(parts, proportion(gross, c.Tax, l.Gross))
	}
	shares, err := money.Apportion(gross.Minor, parts)
	if err != nil {
		return LineTax{}, world.Wrap("tax.refund", err)
	}
	of := func(minor int64) money.Amount { return money.Amount{Minor: minor, Currency: gross.Currency} }
	out := LineTax{ID: l.ID, Parts: Parts{Net: of(shares[0]), Tax: of(gross.Minor - shares[0]), Gross: gross}}
	for i, c := range l.Components {
		out.Components = append(out.Components, Component{Rule: c.Rule, Tax: of(shares[i+1])})
	}
	return out, nil
}

// proportion is gross × part ÷ whole, exactly.
func proportion(gross, part, whole money.Amount) *big.Rat {
	of := new(big.Rat).Mul(big.NewRat(gross.Minor, 1), big.NewRat(part.Minor, 1))
	return of.Quo(of, big.NewRat(whole.Minor, 1))
}

// Pieces is the gross of some of the pieces that are left of a line, where l is
// what is left of it ([Result.Left]); all of them take all of it.
// It fails with [world.CodeInvalid] when there are not so many.
func (l LineTax) Pieces(n, left int) (money.Amount, error) {
	if n < 1 || n > left {
		return money.Amount{}, world.E(world.CodeInvalid, "tax.refund",
			fmt.Sprintf("%d of %d pieces cannot be given back; choose between 1 and what is left", n, left))
	}
	exact := new(big.Rat).Mul(big.NewRat(l.Gross.Minor, 1), big.NewRat(int64(n), int64(left)))
	minor, err := money.RoundRat(exact, money.Down)
	if err != nil {
		return money.Amount{}, world.Wrap("tax.refund", err)
	}
	return money.Amount{Minor: minor, Currency: l.Gross.Currency}, nil
}
