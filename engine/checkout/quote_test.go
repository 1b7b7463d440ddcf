package checkout_test

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"meridian/engine/checkout"
	"meridian/engine/money"
	"meridian/engine/promotion"
	window "meridian/engine/slots"
	"meridian/engine/tax"
	"meridian/world"
)

const rulesCSV = `jurisdiction,levy,part,classes,with,temperature,mode,route,buyer,rate_percent,below,valid_from,valid_to,label,confidence,status,source
DE,vat,,cake,,,,,,7,,2021-01-01,,USt 7 %,high,law,UStG §12(2) No.1
DE,vat,,coffee,,,,,,19,,2021-01-01,,USt 19 %,high,law,UStG §12(1)
`

var (
	on    = tax.Date{Year: 2026, Month: 8, Day: 20}
	terms = checkout.Terms{
		Currency: "EUR", Seller: "DE",
		Tax:    tax.Policy{Inclusive: true, Rounding: money.HalfUp, Per: tax.PerRate},
		Limits: checkout.DefaultLimits,
	}
)

func rules(t testing.TB) *tax.Table {
	t.Helper()
	table, err := tax.Load(strings.NewReader(rulesCSV))
	if err != nil {
		t.Fatal(err)
	}
	return table
}

func product(slug, class string, minor int64) world.Offer {
	return world.Offer{Product: world.Product{Slug: slug, Name: "The " + slug, TaxClass: class}, SKU: world.SKU{Key: slug, PriceMinor: minor, Currency: "EUR", PriceVersion: 3}}
}

// reckon quotes a delivery in Germany, without promotions.
func reckon(terms checkout.Terms, cart []checkout.Line, table *tax.Table) (checkout.Quote, error) {
	return checkout.NewQuote(terms, checkout.Wish{Lines: cart, Fulfilment: world.Delivery, Jurisdiction: "DE", On: on}, nil, nil, table)
}

func TestNewQuote(t *testing.T) {
	got, err := reckon(terms, []checkout.Line{
		{Offer: product("torte", "cake", 3490), Quantity: 2},
		{Offer: product("kaffee", "coffee", 420), Quantity: 1},
	}, rules(t))
	if err != nil {
		t.Fatal(err)
	}
	if got.Net.String() != "68.76 EUR" || got.Tax.String() != "5.24 EUR" || got.Total.String() != "74.00 EUR" {
		t.Errorf("net %s, tax %s, total %s", got.Net, got.Tax, got.Total)
	}
	if got.Jurisdiction != "DE" || got.Date != on {
		t.Errorf("%s on %s", got.Jurisdiction, got.Date)
	}
	lines := []world.OrderLine{
		{SKU: "torte", Name: "The torte", TaxClass: "cake", Quantity: 2, UnitMinor: 3490, LineMinor: 6980, TaxMinor: 457, PriceVersion: 3, Product: "torte"},
		{SKU: "kaffee", Name: "The kaffee", TaxClass: "coffee", Quantity: 1, UnitMinor: 420, LineMinor: 420, TaxMinor: 67, PriceVersion: 3, Product: "kaffee"},
	}
	if !slices.Equal(got.Lines, lines) {
		t.Errorf("lines %v", got.Lines)
	}
	taxes := []world.OrderTax{
		{Label: "USt 7 %", Rate: "7", NetMinor: 6523, TaxMinor: 457, Jurisdiction: "DE", Levy: "vat", Source: "UStG §12(2) No.1"},
		{Label: "USt 19 %", Rate: "19", NetMinor: 353, TaxMinor: 67, Jurisdiction: "DE", Levy: "vat", Source: "UStG §12(1)"},
	}
	if !slices.Equal(got.Taxes, taxes) {
		t.Errorf("taxes %v", got.Taxes)
	}
}

func TestNewQuoteRefuses(t *testing.T) {
	one := func(p world.Offer, quantity int) []checkout.Line {
		return []checkout.Line{{Offer: p, Quantity: quantity}}
	}
	torte := product("torte", "cake", 100)
	dollars := torte
	dollars.Currency = "USD"
	for name, c := range map[string]struct {
		cart []checkout.Line
		code world.Code
		says string
	}{
		"empty":            {nil, world.CodeInvalid, "empty"},
		"twice":            {append(one(torte, 1), one(torte, 1)...), world.CodeInvalid, "twice"},
		"none":             {one(torte, 0), world.CodeInvalid, "below one"},
		"fewer than none":  {one(torte, -1), world.CodeInvalid, "below one"},
		"another currency": {one(dollars, 1), world.CodeConflict, "USD"},
		"negative price":   {one(product("torte", "cake", -1), 1), world.CodeInvalid, "negative"},
		"no tax rule":      {one(product("wine", "alcohol", 1), 1), world.CodeUnprocessed, "no vat rule"},
		"overflow":         {one(product("torte", "cake", math.MaxInt64), 2), world.CodeTooLarge, "too large"},
	} {
		if got, err := reckon(terms, c.cart, rules(t)); !world.Is(err, c.code) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: got %v, %v; want %s, %q", name, got, err, c.code, c.says)
		}
	}
}

func TestNewQuoteStopsAtItsLimits(t *testing.T) {
	table := rules(t)
	cart := func(lines, quantity int, minor int64) (out []checkout.Line) {
		for i := range lines {
			out = append(out, checkout.Line{Offer: product(fmt.Sprint("p", i), "cake", minor), Quantity: quantity})
		}
		return out
	}
	small := terms
	small.Limits = checkout.Limits{MaxLines: 3, MaxQuantity: 4, MaxTotal: 1200}
	onTop := small
	onTop.Tax.Inclusive = false
	for name, c := range map[string]struct {
		terms checkout.Terms
		cart  []checkout.Line
		taken bool
	}{
		"50 lines":           {terms, cart(50, 1, 1), true},
		"51 lines":           {terms, cart(51, 1, 1), false},
		"99 of one":          {terms, cart(1, 99, 1), true},
		"100 of one":         {terms, cart(1, 100, 1), false},
		"the highest total":  {terms, cart(1, 1, 10_000_000), true},
		"a cent more":        {terms, cart(1, 1, 10_000_001), false},
		"its own limits":     {small, cart(3, 4, 100), true},
		"a line more":        {small, cart(4, 1, 1), false},
		"one more":           {small, cart(1, 5, 1), false},
		"a total more":       {small, cart(1, 1, 1201), false},
		"tax counts as well": {onTop, cart(1, 1, 1200), false},
		"with tax just so":   {onTop, cart(1, 1, 1121), true}, // 1199.47
	} {
		_, err := reckon(c.terms, c.cart, table)
		if c.taken && err != nil || !c.taken && !world.Is(err, world.CodeTooLarge) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestAQuoteSaysWhatItsLinesSay(t *testing.T) {
	table := rules(t)
	rapid.Check(t, func(t *rapid.T) {
		terms := terms
		terms.Tax = tax.Policy{
			Inclusive: rapid.Bool().Draw(t, "inclusive"),
			Rounding:  rapid.SampledFrom([]money.Rounding{money.HalfUp, money.HalfEven, money.Down, money.Up}).Draw(t, "rounding"),
			Per:       rapid.SampledFrom([]tax.Per{tax.PerLine, tax.PerRate, tax.PerDocument}).Draw(t, "per"),
		}
		terms.Limits.MaxTotal = math.MaxInt64
		var cart []checkout.Line
		for i := range rapid.IntRange(1, 50).Draw(t, "lines") {
			cart = append(cart, checkout.Line{
				Offer:    product(fmt.Sprint("p", i), rapid.SampledFrom([]string{"cake", "coffee"}).Draw(t, "class"), rapid.Int64Range(0, 1e7).Draw(t, "price")),
				Quantity: rapid.IntRange(1, 99).Draw(t, "quantity"),
			})
		}
		off := []promotion.Promotion{{ID: "some", Label: "Some", Kind: promotion.Percent, Percent: money.Rate(rapid.IntRange(1, 1_000_000).Draw(t, "percent")), SKUs: []string{"p0", "p2"}}}
		q, err := checkout.NewQuote(terms, checkout.Wish{Lines: cart, Fulfilment: rapid.SampledFrom([]world.Fulfilment{world.PickUp, world.Delivery}).Draw(t, "by"), Jurisdiction: "DE", On: on}, off, nil, table)
		if err != nil {
			t.Fatal(err)
		}
		agrees(t, terms, cart, q)
		var current []world.Offer
		for _, l := range cart {
			current = append(current, l.Offer)
		}
		if changes := checkout.Verify("EUR", q.Lines, current); len(changes) != 0 {
			t.Fatalf("nothing has changed, and %v has", changes)
		}
	})
}

// agrees holds a quote's sums to one another, to the minor unit.
func agrees(t *rapid.T, terms checkout.Terms, cart []checkout.Line, q checkout.Quote) {
	var lines, lineTax, rateTax, discount, discounts int64
	shares, shared := make([]int64, len(q.Taxes)), make([]int64, len(q.Lines))
	for _, x := range q.TaxShares {
		shares[x.Tax-1] += x.TaxMinor
		shared[x.Line-1] += x.TaxMinor
	}
	for i, l := range q.Lines {
		if l.LineMinor != l.UnitMinor*int64(l.Quantity) || l.UnitMinor != cart[i].Offer.PriceMinor || l.DiscountMinor < 0 || l.DiscountMinor > l.LineMinor || shared[i] != l.TaxMinor {
			t.Fatalf("line %v of %v, %d by its shares", l, cart[i], shared[i])
		}
		lines, lineTax, discount = lines+l.LineMinor-l.DiscountMinor, lineTax+l.TaxMinor, discount+l.DiscountMinor
	}
	for i, r := range q.Taxes {
		rateTax += r.TaxMinor
		if shares[i] != r.TaxMinor {
			t.Fatalf("%v is %d by its lines' shares", r, shares[i])
		}
	}
	for _, d := range q.Discounts {
		discounts += d.Minor
	}
	want := lines
	if !terms.Tax.Inclusive {
		want += lineTax
	}
	if q.Total.Minor != want || q.Tax.Minor != lineTax || q.Tax.Minor != rateTax || q.Net.Minor+q.Tax.Minor != want || discount != discounts || q.Discount.Minor != discount {
		t.Fatalf("%v", q)
	}
}

func TestAQuoteWithAPromotion(t *testing.T) {
	off := []promotion.Promotion{{ID: "ten", Label: "Ten off", Kind: promotion.Percent, Percent: 100_000, Code: "TEN", Categories: []string{"tarts"}, MaxUses: 3}}
	torte := product("torte", "cake", 3490)
	torte.Category, torte.Version = "tarts", 7
	wish := checkout.Wish{Lines: []checkout.Line{{Offer: torte, Quantity: 1}, {Offer: product("kaffee", "coffee", 420), Quantity: 1}},
		Codes: []string{" ten "}, Fulfilment: world.PickUp, Jurisdiction: "DE", On: on, Cash: true}
	q, err := checkout.NewQuote(terms, wish, off, nil, rules(t))
	if err != nil {
		t.Fatal(err)
	}
	if q.Total.String() != "35.61 EUR" || q.Discount.String() != "3.49 EUR" || q.Lines[0].DiscountMinor != 349 || q.Lines[1].DiscountMinor != 0 || q.Lines[0].ProductVersion != 7 || q.Rounding.Minor != 0 {
		t.Errorf("%+v", q)
	}
	if len(q.Discounts) != 1 || q.Discounts[0] != (world.OrderDiscount{Promotion: "ten", Label: "Ten off", Code: "TEN", Minor: 349}) || len(q.Refused) != 0 {
		t.Errorf("%+v, refused %+v", q.Discounts, q.Refused)
	}
	spent := func(string) (int, int) { return 3, 0 }
	if q, err = checkout.NewQuote(terms, wish, off, spent, rules(t)); err != nil || len(q.Discounts) != 0 || len(q.Refused) != 1 || q.Refused[0].Reason != promotion.UsedUp {
		t.Errorf("%+v, %v", q, err)
	}
}

// Where cash has no coin for the last unit, paying with it is rounded; the order's
// total is not.
func TestCashIsRounded(t *testing.T) {
	crowns := terms
	crowns.Currency = "SEK"
	bun := product("bulle", "cake", 1249)
	bun.Currency = "SEK"
	wish := checkout.Wish{Lines: []checkout.Line{{Offer: bun, Quantity: 1}}, Fulfilment: world.PickUp, Jurisdiction: "DE", On: on}
	for cash, want := range map[bool]int64{true: -49, false: 0} {
		wish.Cash = cash
		if q, err := checkout.NewQuote(crowns, wish, nil, nil, rules(t)); err != nil || q.Total.Minor != 1249 || q.Rounding.Minor != want {
			t.Errorf("cash %v: %v, rounding %v, %v", cash, q.Total, q.Rounding, err)
		}
	}
}

func TestSlotsOfOneWay(t *testing.T) {
	selling := checkout.Selling{
		Slots: []window.Rule{
			{Kind: window.PickUp, Weekday: time.Monday, Start: 9 * time.Hour, End: 10 * time.Hour, Capacity: 2},
			{Kind: window.Delivery, Weekday: time.Monday, Start: 11 * time.Hour, End: 12 * time.Hour, Capacity: 2},
		},
		Closed: []checkout.Closed{{Day: tax.Date{Year: 2026, Month: 11, Day: 23}, Kind: window.Delivery}, {Day: tax.Date{Year: 2026, Month: 11, Day: 30}}},
	}
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC) // a Sunday
	for f, want := range map[world.Fulfilment][]string{world.PickUp: {"pickup-2026-11-23-0900", "pickup-2026-12-07-0900"}, world.Delivery: {"delivery-2026-12-07-1100"}} {
		open, err := selling.Calendar(f, time.UTC, now, 0, 20)
		var got []string
		for _, s := range open {
			got = append(got, s.ID)
		}
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("%s: %v, %v", f, got, err)
		}
	}
	slow := []checkout.Line{{Offer: world.Offer{Product: world.Product{Lead: time.Hour}}}, {Offer: world.Offer{Product: world.Product{Lead: 48 * time.Hour}}}}
	if open, err := selling.Calendar(world.PickUp, time.UTC, now, checkout.LeadOf(slow), 20); err != nil || len(open) != 1 {
		t.Errorf("%v, %v", open, err)
	}
}

func TestTermsOf(t *testing.T) {
	m := world.Market{Country: "DE", Currency: "EUR", Tax: world.TaxSpec{Prices: "inclusive", Rounding: "half_up", Per: "rate"}}
	if got, err := checkout.TermsOf(m, checkout.DefaultLimits); err != nil || got != terms {
		t.Errorf("got %v, %v", got, err)
	}
	m.Tax.Seller = "DE-BY"
	if got, err := checkout.TermsOf(m, checkout.DefaultLimits); err != nil || got.Seller != "DE-BY" {
		t.Errorf("got %v, %v", got, err)
	}
	euro, policy := m, m
	euro.Currency = "euro"
	policy.Tax.Per = "month"
	for _, bad := range []world.Market{euro, policy} {
		if _, err := checkout.TermsOf(bad, checkout.DefaultLimits); !world.Is(err, world.CodeInvalid) {
			t.Errorf("%v: %v", bad, err)
		}
	}
}

func TestVerify(t *testing.T) {
	quoted := []world.OrderLine{
		{SKU: "torte", Name: "Torte", TaxClass: "cake", UnitMinor: 3490, PriceVersion: 3},
		{SKU: "kaffee", Name: "Kaffee", TaxClass: "coffee", UnitMinor: 420, PriceVersion: 3},
	}
	torte, kaffee := product("torte", "cake", 3490), product("kaffee", "coffee", 420)
	newer, dearer, hot, yen := torte, torte, torte, torte
	newer.PriceVersion = 4
	dearer.PriceMinor = 3590
	hot.TaxClass = "hot_food"
	yen.Currency = "JPY"
	warm, boxed := torte, torte
	warm.ServedHot, boxed.ServedWith = true, "gift"
	both := dearer
	both.TaxClass = "hot_food"
	for name, c := range map[string]struct {
		current []world.Offer
		want    []checkout.Change
	}{
		"nothing":           {[]world.Offer{kaffee, torte}, nil},
		"only the version":  {[]world.Offer{newer, kaffee}, nil},
		"more on sale":      {[]world.Offer{torte, kaffee, product("brot", "cake", 1)}, nil},
		"price":             {[]world.Offer{dearer, kaffee}, []checkout.Change{{"torte", "Torte", checkout.PriceChanged, 3490, 3590}}},
		"currency":          {[]world.Offer{yen, kaffee}, []checkout.Change{{"torte", "Torte", checkout.PriceChanged, 3490, 3490}}},
		"tax class":         {[]world.Offer{hot, kaffee}, []checkout.Change{{"torte", "Torte", checkout.TaxClassChanged, 3490, 3490}}},
		"served hot":        {[]world.Offer{warm, kaffee}, []checkout.Change{{"torte", "Torte", checkout.TaxClassChanged, 3490, 3490}}},
		"with a gift":       {[]world.Offer{boxed, kaffee}, []checkout.Change{{"torte", "Torte", checkout.TaxClassChanged, 3490, 3490}}},
		"price before both": {[]world.Offer{both, kaffee}, []checkout.Change{{"torte", "Torte", checkout.PriceChanged, 3490, 3590}}},
		"gone":              {[]world.Offer{torte}, []checkout.Change{{"kaffee", "Kaffee", checkout.Gone, 420, 0}}},
		"all":               {nil, []checkout.Change{{"torte", "Torte", checkout.Gone, 3490, 0}, {"kaffee", "Kaffee", checkout.Gone, 420, 0}}},
	} {
		if got := checkout.Verify("EUR", quoted, c.current); !slices.Equal(got, c.want) {
			t.Errorf("%s: got %v, want %v", name, got, c.want)
		}
	}
}
