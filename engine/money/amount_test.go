package money_test

import (
	"math"
	"math/big"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"meridian/engine/money"
	"meridian/world"
)

var currencies = []string{"USD", "GBP", "EUR", "JPY", "INR", "KWD"}

func eur(minor int64) money.Amount { return money.Amount{Minor: minor, Currency: "EUR"} }

// exact runs an operation beside big integers: it either gives the exact
// result, or the result does not fit and it says so.
func exact(t *rapid.T, name string, want *big.Int, got money.Amount, err error) {
	t.Helper()
	if !want.IsInt64() {
		if !world.Is(err, world.CodeTooLarge) {
			t.Fatalf("%s does not fit, got %v, %v", name, got, err)
		}
		return
	}
	if err != nil || got != eur(want.Int64()) {
		t.Fatalf("%s: got %v, %v; want %v", name, got, err, want)
	}
}

func TestArithmeticIsExactOrFails(t *testing.T) {
	edge := rapid.SampledFrom([]int64{math.MinInt64, math.MinInt64 + 1, -2, -1, 0, 1, 2, math.MaxInt64 - 1, math.MaxInt64})
	number := rapid.OneOf(rapid.Int64(), edge)
	rapid.Check(t, func(t *rapid.T) {
		a, b := number.Draw(t, "a"), number.Draw(t, "b")
		x, y := big.NewInt(a), big.NewInt(b)
		got, err := eur(a).Add(eur(b))
		exact(t, "a+b", new(big.Int).Add(x, y), got, err)
		got, err = eur(a).Sub(eur(b))
		exact(t, "a-b", new(big.Int).Sub(x, y), got, err)
		got, err = eur(a).Mul(int(b))
		exact(t, "a×b", new(big.Int).Mul(x, y), got, err)
		if order, err := eur(a).Compare(eur(b)); err != nil || order != x.Cmp(y) {
			t.Fatalf("compare: %d, %v", order, err)
		}
	})
}

func TestSumOfNothingAndOfMany(t *testing.T) {
	if s, err := money.Sum("EUR"); err != nil || s != eur(0) {
		t.Errorf("sum of nothing: %v, %v", s, err)
	}
	rapid.Check(t, func(t *rapid.T) {
		minors := rapid.SliceOf(rapid.Int64Range(-1e12, 1e12)).Draw(t, "minors")
		var want int64
		amounts := make([]money.Amount, len(minors))
		for i, m := range minors {
			want += m
			amounts[i] = eur(m)
		}
		if got, err := money.Sum("EUR", amounts...); err != nil || got != eur(want) {
			t.Fatalf("got %v, %v; want %d", got, err, want)
		}
		slices.Reverse(amounts)
		if got, err := money.Sum("EUR", amounts...); err != nil || got != eur(want) {
			t.Fatalf("reversed: got %v, %v; want %d", got, err, want)
		}
	})
}

func TestCurrenciesDoNotMix(t *testing.T) {
	usd := money.Amount{Minor: 1, Currency: "USD"}
	_, add := eur(1).Add(usd)
	_, sub := eur(1).Sub(usd)
	_, compare := eur(1).Compare(usd)
	_, sum := money.Sum("EUR", eur(1), usd)
	_, none := money.Amount{}.Add(money.Amount{})
	for name, err := range map[string]error{"add": add, "sub": sub, "compare": compare, "sum": sum, "no currency": none} {
		if !world.Is(err, world.CodeConflict) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestNewKnowsItsCurrencies(t *testing.T) {
	if a, err := money.New(5, "EUR"); err != nil || a != eur(5) {
		t.Errorf("got %v, %v", a, err)
	}
	for _, bad := range []string{"", "eur", "EURO", "XYZ"} {
		if _, err := money.New(5, bad); !world.Is(err, world.CodeInvalid) {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

func TestDecimal(t *testing.T) {
	for want, a := range map[string]money.Amount{
		"34.90":                 eur(3490),
		"0.00":                  eur(0),
		"0.05":                  eur(5),
		"-0.05":                 eur(-5),
		"-1.00":                 eur(-100),
		"-92233720368547758.08": eur(math.MinInt64),
		"1200":                  {Minor: 1200, Currency: "JPY"},
		"1.200":                 {Minor: 1200, Currency: "KWD"},
	} {
		if got := a.Decimal(); got != want {
			t.Errorf("%#v: got %q, want %q", a, got, want)
		}
	}
	if got := eur(3490).String(); got != "34.90 EUR" {
		t.Error(got)
	}
}
