package cli

import (
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const ratesAnswer = `{"base":"EUR","day":"2026-11-25","rates":[
  {"currency":"JPY","per_euro":"178.40","day":"2026-11-19","source":"a bank"},
  {"currency":"USD","per_euro":"1.1625","day":"2026-11-20","source":"a bank"}]}`

func TestFXShowsAndConverts(t *testing.T) {
	t.Setenv(PurgeVariable, "tok")
	base, asked := edgeFake(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		io.WriteString(w, ratesAnswer)
	})
	code, out, errs := run(t, "fx", "list", "--server", base, "--date", "2026-11-25")
	if code != exitOK || !strings.Contains(out, "USD       1.1625     2026-11-20  a bank") {
		t.Errorf("%d %q %q", code, out, errs)
	}
	if r := (*asked)[0]; r.URL.String() != "/fx?on=2026-11-25" || r.Header.Get("Authorization") != "Bearer tok" {
		t.Errorf("asked %s with %q", r.URL, r.Header.Get("Authorization"))
	}
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"10", "EUR", "usd"}, "10.00 EUR is about 11.63 USD\nat 1.1625, by the rates of 2026-11-20, a bank; 2 lists are missing since\n"},
		{[]string{"10", "EUR", "USD", "--rounding", "down", "--locale", "de-DE", "--charm", "end_95"},
			"10.00 EUR is about 11.62 USD, printed 11,62\u00a0$\nat 1.1625, by the rates of 2026-11-20, a bank; 2 lists are missing since\nas a price it could be 11.95 (end_95)\n"},
		{[]string{"10", "USD", "JPY", "--charm", ""}, "10.00 USD is about 1535 JPY\nat 153.462, by the rates of 2026-11-19, a bank; 3 lists are missing since\nas a price it could be 1530 (tens)\n"},
		{[]string{"10", "EUR", "EUR"}, "10.00 EUR is 10.00 EUR\n"},
	} {
		if code, out, errs := run(t, append([]string{"fx", "convert", "--server", base}, c.args...)...); code != exitOK || out != c.want {
			t.Errorf("%v: %d %q %q\nwant %q", c.args, code, out, errs, c.want)
		}
	}
	code, out, _ = run(t, "fx", "convert", "--server", base, "10", "EUR", "USD", "--json")
	if code != exitOK || !strings.Contains(out, `"decimal": "11.63"`) || strings.Contains(out, "minor") {
		t.Errorf("%d %s", code, out)
	}
	for _, args := range [][]string{{"10", "EUR", "GBP"}, {"ten", "EUR", "USD"}, {"10", "EUR", "USD", "--rounding", "any"}, {"10", "EUR", "USD", "--charm", "tens"}, {"10", "EUR", "USD", "--date", "today"}} {
		if code, out, errs := run(t, append([]string{"fx", "convert", "--server", base}, args...)...); code == exitOK || out != "" || errs == "" {
			t.Errorf("%v: %d %q %q", args, code, out, errs)
		}
	}
}

func TestFXImportsAFileThatIsOne(t *testing.T) {
	t.Setenv(PurgeVariable, "tok")
	var got string
	base, asked := edgeFake(t, func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		got = r.Method + " " + string(b)
		io.WriteString(w, `{"lists":1,"rates_added":2,"newest":"2026-11-20"}`)
	})
	path := filepath.Join(t.TempDir(), "rates.csv")
	for text, want := range map[string]int{"Date,USD,\n2026-11-20,1.1625,\n": exitOK, "Day,USD\n": exitInvalid} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		code, out, errs := run(t, "fx", "import", path, "--server", base)
		if code != want || want == exitOK && (out != "Lists: 1, the newest of 2026-11-20. New rates: 2.\n" || got != "POST "+text) {
			t.Errorf("%q: %d %q %q, sent %q", text, code, out, errs, got)
		}
	}
	if code, _, errs := run(t, "fx", "import", path+".none", "--server", base); code != exitInvalid || !strings.Contains(errs, "cannot be read") {
		t.Errorf("no file: %d %q", code, errs)
	}
	if len(*asked) != 1 {
		t.Errorf("asked %d times: what is no list was sent", len(*asked))
	}
}
