package taxid_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"meridian/engine/taxid"
	"meridian/world"
)

// good are numbers that companies, authorities or the algorithms' own papers
// print, in the way they print them.
var good = []struct{ country, text, want string }{
	{"AT", "ATU13585627", "ATU13585627"}, {"AT", "U 1358 5627", "ATU13585627"},
	{"BE", "BE 428759497", "BE0428759497"}, {"BE", "BE 0428.759.497", "BE0428759497"},
	{"BG", "BG 175 074 752", "BG175074752"}, {"BG", "7523169263", "BG7523169263"},
	{"CY", "CY-10259033P", "CY10259033P"},
	{"CZ", "CZ 25123891", "CZ25123891"}, {"CZ", "7103192745", "CZ7103192745"}, {"CZ", "640903926", "CZ640903926"},
	{"DE", "DE 136 695 976", "DE136695976"}, {"DE", "136695976", "DE136695976"}, {"DE", "de136695976", "DE136695976"},
	{"DK", "DK 13585628", "DK13585628"}, {"EE", "EE 100 931 558", "EE100931558"},
	{"EL", "EL 094259216", "EL094259216"}, {"GR", "094259216", "EL094259216"},
	{"ES", "ESB58378431", "ESB58378431"}, {"ES", "54362315-K", "ES54362315K"}, {"ES", "X-2482300W", "ESX2482300W"}, {"ES", "J99216582", "ESJ99216582"},
	{"FI", "FI 20774740", "FI20774740"},
	{"FR", "FR 40 303 265 045", "FR40303265045"}, {"FR", "23334175221", "FR23334175221"}, {"FR", "K7399859412", "FRK7399859412"}, {"FR", "4Z123456782", "FR4Z123456782"},
	{"GB", "GB 980 7806 84", "GB980780684"}, {"GB", "GD001", "GBGD001"}, {"GB", "HA500", "GBHA500"}, {"XI", "XI 980 7806 84", "XI980780684"},
	{"HR", "HR 33392005961", "HR33392005961"}, {"HU", "HU-12892312", "HU12892312"},
	{"IE", "IE 6433435F", "IE6433435F"}, {"IE", "IE 6433435OA", "IE6433435OA"}, {"IE", "8D79739I", "IE8D79739I"}, {"IE", "3333510LH", "IE3333510LH"},
	{"IT", "IT 00743110157", "IT00743110157"},
	{"LT", "119511515", "LT119511515"}, {"LT", "LT 100001919017", "LT100001919017"}, {"LT", "100004801610", "LT100004801610"},
	{"LU", "LU 150 274 42", "LU15027442"}, {"LV", "LV 4000 3521 600", "LV40003521600"}, {"LV", "161175-19997", "LV16117519997"},
	{"MT", "MT 1167-9112", "MT11679112"},
	{"NL", "NL4495445B01", ""}, {"NL", "004495445B01", "NL004495445B01"}, {"NL", "NL002455799B11", "NL002455799B11"},
	{"PL", "PL 8567346215", "PL8567346215"}, {"PT", "PT 501 964 843", "PT501964843"}, {"RO", "RO 185 472 90", "RO18547290"},
	{"SE", "SE 123456789701", "SE123456789701"}, {"SE", "SE556188840401", "SE556188840401"},
	{"SI", "SI 5022 3054", "SI50223054"}, {"SK", "SK 202 274 96 19", "SK2022749619"},
	{"CH", "CHE-107.787.577 IVA", "CHE107787577"}, {"CH", "CHE-100.155.212", "CHE100155212"}, {"CH", "CHE-107.787.577 MWST", "CHE107787577"},
	{"IN", "27AAPFU0939F1ZV", "27AAPFU0939F1ZV"}, {"IN", "29aagcb7383j1z4", "29AAGCB7383J1Z4"},
	{"JP", "T7000012050002", "T7000012050002"}, {"JP", "T1180301018771", "T1180301018771"}, {"JP", "T5010401067252", "T5010401067252"},
}

func TestGoodNumbers(t *testing.T) {
	seen := map[string]bool{}
	for _, c := range good {
		got, err := taxid.Parse(c.country, c.text)
		if c.want == "" {
			if err == nil {
				t.Errorf("%s %s was taken", c.country, c.text)
			}
			continue
		}
		seen[got.Country] = true
		if err != nil || got.String() != c.want {
			t.Errorf("%s %s: %v, %v", c.country, c.text, got, err)
		}
		if again, err := taxid.Parse(got.Country, got.String()); err != nil || again != got {
			t.Errorf("%v reads back as %v, %v", got, again, err)
		}
		if taxid.Name(c.country) == "" || taxid.Source(c.country) == "" {
			t.Errorf("%s has no name or source", c.country)
		}
	}
	for country := range strings.FieldsSeq("AT BE BG CY CZ DE DK EE EL ES FI FR HR HU IE IT LT LU LV MT NL PL PT RO SE SI SK GB XI CH IN JP") {
		if !seen[country] {
			t.Errorf("%s has no good number", country)
		}
	}
}

// One mistyped digit is found in every number whose check digits say so of all
// single errors; of the others at least four in five are.
func TestAMistypedDigitIsFound(t *testing.T) {
	for _, c := range good {
		if c.want == "" || strings.ContainsAny(c.want, "HG") && len(c.want) == 7 || c.want == "CZ640903926" {
			continue // departments, health authorities and old birth numbers have no check digit
		}
		tries, found := 0, 0
		for i := range len(c.want) {
			if c.want[i] < '0' || c.want[i] > '9' {
				continue
			}
			for d := byte('0'); d <= '9'; d++ {
				if d == c.want[i] {
					continue
				}
				tries++
				if _, err := taxid.Parse(c.country, c.want[:i]+string(d)+c.want[i+1:]); err != nil {
					found++
				}
			}
		}
		if 5*found < 4*tries {
			t.Errorf("%s: %d of %d slips found", c.want, found, tries)
		}
	}
}

func TestBadNumbers(t *testing.T) {
	for _, c := range []struct {
		country, text string
		code          world.Code
	}{
		{"DE", "", world.CodeInvalid}, {"DE", "DE136695975", world.CodeInvalid}, {"DE", "DE013669597", world.CodeInvalid},
		{"DE", "AT U13585627", world.CodeInvalid}, {"DE", "DE" + strings.Repeat(" ", taxid.MaxText), world.CodeInvalid},
		{"DE", "DE１36695976", world.CodeInvalid}, {"FR", "FR84323140391", world.CodeInvalid}, {"IT", "00743110156", world.CodeInvalid},
		{"GB", "GD500", world.CodeInvalid}, {"GB", "HA499", world.CodeInvalid}, {"NL", "004495445A01", world.CodeInvalid},
		{"IN", "27AAPFU0939F1ZW", world.CodeInvalid}, {"IN", "39AAPFU0939F1ZV", world.CodeInvalid}, {"IN", "27AAPFU0939F0ZV", world.CodeInvalid},
		{"JP", "7000012050002", world.CodeInvalid}, {"JP", "T8000012050002", world.CodeInvalid},
		{"SE", "SE556188840400", world.CodeInvalid}, {"CH", "CHE100155213", world.CodeInvalid},
		{"US", "12-3456789", world.CodeUnprocessed}, {"SG", "M90310001W", world.CodeUnprocessed}, {"", "1", world.CodeUnprocessed},
	} {
		if got, err := taxid.Parse(c.country, c.text); !world.Is(err, c.code) {
			t.Errorf("%s %q: %v, %v; want %s", c.country, c.text, got, err, c.code)
		}
	}
}

func TestParseVAT(t *testing.T) {
	for text, want := range map[string]string{"de 136 695 976": "DE", "CHE-100.155.212": "CH", "EL094259216": "EL", "xi980780684": "XI"} {
		if got, err := taxid.ParseVAT(text); err != nil || got.Country != want {
			t.Errorf("%s: %v, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "D", "136695976", "US123"} {
		if got, err := taxid.ParseVAT(text); err == nil {
			t.Errorf("%q: %v", text, got)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, c := range good {
		f.Add(c.country, c.text)
	}
	f.Add("CZ", "000000000")
	f.Add("LV", "32000000000")
	f.Add("ES", "A0000000J")
	f.Fuzz(func(t *testing.T, country, text string) {
		id, err := taxid.Parse(country, text)
		if err != nil {
			if !world.Is(err, world.CodeInvalid) && !world.Is(err, world.CodeUnprocessed) {
				t.Fatalf("%q %q: %v", country, text, err)
			}
			return
		}
		if again, err := taxid.Parse(id.Country, id.String()); err != nil || again != id {
			t.Fatalf("%q %q is %v and reads back as %v, %v", country, text, id, again, err)
		}
	})
}

// register answers as it is told.
type register struct {
	answer taxid.Answer
	err    error
	asked  []taxid.ID
}

func (r *register) Ask(_ context.Context, id, _ taxid.ID) (taxid.Answer, error) {
	r.asked = append(r.asked, id)
	return r.answer, r.err
}

func TestVerifyFailsClosed(t *testing.T) {
	yes := taxid.Answer{Valid: true, Name: "Pasticceria", Reference: "WAPI1"}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	for name, c := range map[string]struct {
		ctx           context.Context
		register      *register
		country, text string
		reason        taxid.Reason
		asked         int
	}{
		"yes":           {t.Context(), &register{answer: yes}, "IT", "00743110157", taxid.Confirmed, 1},
		"no":            {t.Context(), &register{answer: taxid.Answer{Name: "x"}}, "IT", "00743110157", taxid.NotInForce, 1},
		"down":          {t.Context(), &register{answer: yes, err: errors.New("MS_UNAVAILABLE")}, "IT", "00743110157", taxid.Unanswered, 1},
		"too late":      {gone, &register{answer: yes}, "IT", "00743110157", taxid.Unanswered, 1},
		"malformed":     {t.Context(), &register{answer: yes}, "IT", "00743110156", taxid.Malformed, 0},
		"other country": {t.Context(), &register{answer: yes}, "US", "12-3456789", taxid.UnknownState, 0},
	} {
		v := taxid.Verify(c.ctx, c.register, c.country, c.text, taxid.ID{})
		if v.Reason != c.reason || v.Verified != (c.reason == taxid.Confirmed) || len(c.register.asked) != c.asked {
			t.Errorf("%s: %+v, asked %d times", name, v, len(c.register.asked))
		}
	}
	if v := taxid.Verify(t.Context(), nil, "IT", "00743110157", taxid.ID{}); v.Verified || v.Reason != taxid.NoRegister || v.ID.Number != "00743110157" {
		t.Errorf("without a register: %+v", v)
	}
}
