package catalog_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"meridian/engine/catalog"
	"meridian/world"
)

var (
	shops = catalog.Rules{Market: world.Market{ID: "de", Currency: "EUR", Locales: []string{"de-DE"}}, MaxPrice: 10_000}
	now   = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
)

func minor(n int64) *int64 { return &n }

func shelf() catalog.Snapshot {
	return catalog.Snapshot{
		SKUs: []catalog.PricedSKU{
			{SKU: "bun", Product: "bun", Prices: map[string]catalog.ListPrice{"base": {Version: 1, Minor: minor(100)}}},
			{SKU: "roll", Product: "roll", Prices: map[string]catalog.ListPrice{"base": {Version: 4, Minor: minor(520)}, "advent": {Version: 3, Minor: minor(499)}}},
		},
		Lists:    map[string]catalog.WrittenList{"base": {Version: 1}, "advent": {Version: 2}},
		Products: []catalog.Published{{Slug: "bun", Version: 7}, {Slug: "roll", Version: 2, Until: &now}},
	}
}

func TestPlans(t *testing.T) {
	later := now.Add(time.Hour)
	for name, c := range map[string]struct {
		b         catalog.Bulk
		changes   string
		unchanged int
	}{
		"prices":                             {catalog.Bulk{Prices: []catalog.PriceChange{{SKU: "roll", Minor: minor(540)}, {SKU: "roll", List: "advent"}, {SKU: "bun", Minor: minor(100)}, {SKU: "bun", List: "advent"}}}, "roll/advent 3 499>-; roll/base 4 520>540", 2},
		"a raise to its usual ending":        {catalog.Bulk{Raise: &catalog.Raise{Percent: "5.5"}}, "bun/base 1 100>99; roll/base 4 520>499", 0},
		"a lowering":                         {catalog.Bulk{Raise: &catalog.Raise{Percent: "-10", Ending: "as_it_is", Into: "advent"}}, "bun/advent 0 ->90; roll/advent 3 499>468", 0},
		"a raise by nothing":                 {catalog.Bulk{Raise: &catalog.Raise{Percent: "0", Ending: "as_it_is"}}, "", 2},
		"a raise that finds one of them so":  {catalog.Bulk{Raise: &catalog.Raise{Percent: "-4.0385", Ending: "as_it_is", Into: "advent"}}, "bun/advent 0 ->96", 1},
		"into a list that comes with it":     {catalog.Bulk{List: &catalog.List{List: "lent", Rank: 1}, Raise: &catalog.Raise{Percent: "+1", Ending: "whole", Into: "lent"}}, "bun/lent 0 ->100; roll/lent 0 ->500", 0},
		"withdrawn, one that is so":          {catalog.Bulk{Publish: &catalog.Publish{Products: []string{"bun", "roll"}, Withdraw: true}}, "bun 7", 1},
		"published for ever, one that is so": {catalog.Bulk{Publish: &catalog.Publish{Category: "x"}}, "roll 2", 1},
		"published for an hour":              {catalog.Bulk{Publish: &catalog.Publish{Category: "x", From: &now, Until: &later}}, "bun 7; roll 2", 0},
	} {
		if err := shops.CheckBulk(c.b); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		p, err := shops.Plan(c.b, shelf(), now)
		if got := told(p); err != nil || got != c.changes || p.Unchanged != c.unchanged {
			t.Errorf("%s: %q, %d unchanged, %v; want %q", name, got, p.Unchanged, err, c.changes)
		}
	}
}

func told(p catalog.Plan) string {
	var out []string
	text := func(n *int64) string {
		if n == nil {
			return "-"
		}
		return fmt.Sprint(*n)
	}
	for _, c := range p.Changes {
		if c.SKU == "" {
			out = append(out, fmt.Sprint(c.Product, " ", c.Replaces))
		} else {
			out = append(out, fmt.Sprintf("%s/%s %d %s>%s", c.SKU, c.List, c.Replaces, text(c.Old), text(c.New)))
		}
	}
	return strings.Join(out, "; ")
}

func TestPlansAreRefused(t *testing.T) {
	many := make([]catalog.PriceChange, catalog.MaxBulk+1)
	for i := range many {
		many[i] = catalog.PriceChange{SKU: fmt.Sprint(i), Minor: minor(1)}
	}
	all := catalog.Publish{Category: "x", Withdraw: true, Until: &now}
	for name, c := range map[string]struct {
		b    catalog.Bulk
		code world.Code
		says string
	}{
		"nothing":          {catalog.Bulk{}, world.CodeInvalid, "give one of them"},
		"two things":       {catalog.Bulk{Raise: &catalog.Raise{Percent: "1"}, Publish: &catalog.Publish{Category: "x"}}, world.CodeInvalid, "give one of them"},
		"too many":         {catalog.Bulk{Prices: many}, world.CodeInvalid, "1000"},
		"one twice":        {catalog.Bulk{Prices: []catalog.PriceChange{{SKU: "bun", Minor: minor(1)}, {SKU: "bun", List: "base", Minor: minor(2)}}}, world.CodeInvalid, "prices[1].sku"},
		"base without":     {catalog.Bulk{Prices: []catalog.PriceChange{{SKU: "bun"}}}, world.CodeInvalid, "prices[0].minor"},
		"too dear":         {catalog.Bulk{Prices: []catalog.PriceChange{{SKU: "bun", Minor: minor(10_001)}}}, world.CodeInvalid, "prices[0].minor"},
		"no such SKU":      {catalog.Bulk{Prices: []catalog.PriceChange{{SKU: "pie", Minor: minor(1)}}}, world.CodeUnprocessed, "prices[0].sku"},
		"no such list":     {catalog.Bulk{Prices: []catalog.PriceChange{{SKU: "bun", List: "never", Minor: minor(1)}}}, world.CodeUnprocessed, "list"},
		"a list anew":      {catalog.Bulk{List: &catalog.List{List: "advent", Rank: 1}, Raise: &catalog.Raise{Percent: "1", Into: "advent"}}, world.CodeConflict, "advent"},
		"a bad list":       {catalog.Bulk{List: &catalog.List{List: "new"}, Raise: &catalog.Raise{Percent: "1", Into: "new"}}, world.CodeInvalid, "rank"},
		"a list for dates": {catalog.Bulk{List: &catalog.List{List: "new", Rank: 1}, Publish: &catalog.Publish{Category: "x"}}, world.CodeInvalid, "list"},
		"no number":        {catalog.Bulk{Raise: &catalog.Raise{Percent: "a lot"}}, world.CodeInvalid, ""},
		"no such ending":   {catalog.Bulk{Raise: &catalog.Raise{Percent: "1", Ending: "nines"}}, world.CodeInvalid, "end_99"},
		"below nothing":    {catalog.Bulk{Raise: &catalog.Raise{Percent: "-200"}}, world.CodeInvalid, ""},
		"given away":       {catalog.Bulk{Raise: &catalog.Raise{Percent: "-100"}}, world.CodeUnprocessed, "bun"},
		"raised too far":   {catalog.Bulk{Raise: &catalog.Raise{Percent: "1000"}}, world.CodeInvalid, ""},
		"everybody's":      {catalog.Bulk{Publish: &catalog.Publish{}}, world.CodeInvalid, "publish.products"},
		"at once, later":   {catalog.Bulk{Publish: &all}, world.CodeInvalid, "publish.withdraw"},
		"no such product":  {catalog.Bulk{Publish: &catalog.Publish{Products: []string{"pie"}, Withdraw: true}}, world.CodeUnprocessed, "publish.products[0]"},
	} {
		s := shelf()
		if name == "raised too far" {
			s.SKUs[0].Prices["base"] = catalog.ListPrice{Version: 1, Minor: minor(9_999)}
			c.code = world.CodeUnprocessed
		}
		err := shops.CheckBulk(c.b)
		if err == nil {
			_, err = shops.Plan(c.b, s, now)
		}
		if !world.Is(err, c.code) || !strings.Contains(fmt.Sprint(err), c.says) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A plan's tag is that of what it does to what there is: once that is another, so is
// the tag.
func TestTagsTellPlansApart(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := shelf()
		percent := rapid.IntRange(-50, 50).Draw(t, "percent")
		b := catalog.Bulk{Raise: &catalog.Raise{Percent: fmt.Sprint(percent), Ending: "as_it_is", Into: "advent"}}
		first, err := shops.Plan(b, s, now)
		if err != nil {
			t.Fatal(err)
		}
		again, _ := shops.Plan(b, shelf(), now.Add(time.Hour))
		if again.Tag() != first.Tag() {
			t.Fatal("the same plan has two tags")
		}
		moved := shelf()
		switch rapid.IntRange(0, 3).Draw(t, "what") {
		case 0: // somebody changed a price that the plan replaces
			moved.SKUs[1].Prices["advent"] = catalog.ListPrice{Version: 9, Minor: minor(1)}
		case 1: // or one that it is reckoned by
			moved.SKUs[0].Prices["base"] = catalog.ListPrice{Version: 2, Minor: minor(5000)}
		case 2: // or the list's dates
			moved.Lists["advent"] = catalog.WrittenList{Version: 3}
		case 3: // or added a SKU
			moved.SKUs = append(moved.SKUs, catalog.PricedSKU{SKU: "z", Product: "z", Prices: map[string]catalog.ListPrice{"base": {Version: 1, Minor: minor(70)}}})
		}
		other, err := shops.Plan(b, moved, now)
		if err != nil || other.Tag() == first.Tag() {
			t.Fatalf("another plan has the same tag: %v, %v", told(other), err)
		}
	})
}
