package fx_test

import (
	"io/fs"
	"strings"
	"testing"

	"meridian/data"
	"meridian/engine/fx"
)

// The shipped rates are read like a bank's, and say that they are none.
func TestTheSampleIsAListAndSaysWhatItIs(t *testing.T) {
	file, err := fs.ReadFile(data.FS, "fx/sample.xml")
	if err != nil {
		t.Fatal(err)
	}
	lists, err := fx.Read(file, fx.DefaultLimits)
	if err != nil || len(lists) != 1 || !strings.HasPrefix(lists[0].Source, "sample rates") {
		t.Fatalf("%+v, %v", lists, err)
	}
	if !fx.Open(lists[0].Day) {
		t.Errorf("no list is published on %s", lists[0].Day)
	}
	for _, currency := range []string{"USD", "GBP", "JPY", "INR"} { // the shipped markets', beside the euro
		if lists[0].Rates[currency] == "" {
			t.Errorf("no rate for %s", currency)
		}
	}
}
