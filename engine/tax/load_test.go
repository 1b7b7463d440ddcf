package tax_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"meridian/engine/tax"
	"meridian/world"
)

const header = "jurisdiction,levy,part,classes,with,temperature,mode,route,buyer,rate_percent,below,valid_from,valid_to,label,confidence,status,source\n"

func TestLoadReadsEveryRule(t *testing.T) {
	rules := load(t).Rules()
	if len(rules) != strings.Count(rulesCSV, "\n")-1 {
		t.Fatalf("%d rules", len(rules))
	}
	want := tax.Rule{
		Jurisdiction: "US-NY", Levy: "sales", Class: "hot_food", Rate: 88_750, From: day(t, "2005-06-01"),
		Label: "Sales tax 8.875%", Confidence: tax.High, Status: tax.Law, Row: 14, Source: "TSB-A-16(14)S, New York City",
	}
	if !slices.Contains(rules, want) {
		t.Errorf("%v is not among %v", want, rules)
	}
	marked, err := tax.Load(strings.NewReader("\ufeff" + strings.ReplaceAll(rulesCSV, "\n", "\r\n")))
	if err != nil || !slices.Equal(marked.Rules(), rules) {
		t.Errorf("with a byte order mark and CRLF: %v", err)
	}
	if empty, err := tax.Load(strings.NewReader(header)); err != nil || len(empty.Rules()) != 0 {
		t.Errorf("a header alone: %v", err)
	}
}

func TestLoadNamesTheLines(t *testing.T) {
	const good = "DE,vat,,cake,,,,,,7,,2020-01-01,2020-12-31,USt,high,law,UStG\n"
	for name, c := range map[string]struct {
		csv  string
		says []string
	}{
		"nothing":           {"", []string{"line 1", "lack their columns"}},
		"unknown column":    {strings.Replace(header, "rate_percent", "rate", 1) + good, []string{"line 1", `unknown column "rate"`}},
		"missing column":    {"jurisdiction,levy\nDE,vat\n", []string{"line 1", "lack their columns"}},
		"other order":       {"levy,jurisdiction" + strings.TrimPrefix(header, "jurisdiction,levy") + good, []string{"another order"}},
		"too few fields":    {header + good + "DE,cake\n", []string{"line 3: 2 fields instead of 17"}},
		"bad rate":          {header + "DE,vat,,cake,,,,,,7 %,,2020-01-01,,USt,high,law,UStG\n", []string{`line 2: rate_percent: "7 %"`}},
		"bad dates":         {header + good + "DE,vat,,bread,,,,,,7,,2020-13-01,soon,USt,high,law,UStG\n", []string{"line 3: valid_from", `line 3: valid_to: "soon"`}},
		"ends first":        {header + "DE,vat,,cake,,,,,,7,,2020-02-01,2020-01-01,USt,high,law,UStG\n", []string{"line 2: valid_to 2020-01-01 is before"}},
		"overlap":           {header + good + "\n" + good, []string{"line 4: overlaps line 2", "DE cake, any supply has two rates on 2020-01-01"}},
		"after a long text": {header + "DE,vat,,cake,,,,,,7,,2020-01-01,,USt,high,law,\"a\nb\"\nDE,\n", []string{"line 2: the source", "line 4: 2 fields"}},
		"stray quote":       {header + good + "DE,vat,,ca\"ke,,,,,,7,,2020-01-01,,USt,high,law,UStG\n", []string{"line 3: bare", "correct the quotes"}},
		"open quote":        {header + "DE,\"cake", []string{"line 2"}},
	} {
		_, err := tax.Load(strings.NewReader(c.csv))
		for _, part := range c.says {
			if !world.Is(err, world.CodeInvalid) || !strings.Contains(err.Error(), part) {
				t.Errorf("%s: %v does not say %q", name, err, part)
			}
		}
	}
}

func TestLoadKeepsItsMessageShort(t *testing.T) {
	_, err := tax.Load(strings.NewReader(header + strings.Repeat("x\n", 25)))
	if err == nil || !strings.Contains(err.Error(), "line 21:") || strings.Contains(err.Error(), "line 22:") ||
		!strings.Contains(err.Error(), "and 5 more") {
		t.Error(err)
	}
}

func TestLoadStopsAtItsLimits(t *testing.T) {
	var b strings.Builder
	b.WriteString(header)
	for i := range 3 {
		fmt.Fprintf(&b, "DE,vat,,class%d,,,,,,7,,2020-01-01,,%s,high,law,law\n", i, strings.Repeat("l", 10))
	}
	text := b.String()
	exact := tax.Limits{MaxRules: 3, MaxSame: 1, MaxBytes: len(text), MaxText: 10}
	if table, err := exact.Load(strings.NewReader(text)); err != nil || len(table.Rules()) != 3 {
		t.Errorf("at the limits: %v", err)
	}
	for name, c := range map[string]struct {
		limits tax.Limits
		code   world.Code
	}{
		"rules": {tax.Limits{MaxRules: 2, MaxSame: 1, MaxBytes: len(text), MaxText: 10}, world.CodeTooLarge},
		"bytes": {tax.Limits{MaxRules: 3, MaxSame: 1, MaxBytes: len(text) - 1, MaxText: 10}, world.CodeTooLarge},
		"same":  {tax.Limits{MaxRules: 3, MaxSame: 0, MaxBytes: len(text), MaxText: 10}, world.CodeTooLarge},
		"text":  {tax.Limits{MaxRules: 3, MaxSame: 1, MaxBytes: len(text), MaxText: 9}, world.CodeInvalid},
	} {
		if _, err := c.limits.Load(strings.NewReader(text)); !world.Is(err, c.code) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestLoadPassesOnAReadError(t *testing.T) {
	broken := errors.New("the disk is gone")
	if _, err := tax.Load(iotest.ErrReader(broken)); !errors.Is(err, broken) {
		t.Error(err)
	}
}

func FuzzLoad(f *testing.F) {
	f.Add(rulesCSV)
	f.Add(header)
	f.Add("\ufeff" + header + "DE,vat,,cake,,,,,,7,,2020-01-01,,\"USt, 7 %\",high,law,UStG\r\n")
	f.Add(header + "DE,vat,,cake,,,,,,7,,2020-01-01,,USt,high,law,UStG\nDE,cake,7,2020-01-01,,USt,UStG\n")
	f.Add(header + "DE,\"cake\n\n")
	f.Fuzz(func(t *testing.T, text string) {
		table, err := tax.Load(strings.NewReader(text))
		if err != nil {
			if code := world.CodeOf(err); code != world.CodeInvalid && code != world.CodeTooLarge {
				t.Fatalf("%q: %v", text, err)
			}
			return
		}
		// What is taken is a good table: whatever the circumstances, what it
		// finds is law, in force and of that class, or it says that it finds nothing.
		for _, rule := range table.Rules()[:min(len(table.Rules()), 20)] {
			for _, supply := range everySupply() {
				found, err := table.Find(in(rule.Jurisdiction, rule.From), rule.Class, supply)
				if err != nil && !world.Is(err, world.CodeUnprocessed) {
					t.Fatal(err)
				}
				for _, r := range found {
					if r.Status != tax.Law || r.Class != rule.Class || r.From.Compare(rule.From) > 0 || (!r.To.IsZero() && r.To.Compare(rule.From) < 0) {
						t.Fatalf("on %s for %v: %v", rule.From, supply, r)
					}
				}
			}
		}
		if _, err := tax.NewTable(table.Rules()); err != nil {
			t.Fatalf("its own rules are refused: %v", err)
		}
	})
}
