package taxid

import "strings"

// britain knows the old modulus 97 and the "9755" of numbers since 2010; of
// twelve digits the last three name a branch. Government departments (GD) and
// health authorities (HA) have no check digits.
func britain(n string) bool {
	if n[0] == 'G' || n[0] == 'H' {
		return true
	}
	sum := weighted(n, 8, 7, 6, 5, 4, 3, 2, 10, 1)
	return number(n[:7]) > 0 && (sum%97 == 0 || (n[:3] >= "100" && (sum+55)%97 == 0))
}

const (
	spanishLetters = "TRWAGMYFPDXBNJZSQVHLCKE" // a person's, by the number modulo 23
	companyLetters = "JABCDEFGHI"              // a company's, by its check digit
)

func spain(n string) bool {
	digits, end := n[1:8], n[8]
	switch first := n[0]; {
	case first >= '0' && first <= '9': // a citizen
		return end == spanishLetters[number(n[:8])%23]
	case strings.IndexByte("XYZ", first) >= 0: // a foreigner
		whole := string('0'+first-'X') + digits
		return end == spanishLetters[number(whole)%23]
	case strings.IndexByte("KLM", first) >= 0:
		return end == spanishLetters[number(digits)%23]
	case strings.IndexByte("ABCDEFGHJNPQRSUVW", first) >= 0:
		return company(first, digits, end)
	}
	return false
}

// company checks a Spanish company's last sign: a letter for some kinds, a
// digit for others, either for the rest.
func company(kind byte, digits string, end byte) bool {
	sum := 0
	for i := range digits {
		d := digit(digits, i)
		if i%2 == 0 {
			d = 2*d/10 + 2*d%10
		}
		sum += d
	}
	check := (10 - sum%10) % 10
	letter, figure := end == companyLetters[check], end == byte('0'+check)
	switch {
	case strings.IndexByte("NPQRSW", kind) >= 0:
		return letter
	case strings.IndexByte("ABEH", kind) >= 0:
		return figure
	}
	return letter || figure
}

// keySigns are those of a French key, without I and O.
const keySigns = "0123456789ABCDEFGHJKLMNPQRSTUVWXYZ"

func france(n string) bool {
	key, siren := n[:2], n[2:]
	// Numbers of Monaco begin with three noughts and are no SIREN.
	if !strings.HasPrefix(siren, "000") && !luhnHolds(siren) {
		return false
	}
	a, b := strings.IndexByte(keySigns, key[0]), strings.IndexByte(keySigns, key[1])
	switch {
	case a < 10 && b < 10:
		return 10*a+b == (12+3*(number(siren)%97))%97
	case a < 10:
		return keyed(siren, 24*a+b-10)
	}
	return keyed(siren, 34*a+b-100)
}

// keyed checks a key with letters, of the companies that registered when those
// of digits had run out.
func keyed(siren string, key int) bool { return (number(siren)+1+key/11)%11 == key%11 }

func ireland(n string) bool {
	if n[1] < '0' || n[1] > '9' { // before 2013: the second sign is none of the number
		n = "0" + n[2:7] + n[:1] + n[7:]
	}
	sum := weighted(n, 8, 7, 6, 5, 4, 3, 2)
	if len(n) == 9 && n[8] != 'W' {
		sum += 9 * int(n[8]-'A'+1)
	}
	return "WABCDEFGHIJKLMNOPQRSTUV"[sum%23] == n[7]
}

// netherlands knows the elfproef of companies and, for persons since 2020,
// MOD 97-10 over the whole number, with letters from A = 10.
func netherlands(n string) bool {
	if weighted(n, 9, 8, 7, 6, 5, 4, 3, 2, -1)%11 == 0 && number(n[:9]) > 0 {
		return true
	}
	rest := 0
	for _, c := range "NL" + n {
		switch {
		case c >= 'A':
			rest = (rest*100 + int(c-'A') + 10) % 97
		default:
			rest = (rest*10 + int(c-'0')) % 97
		}
	}
	return rest == 1
}

// swissNumber drops the words behind a Swiss number: which of the three
// languages it is in does not matter.
func swissNumber(n string) string { return n[:12] }

func switzerland(n string) bool {
	check := (11 - weighted(n[3:], 5, 4, 3, 2, 7, 6, 5, 4)%11) % 11
	return check == last(n)
}

// indianState tells what the first two digits of a GSTIN may be: 01 to 38, other territory
// (97) and the centre (99).
func indianState(code int) bool { return code >= 1 && code <= 38 || code == 97 || code == 99 }

func india(n string) bool {
	const signs = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	sum := 0
	for i := range 14 {
		product := strings.IndexByte(signs, n[i]) * (1 + i%2)
		sum += product/36 + product%36
	}
	return indianState(number(n[:2])) && signs[(36-sum%36)%36] == n[14]
}

// japan: the first digit checks the other twelve, weighted 1 and 2 from the end.
func japan(n string) bool {
	sum := 0
	for i := range 12 {
		sum += digit(n, len(n)-1-i) * (1 + i%2)
	}
	return 9-sum%9 == digit(n, 1)
}
