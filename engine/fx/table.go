package fx

import (
	"fmt"
	"math/big"
	"slices"
	"strings"

	"meridian/engine/money"
	"meridian/engine/tax"
	"meridian/world"
)

// MaxAge is how many days a rate is used for after its list. The ECB drops a
// currency that is no more quoted (RUB, in March 2022); its last rate is then
// no reference to anything.
const MaxAge = 366

// Table is the rates that hold on a day: of each currency the last that was
// published up to then. A list that lacks a currency, or does not come, changes
// nothing; how old a rate is stands on all that is reckoned with it.
type Table struct {
	on     tax.Date
	quotes map[string]Quote
}

// NewTable picks the rates of a day out of quotes of any days. Of two for one
// currency and day the later in the list holds. Those of after the day, and
// those older than [MaxAge], are left out.
func NewTable(on tax.Date, quotes []Quote) Table {
	t := Table{on: on, quotes: map[string]Quote{}}
	for _, q := range quotes {
		age := daysBetween(q.Day, on)
		was, has := t.quotes[q.Currency]
		if age < 0 || age > MaxAge || q.Rate.Rat() == nil || has && q.Day.Compare(was.Day) < 0 {
			continue
		}
		t.quotes[q.Currency] = q
	}
	return t
}

// Day is the day that the table is for.
func (t Table) Day() tax.Date { return t.on }

// Quotes are the table's rates, by currency.
func (t Table) Quotes() []Quote {
	out := make([]Quote, 0, len(t.quotes))
	for _, q := range t.quotes {
		out = append(out, q)
	}
	slices.SortFunc(out, func(a, b Quote) int { return strings.Compare(a.Currency, b.Currency) })
	return out
}

// Missed is how many lists should have come since one of the table's quotes, and are
// not here: what [Display.Missed] is of a conversion by it.
func (t Table) Missed(q Quote) int { return missed(q.Day, t.on) }

// Convert is about what an amount is in another currency, by the exact cross
// rate through the euro, rounded once. An amount in that currency already is
// itself. It fails with [world.CodeNotFound] for a currency that the table has
// no rate for, with [world.CodeInvalid] for none, and with
// [world.CodeTooLarge] past an int64.
func (t Table) Convert(a money.Amount, to string, rounding money.Rounding) (Display, error) {
	return t.Sum(to, rounding, a)
}

// Sum is about what amounts of any currencies are together in one, for head
// office: each is converted exactly, and the whole is rounded once. It fails as
// [Table.Convert] does.
func (t Table) Sum(to string, rounding money.Rounding, amounts ...money.Amount) (Display, error) {
	out := Display{Day: t.on}
	var sources []string
	total := new(big.Rat)
	for _, a := range amounts {
		factor := big.NewRat(1, 1)
		if a.Currency != to {
			from, err := t.perEuro(a.Currency, &out, &sources)
			if err != nil {
				return Display{}, err
			}
			rate, err := t.perEuro(to, &out, &sources)
			if err != nil {
				return Display{}, err
			}
			factor.Quo(rate, from)
			out.about = true
		}
		exact, err := major(a)
		if err != nil {
			return Display{}, err
		}
		total.Add(total, exact.Mul(exact, factor))
		if len(amounts) == 1 {
			out.Rate = significant(factor)
		}
	}
	digits, err := money.Digits(to)
	if err != nil {
		return Display{}, err
	}
	out.exact = total.Mul(total, new(big.Rat).SetInt(tenTo(digits)))
	minor, err := money.RoundRat(out.exact, rounding)
	if err != nil {
		return Display{}, err
	}
	out.amount = money.Amount{Minor: minor, Currency: to}
	out.Source = strings.Join(sources, "; ")
	out.Age, out.Missed = daysBetween(out.Day, t.on), missed(out.Day, t.on)
	return out, nil
}

// perEuro is a currency's rate, and notes on d how old it is and whose.
func (t Table) perEuro(currency string, d *Display, sources *[]string) (*big.Rat, error) {
	if currency == Base {
		return big.NewRat(1, 1), nil
	}
	q, ok := t.quotes[currency]
	if !ok {
		return nil, world.E(world.CodeNotFound, "fx.rate",
			fmt.Sprintf("There is no rate for %q on %s or in the year before; import a list that has one.", clip(currency), t.on))
	}
	if q.Day.Compare(d.Day) < 0 {
		d.Day = q.Day
	}
	if !slices.Contains(*sources, q.Source) {
		*sources = append(*sources, q.Source)
	}
	return q.Rate.Rat(), nil
}

// major is an amount in whole units of its currency, exactly.
func major(a money.Amount) (*big.Rat, error) {
	digits, err := money.Digits(a.Currency)
	if err != nil {
		return nil, err
	}
	return new(big.Rat).SetFrac(big.NewInt(a.Minor), tenTo(digits)), nil
}

func tenTo(digits int) *big.Int {
	return new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(digits)), nil)
}

// shownDigits is how many digits of a cross rate are shown: as many as the ECB
// gives of a rate.
const shownDigits = 6

// significant is a positive fraction in decimals, to [shownDigits] that count.
func significant(x *big.Rat) string {
	decimals := 0
	least := new(big.Rat).SetInt(tenTo(shownDigits - 1))
	for y := new(big.Rat).Set(x); y.Cmp(least) < 0 && decimals < 2*maxRateText; decimals++ {
		y.Mul(y, big.NewRat(10, 1))
	}
	text := x.FloatString(decimals)
	if strings.Contains(text, ".") {
		text = strings.TrimSuffix(strings.TrimRight(text, "0"), ".")
	}
	return text
}
