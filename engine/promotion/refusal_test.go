package promotion_test

import (
	"testing"
	"time"

	"meridian/engine/promotion"
)

func coded(p promotion.Promotion, code string, change ...func(*promotion.Promotion)) promotion.Promotion {
	p.Code = code
	for _, c := range change {
		c(&p)
	}
	return p
}

func TestEachCodeThatDoesNotWorkIsToldWhy(t *testing.T) {
	offers := []promotion.Promotion{
		coded(percent("good", tenPercent), "GOOD"),
		coded(percent("other", tenPercent), "OTHER"),
		coded(percent("early", tenPercent), "EARLY", func(p *promotion.Promotion) { p.From = noon.Add(time.Minute) }),
		coded(percent("late", tenPercent), "LATE", func(p *promotion.Promotion) { p.To = noon }),
		coded(percent("large", tenPercent), "LARGE", func(p *promotion.Promotion) { p.MinSubtotal = eur(3001) }),
		coded(percent("spent", tenPercent), "SPENT", func(p *promotion.Promotion) { p.MaxUses = 5 }),
		coded(percent("mine", tenPercent), "MINE", func(p *promotion.Promotion) { p.MaxUses, p.MaxPerBuyer = 5, 1 }),
		coded(percent("bread", tenPercent), "BREAD", func(p *promotion.Promotion) { p.Categories = []string{"bread"} }),
		coded(bundle("four", 3, 1), "FOUR"),
		coded(percent("small", 1000), "SMALL", func(p *promotion.Promotion) { p.Exclusive = true }),
		coded(amount("free", 1), "FREE"),
		coded(percent("again-2025", tenPercent), "AGAIN", func(p *promotion.Promotion) { p.To = noon.AddDate(-1, 0, 0) }),
		coded(percent("again-2027", tenPercent), "AGAIN", func(p *promotion.Promotion) { p.From = noon.AddDate(1, 0, 0) }),
	}
	used := func(id string) (int, int) {
		switch id {
		case "spent":
			return 5, 0
		case "mine":
			return 2, 1
		}
		return 0, 0
	}
	automatic := percent("automatic", tenPercent)
	everything := with(percent("everything", 1_000_000), func(p *promotion.Promotion) { p.Rank = 1 })
	for name, c := range map[string]struct {
		beside []promotion.Promotion
		codes  []string
		want   []promotion.Refusal
	}{
		"it works":            {nil, []string{"good"}, nil},
		"twice the same":      {nil, []string{"good", " ＧＯＯＤ "}, nil},
		"unknown":             {nil, []string{"none"}, []promotion.Refusal{{Code: "none", Reason: promotion.NotFound}}},
		"no code at all":      {nil, []string{"", "Ω"}, []promotion.Refusal{{Reason: promotion.NotFound}, {Code: "Ω", Reason: promotion.NotFound}}},
		"not yet":             {nil, []string{"early"}, []promotion.Refusal{{Code: "early", Reason: promotion.NotYet, Promotion: "early", At: noon.Add(time.Minute)}}},
		"ended":               {nil, []string{"late"}, []promotion.Refusal{{Code: "late", Reason: promotion.Ended, Promotion: "late", At: noon}}},
		"too little":          {nil, []string{"large"}, []promotion.Refusal{{Code: "large", Reason: promotion.Minimum, Promotion: "large", Need: eur(3001)}}},
		"used up":             {nil, []string{"spent"}, []promotion.Refusal{{Code: "spent", Reason: promotion.UsedUp, Promotion: "spent"}}},
		"used by the buyer":   {nil, []string{"mine"}, []promotion.Refusal{{Code: "mine", Reason: promotion.UsedByYou, Promotion: "mine"}}},
		"other products":      {nil, []string{"bread"}, []promotion.Refusal{{Code: "bread", Reason: promotion.NotTheseProducts, Promotion: "bread"}}},
		"too few":             {nil, []string{"four"}, []promotion.Refusal{{Code: "four", Reason: promotion.TooFew, Promotion: "four", Pieces: 4}}},
		"the nearer of two":   {nil, []string{"again"}, []promotion.Refusal{{Code: "again", Reason: promotion.NotYet, Promotion: "again-2027", At: noon.AddDate(1, 0, 0)}}},
		"the second code":     {nil, []string{"none", "good", "other"}, []promotion.Refusal{{Code: "none", Reason: promotion.NotFound}, {Code: "other", Reason: promotion.TooMany, Promotion: "other"}}},
		"a better one":        {[]promotion.Promotion{automatic}, []string{"small"}, []promotion.Refusal{{Code: "small", Reason: promotion.ExcludedBy, Promotion: "small", By: "label of automatic"}}},
		"nothing is left":     {[]promotion.Promotion{everything}, []string{"free"}, []promotion.Refusal{{Code: "free", Reason: promotion.NothingLeft, Promotion: "free"}}},
		"an exclusive beside": {[]promotion.Promotion{with(everything, func(p *promotion.Promotion) { p.Exclusive = true })}, []string{"good"}, []promotion.Refusal{{Code: "good", Reason: promotion.ExcludedBy, Promotion: "good", By: "label of everything"}}},
	} {
		a, err := promotion.Apply(append(c.beside, offers...), []promotion.Line{line("torte", "cake", 3, 1000)}, c.codes, noon, used)
		if err != nil {
			t.Fatal(err)
		}
		if len(a.Refused) != len(c.want) {
			t.Errorf("%s: refused %+v, want %+v", name, a.Refused, c.want)
			continue
		}
		for i, r := range a.Refused {
			if r != c.want[i] {
				t.Errorf("%s: refused %+v, want %+v", name, r, c.want[i])
			}
		}
	}
}

func TestAShopMayTakeMoreCodes(t *testing.T) {
	limits := promotion.DefaultLimits
	limits.MaxCodes = 2
	a, err := limits.Apply([]promotion.Promotion{coded(amount("a", 1), "AAA"), coded(amount("b", 2), "BBB"), coded(amount("c", 4), "CCC")},
		[]promotion.Line{line("torte", "cake", 1, 1000)}, []string{"ccc", "aaa", "bbb"}, noon, unused)
	if err != nil || a.Total != eur(5) || len(a.Refused) != 1 || a.Refused[0].Reason != promotion.TooMany {
		t.Errorf("got %+v, %v", a, err)
	}
}
