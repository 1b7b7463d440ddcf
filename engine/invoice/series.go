package invoice

import (
	"fmt"
	"regexp"
	"strings"

	"meridian/engine/tax"
	"meridian/world"
)

// Series is a run of numbers without gaps: one for each market, sort of
// document and year of account. Its next number is taken in the transaction
// that stores the document, so that none is lost and none is there twice.
type Series struct {
	Market string // "de"
	Credit bool   // credit notes have numbers of their own
	Year   int    // in which the year of account begins
}

var marketForm = regexp.MustCompile(`^[a-z0-9]{2,4}$`)

// highest keeps a number to sixteen signs, the most that India takes.
const highest = 999_999

// SeriesOf is the series of a document that is issued on a day. India's year
// of account begins in April, everybody else's in January. It fails with
// [world.CodeInvalid] for a market whose id is not 2 to 4 small letters and
// digits.
func SeriesOf(market, country string, credit bool, issued tax.Date) (Series, error) {
	if !marketForm.MatchString(market) || issued.IsZero() {
		return Series{}, world.E(world.CodeInvalid, "invoice.series",
			fmt.Sprintf("no numbers for market %.20q on %q; give 2 to 4 letters and a day", market, issued))
	}
	s := Series{Market: market, Credit: credit, Year: issued.Year}
	if country == "IN" && issued.Month < 4 {
		s.Year--
	}
	return s, nil
}

// prefix is what all numbers of the series begin with: "DE-26-" or "DE-26C".
func (s Series) prefix() string {
	sort := "-"
	if s.Credit {
		sort = "C"
	}
	return fmt.Sprintf("%s-%02d%s", strings.ToUpper(s.Market), s.Year%100, sort)
}

// Number is the n-th number of the series, from 1: "DE-26-000042". It fails
// with [world.CodeTooLarge] when the year's numbers have run out.
func (s Series) Number(n int) (string, error) {
	if n < 1 || n > highest {
		return "", world.E(world.CodeTooLarge, "invoice.number",
			fmt.Sprintf("%d is no number of a year's documents; they go from 1 to %d", n, highest))
	}
	return fmt.Sprintf("%s%06d", s.prefix(), n), nil
}
