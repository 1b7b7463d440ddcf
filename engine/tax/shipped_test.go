package tax_test

import (
	"os"
	"testing"

	"meridian/engine/tax"
)

// shipped is the table of the world that ships.
func shipped(t testing.TB) *tax.Table {
	t.Helper()
	f, err := os.Open("../../data/tax.csv")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	table, err := tax.Load(f)
	if err != nil {
		t.Fatal(err)
	}
	return table
}

func TestShipped(t *testing.T) { t.Log(len(shipped(t).Rules())) }
