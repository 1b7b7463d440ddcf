package tax_test

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"meridian/engine/money"
	"meridian/engine/tax"
	"meridian/world"
)

// fewestCases is what the table of cases promises.
const fewestCases = 120

// lawCase is one row of testdata/cases.tsv. Its figures were reckoned outside
// this package, from rates written down case by case, in two ways.
type lawCase struct {
	name   string
	policy tax.Policy
	sale   tax.Sale
	lines  []tax.Line

	wantLines, wantSummary, wantTotal string
}

func lawCases(t *testing.T) []lawCase {
	t.Helper()
	text, err := os.ReadFile("testdata/cases.tsv")
	if err != nil {
		t.Fatal(err)
	}
	var cases []lawCase
	for n, row := range strings.Split(strings.TrimSpace(string(text)), "\n")[1:] {
		f := strings.Split(row, "\t")
		if len(f) != 12 {
			t.Fatalf("row %d has %d fields", n+2, len(f))
		}
		p := strings.Fields(f[5])
		policy, err := tax.PolicyOf(world.TaxSpec{Prices: p[0], Rounding: p[1], Per: p[2]})
		if err != nil {
			t.Fatal(err)
		}
		cases = append(cases, lawCase{
			name: f[0], policy: policy, lines: caseLines(t, f[7], f[6]),
			sale:      tax.Sale{Seller: f[1], Jurisdiction: f[2], On: day(t, f[3]), Buyer: caseBuyer(f[4])},
			wantLines: f[8], wantSummary: f[9], wantTotal: f[10],
		})
	}
	return cases
}

func caseBuyer(text string) tax.Buyer {
	f := strings.Fields(text)
	if len(f) < 3 {
		return tax.Buyer{}
	}
	return tax.Buyer{Kind: tax.Business, TaxID: f[1], Verified: f[2] == "verified"}
}

func caseLines(t *testing.T, text, currency string) (lines []tax.Line) {
	t.Helper()
	for _, item := range strings.Split(text, "; ") {
		f := strings.Fields(item)
		minor, err := strconv.ParseInt(f[3], 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		how := strings.Split(f[2]+"/", "/")
		lines = append(lines, tax.Line{
			ID: f[0], Class: f[1], Amount: money.Amount{Minor: minor, Currency: currency},
			Supply: tax.Supply{Mode: tax.Mode(how[0]), Hot: how[1] == "hot", With: tax.With(how[2])},
		})
	}
	return lines
}

func (c lawCase) outcome(table *tax.Table) (lines, summary, total string) {
	got, err := table.Compute(c.policy, c.sale, c.lines)
	if err != nil {
		if !world.Is(err, world.CodeUnprocessed) {
			return "", "", err.Error()
		}
		return "-", "-", "refused: " + err.Error()
	}
	var ls, rs []string
	for _, l := range got.Lines {
		ls = append(ls, fmt.Sprintf("%s %d %d %d", l.ID, l.Net.Minor, l.Tax.Minor, l.Gross.Minor))
	}
	for _, r := range got.Rates {
		levy := r.Levy
		if r.Part != "" {
			levy += "/" + r.Part
		}
		rs = append(rs, fmt.Sprintf("%s %s %s %d %d", r.Jurisdiction, levy, r.Rate.Percent(), r.Net.Minor, r.Tax.Minor))
	}
	return strings.Join(ls, "; "), strings.Join(rs, "; "),
		fmt.Sprintf("%d %d %d", got.Total.Net.Minor, got.Total.Tax.Minor, got.Total.Gross.Minor)
}

func TestCasesOfLaw(t *testing.T) {
	table, cases := shipped(t), lawCases(t)
	if len(cases) < fewestCases {
		t.Errorf("%d cases, want at least %d", len(cases), fewestCases)
	}
	for _, c := range cases {
		lines, summary, total := c.outcome(table)
		if strings.HasPrefix(c.wantTotal, "refused: ") {
			if !strings.HasPrefix(total, "refused: ") || !strings.Contains(total, strings.TrimPrefix(c.wantTotal, "refused: ")) {
				t.Errorf("%s: %s, want %s", c.name, total, c.wantTotal)
			}
			continue
		}
		if lines != c.wantLines || summary != c.wantSummary || total != c.wantTotal {
			t.Errorf("%s:\n got %s | %s | %s\nwant %s | %s | %s", c.name, lines, summary, total, c.wantLines, c.wantSummary, c.wantTotal)
		}
	}
}

func TestNotesOfASale(t *testing.T) {
	table := shipped(t)
	for buyer, want := range map[tax.Buyer]tax.Note{
		{}:                   "",
		{Kind: tax.Business}: "",
		{Kind: tax.Business, TaxID: "IT00743110157"}:                 tax.Unverified,
		{Kind: tax.Business, TaxID: "IT00743110157", Verified: true}: tax.IntraCommunity,
		{TaxID: "IT00743110157", Verified: true}:                     "",
	} {
		place := "FR" // Italy's own rules are not held
		if want == tax.IntraCommunity {
			place = "IT"
		}
		sale := tax.Sale{Seller: "DE", Jurisdiction: place, On: someDay, Buyer: buyer}
		got, err := table.Compute(tax.Policy{Inclusive: true, Rounding: money.HalfUp, Per: tax.PerRate}, sale, []tax.Line{line("a", "cake", 100, "EUR")})
		if err != nil || (want == "") != (len(got.Notes) == 0) || (want != "" && !slices.Equal(got.Notes, []tax.Note{want})) {
			t.Errorf("%v: %v, %v; want %q", buyer, got.Notes, err, want)
		}
	}
}
