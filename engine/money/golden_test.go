package money_test

import (
	"bytes"
	"compress/gzip"
	_ "embed"
	"io"
	"strconv"
	"strings"
	"testing"

	"meridian/engine/money"
)

// packedFormats is testdata/formats.tsv.gz: locale, currency, minor units and
// the text that another implementation printed; testdata/README.md says which.
//
//go:embed testdata/formats.tsv.gz
var packedFormats []byte

// shippedLocales are those of the golden table; each has at least a thousand rows.
var shippedLocales = []string{"en-US", "en-GB", "de-DE", "fr-FR", "sv-SE", "ja-JP", "en-IN", "hi-IN", "en-SG"}

type goldenRow struct {
	locale, text string
	amount       money.Amount
}

func goldenRows(t *testing.T) []goldenRow {
	t.Helper()
	unpacked, err := gzip.NewReader(bytes.NewReader(packedFormats))
	if err != nil {
		t.Fatal(err)
	}
	lines, err := io.ReadAll(unpacked)
	if err != nil {
		t.Fatal(err)
	}
	var rows []goldenRow
	for line := range strings.Lines(string(lines)) {
		f := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		if len(f) != 4 {
			t.Fatalf("row %q", line)
		}
		minor, err := strconv.ParseInt(f[2], 10, 64)
		if err != nil {
			t.Fatalf("row %q: %v", line, err)
		}
		rows = append(rows, goldenRow{f[0], f[3], money.Amount{Minor: minor, Currency: f[1]}})
	}
	return rows
}

// The whole fixture, both ways: printed as the other implementation prints it,
// and its text read back as the amount it was printed from.
func TestFormatAgreesWithAnotherImplementationBothWays(t *testing.T) {
	rows := goldenRows(t)
	count, bad := map[string]int{}, 0
	for _, row := range rows {
		count[row.locale]++
		if got := row.amount.Format(row.locale); got != row.text {
			t.Errorf("%s %v: printed %+q, want %+q", row.locale, row.amount, got, row.text)
			bad++
		}
		if got, err := money.ParseFormatted(row.text, row.locale, row.amount.Currency); err != nil || got != row.amount {
			t.Errorf("%s %+q: read as %v, %v; want %v", row.locale, row.text, got, err, row.amount)
			bad++
		}
		if bad > 20 {
			t.Fatal("and maybe more")
		}
	}
	shipped := 0
	for _, locale := range shippedLocales {
		if count[locale] < 1000 {
			t.Errorf("only %d rows for %s", count[locale], locale)
		}
		shipped += count[locale]
	}
	if shipped < 10_000 {
		t.Errorf("only %d rows for the shipped locales", shipped)
	}
}
