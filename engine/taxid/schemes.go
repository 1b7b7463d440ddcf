package taxid

import "regexp"

// Sources that several countries share: the first is the Commission's paper
// that gives the forms, and for most states the algorithm.
const (
	forms  = "European Commission, VIES FAQ: VAT number structures"
	bmf    = "BMF (AT), Konstruktionsregeln der UID in den EU-Mitgliedstaaten"
	iso    = "ISO/IEC 7064, MOD 11,10"
	luhn   = "Luhn, ISO/IEC 7812-1 annex B"
	finmin = "state tax administration, as " + bmf
)

func form(pattern string) *regexp.Regexp { return regexp.MustCompile(`^(?:` + pattern + `)$`) }

// schemes by the letters of the country. Every one is tested with numbers of
// companies that print them.
var schemes = map[string]scheme{
	"AT": {name: "UID-Nummer", prefix: true, form: form(`U\d{8}`), check: austria, source: bmf},
	"BE": {name: "BTW-nummer", prefix: true, form: form(`[01]?\d{9}`), clean: tenDigits, check: belgium, source: bmf},
	"BG": {name: "ДДС номер", prefix: true, form: form(`\d{9,10}`), check: bulgaria, source: bmf},
	"CY": {name: "ΑΦΜ", prefix: true, form: form(`[0-59]\d{7}[A-Z]`), check: cyprus, source: bmf},
	"CZ": {name: "DIČ", prefix: true, form: form(`\d{8,10}`), check: czechia, source: bmf},
	"DE": {name: "USt-IdNr.", prefix: true, form: form(`[1-9]\d{8}`), check: mod1110, source: iso},
	"DK": {name: "CVR-nummer", prefix: true, form: form(`[1-9]\d{7}`), check: denmark, source: "Erhvervsstyrelsen, modulus 11 of the CVR number"},
	"EE": {name: "KMKR number", prefix: true, form: form(`10\d{7}`), check: estonia, source: bmf},
	"EL": {name: "ΑΦΜ", prefix: true, form: form(`\d{9}`), check: greece, source: bmf},
	"ES": {name: "NIF", prefix: true, form: form(`[A-Z0-9]\d{7}[A-Z0-9]`), check: spain, source: "Orden EHA/451/2008; Real Decreto 1065/2007 art. 19 and following"},
	"FI": {name: "ALV-numero", prefix: true, form: form(`\d{8}`), check: finland, source: finmin},
	"FR": {name: "numéro de TVA", prefix: true, form: form(`[0-9A-HJ-NP-Z]{2}\d{9}`), check: france, source: "BOI-TVA-DECLA-20-20; SIREN: " + luhn},
	"GB": {name: "VAT registration number", prefix: true, form: form(`\d{9}|\d{12}|GD[0-4]\d{2}|HA[5-9]\d{2}`), check: britain, source: "HMRC, modulus 97 and 9755"},
	"HR": {name: "OIB", prefix: true, form: form(`\d{11}`), check: mod1110, source: iso},
	"HU": {name: "adószám", prefix: true, form: form(`\d{8}`), check: hungary, source: bmf},
	"IE": {name: "VAT number", prefix: true, form: form(`\d{7}[A-W][A-IW]?|\d[A-Z+*]\d{5}[A-W]`), check: ireland, source: "Revenue Commissioners; " + bmf},
	"IT": {name: "partita IVA", prefix: true, form: form(`\d{11}`), check: italy, source: "DM 23.12.1976; " + luhn},
	"LT": {name: "PVM kodas", prefix: true, form: form(`\d{7}1\d|\d{10}1\d`), check: lithuania, source: bmf},
	"LU": {name: "numéro de TVA", prefix: true, form: form(`\d{8}`), check: luxembourg, source: bmf},
	"LV": {name: "PVN numurs", prefix: true, form: form(`\d{11}`), check: latvia, source: bmf},
	"MT": {name: "VAT number", prefix: true, form: form(`[1-9]\d{7}`), check: malta, source: bmf},
	"NL": {name: "btw-id", prefix: true, form: form(`\d{9}B\d{2}`), check: netherlands, source: "Belastingdienst, elfproef, and MOD 97-10 (ISO/IEC 7064) since 2020"},
	"PL": {name: "NIP", prefix: true, form: form(`\d{10}`), check: poland, source: bmf},
	"PT": {name: "NIF", prefix: true, form: form(`[1-9]\d{8}`), check: portugal, source: bmf},
	"RO": {name: "CIF", prefix: true, form: form(`[1-9]\d{1,9}`), check: romania, source: bmf},
	"SE": {name: "momsregistreringsnummer", prefix: true, form: form(`\d{10}(?:0[1-9]|[1-9]\d)`), check: sweden, source: "Skatteverket; " + luhn},
	"SI": {name: "ID za DDV", prefix: true, form: form(`[1-9]\d{7}`), check: slovenia, source: bmf},
	"SK": {name: "IČ DPH", prefix: true, form: form(`[1-9]\d[2-47-9]\d{7}`), check: slovakia, source: bmf},
	"XI": {name: "VAT registration number", prefix: true, form: form(`\d{9}|\d{12}|GD[0-4]\d{2}|HA[5-9]\d{2}`), check: britain, source: "HMRC, modulus 97 and 9755"},

	"CH": {name: "UID", form: form(`CHE\d{9}(?:MWST|TVA|IVA)?`), clean: swissNumber, check: switzerland, source: "BFS, UID: modulus 11"},
	"IN": {name: "GSTIN", form: form(`\d{2}[A-Z]{5}\d{4}[A-Z][1-9A-Z]Z[0-9A-Z]`), check: india, source: "GSTN, check character: Luhn modulus 36"},
	"JP": {name: "登録番号", form: form(`T[1-9]\d{12}`), check: japan, source: "法人番号の指定等に関する省令 第2条"},
}

// Forms says where the forms of the European numbers are published.
const Forms = forms
