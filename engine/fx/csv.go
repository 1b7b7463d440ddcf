package fx

import (
	"bytes"
	"encoding/csv"
	"errors"
	"io"
	"strings"
	"time"
)

// none is how the ECB's history writes that a list lacks a currency.
const none = "N/A"

// readCSV reads the ECB's CSV: a row of codes behind "Date", then a row a day.
// Its rows end in a comma.
func readCSV(file []byte, b *builder) error {
	r := csv.NewReader(bytes.NewReader(file))
	r.TrimLeadingSpace = true
	codes, err := r.Read()
	if err != nil || codes[0] != "Date" {
		return invalid(`the first row does not begin with "Date"`)
	}
	codes = trimmed(codes)
	for {
		row, err := r.Read()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return invalid("a row is broken or has not as many fields as the first: %v", err)
		}
		if err := b.day(isoDay(strings.TrimSpace(row[0]))); err != nil {
			return err
		}
		for i, text := range trimmed(row)[1:] {
			if text == none || text == "" && codes[i+1] == "" {
				continue
			}
			if err := b.rate(codes[i+1], text); err != nil {
				return err
			}
		}
	}
}

func trimmed(row []string) []string {
	out := make([]string, len(row))
	for i, field := range row {
		out[i] = strings.TrimSpace(field)
	}
	return out
}

// isoDay is the day of the daily CSV, "20 November 2026", as the history has it.
// Another text stays as it is.
func isoDay(text string) string {
	day, err := time.Parse("2 January 2006", text)
	if err != nil {
		return text
	}
	return day.Format(time.DateOnly)
}
