package taxid

import "strings"

// digit is the i-th sign as a number.
func digit(n string, i int) int { return int(n[i] - '0') }

// number is a short run of digits.
func number(digits string) int {
	v := 0
	for i := range len(digits) {
		v = v*10 + digit(digits, i)
	}
	return v
}

// weighted sums the leading digits times their weights.
func weighted(n string, weights ...int) int {
	sum := 0
	for i, w := range weights {
		sum += digit(n, i) * w
	}
	return sum
}

// last is the last digit.
func last(n string) int { return digit(n, len(n)-1) }

// luhnHolds tells whether the digits with their check digit satisfy Luhn.
func luhnHolds(n string) bool {
	sum := 0
	for i := range len(n) {
		d := digit(n, len(n)-1-i)
		if i%2 == 1 {
			d = 2*d/10 + 2*d%10
		}
		sum += d
	}
	return sum%10 == 0
}

// mod1110 is the hybrid system MOD 11,10 of ISO/IEC 7064.
func mod1110(n string) bool {
	product := 10
	for i := range len(n) - 1 {
		sum := (digit(n, i) + product) % 10
		if sum == 0 {
			sum = 10
		}
		product = 2 * sum % 11
	}
	return (product+last(n))%10 == 1
}

func austria(n string) bool {
	sum := 4
	for i, c := range n[1:8] {
		d := int(c - '0')
		if i%2 == 1 {
			d = 2*d/10 + 2*d%10
		}
		sum += d
	}
	return (sum+last(n))%10 == 0
}

// tenDigits puts the nought before a Belgian number of nine digits.
func tenDigits(n string) string { return strings.Repeat("0", 10-len(n)) + n }

func belgium(n string) bool { return n[:2] != "00" && 97-number(n[:8])%97 == number(n[8:]) }

func bulgaria(n string) bool {
	if len(n) == 9 {
		check := weighted(n, 1, 2, 3, 4, 5, 6, 7, 8) % 11
		if check == 10 {
			check = weighted(n, 3, 4, 5, 6, 7, 8, 9, 10) % 11 % 10
		}
		return check == last(n)
	}
	// A citizen, a foreigner, or anybody else.
	citizen := weighted(n, 2, 4, 8, 5, 10, 9, 7, 3, 6) % 11 % 10
	born := monthAndDay(number(n[2:4])%20, number(n[4:6])) && number(n[2:4]) <= 52
	foreigner := weighted(n, 21, 19, 17, 13, 11, 9, 7, 3, 1) % 10
	other := 11 - weighted(n, 4, 3, 2, 7, 6, 5, 4, 3, 2)%11
	return born && citizen == last(n) || foreigner == last(n) || other%11 == last(n)
}

func cyprus(n string) bool {
	if strings.HasPrefix(n, "12") {
		return false
	}
	odd := [10]int{1, 0, 5, 7, 9, 13, 15, 17, 19, 21}
	sum := 0
	for i := range 8 {
		if d := digit(n, i); i%2 == 0 {
			sum += odd[d]
		} else {
			sum += d
		}
	}
	return byte('A'+sum%26) == n[8]
}

func czechia(n string) bool {
	switch {
	case len(n) == 8:
		return n[0] != '9' && (11-weighted(n, 8, 7, 6, 5, 4, 3, 2)%11)%10 == last(n)
	case len(n) == 9 && n[0] == '6': // a person without a birth number
		return (weighted(n[1:], 8, 7, 6, 5, 4, 3, 2)%11+8)%10 == last(n)
	case len(n) == 9: // a birth number before 1954 has no check digit
		year, month := number(n[:2]), number(n[2:4])
		return (year <= 53 || year >= 80) && monthAndDay(month%50, number(n[4:6]))
	}
	return monthAndDay(number(n[2:4])%50%20, number(n[4:6])) && (number(n)%11 == 0 || (number(n[:9])%11 == 10 && last(n) == 0))
}

// monthAndDay tells whether a number with a birthday in it has one.
func monthAndDay(month, day int) bool {
	return month >= 1 && month <= 12 && day >= 1 && day <= 31
}

func denmark(n string) bool { return weighted(n, 2, 7, 6, 5, 4, 3, 2, 1)%11 == 0 }

func estonia(n string) bool { return weighted(n, 3, 7, 1, 3, 7, 1, 3, 7, 1)%10 == 0 }

func greece(n string) bool {
	return number(n) > 0 && weighted(n, 256, 128, 64, 32, 16, 8, 4, 2)%11%10 == last(n)
}

func finland(n string) bool { return weighted(n, 7, 9, 10, 5, 8, 4, 2, 1)%11 == 0 }

func hungary(n string) bool { return weighted(n, 9, 7, 3, 1, 9, 7, 3, 1)%10 == 0 }

func italy(n string) bool {
	office := number(n[7:10])
	known := office >= 1 && office <= 100 || office == 120 || office == 121 || office == 888 || office == 999
	return number(n[:7]) > 0 && known && luhnHolds(n)
}

func lithuania(n string) bool {
	check := 0
	for i := range len(n) - 1 {
		check += digit(n, i) * (1 + i%9)
	}
	if check %= 11; check == 10 {
		check = 0
		for i := range len(n) - 1 {
			check += digit(n, i) * (1 + (i+2)%9)
		}
		check = check % 11 % 10
	}
	return check == last(n)
}

func luxembourg(n string) bool { return number(n[:6]) > 0 && number(n[:6])%89 == number(n[6:]) }

func latvia(n string) bool {
	if n[0] > '3' { // a company
		return weighted(n, 9, 1, 4, 8, 3, 10, 2, 5, 7, 6, 1)%11 == 3
	}
	if strings.HasPrefix(n, "32") { // a person, since 2017: without a date or a check digit
		return true
	}
	return monthAndDay(number(n[2:4]), number(n[:2])) && (1+weighted(n, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9))%11%10 == last(n)
}

func malta(n string) bool { return 37-weighted(n, 3, 4, 6, 7, 8, 9)%37 == number(n[6:]) }

func poland(n string) bool {
	return number(n[:3]) > 0 && weighted(n, 6, 5, 7, 2, 3, 4, 5, 6, 7)%11 == last(n)
}

func portugal(n string) bool { return (11-weighted(n, 9, 8, 7, 6, 5, 4, 3, 2)%11)%11%10 == last(n) }

func romania(n string) bool {
	n = strings.Repeat("0", 10-len(n)) + n
	return 10*weighted(n, 7, 5, 3, 2, 1, 7, 5, 3, 2)%11%10 == last(n)
}

func sweden(n string) bool { return luhnHolds(n[:10]) }

func slovenia(n string) bool {
	check := 11 - weighted(n, 8, 7, 6, 5, 4, 3, 2)%11
	return check != 11 && check%10 == last(n)
}

func slovakia(n string) bool { return number(n)%11 == 0 }
