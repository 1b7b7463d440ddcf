package cli

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Each golden file is what its command line prints.
func TestTaxGolden(t *testing.T) {
	for name, line := range map[string]string{
		"eat-in-2025":  "explain --market de --class cake --mode eat_in --date 2025-12-31 --amount 4.20",
		"eat-in-2026":  "explain --market de --class cake --mode eat_in --date 2026-01-01 --amount 4.20",
		"new-york":     "explain --market us --class hot_drink --mode takeaway --hot --date 2026-11-21 --amount 3.95",
		"gift-tin":     "explain --market us --class biscuit --with gift --date 2026-11-21 --amount 60.00",
		"state-alone":  "explain --market us --jurisdiction US-IL --class bread --mode takeaway --date 2026-11-21 --amount 5.99",
		"draft":        "explain --market jp --class cake --mode takeaway --date 2027-04-01 --amount 540",
		"halves":       "explain --market in --class cake --date 2026-11-21 --amount 101.01",
		"across":       "explain --market in --jurisdiction IN-KA --class cake --date 2026-11-21 --amount 101.01",
		"no-state":     "explain --market in --jurisdiction IN --class cake --date 2026-11-21 --amount 101.01",
		"exempt":       "explain --market de --jurisdiction IT --class cake --buyer business --tax-id IT00743110157 --confirmed --date 2026-11-21 --amount 10.70",
		"unconfirmed":  "explain --market de --jurisdiction FR --class cake --buyer business --tax-id FR40303265045 --date 2026-11-21 --amount 10.55",
		"bad-number":   "explain --market de --class cake --buyer business --tax-id DE136695975 --date 2026-11-21 --amount 10.70",
		"list-wichita": "list --jurisdiction US-KS --date 2026-01-01",
		"check":        "check ../../data/tax.csv",
	} {
		code, out, errOut := run(t, append([]string{"tax"}, strings.Fields(line)...)...)
		if code != exitOK {
			t.Errorf("%s: %d %s", name, code, errOut)
		}
		file := filepath.Join("testdata", "tax", name+".txt")
		if *update {
			if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(file, []byte(out), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if out != string(want) {
			t.Errorf("%s (-update writes it anew):\n%s\nwant\n%s", name, out, want)
		}
	}
}

func TestTaxAsJSON(t *testing.T) {
	code, out, errOut := run(t, "tax", "explain", "--market", "de", "--class", "cake", "--mode", "eat_in", "--date", "2025-12-31", "--amount", "4.20", "--json")
	var a taxAnswer
	if err := json.Unmarshal([]byte(out), &a); err != nil || code != exitOK {
		t.Fatalf("%d %s %v", code, errOut, err)
	}
	if a.Rate != "19" || a.Result.Tax.Minor != 67 || len(a.Rules) != 1 || a.Rules[0].Source == "" || len(a.Rejected) == 0 {
		t.Errorf("%+v", a)
	}
}

func TestTaxRefuses(t *testing.T) {
	bad := filepath.Join(t.TempDir(), "rules.csv")
	if err := os.WriteFile(bad, []byte("jurisdiction,rate\nDE,7\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for line, says := range map[string]string{
		"explain --class cake":                                            "--market",
		"explain --market de":                                             "--class",
		"explain --market xx --class cake":                                "de",
		"explain --market de --class cake --mode drone":                   "drone",
		"explain --market de --class cake --date yesterday":               "yesterday",
		"explain --market de --class cake --amount 1,2,3":                 "1,2,3",
		"explain --market de --class cake --seller Berlin":                "Berlin",
		"explain --market de --class cake --buyer club --date 2026-01-01": "club",
		"explain --market de --class cake --rules /nowhere.csv":           "/nowhere.csv",
		"check " + bad:       "line 1",
		"check /nowhere.csv": "/nowhere.csv",
		"list --date soon":   "soon",
	} {
		code, out, errOut := run(t, append([]string{"tax"}, strings.Fields(line)...)...)
		if code != exitInvalid || out != "" || !strings.Contains(errOut, says) {
			t.Errorf("%s: %d %q %q", line, code, out, errOut)
		}
	}
}
