package promotion_test

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"meridian/engine/money"
	"meridian/engine/promotion"
)

var (
	someSKUs       = []string{"torte", "brot", "brezel", "kaffee"}
	someCategories = []string{"cake", "bread", "drink"}
)

// drawnPromotion is any that can be: of itself or by a code, of some things or
// all, together with others or not.
func drawnPromotion(id int) *rapid.Generator[promotion.Promotion] {
	return rapid.Custom(func(t *rapid.T) promotion.Promotion {
		p := promotion.Promotion{ID: fmt.Sprint("p", id), Label: fmt.Sprint("offer ", id)}
		switch p.Kind = rapid.SampledFrom([]promotion.Kind{promotion.Percent, promotion.Amount, promotion.BuyXGetY}).Draw(t, "kind"); p.Kind {
		case promotion.Percent:
			p.Percent = money.Rate(rapid.Int64Range(1, 1_000_000).Draw(t, "percent"))
		case promotion.Amount:
			p.Amount = eur(rapid.Int64Range(1, 9_000).Draw(t, "amount"))
		case promotion.BuyXGetY:
			p.Buy, p.Get = rapid.IntRange(1, 4).Draw(t, "buy"), rapid.IntRange(1, 3).Draw(t, "get")
		}
		p.Code = rapid.SampledFrom([]string{"", "", "SUMMER", "CAKE"}).Draw(t, "code")
		p.SKUs = rapid.SliceOfN(rapid.SampledFrom(someSKUs), 0, 2).Draw(t, "skus")
		p.Categories = rapid.SliceOfN(rapid.SampledFrom(someCategories), 0, 1).Draw(t, "categories")
		p.MinSubtotal = eur(rapid.Int64Range(0, 4_000).Draw(t, "minimum"))
		p.Exclusive = rapid.IntRange(0, 3).Draw(t, "exclusive") == 0
		p.Rank = rapid.IntRange(0, 2).Draw(t, "rank")
		return p
	})
}

func drawnPromotions(t *rapid.T) []promotion.Promotion {
	promotions := make([]promotion.Promotion, rapid.IntRange(0, 6).Draw(t, "promotions"))
	for i := range promotions {
		promotions[i] = drawnPromotion(i).Draw(t, "promotion")
	}
	return promotions
}

// drawnLines are lines that all differ, so that each is known again in another order.
func drawnLines(t *rapid.T) []promotion.Line {
	lines := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) promotion.Line {
		return line(rapid.SampledFrom(someSKUs).Draw(t, "sku"), rapid.SampledFrom(someCategories).Draw(t, "category"),
			rapid.IntRange(1, 12).Draw(t, "quantity"), rapid.Int64Range(0, 5_000).Draw(t, "unit"))
	}), 1, 7).Draw(t, "lines")
	var distinct []promotion.Line
	for _, l := range lines {
		if !slices.Contains(distinct, l) {
			distinct = append(distinct, l)
		}
	}
	return distinct
}

func TestNoUnitIsLostAndNoLineFallsBelowZero(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		lines := drawnLines(t)
		a, err := promotion.Apply(drawnPromotions(t), lines, []string{"summer"}, noon, unused)
		if err != nil {
			t.Fatal(err)
		}
		off, total := make([]int64, len(lines)), int64(0)
		for _, d := range a.Discounts {
			sum := int64(0)
			for _, l := range d.Lines {
				if l.Amount.Minor <= 0 {
					t.Fatalf("%s takes %v off line %d", d.Promotion, l.Amount, l.Line)
				}
				off[l.Line] += l.Amount.Minor
				sum += l.Amount.Minor
			}
			if d.Total != eur(sum) || sum == 0 {
				t.Fatalf("%s takes %v, its lines %d", d.Promotion, d.Total, sum)
			}
			total += sum
		}
		for i, l := range lines {
			full := l.Unit.Minor * int64(l.Quantity)
			if left := a.Lines[i]; left != eur(full-off[i]) || left.Minor < 0 {
				t.Fatalf("line %d: %d less %d left %v", i, full, off[i], left)
			}
		}
		if a.Total != eur(total) {
			t.Fatalf("total %v, of %d", a.Total, total)
		}
	})
}

func TestTheOrderOfInputChangesNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		promotions, lines := drawnPromotions(t), drawnLines(t)
		codes := []string{"summer", "cake", "none"}
		before, err := promotion.Apply(promotions, lines, codes, noon, unused)
		if err != nil {
			t.Fatal(err)
		}
		shuffled := rapid.Permutation(lines).Draw(t, "order of lines")
		after, err := promotion.Apply(rapid.Permutation(promotions).Draw(t, "order of promotions"), shuffled, codes, noon, unused)
		if err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(told(before, lines), told(after, shuffled)) {
			t.Fatalf("%v\nbecame %v", told(before, lines), told(after, shuffled))
		}
	})
}

// told is what became of a cart, by line instead of by place.
func told(a promotion.Applied, lines []promotion.Line) []string {
	out := []string{fmt.Sprint(a.Total, a.Refused)}
	for i, d := range a.Discounts {
		for _, l := range d.Lines {
			out = append(out, fmt.Sprint(i, d.Promotion, d.Label, d.Code, d.Total, lines[l.Line], l.Amount))
		}
	}
	for i, l := range a.Lines {
		out = append(out, fmt.Sprint("left ", lines[i], l))
	}
	slices.Sort(out)
	return out
}

// An exclusive promotion stands alone, no promotion that was not asked for is
// applied, and each code either has a discount or a reason.
func TestWhoGoesWithWhom(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		promotions, lines := drawnPromotions(t), drawnLines(t)
		codes := rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"summer", "cake", "none"}), 0, 3, rapid.ID[string]).Draw(t, "codes")
		a, err := promotion.Apply(promotions, lines, codes, noon, unused)
		if err != nil {
			t.Fatal(err)
		}
		byID, taken := map[string]promotion.Promotion{}, map[string]bool{}
		for _, p := range promotions {
			byID[p.ID] = p
		}
		for i, d := range a.Discounts {
			p := byID[d.Promotion]
			if p.Exclusive && len(a.Discounts) != 1 {
				t.Fatalf("%s is exclusive, beside %v", p.ID, ids(a))
			}
			if i > 0 && p.Rank > byID[a.Discounts[i-1].Promotion].Rank {
				t.Fatalf("not by rank: %v", ids(a))
			}
			if p.Code != "" {
				taken[p.Code] = true
			}
		}
		if len(taken) > promotion.DefaultLimits.MaxCodes {
			t.Fatalf("codes %v were taken", taken)
		}
		for _, code := range codes {
			refused := slices.ContainsFunc(a.Refused, func(r promotion.Refusal) bool { return r.Code == code && r.Reason != "" })
			if taken[strings.ToUpper(code)] == refused {
				t.Fatalf("code %q: taken %v, refused %+v", code, taken, a.Refused)
			}
		}
	})
}

// A buyer is never worse off for an offer more, if none needs another's absence.
func TestExclusiveOffersAreNeverWorseThanTheRest(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		promotions, lines := drawnPromotions(t), drawnLines(t)
		with, err := promotion.Apply(promotions, lines, nil, noon, unused)
		if err != nil {
			t.Fatal(err)
		}
		rest := slices.DeleteFunc(slices.Clone(promotions), func(p promotion.Promotion) bool { return p.Exclusive })
		without, err := promotion.Apply(rest, lines, nil, noon, unused)
		if err != nil {
			t.Fatal(err)
		}
		if with.Total.Minor < without.Total.Minor {
			t.Fatalf("%v with the exclusive ones, %v without", with.Total, without.Total)
		}
	})
}

// The most that one cart can be asked of: it bounds the work by being the
// largest that Apply takes.
func BenchmarkApplyAtItsLimits(b *testing.B) {
	l := promotion.DefaultLimits
	var promotions []promotion.Promotion
	for i := range l.MaxPromotions {
		p := promotion.Promotion{ID: fmt.Sprint(i), Kind: promotion.BuyXGetY, Buy: 1, Get: 1, Exclusive: i%2 == 0}
		for j := range l.MaxTargets {
			p.SKUs = append(p.SKUs, fmt.Sprint("sku-", j))
		}
		promotions = append(promotions, p)
	}
	var lines []promotion.Line
	for i := range l.MaxLines {
		lines = append(lines, line(fmt.Sprint("sku-", i), "cake", 7, int64(100+i)))
	}
	for b.Loop() {
		if _, err := l.Apply(promotions, lines, nil, noon, unused); err != nil {
			b.Fatal(err)
		}
	}
}
