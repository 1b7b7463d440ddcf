package tax_test

import (
	"fmt"
	"testing"

	"pgregory.net/rapid"

	"meridian/engine/money"
	"meridian/engine/tax"
	"meridian/world"
)

// shop is a market of the property tests: its law and what it sells.
type shop struct {
	currency, seller string
	policy           tax.Policy
	places           []string
	goods            []tax.Line // class and supply alone
}

// goodsOf crosses classes with the ways of supplying them.
func goodsOf(classes []string, supplies ...tax.Supply) (goods []tax.Line) {
	for _, class := range classes {
		for _, supply := range supplies {
			goods = append(goods, tax.Line{Class: class, Supply: supply})
		}
	}
	return goods
}

// shops are the five markets that ship and the other three whose law is held.
func shops() []shop {
	inclusive := tax.Policy{Inclusive: true, Rounding: money.HalfUp, Per: tax.PerRate}
	down := tax.Policy{Inclusive: true, Rounding: money.Down, Per: tax.PerRate}
	onTop := tax.Policy{Rounding: money.HalfUp, Per: tax.PerDocument}
	cold, hot := tax.Supply{Mode: tax.Takeaway}, tax.Supply{Mode: tax.Takeaway, Hot: true}
	sent, eaten := tax.Supply{Mode: tax.Delivery}, tax.Supply{Mode: tax.EatIn}
	gift := tax.Supply{Mode: tax.Delivery, With: tax.Gift}
	food := []string{"bread", "cake", "pastry", "biscuit"}
	return []shop{
		{"USD", "US-NY-NYC", onTop, []string{"US-NY-NYC"}, append(goodsOf(food, cold, hot, eaten, gift), goodsOf([]string{"hot_drink", "confectionery"}, hot, cold)...)},
		{"USD", "US-CA-LA", onTop, []string{"US-CA-LA", "US-CA-SF"}, append(goodsOf(food, cold, hot, eaten), goodsOf([]string{"combination", "soft_drink"}, cold)...)},
		{"USD", "US-AR-PULASKI-LR", onTop, []string{"US-AR-PULASKI-LR", "US-KS-SEDGWICK-WICHITA"}, goodsOf(food, cold, hot, eaten)},
		{"GBP", "GB", inclusive, []string{"GB"}, append(goodsOf(food, cold, hot, eaten), goodsOf([]string{"chocolate_biscuit", "milk_drink"}, cold, eaten)...)},
		{"EUR", "DE", inclusive, []string{"DE", "FR"}, append(goodsOf([]string{"bread", "cake"}, cold, sent, eaten), goodsOf([]string{"hot_drink", "alcohol"}, hot)...)},
		{"JPY", "JP", down, []string{"JP"}, append(goodsOf(food, cold, eaten), goodsOf([]string{"alcohol"}, cold)...)},
		{"INR", "IN-MH", inclusive, []string{"IN-MH", "IN-KA"}, goodsOf(food, cold, sent)},
		{"SEK", "SE", inclusive, []string{"SE"}, append(goodsOf(food, cold, eaten), goodsOf([]string{"alcohol"}, cold)...)},
		{"SGD", "SG", tax.Policy{Rounding: money.HalfUp, Per: tax.PerLine}, []string{"SG"}, goodsOf(food, cold, eaten)},
	}
}

// bill is a random sale in a random market on a random day.
func bill(t *rapid.T, table *tax.Table) (tax.Policy, tax.Result, []tax.Line) {
	s := rapid.SampledFrom(shops()).Draw(t, "shop")
	sale := tax.Sale{Seller: s.seller, Jurisdiction: rapid.SampledFrom(s.places).Draw(t, "place"),
		On: rapid.SampledFrom([]tax.Date{{Year: 2025, Month: 9, Day: 22}, {Year: 2025, Month: 12, Day: 31}}).Draw(t, "day")}
	if s.seller == "DE" && rapid.Bool().Draw(t, "business") {
		sale.Buyer = tax.Buyer{Kind: tax.Business, TaxID: "FR40303265045", Verified: rapid.Bool().Draw(t, "verified")}
	}
	lines := make([]tax.Line, rapid.IntRange(1, 8).Draw(t, "lines"))
	for i := range lines {
		lines[i] = rapid.SampledFrom(s.goods).Draw(t, "goods")
		lines[i].ID = fmt.Sprint("l", i)
		lines[i].Amount = money.Amount{Minor: rapid.OneOf(rapid.Int64Range(0, 30), rapid.Int64Range(0, 1e7)).Draw(t, "minor"), Currency: s.currency}
	}
	result, err := table.Compute(s.policy, sale, lines)
	if err != nil {
		t.Fatal(err)
	}
	return s.policy, result, lines
}

// agrees holds a result's levels to each other.
func agrees(t *rapid.T, r tax.Result) {
	var lines, total [3]int64
	var taxes int64
	byRate := map[tax.Printed][2]int64{}
	for _, l := range r.Lines {
		m := sums(t, l.Parts)
		var parts int64
		for _, c := range l.Components {
			if c.Tax.Minor < 0 {
				t.Fatalf("line %s has a negative tax: %v", l.ID, c)
			}
			parts += c.Tax.Minor
			p := tax.Printed{Jurisdiction: c.Rule.Jurisdiction, Levy: c.Rule.Levy, Part: c.Rule.Part, Rate: c.Rule.Rate, Label: c.Rule.Label}
			byRate[p] = [2]int64{byRate[p][0] + m[0], byRate[p][1] + c.Tax.Minor}
		}
		if parts != m[1] {
			t.Fatalf("line %s: its parts are %d, its tax is %d", l.ID, parts, m[1])
		}
		for i := range lines {
			lines[i] += m[i]
		}
	}
	for _, rate := range r.Rates {
		taxes += sums(t, rate.Parts)[1]
		if byRate[rate.Printed] != [2]int64{rate.Net.Minor, rate.Tax.Minor} {
			t.Fatalf("%v is %v and its lines say %v", rate.Printed, rate.Parts, byRate[rate.Printed])
		}
	}
	if total = sums(t, r.Total); total != lines || taxes != total[1] || len(byRate) != len(r.Rates) {
		t.Fatalf("lines %v, summary %d, total %v", lines, taxes, total)
	}
}

func TestBillsOfAllMarketsAgree(t *testing.T) {
	table := shipped(t)
	rapid.Check(t, func(t *rapid.T) {
		policy, r, lines := bill(t, table)
		agrees(t, r)
		var prices int64
		for i, l := range lines {
			prices += l.Amount.Minor
			if r.Lines[i].ID != l.ID {
				t.Fatalf("line %d is %q", i, r.Lines[i].ID)
			}
		}
		switch {
		case len(r.Notes) > 0 && r.Notes[0] == tax.IntraCommunity:
		case policy.Inclusive && r.Total.Gross.Minor != prices, !policy.Inclusive && r.Total.Net.Minor != prices:
			t.Fatalf("prices of %d come to %v", prices, r.Total)
		}
	})
}

func TestRefundsBringEverythingBackToZero(t *testing.T) {
	table := shipped(t)
	rapid.Check(t, func(t *rapid.T) {
		_, sale, _ := bill(t, table)
		var before []tax.Result
		for {
			left, err := sale.Left(before)
			if err != nil {
				t.Fatal(err)
			}
			agrees(t, left)
			var open []tax.LineTax
			for _, l := range left.Lines {
				if l.Gross.Minor > 0 {
					open = append(open, l)
				}
			}
			if len(open) == 0 {
				break
			}
			var wanted []tax.Back
			for i, l := range rapid.Permutation(open).Draw(t, "order") {
				if i > 0 && rapid.Bool().Draw(t, "leave") {
					continue
				}
				// Mostly all of it, so that the end is near; else any part.
				most := l.Gross
				if len(before) < 12 && rapid.Bool().Draw(t, "part") {
					most.Minor = rapid.Int64Range(1, l.Gross.Minor).Draw(t, "gross")
				}
				wanted = append(wanted, tax.Back{ID: l.ID, Gross: most})
			}
			refund, err := sale.Refund(before, wanted)
			if err != nil {
				t.Fatal(err)
			}
			agrees(t, refund)
			for i, w := range wanted {
				if refund.Lines[i].ID != w.ID || refund.Lines[i].Gross != w.Gross {
					t.Fatalf("wanted %v, had %v", w, refund.Lines[i])
				}
			}
			before = append(before, refund)
		}
		backToZero(t, sale, before)
	})
}

// backToZero sums the refunds up by themselves, without the package's help.
func backToZero(t *rapid.T, sale tax.Result, refunds []tax.Result) {
	total, byLine, byRate := minors(sale.Total), map[string][3]int64{}, map[tax.Printed]int64{}
	for _, r := range refunds {
		for i, m := range minors(r.Total) {
			total[i] -= m
		}
		for _, l := range r.Lines {
			sum := byLine[l.ID]
			for i, m := range minors(l.Parts) {
				sum[i] += m
			}
			byLine[l.ID] = sum
		}
		for _, rate := range r.Rates {
			byRate[rate.Printed] += rate.Tax.Minor
		}
	}
	for _, l := range sale.Lines {
		if byLine[l.ID] != minors(l.Parts) {
			t.Fatalf("line %s: sold %v, back %v", l.ID, minors(l.Parts), byLine[l.ID])
		}
	}
	for _, rate := range sale.Rates {
		if byRate[rate.Printed] != rate.Tax.Minor {
			t.Fatalf("%v: taxed %v, back %d", rate.Printed, rate.Tax, byRate[rate.Printed])
		}
	}
	if total != [3]int64{} {
		t.Fatalf("%v is left", total)
	}
}

func TestRefundRefuses(t *testing.T) {
	table := load(t)
	policy := tax.Policy{Inclusive: true, Rounding: money.HalfUp, Per: tax.PerRate}
	sell := func(lines ...tax.Line) tax.Result {
		r, err := table.Compute(policy, in("DE", someDay), lines)
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	sale := sell(line("a", "cake", 1070, "EUR"), line("b", "coffee", 1190, "EUR"))
	euro := func(id string, minor int64) tax.Back {
		return tax.Back{ID: id, Gross: money.Amount{Minor: minor, Currency: "EUR"}}
	}
	first, err := sale.Refund(nil, []tax.Back{euro("a", 1000)})
	if err != nil || minors(first.Total) != [3]int64{935, 65, 1000} {
		t.Fatalf("%v, %v", first.Total, err)
	}
	other := sell(line("a", "coffee", 1070, "EUR"))
	dollars := tax.Back{ID: "a", Gross: money.Amount{Minor: 1, Currency: "USD"}}
	for name, c := range map[string]struct {
		sale   tax.Result
		before []tax.Result
		wanted []tax.Back
		code   world.Code
	}{
		"nothing":          {sale, nil, nil, world.CodeInvalid},
		"zero":             {sale, nil, []tax.Back{euro("a", 0)}, world.CodeInvalid},
		"negative":         {sale, nil, []tax.Back{euro("a", -1)}, world.CodeInvalid},
		"another line":     {sale, nil, []tax.Back{euro("c", 1)}, world.CodeInvalid},
		"a line twice":     {sale, nil, []tax.Back{euro("a", 1), euro("a", 1)}, world.CodeInvalid},
		"more than all":    {sale, nil, []tax.Back{euro("a", 1071)}, world.CodeUnprocessed},
		"more than left":   {sale, []tax.Result{first}, []tax.Back{euro("a", 71)}, world.CodeUnprocessed},
		"another currency": {sale, nil, []tax.Back{dollars}, world.CodeConflict},
		"another sale's":   {sale, []tax.Result{other}, []tax.Back{euro("b", 1)}, world.CodeConflict},
		"once too often":   {sale, []tax.Result{first, first}, []tax.Back{euro("b", 1)}, world.CodeConflict},
		"ids not unique":   {sell(line("a", "cake", 1, "EUR"), line("a", "cake", 1, "EUR")), nil, []tax.Back{euro("a", 1)}, world.CodeInvalid},
	} {
		if got, err := c.sale.Refund(c.before, c.wanted); !world.Is(err, c.code) {
			t.Errorf("%s: %v, %v; want %s", name, got.Total, err, c.code)
		}
	}
	last, err := sale.Refund([]tax.Result{first}, []tax.Back{euro("a", 70)})
	if err != nil || minors(last.Total) != [3]int64{65, 5, 70} {
		t.Errorf("the rest: %v, %v", last.Total, err)
	}
}

func TestPieces(t *testing.T) {
	line := tax.LineTax{ID: "a", Parts: tax.Parts{Gross: money.Amount{Minor: 1000, Currency: "EUR"}}}
	for _, c := range []struct {
		n, left int
		want    int64
	}{{1, 3, 333}, {2, 3, 666}, {3, 3, 1000}, {1, 1, 1000}} {
		if got, err := line.Pieces(c.n, c.left); err != nil || got.Minor != c.want {
			t.Errorf("%d of %d: %v, %v", c.n, c.left, got, err)
		}
	}
	for _, n := range []int{0, -1, 4} {
		if _, err := line.Pieces(n, 3); !world.Is(err, world.CodeInvalid) {
			t.Errorf("%d of 3: %v", n, err)
		}
	}
}
