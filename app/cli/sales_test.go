package cli

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
)

// taken is what a market answers with.
func taken(market, currency string, orders int, gross, refunded, net int64) string {
	amount := func(minor int64) string { return fmt.Sprintf(`{"minor":%d,"currency":%q}`, minor, currency) }
	return fmt.Sprintf(`{"market":%q,"from":"2026-11-23","until":"2026-11-24","time_zone":"UTC","orders":%d,"gross":%s,"refunded":%s,"net":%s,"tax":%s}`,
		market, orders, amount(gross), amount(refunded), amount(net), amount(gross-refunded-net))
}

// salesFake answers for four markets and for the rates, of which GBP's is missing.
func salesFake(t *testing.T) (base string, asked *[]*http.Request) {
	t.Setenv(OwnerVariable, "tok")
	t.Setenv(PurgeVariable, "rates")
	return edgeFake(t, func(w http.ResponseWriter, r *http.Request) {
		switch host, _, _ := strings.Cut(r.Host, ":"); {
		case r.URL.Path == "/fx":
			io.WriteString(w, ratesAnswer)
		case host == "de.example":
			io.WriteString(w, taken("de", "EUR", 3, 11235, 535, 10000))
		case host == "us.example":
			io.WriteString(w, taken("us", "USD", 2, 2325, 0, 2325))
		case host == "jp.example":
			io.WriteString(w, taken("jp", "JPY", 1, 1784, 0, 1652))
		case host == "gb.example":
			io.WriteString(w, taken("gb", "GBP", 1, 100, 0, 100))
		default:
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	})
}

const salesDE = "de  2026-11-23       3  112.35 EUR  5.35 EUR  100.00 EUR  7.00 EUR\n"

func shops(names ...string) (args []string) {
	for _, name := range names {
		args = append(args, "--shop", name+".example")
	}
	return args
}

func TestSales(t *testing.T) {
	base, asked := salesFake(t)
	for name, c := range map[string]struct {
		args      []string
		code      int
		out, errs []string
	}{
		"one market": {shops("de"), exitOK, []string{salesDE, "all", "112.35 EUR", "5.35 EUR", "100.00 EUR"}, nil},
		"in euros": {shops("de", "us", "jp"), exitOK, []string{"23.25 USD", "1784 JPY", "about 142.35 EUR", "about 5.35 EUR", "about 129.26 EUR", "about 7.74 EUR",
			"The sum is by the rates of 2026-11-19, a bank; 3 lists are missing since.\n"}, nil},
		"in yen":          {append(shops("de"), "--in", "jpy"), exitOK, []string{"about 20043 JPY"}, nil},
		"a missing rate":  {shops("de", "gb"), exitFailed, []string{"112.35 EUR", "1.00 GBP"}, []string{"There is no sum in EUR.", `no rate for "GBP"`}},
		"a market is off": {shops("de", "in"), exitFailed, []string{salesDE}, []string{"No answer for in.example."}},
		"none answers":    {shops("in"), exitFailed, nil, []string{"meridian: "}},
		"no currency":     {append(shops("de"), "--in", "euro"), exitInvalid, nil, []string{"ISO 4217"}},
		"no day":          {append(shops("de"), "--day", "today"), exitInvalid, nil, []string{"is not a day"}},
		"no first day":    {append(shops("de"), "--to", "2026-11-23"), exitInvalid, nil, []string{"--from"}},
		"too many days":   {append(shops("de"), "--to", "2026-11-23", "--day", "2026-11-23"), exitInvalid, nil, []string{"none of the others can be"}},
	} {
		code, out, errs := run(t, append([]string{"sales", "--server", base}, c.args...)...)
		ok := code == c.code && (len(c.out) == 0) == (out == "") && (errs == "") == (code == exitOK)
		for _, text := range c.out {
			ok = ok && strings.Contains(out, text)
		}
		for _, text := range c.errs {
			ok = ok && strings.Contains(errs, text)
		}
		if strings.Contains(out, "all") != (code == exitOK) || !ok {
			t.Errorf("%s: %d\n%s%s", name, code, out, errs)
		}
	}
	for _, r := range *asked {
		want := "Bearer tok"
		if r.URL.Path == "/fx" {
			want = "Bearer rates"
		}
		if r.Header.Get("Authorization") != want {
			t.Errorf("%s with %q", r.URL, r.Header.Get("Authorization"))
		}
	}
}

func TestSalesAskForDays(t *testing.T) {
	base, asked := salesFake(t)
	for _, c := range []struct {
		args        []string
		days, rates string
	}{
		{nil, "", ""},
		{[]string{"--day", "2026-02-28"}, "from=2026-02-28&until=2026-03-01", "on=2026-02-28"},
		{[]string{"--from", "2026-11-01", "--to", "2026-11-30"}, "from=2026-11-01&until=2026-12-01", "on=2026-11-30"},
		{[]string{"--from", "2026-11-01"}, "from=2026-11-01", ""},
	} {
		*asked = nil
		code, _, errs := run(t, append([]string{"sales", "--server", base, "--shop", "us.example"}, c.args...)...)
		if code != exitOK || len(*asked) != 2 || (*asked)[0].URL.RawQuery != c.days || (*asked)[1].URL.RawQuery != c.rates {
			t.Errorf("%v: %d %s, asked %v", c.args, code, errs, *asked)
		}
	}
	code, out, _ := run(t, "sales", "--server", base, "--shop", "us.example", "--json")
	if code != exitOK || !strings.Contains(out, `"note": "by the rates of`) || !strings.Contains(out, `"about": true`) || !strings.Contains(out, `"decimal": "20.00"`) {
		t.Errorf("%d %s", code, out)
	}
}
