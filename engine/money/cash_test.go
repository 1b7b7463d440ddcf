package money_test

import (
	"math"
	"testing"
	"time"

	"pgregory.net/rapid"

	"meridian/engine/money"
	"meridian/world"
)

func TestCashTable(t *testing.T) {
	for _, c := range []struct {
		currency    string
		minor, want int64
	}{
		{"CHF", 1002, 1000}, {"CHF", 1003, 1005}, {"CHF", 1007, 1005}, {"CHF", 1008, 1010}, {"CHF", -1003, -1005},
		{"SEK", 1049, 1000}, {"SEK", 1050, 1100}, {"SEK", 1100, 1100}, {"SEK", -1050, -1100},
		{"DKK", 1024, 1000}, {"DKK", 1025, 1050}, {"DKK", 1074, 1050}, {"DKK", 1075, 1100},
		{"NOK", 49, 0}, {"NOK", 50, 100},
		{"CZK", 1250, 1300}, {"HUF", 1249, 1000}, {"HUF", 1250, 1500},
		{"CAD", 1232, 1230}, {"CAD", 1233, 1235}, {"AUD", 1298, 1300},
		{"JPY", 1, 1}, {"EUR", 1, 1}, {"GBP", 99, 99}, {"INR", 1, 1}, // to the minor unit
	} {
		a := money.Amount{Minor: c.minor, Currency: c.currency}
		paid, difference, err := a.InCash()
		if err != nil || paid.Minor != c.want || paid.Currency != c.currency {
			t.Errorf("%v: got %v, %v; want %d", a, paid, err, c.want)
		}
		if back, err := a.Add(difference); err != nil || back != paid {
			t.Errorf("%v and the difference %v make %v, %v; paid is %v", a, difference, back, err, paid)
		}
	}
}

func TestCashIsNearAndMirrored(t *testing.T) {
	codes := rapid.SampledFrom([]string{"AUD", "CAD", "CHF", "CZK", "DKK", "HUF", "NOK", "SEK"})
	rapid.Check(t, func(t *rapid.T) {
		a := money.Amount{Minor: rapid.Int64Range(-1e15, 1e15).Draw(t, "minor"), Currency: codes.Draw(t, "currency")}
		rule, ok := money.CashOf(a.Currency)
		if !ok {
			t.Fatalf("%s has no rule", a.Currency)
		}
		paid, difference, err := a.InCash()
		if err != nil || paid.Minor%rule.Step != 0 || 2*max(difference.Minor, -difference.Minor) > rule.Step {
			t.Fatalf("%v is paid as %v, %v by %+v", a, paid, err, rule)
		}
		if again, _, err := paid.InCash(); err != nil || again != paid {
			t.Fatalf("%v is paid as %v, %v", paid, again, err)
		}
		if mirror, _, err := (money.Amount{Minor: -a.Minor, Currency: a.Currency}).InCash(); err != nil || mirror.Minor != -paid.Minor {
			t.Fatalf("%v is paid as %v, its refund as %v, %v", a, paid, mirror, err)
		}
	})
}

func TestCashRulesNameTheirSource(t *testing.T) {
	for _, code := range []string{"AUD", "CAD", "CHF", "CZK", "DKK", "HUF", "NOK", "SEK"} {
		rule, ok := money.CashOf(code)
		if _, err := money.New(0, code); !ok || err != nil || rule.Step < 2 || rule.Source == "" {
			t.Errorf("%s: %+v, %v", code, rule, err)
		}
		if _, err := time.Parse(time.DateOnly, rule.Since); err != nil {
			t.Errorf("%s: %v", code, err)
		}
	}
}

func TestRoundToRefusals(t *testing.T) {
	for _, step := range []int64{0, -5} {
		if got, err := eur(12).RoundTo(step, money.HalfUp); !world.Is(err, world.CodeInvalid) {
			t.Errorf("step %d: got %v, %v", step, got, err)
		}
	}
	if got, err := eur(12).RoundTo(5, ""); !world.Is(err, world.CodeInvalid) {
		t.Errorf("no rounding: got %v, %v", got, err)
	}
	if got, err := eur(math.MaxInt64).RoundTo(10, money.Up); !world.Is(err, world.CodeTooLarge) {
		t.Errorf("past an int64: got %v, %v", got, err)
	}
}
