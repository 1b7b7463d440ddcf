package promotion_test

import (
	"fmt"
	"math"
	"slices"
	"testing"
	"time"

	"meridian/engine/money"
	"meridian/engine/promotion"
	"meridian/world"
)

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

func eur(minor int64) money.Amount { return money.Amount{Minor: minor, Currency: "EUR"} }

func line(sku, category string, quantity int, minor int64) promotion.Line {
	return promotion.Line{SKU: sku, Category: category, Quantity: quantity, Unit: eur(minor)}
}

func percent(id string, rate money.Rate) promotion.Promotion {
	return promotion.Promotion{ID: id, Label: "label of " + id, Kind: promotion.Percent, Percent: rate}
}

func amount(id string, minor int64) promotion.Promotion {
	return promotion.Promotion{ID: id, Label: "label of " + id, Kind: promotion.Amount, Amount: eur(minor)}
}

func bundle(id string, buy, get int) promotion.Promotion {
	return promotion.Promotion{ID: id, Label: "label of " + id, Kind: promotion.BuyXGetY, Buy: buy, Get: get}
}

// with changes a promotion's copy.
func with(p promotion.Promotion, change func(*promotion.Promotion)) promotion.Promotion {
	change(&p)
	return p
}

func unused(string) (int, int) { return 0, 0 }

func apply(t testing.TB, promotions []promotion.Promotion, lines []promotion.Line, codes ...string) promotion.Applied {
	t.Helper()
	applied, err := promotion.Apply(promotions, lines, codes, noon, unused)
	if err != nil {
		t.Fatal(err)
	}
	return applied
}

func left(a promotion.Applied) []int64 {
	minors := make([]int64, len(a.Lines))
	for i, l := range a.Lines {
		minors[i] = l.Minor
	}
	return minors
}

func ids(a promotion.Applied) (out []string) {
	for _, d := range a.Discounts {
		out = append(out, d.Promotion)
	}
	return out
}

const tenPercent = money.Rate(100_000)

func TestWhatIsTakenOff(t *testing.T) {
	torte, bread := line("torte", "cake", 1, 3490), line("brot", "bread", 3, 333)
	cakes := func(p *promotion.Promotion) { p.Categories = []string{"cake"} }
	for name, c := range map[string]struct {
		promotions []promotion.Promotion
		lines      []promotion.Line
		left       []int64
	}{
		"nothing":                     {nil, []promotion.Line{torte}, []int64{3490}},
		"a percentage of all":         {[]promotion.Promotion{percent("p", tenPercent)}, []promotion.Line{torte, bread}, []int64{3141, 899}}, // 448.9 is 449: 349 and 99.9
		"a percentage of a category":  {[]promotion.Promotion{with(percent("p", tenPercent), cakes)}, []promotion.Line{torte, bread}, []int64{3141, 999}},
		"a half is rounded up":        {[]promotion.Promotion{percent("p", 500_000)}, []promotion.Line{line("a", "", 1, 5)}, []int64{2}},
		"the whole price":             {[]promotion.Promotion{percent("p", 1_000_000)}, []promotion.Line{torte, bread}, []int64{0, 0}},
		"an amount":                   {[]promotion.Promotion{amount("a", 1000)}, []promotion.Line{torte, bread}, []int64{2713, 776}}, // 777.45 and 222.55
		"an amount beyond the prices": {[]promotion.Promotion{amount("a", 9999)}, []promotion.Line{torte, bread}, []int64{0, 0}},
		"an amount off a SKU": {[]promotion.Promotion{with(amount("a", 500), func(p *promotion.Promotion) { p.SKUs = []string{"brot"} })},
			[]promotion.Line{torte, bread}, []int64{3490, 499}},
		"two for one, the cheapest free": {[]promotion.Promotion{bundle("b", 1, 1)}, []promotion.Line{torte, line("b", "", 1, 100)}, []int64{3490, 0}},
		"three of seven are free twice":  {[]promotion.Promotion{bundle("b", 2, 1)}, []promotion.Line{line("a", "", 4, 100), line("b", "", 3, 70)}, []int64{400, 70}},
		"free pieces over two lines":     {[]promotion.Promotion{bundle("b", 1, 2)}, []promotion.Line{line("a", "", 5, 100), line("b", "", 1, 70)}, []int64{200, 0}},
		"one piece too few":              {[]promotion.Promotion{bundle("b", 2, 1)}, []promotion.Line{line("a", "", 2, 100)}, []int64{200}},
		"one after the other by rank": {[]promotion.Promotion{percent("p", tenPercent), with(amount("a", 1000), func(p *promotion.Promotion) { p.Rank = 1 })},
			[]promotion.Line{line("a", "", 1, 2000)}, []int64{900}}, // (20 - 10) less a tenth
		"the other way round": {[]promotion.Promotion{with(percent("p", tenPercent), func(p *promotion.Promotion) { p.Rank = 2 }), with(amount("a", 1000), func(p *promotion.Promotion) { p.Rank = 1 })},
			[]promotion.Line{line("a", "", 1, 2000)}, []int64{800}},
		"a free piece of a lowered line": {[]promotion.Promotion{with(percent("p", tenPercent), func(p *promotion.Promotion) { p.Rank = 1 }), bundle("b", 1, 1)},
			[]promotion.Line{line("a", "", 3, 105)}, []int64{189}}, // 315 - 32 = 283, a third of it is 94
		"an exclusive one that is worth more": {[]promotion.Promotion{percent("p", tenPercent), with(amount("a", 1000), func(p *promotion.Promotion) { p.Exclusive = true })},
			[]promotion.Line{line("a", "", 1, 2000)}, []int64{1000}},
		"an exclusive one that is worth less": {[]promotion.Promotion{percent("p", tenPercent), with(amount("a", 100), func(p *promotion.Promotion) { p.Exclusive = true })},
			[]promotion.Line{line("a", "", 1, 2000)}, []int64{1800}},
		"nothing off nothing": {[]promotion.Promotion{percent("p", tenPercent), amount("a", 5)}, []promotion.Line{line("a", "", 1, 0)}, []int64{0}},
	} {
		a := apply(t, c.promotions, c.lines)
		if got := left(a); !slices.Equal(got, c.left) {
			t.Errorf("%s: left %v, want %v", name, got, c.left)
		}
	}
}

func TestMinimumIsOfWhatItIsAbout(t *testing.T) {
	p := with(percent("p", tenPercent), func(p *promotion.Promotion) { p.Categories, p.MinSubtotal = []string{"cake"}, eur(2000) })
	cart := func(cake int64) []promotion.Line {
		return []promotion.Line{line("torte", "cake", 1, cake), line("brot", "bread", 1, 5000)}
	}
	if got := left(apply(t, []promotion.Promotion{p}, cart(1999))); got[0] != 1999 {
		t.Errorf("below the minimum: %v", got)
	}
	if got := left(apply(t, []promotion.Promotion{p}, cart(2000))); got[0] != 1800 {
		t.Errorf("at the minimum: %v", got)
	}
}

func TestDatesAreHalfOpen(t *testing.T) {
	p := with(percent("p", tenPercent), func(p *promotion.Promotion) { p.From, p.To = noon, noon.Add(time.Hour) })
	for at, want := range map[time.Time]int{
		noon.Add(-1): 0, noon: 1, noon.Add(time.Hour - 1): 1, noon.Add(time.Hour): 0,
		noon.In(time.FixedZone("", 9*3600)): 1,
	} {
		a, err := promotion.Apply([]promotion.Promotion{p}, []promotion.Line{line("a", "", 1, 100)}, nil, at, unused)
		if err != nil || len(a.Discounts) != want {
			t.Errorf("%v: %v, %v", at, a.Discounts, err)
		}
	}
}

func TestUsesAreLimited(t *testing.T) {
	p := with(percent("p", tenPercent), func(p *promotion.Promotion) { p.MaxUses, p.MaxPerBuyer = 3, 2 })
	for used, want := range map[[2]int]int{{2, 1}: 1, {3, 1}: 0, {2, 2}: 0} {
		a, err := promotion.Apply([]promotion.Promotion{p}, []promotion.Line{line("a", "", 1, 100)}, nil, noon,
			func(string) (int, int) { return used[0], used[1] })
		if err != nil || len(a.Discounts) != want || len(a.Refused) != 0 {
			t.Errorf("used %v: %+v, %v", used, a, err)
		}
	}
}

func TestADiscountNamesItsLines(t *testing.T) {
	a := apply(t, []promotion.Promotion{with(amount("a", 10), func(p *promotion.Promotion) { p.Code = "ten-off" })},
		[]promotion.Line{line("b", "", 1, 100), line("x", "", 1, 0), line("a", "", 1, 100)}, "Ten-Off")
	want := promotion.Discount{Promotion: "a", Label: "label of a", Code: "TEN-OFF", Total: eur(10),
		Lines: []promotion.LineDiscount{{Line: 0, Amount: eur(5)}, {Line: 2, Amount: eur(5)}}}
	if got := fmt.Sprint(a.Discounts); got != fmt.Sprint([]promotion.Discount{want}) {
		t.Errorf("got %s", got)
	}
	if a.Total != eur(10) {
		t.Errorf("total %v", a.Total)
	}
}

func TestWhatCannotBeReckoned(t *testing.T) {
	good := []promotion.Line{line("a", "", 1, 100)}
	dollars := promotion.Line{SKU: "b", Quantity: 1, Unit: money.Amount{Minor: 1, Currency: "USD"}}
	huge := line("a", "", 2, math.MaxInt64)
	limits := promotion.DefaultLimits
	limits.MaxLines, limits.MaxPromotions, limits.MaxQuantity, limits.MaxTried = 2, 2, 10, 2
	for name, c := range map[string]struct {
		promotions []promotion.Promotion
		lines      []promotion.Line
		codes      []string
		code       world.Code
	}{
		"no lines":             {nil, nil, nil, world.CodeInvalid},
		"no quantity":          {nil, []promotion.Line{line("a", "", 0, 1)}, nil, world.CodeInvalid},
		"a negative price":     {nil, []promotion.Line{line("a", "", 1, -1)}, nil, world.CodeInvalid},
		"no currency":          {nil, []promotion.Line{{SKU: "a", Quantity: 1}}, nil, world.CodeInvalid},
		"two currencies":       {nil, append(good, dollars), nil, world.CodeConflict},
		"an amount elsewhere":  {[]promotion.Promotion{amount("a", 1)}, []promotion.Line{dollars}, nil, world.CodeConflict},
		"overflow of a line":   {nil, []promotion.Line{huge}, nil, world.CodeTooLarge},
		"overflow of a cart":   {nil, []promotion.Line{line("a", "", 1, math.MaxInt64), good[0]}, nil, world.CodeTooLarge},
		"two of an id":         {[]promotion.Promotion{amount("a", 1), amount("a", 2)}, good, nil, world.CodeInvalid},
		"a bad promotion":      {[]promotion.Promotion{percent("a", 0)}, good, nil, world.CodeInvalid},
		"a line too many":      {nil, append(good, good[0], good[0]), nil, world.CodeTooLarge},
		"a piece too many":     {nil, []promotion.Line{line("a", "", 11, 1)}, nil, world.CodeTooLarge},
		"a promotion too many": {[]promotion.Promotion{amount("a", 1), amount("b", 2), amount("c", 2)}, good, nil, world.CodeTooLarge},
		"a code too many":      {nil, good, []string{"a", "b", "c"}, world.CodeTooLarge},
	} {
		if _, err := limits.Apply(c.promotions, c.lines, c.codes, noon, unused); !world.Is(err, c.code) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := limits.Apply([]promotion.Promotion{amount("a", 1), amount("b", 2)}, []promotion.Line{line("a", "", 10, 1), good[0]},
		[]string{"a", "b"}, noon, unused); err != nil {
		t.Errorf("at the limits: %v", err)
	}
}
