package fx_test

import (
	"encoding/json"
	"math"
	"math/big"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"meridian/engine/fx"
	"meridian/engine/money"
	"meridian/world"
)

func quotes(t testing.TB, on string, rates ...string) []fx.Quote {
	t.Helper()
	var out []fx.Quote
	for i := 0; i < len(rates); i += 2 {
		out = append(out, fx.Quote{Currency: rates[i], Rate: fx.Rate(rates[i+1]), Day: day(t, on), Source: "bank of " + rates[i]})
	}
	return out
}

func amount(minor int64, currency string) money.Amount {
	return money.Amount{Minor: minor, Currency: currency}
}

func TestConvertTable(t *testing.T) {
	table := fx.NewTable(day(t, "2026-11-20"), quotes(t, "2026-11-20", "USD", "1.1625", "JPY", "178.40", "INR", "103.250", "KWD", "0.35630"))
	for _, c := range []struct {
		from     money.Amount
		to       string
		rounding money.Rounding
		want     string
		rate     string
	}{
		{amount(1000, "EUR"), "USD", money.HalfUp, "about 11.63 USD", "1.1625"}, // 11.625
		{amount(1000, "EUR"), "USD", money.HalfEven, "about 11.62 USD", "1.1625"},
		{amount(1000, "EUR"), "USD", money.Up, "about 11.63 USD", "1.1625"},
		{amount(1163, "USD"), "EUR", money.HalfUp, "about 10.00 EUR", "0.860215"},
		{amount(480, "JPY"), "USD", money.HalfUp, "about 3.13 USD", "0.00651626"},
		{amount(299, "USD"), "JPY", money.HalfUp, "about 459 JPY", "153.462"},
		{amount(-299, "USD"), "JPY", money.HalfUp, "about -459 JPY", "153.462"},
		{amount(100, "USD"), "KWD", money.HalfUp, "about 0.306 KWD", "0.306495"}, // three decimals
		{amount(1000, "KWD"), "JPY", money.HalfUp, "about 501 JPY", "500.702"},
		{amount(0, "JPY"), "INR", money.HalfUp, "about 0.00 INR", "0.578756"},
		{amount(1234, "USD"), "USD", money.HalfUp, "12.34 USD", "1"},
	} {
		got, err := table.Convert(c.from, c.to, c.rounding)
		if err != nil || got.String() != c.want || got.Rate != c.rate {
			t.Errorf("%v: got %v at %s, %v; want %s at %s", c.from, got, got.Rate, err, c.want, c.rate)
		}
		if got.About() != (c.from.Currency != c.to) {
			t.Errorf("%v to %s: about is %t", c.from, c.to, got.About())
		}
	}
}

func TestConvertRefusals(t *testing.T) {
	table := fx.NewTable(day(t, "2026-11-20"), quotes(t, "2026-11-20", "USD", "1.1625", "JPY", "178.40"))
	for name, c := range map[string]struct {
		from     money.Amount
		to       string
		rounding money.Rounding
		code     world.Code
	}{
		"no rate to":      {amount(1, "USD"), "INR", money.HalfUp, world.CodeNotFound},
		"no rate from":    {amount(1, "INR"), "USD", money.HalfUp, world.CodeNotFound},
		"no currency":     {amount(1, "XYZ"), "XYZ", money.HalfUp, world.CodeInvalid},
		"no amount":       {money.Amount{}, "USD", money.HalfUp, world.CodeNotFound},
		"no rounding":     {amount(1, "USD"), "EUR", "", world.CodeInvalid},
		"past an int64":   {amount(math.MaxInt64, "JPY"), "USD", money.HalfUp, ""}, // it fits
		"past an int64 2": {amount(math.MaxInt64, "EUR"), "USD", money.HalfUp, world.CodeTooLarge},
	} {
		_, err := table.Convert(c.from, c.to, c.rounding)
		if c.code == "" && err != nil || c.code != "" && !world.Is(err, c.code) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A list that lacks a currency leaves its last rate in force, and the figure says
// how old that is. A weekend makes it older, and nothing is missing by that.
func TestAMissingRateKeepsTheLastAndSaysSo(t *testing.T) {
	all := append(quotes(t, "2026-11-13", "USD", "1.10", "JPY", "170"), quotes(t, "2026-11-20", "USD", "1.20")...)
	for _, c := range []struct {
		on, to, want, of string
		age, missed      int
		note             string
	}{
		{"2026-11-20", "USD", "about 12.00 USD", "2026-11-20", 0, 0, "by the rates of 2026-11-20, bank of USD"},
		{"2026-11-22", "USD", "about 12.00 USD", "2026-11-20", 2, 0, "by the rates of 2026-11-20, bank of USD"},
		{"2026-11-23", "USD", "about 12.00 USD", "2026-11-20", 3, 0, "by the rates of 2026-11-20, bank of USD"}, // today's may still come
		{"2026-11-24", "USD", "about 12.00 USD", "2026-11-20", 4, 1, "by the rates of 2026-11-20, bank of USD; a list is missing since"},
		{"2026-11-20", "JPY", "about 1700 JPY", "2026-11-13", 7, 4, "by the rates of 2026-11-13, bank of JPY; 4 lists are missing since"},
		{"2026-11-19", "USD", "about 11.00 USD", "2026-11-13", 6, 3, "by the rates of 2026-11-13, bank of USD; 3 lists are missing since"},
	} {
		got, err := fx.NewTable(day(t, c.on), all).Convert(amount(1000, "EUR"), c.to, money.HalfUp)
		if err != nil || got.String() != c.want || got.Day.String() != c.of || got.Age != c.age || got.Missed != c.missed || got.Note() != c.note {
			t.Errorf("on %s: got %v of %v, %d days, %d missed, %q, %v", c.on, got, got.Day, got.Age, got.Missed, got.Note(), err)
		}
	}
	// The older of the two lists is the one that is told.
	got, err := fx.NewTable(day(t, "2026-11-20"), all).Convert(amount(100, "USD"), "JPY", money.HalfUp)
	if err != nil || got.Day.String() != "2026-11-13" || got.Source != "bank of USD; bank of JPY" {
		t.Errorf("got %+v, %v", got, err)
	}
}

func TestATableIsOfItsDay(t *testing.T) {
	all := quotes(t, "2026-11-20", "USD", "1.20")
	convert := func(on string) error {
		_, err := fx.NewTable(day(t, on), all).Convert(amount(1, "EUR"), "USD", money.HalfUp)
		return err
	}
	if err := convert("2026-11-19"); !world.Is(err, world.CodeNotFound) {
		t.Errorf("a rate was used before its day: %v", err)
	}
	if err := convert("2027-11-21"); err != nil {
		t.Errorf("a rate of 366 days: %v", err)
	}
	if err := convert("2027-11-22"); !world.Is(err, world.CodeNotFound) {
		t.Errorf("a rate of 367 days: %v", err)
	}
	corrected := append(all, quotes(t, "2026-11-20", "USD", "1.30")...)
	if got, err := fx.NewTable(day(t, "2026-11-20"), corrected).Convert(amount(100, "EUR"), "USD", money.HalfUp); err != nil || got.Decimal() != "1.30" {
		t.Errorf("the correction does not hold: %v, %v", got, err)
	}
	if got := fx.NewTable(day(t, "2026-11-20"), quotes(t, "2026-11-20", "USD", "0", "JPY", "x")).Quotes(); len(got) != 0 {
		t.Errorf("rates that are none: %v", got)
	}
}

func TestASumIsRoundedOnce(t *testing.T) {
	table := fx.NewTable(day(t, "2026-11-20"), quotes(t, "2026-11-20", "USD", "3", "JPY", "150"))
	got, err := table.Sum("EUR", money.HalfUp, amount(1, "USD"), amount(1, "USD"), amount(1, "USD"), amount(5, "EUR"), amount(3, "JPY"))
	if err != nil || got.String() != "about 0.08 EUR" || got.Rate != "" { // each cent of a dollar alone would be nothing
		t.Errorf("got %v, %v", got, err)
	}
	if got, err := table.Sum("EUR", money.HalfUp); err != nil || got.String() != "0.00 EUR" || got.About() {
		t.Errorf("nothing: %v, %v", got, err)
	}
}

// Nothing that is encoded can be taken for an amount, and no method gives one.
func TestADisplayIsNoAmount(t *testing.T) {
	table := fx.NewTable(day(t, "2026-11-20"), quotes(t, "2026-11-20", "USD", "1.1625"))
	d, err := table.Convert(amount(1000, "EUR"), "USD", money.HalfUp)
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(d)
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"about":true,"decimal":"11.63","currency":"USD","rate":"1.1625","day":"2026-11-20","age_days":0,"missed_lists":0,"source":"bank of USD"}`
	if string(text) != want {
		t.Errorf("got %s", text)
	}
	var a money.Amount
	if err := json.Unmarshal(text, &a); err == nil && a.Minor != 0 {
		t.Errorf("it was read as %v", a)
	}
	if got := d.Format("de-DE"); got != "11,63\u00a0$" {
		t.Errorf("%q", got)
	}
}

// A conversion is the exact quotient of two rates to half a minor unit, whatever
// they are, and the way back is as exact.
func TestConversionsAreExactToHalfAUnit(t *testing.T) {
	codes := []string{"EUR", "USD", "JPY", "KWD"}
	places := map[string]int64{"EUR": 100, "USD": 100, "JPY": 1, "KWD": 1000}
	on := day(t, "2026-11-20")
	rapid.Check(t, func(t *rapid.T) {
		rates := map[string]*big.Rat{"EUR": big.NewRat(1, 1)}
		var list []fx.Quote
		for _, code := range codes[1:] {
			text := rapid.StringMatching(`[0-9]{1,5}\.[0-9]{0,5}[1-9]`).Draw(t, code)
			rates[code], _ = new(big.Rat).SetString(text)
			list = append(list, fx.Quote{Currency: code, Rate: fx.Rate(text), Day: on})
		}
		from, to := rapid.SampledFrom(codes).Draw(t, "from"), rapid.SampledFrom(codes).Draw(t, "to")
		minor := rapid.Int64Range(-1e9, 1e9).Draw(t, "minor")
		got, err := fx.NewTable(on, list).Convert(amount(minor, from), to, money.HalfUp)
		if err != nil {
			t.Fatal(err)
		}
		exact := new(big.Rat).Quo(rates[to], rates[from])
		exact.Mul(exact, big.NewRat(minor, places[from]))
		shown, ok := new(big.Rat).SetString(got.Decimal())
		if !ok {
			t.Fatalf("%q is no number", got.Decimal())
		}
		off := new(big.Rat).Sub(shown, exact)
		if off.Abs(off).Cmp(big.NewRat(1, 2*places[to])) > 0 {
			t.Fatalf("%v to %s by %v: got %v, exactly %s", amount(minor, from), to, list, got, exact.FloatString(6))
		}
	})
}

func TestParseRate(t *testing.T) {
	for _, good := range []string{"1", "1.0867", "178.40", "0.000001", "16312.34", "007.5", strings.Repeat("1", 24)} {
		if r, err := fx.ParseRate(good); err != nil || string(r) != good || r.Rat().Sign() != 1 {
			t.Errorf("%q: %q, %v", good, r, err)
		}
	}
	for _, bad := range []string{"", "0", "0.0", ".5", "5.", "-1", "+1", "1e3", "1,5", " 1", "1/2", "0x1", "Inf", "1.2.3", "٣", strings.Repeat("1", 25)} {
		if r, err := fx.ParseRate(bad); !world.Is(err, world.CodeInvalid) || fx.Rate(bad).Rat() != nil {
			t.Errorf("%q: %q, %v", bad, r, err)
		}
	}
}

func TestAPriceIsProposedFromTheExactFigure(t *testing.T) {
	table := fx.NewTable(day(t, "2026-11-20"), quotes(t, "2026-11-20", "USD", "1.49004", "JPY", "178.40"))
	for _, c := range []struct {
		minor    int64
		to, want string
	}{
		{1000, "USD", "14.99"}, // 14.9004
		{0, "USD", "0.00"},
		{1000, "JPY", "1780"}, // 1784
		{1, "JPY", "10"},
	} {
		d, err := table.Convert(amount(c.minor, "EUR"), c.to, money.HalfUp)
		if err != nil {
			t.Fatal(err)
		}
		rule, err := money.CharmOf(c.to, "")
		if err != nil {
			t.Fatal(err)
		}
		if got, err := d.Propose(rule); err != nil || got != c.want {
			t.Errorf("%v: proposed %s, %v; want %s", d, got, err, c.want)
		}
	}
	exact := fx.NewTable(day(t, "2026-11-20"), quotes(t, "2026-11-20", "USD", "1.24896"))
	d, err := exact.Convert(amount(1000, "EUR"), "USD", money.Up) // 12.4896, shown as 12.49: the middle
	if err != nil || d.Decimal() != "12.49" {
		t.Fatal(d, err)
	}
	if got, err := d.Propose(money.Charms("USD")[0]); err != nil || got != "11.99" {
		t.Errorf("proposed %s, %v: it was rounded in between", got, err)
	}
	below, err := exact.Convert(amount(-1, "EUR"), "USD", money.HalfUp)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := below.Propose(money.Charms("USD")[0]); !world.Is(err, world.CodeInvalid) {
		t.Errorf("below nothing: %s, %v", got, err)
	}
}
