package tax_test

import (
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"meridian/engine/money"
	"meridian/engine/tax"
	"meridian/world"
)

// row is a rule of DE cake by its with, temperature, mode, rate and days.
func row(fields string) string {
	f := strings.Split(fields, "|")
	return "DE,vat,,cake," + f[0] + "," + f[1] + "," + f[2] + ",,," + f[3] + ",," + f[4] + "," + f[5] + ",MwSt.,high,law,UStG\n"
}

func TestTheMostSpecificRuleWins(t *testing.T) {
	table, err := tax.Load(strings.NewReader(header +
		row("|||7|2020-01-01|") + row("||eat_in|19|2020-01-01|") + row("|hot|eat_in delivery|16|2020-01-01|") +
		row("|hot|eat_in|5|2020-01-01|") + row("gift|hot|eat_in|3|2021-01-01|")))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		supply tax.Supply
		on     string
		want   string
	}{
		{tax.Supply{Mode: tax.Takeaway}, "2020-01-01", "7"},
		{tax.Supply{Mode: tax.Takeaway, Hot: true}, "2020-01-01", "7"},
		{tax.Supply{Mode: tax.EatIn}, "2020-01-01", "19"},
		{tax.Supply{Mode: tax.Delivery, Hot: true}, "2020-01-01", "16"},
		{tax.Supply{Mode: tax.EatIn, Hot: true}, "2020-01-01", "5"},
		{tax.Supply{Mode: tax.EatIn, Hot: true, With: tax.Gift}, "2020-12-31", "5"},
		{tax.Supply{Mode: tax.EatIn, Hot: true, With: tax.Gift}, "2021-01-01", "3"},
	} {
		rules, err := table.Find(in("DE", day(t, c.on)), "cake", c.supply)
		if err != nil || len(rules) != 1 || rules[0].Rate.Percent() != c.want {
			t.Errorf("%v on %s: %v, %v; want %s", c.supply, c.on, rules, err, c.want)
		}
	}
}

func TestAnAmbiguousTableIsRefused(t *testing.T) {
	eaten, hot := row("||eat_in|19|2020-01-01|"), row("|hot||16|2020-01-01|")
	for name, c := range map[string]struct {
		rows string
		says string // "" is taken
	}{
		"two that differ":         {eaten + hot, "line 3: contradicts line 2"},
		"two that agree":          {eaten + row("|hot||19|2020-01-01|"), ""},
		"a third settles it":      {eaten + hot + row("|hot|eat_in|5|2020-01-01|"), ""},
		"a third, but not always": {eaten + hot + row("|hot|eat_in|5|2020-01-01|2020-12-31"), "contradicts"},
		"a third, but too late":   {eaten + hot + row("|hot|eat_in|5|2020-01-02|"), "contradicts"},
		"a third, too special":    {eaten + hot + row("gift|hot|eat_in|5|2020-01-01|"), "contradicts"},
		"not on the same days":    {row("||eat_in|19|2020-01-01|2020-12-31") + row("|hot||16|2021-01-01|"), ""},
		"never together":          {row("|cold||19|2020-01-01|") + row("|hot||16|2020-01-01|"), ""},
		"all answers are none":    {row("||eat_in takeaway delivery|19|2020-01-01|") + row("|||19|2020-01-01|"), "overlaps"},
		"an unknown answer":       {row("|warm||19|2020-01-01|"), `temperature: "warm"`},
		"an answer twice":         {row("|hot hot||19|2020-01-01|"), `temperature: "hot"`},
	} {
		_, err := tax.Load(strings.NewReader(header + c.rows))
		if (c.says == "") != (err == nil) || (err != nil && (!world.Is(err, world.CodeInvalid) || !strings.Contains(err.Error(), c.says))) {
			t.Errorf("%s: %v; want %q", name, err, c.says)
		}
	}
}

func TestADraftNeverApplies(t *testing.T) {
	draft := strings.Replace(row("|||1|2020-01-01|"), ",law,", ",draft,", 1)
	table, err := tax.Load(strings.NewReader(header + draft))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := find(table, "DE", "cake", someDay); !world.Is(err, world.CodeUnprocessed) || len(table.Rules()) != 1 {
		t.Errorf("alone: %v", err)
	}
	table, err = tax.Load(strings.NewReader(header + draft + row("|||7|2020-01-01|")))
	if err != nil {
		t.Fatal(err)
	}
	if rule, err := find(table, "DE", "cake", someDay); err != nil || rule.Rate.Percent() != "7" {
		t.Errorf("beside law: %v, %v", rule, err)
	}
}

// Whatever rules load, they never leave two to choose from that differ: what
// Find names is within every rule that holds, or says the same.
func TestWhatIsTakenIsNeverAmbiguous(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var rows strings.Builder
		pick := func(of ...string) string { return rapid.SampledFrom(of).Draw(t, "condition") }
		for range rapid.IntRange(1, 5).Draw(t, "rules") {
			rows.WriteString(row(pick("", "", "gift", "utensils gift") + "|" + pick("", "hot", "cold") + "|" +
				pick("", "eat_in", "eat_in delivery", "takeaway") + "|" + pick("7", "19") + "|2020-01-01|"))
		}
		table, err := tax.Load(strings.NewReader(header + rows.String()))
		if err != nil {
			if !world.Is(err, world.CodeInvalid) {
				t.Fatal(err)
			}
			return
		}
		for _, supply := range everySupply() {
			rules, err := table.Find(in("DE", someDay), "cake", supply)
			if err != nil {
				continue
			}
			for _, other := range table.Rules() {
				if rules[0].Rate == other.Rate || !meets(other, supply) || meetsLess(rules[0], other) {
					continue
				}
				t.Fatalf("%v: %v wins over %v", supply, rules[0].When, other.When)
			}
		}
	})
}

// meets tells by the text of a rule's conditions whether a supply meets them.
func meets(r tax.Rule, s tax.Supply) bool {
	temperature, with := "cold", "nothing"
	if s.Hot {
		temperature = "hot"
	}
	if s.With != tax.Nothing {
		with = string(s.With)
	}
	for column, is := range map[string]string{"mode": string(s.Mode), "temperature": temperature, "with": with} {
		if asked := answers(r, column); asked != nil && !slices.Contains(asked, is) {
			return false
		}
	}
	return true
}

// meetsLess tells whether a asks for everything that b asks for.
func meetsLess(a, b tax.Rule) bool {
	for _, column := range []string{"mode", "temperature", "with"} {
		few, many := answers(a, column), answers(b, column)
		if many == nil {
			continue
		}
		if few == nil || slices.ContainsFunc(few, func(w string) bool { return !slices.Contains(many, w) }) {
			return false
		}
	}
	return true
}

// answers are what a rule asks of a column; nil is any.
func answers(r tax.Rule, column string) []string {
	for part := range strings.SplitSeq(r.When.String(), ", ") {
		if rest, ok := strings.CutPrefix(part, column+" "); ok {
			return strings.Split(rest, " or ")
		}
	}
	return nil
}

func TestAnIncompleteSaleIsRefused(t *testing.T) {
	table := load(t)
	good := in("DE", someDay)
	change := func(f func(*tax.Sale)) tax.Sale { s := good; f(&s); return s }
	for name, c := range map[string]struct {
		sale   tax.Sale
		supply tax.Supply
	}{
		"no seller":       {change(func(s *tax.Sale) { s.Seller = "" }), delivered},
		"no place":        {change(func(s *tax.Sale) { s.Jurisdiction = "" }), delivered},
		"a bad place":     {change(func(s *tax.Sale) { s.Jurisdiction = "DE-" }), delivered},
		"too deep":        {change(func(s *tax.Sale) { s.Jurisdiction = "US-A-B-C-D" }), delivered},
		"no day":          {change(func(s *tax.Sale) { s.On = tax.Date{} }), delivered},
		"no such day":     {change(func(s *tax.Sale) { s.On = tax.Date{Year: 2026, Month: 2, Day: 30} }), delivered},
		"no such buyer":   {change(func(s *tax.Sale) { s.Buyer.Kind = "club" }), delivered},
		"no mode":         {good, tax.Supply{}},
		"no such mode":    {good, tax.Supply{Mode: "drone"}},
		"no such bundle":  {good, tax.Supply{Mode: tax.Delivery, With: "balloon"}},
		"several at once": {good, tax.Supply{Mode: "delivery takeaway"}},
		"all at once":     {good, tax.Supply{Mode: "delivery takeaway eat_in"}},
	} {
		if rules, err := table.Find(c.sale, "cake", c.supply); !world.Is(err, world.CodeInvalid) {
			t.Errorf("%s: %v, %v", name, rules, err)
		}
	}
}

func TestTaxesThatTakeMoreThanThePrice(t *testing.T) {
	half := func(levy string) string {
		return "IN," + levy + ",,cake,,,,,,200,,2020-01-01,," + levy + ",high,law,law\n"
	}
	table, err := tax.Load(strings.NewReader(header + half("cgst") + half("sgst")))
	if err != nil {
		t.Fatal(err)
	}
	policy := tax.Policy{Inclusive: true, Rounding: money.Up, Per: tax.PerLine}
	if got, err := table.Compute(policy, in("IN", someDay), []tax.Line{line("a", "cake", 1, "INR")}); !world.Is(err, world.CodeInvalid) {
		t.Errorf("%v, %v", got, err)
	}
}

func TestInUnion(t *testing.T) {
	for _, c := range []struct {
		code, on string
		want     bool
	}{
		{"DE", "1990-01-01", true}, {"GR", "2026-01-01", true}, {"EL", "2026-01-01", true},
		{"HR", "2013-06-30", false}, {"HR", "2013-07-01", true}, {"GB", "2020-12-31", true}, {"GB", "2021-01-01", false},
		{"XI", "2020-12-31", false}, {"XI", "2021-01-01", true}, {"CH", "2026-01-01", false}, {"NO", "2026-01-01", false}, {"", "2026-01-01", false},
	} {
		if got := tax.InUnion(c.code, day(t, c.on)); got != c.want {
			t.Errorf("%s on %s: %v", c.code, c.on, got)
		}
	}
}
