package promotion_test

import (
	"strings"
	"testing"

	"meridian/engine/promotion"
	"meridian/world"
)

func TestNormalize(t *testing.T) {
	for typed, want := range map[string]string{
		"SUMMER26": "SUMMER26", " summer26\n": "SUMMER26", "sum mer": "SUMMER", "ＳＵＭＭＥＲ２６": "SUMMER26",
		"summer–26": "SUMMER-26", "summer−26": "SUMMER-26", "summerー26": "SUMMER-26", "\u200bsum\u00admer\ufeff": "SUMMER",
		"sümmer": "", "СУММЕР": "", "ſummer": "", "ı": "", "a_b": "", "\xff": "", "": "",
		strings.Repeat("a", promotion.MaxCode):   strings.Repeat("A", promotion.MaxCode),
		strings.Repeat("a", promotion.MaxCode+1): "",
		strings.Repeat(" ", 4*promotion.MaxCode): "", strings.Repeat(" ", 4*promotion.MaxCode) + "abc": "",
	} {
		if got := promotion.Normalize(typed); got != want {
			t.Errorf("%q: got %q, want %q", typed, got, want)
		}
	}
}

func FuzzNormalize(f *testing.F) {
	for _, seed := range []string{"SUMMER26", "ｓｕｍ ｍｅｒ", "a–b", "\xff\xfe", "ſ", strings.Repeat("é", 70)} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, typed string) {
		code := promotion.Normalize(typed)
		if len(code) > promotion.MaxCode || strings.Trim(code, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-") != "" {
			t.Fatalf("%q became %q", typed, code)
		}
		if promotion.Normalize(code) != code || promotion.Normalize(strings.ToLower(code)) != code {
			t.Fatalf("%q is not its own normal form", code)
		}
	})
}

func TestCheck(t *testing.T) {
	limits := promotion.DefaultLimits
	for name, c := range map[string]struct {
		p    promotion.Promotion
		code world.Code // "" is taken
	}{
		"a percentage":          {percent("p", 1_000_000), ""},
		"a percent too much":    {percent("p", 1_000_001), world.CodeInvalid},
		"no percent":            {percent("p", 0), world.CodeInvalid},
		"no id":                 {percent("", tenPercent), world.CodeInvalid},
		"no kind":               {promotion.Promotion{ID: "p"}, world.CodeInvalid},
		"another kind":          {promotion.Promotion{ID: "p", Kind: "gift"}, world.CodeInvalid},
		"no amount":             {amount("p", 0), world.CodeInvalid},
		"no currency":           {with(amount("p", 1), func(p *promotion.Promotion) { p.Amount.Currency = "" }), world.CodeInvalid},
		"nothing to get":        {bundle("p", 1, 0), world.CodeInvalid},
		"nothing to buy":        {bundle("p", 0, 1), world.CodeInvalid},
		"as many as may be":     {bundle("p", limits.MaxPieces-1, 1), ""},
		"one more":              {bundle("p", limits.MaxPieces, 1), world.CodeTooLarge},
		"the shortest code":     {coded(percent("p", tenPercent), "abc"), ""},
		"a shorter code":        {coded(percent("p", tenPercent), "ab"), world.CodeInvalid},
		"a code of spaces":      {coded(percent("p", tenPercent), "   "), world.CodeInvalid},
		"a code of hyphens":     {coded(percent("p", tenPercent), "---"), world.CodeInvalid},
		"a code with an accent": {coded(percent("p", tenPercent), "crème"), world.CodeInvalid},
		"an end at its begin":   {with(percent("p", tenPercent), func(p *promotion.Promotion) { p.From, p.To = noon, noon }), world.CodeInvalid},
		"a negative limit":      {with(percent("p", tenPercent), func(p *promotion.Promotion) { p.MaxUses = -1 }), world.CodeInvalid},
		"a negative minimum":    {with(percent("p", tenPercent), func(p *promotion.Promotion) { p.MinSubtotal = eur(-1) }), world.CodeInvalid},
		"all its targets":       {with(percent("p", tenPercent), func(p *promotion.Promotion) { p.SKUs = make([]string, limits.MaxTargets) }), ""},
		"a target too many": {with(percent("p", tenPercent), func(p *promotion.Promotion) {
			p.SKUs, p.Categories = make([]string, limits.MaxTargets), []string{"cake"}
		}), world.CodeTooLarge},
	} {
		err := limits.Check(c.p)
		if c.code == "" && err != nil || c.code != "" && !world.Is(err, c.code) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
