package tax_test

import (
	"bytes"
	"os"
	"testing"

	"meridian/engine/money"
	"meridian/engine/tax"
)

func BenchmarkLoadShipped(b *testing.B) {
	text, err := os.ReadFile("../../data/tax.csv")
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, err := tax.Load(bytes.NewReader(text)); err != nil {
			b.Fatal(err)
		}
	}
}

// A cart of ten lines in the place with the most levies.
func BenchmarkComputeTenLines(b *testing.B) {
	table := shipped(b)
	policy := tax.Policy{Rounding: money.HalfUp, Per: tax.PerDocument}
	var lines []tax.Line
	for i := range 10 {
		lines = append(lines, tax.Line{ID: string(rune('a' + i)), Class: "cake", Supply: tax.Supply{Mode: tax.EatIn}, Amount: money.Amount{Minor: int64(400 + i), Currency: "USD"}})
	}
	for b.Loop() {
		if _, err := table.Compute(policy, in("US-NY-NYC", someDay), lines); err != nil {
			b.Fatal(err)
		}
	}
}
