package promotion_test

import (
	"math/big"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"meridian/engine/money"
	"meridian/engine/promotion"
	"meridian/engine/tax"
)

// twoRates is a country with a rate for each of two classes.
const twoRates = `jurisdiction,levy,part,classes,with,temperature,mode,route,buyer,rate_percent,below,valid_from,valid_to,label,confidence,status,source
DE,vat,,cake bread,,,,,,7,,2021-01-01,,USt 7 %,high,law,UStG §12(2) No.1
DE,vat,,drink,,,,,,19,,2021-01-01,,USt 19 %,high,law,UStG §12(1)
`

func taxTable(t testing.TB) *tax.Table {
	t.Helper()
	table, err := tax.Load(strings.NewReader(twoRates))
	if err != nil {
		t.Fatal(err)
	}
	return table
}

// taxed is the tax of lines at their amounts; a line's category is its class.
func taxed(t interface {
	Helper()
	Fatal(...any)
}, table *tax.Table, policy tax.Policy, lines []promotion.Line, amounts []money.Amount) tax.Result {
	t.Helper()
	sale := tax.Sale{Seller: "DE", Jurisdiction: "DE", On: tax.Date{Year: 2026, Month: 11, Day: 22}}
	in := make([]tax.Line, len(lines))
	for i, l := range lines {
		in[i] = tax.Line{ID: l.SKU + l.Category, Class: l.Category, Supply: tax.Supply{Mode: tax.Delivery}, Amount: amounts[i]}
	}
	r, err := table.Compute(policy, sale, in)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestADiscountLowersTheTax(t *testing.T) {
	table := taxTable(t)
	lines := []promotion.Line{line("torte", "cake", 1, 10_700), line("kaffee", "drink", 1, 11_900)}
	half := apply(t, []promotion.Promotion{percent("p", 500_000)}, lines)
	for name, c := range map[string]struct {
		inclusive       bool
		net, tax, gross int64
	}{
		"inclusive": {true, 10_000, 1_300, 11_300},  // 50 and 50 without tax
		"exclusive": {false, 11_300, 1_506, 12_806}, // 3.745 and 11.305, each rounded
	} {
		policy := tax.Policy{Inclusive: c.inclusive, Rounding: money.HalfUp, Per: tax.PerRate}
		got := taxed(t, table, policy, lines, half.Lines).Total
		if got.Net.Minor != c.net || got.Tax.Minor != c.tax || got.Gross.Minor != c.gross {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

// Whatever is taken off: what an inclusive shop's buyer pays is the prices less
// the discounts, what an exclusive shop takes before tax is; every line's parts
// agree; and no line owes more tax than it is worth at its rate, rounded up.
func TestTaxIsOfWhatIsLeft(t *testing.T) {
	table := taxTable(t)
	rapid.Check(t, func(t *rapid.T) {
		lines := drawnLines(t)
		a, err := promotion.Apply(drawnPromotions(t), lines, []string{"summer"}, noon, unused)
		if err != nil {
			t.Fatal(err)
		}
		policy := tax.Policy{
			Inclusive: rapid.Bool().Draw(t, "inclusive"),
			Rounding:  rapid.SampledFrom([]money.Rounding{money.HalfUp, money.HalfEven, money.Down, money.Up}).Draw(t, "rounding"),
			Per:       rapid.SampledFrom([]tax.Per{tax.PerLine, tax.PerRate, tax.PerDocument}).Draw(t, "per"),
		}
		r := taxed(t, table, policy, lines, a.Lines)
		prices, sum := int64(0), int64(0)
		for i, l := range lines {
			prices += l.Unit.Minor * int64(l.Quantity)
			got := r.Lines[i]
			if got.Net.Minor+got.Tax.Minor != got.Gross.Minor || got.Net.Minor < 0 || got.Tax.Minor < 0 {
				t.Fatalf("line %d: %+v", i, got.Parts)
			}
			exact := new(big.Rat).Mul(got.Rate().Rat(), big.NewRat(a.Lines[i].Minor, 1))
			if most := new(big.Rat).Add(exact, big.NewRat(1, 1)); big.NewRat(got.Tax.Minor, 1).Cmp(most) >= 0 {
				t.Fatalf("line %d of %v owes %v", i, a.Lines[i], got.Tax)
			}
			sum += got.Gross.Minor
		}
		stated := r.Total.Gross
		if !policy.Inclusive {
			stated = r.Total.Net
		}
		if stated.Minor != prices-a.Total.Minor || sum != r.Total.Gross.Minor {
			t.Fatalf("prices of %d less %v became %+v, lines sum to %d", prices, a.Total, r.Total, sum)
		}
	})
}
