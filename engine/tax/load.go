package tax

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"meridian/engine/money"
	"meridian/world"
)

// Columns is the header of a CSV of rules, in this order. classes is a list
// parted by spaces: the row stands for a rule of each. So are with,
// temperature, mode, route and buyer, of which empty means any; below is
// "adds" where smaller places add to the rate, or empty.
var Columns = []string{
	"jurisdiction", "levy", "part", "classes", "with", "temperature", "mode", "route", "buyer",
	"rate_percent", "below", "valid_from", "valid_to", "label", "confidence", "status", "source",
}

const (
	inJurisdiction = iota
	inLevy
	inPart
	inClasses
	inWith
	inTemperature
	inMode
	inRoute
	inBuyer
	inRate
	inBelow
	inFrom
	inTo
	inLabel
	inConfidence
	inStatus
	inSource
)

// Load reads a table from CSV (RFC 4180) under [DefaultLimits]. See [Limits.Load].
func Load(r io.Reader) (*Table, error) { return DefaultLimits.Load(r) }

// Load reads a table from CSV with the header [Columns]; a byte order mark is
// dropped. It fails with [world.CodeInvalid], naming the lines, for other
// columns, bad fields and overlaps; with [world.CodeTooLarge] past a limit;
// and with [world.CodeInternal] when r itself fails.
func (l Limits) Load(r io.Reader) (*Table, error) {
	text, err := io.ReadAll(io.LimitReader(r, int64(l.MaxBytes)+1))
	if err != nil {
		return nil, world.Because(world.CodeInternal, "tax.load", "the tax rules could not be read; try again", err)
	}
	if len(text) > l.MaxBytes {
		return nil, world.E(world.CodeTooLarge, "tax.load",
			fmt.Sprintf("the tax rules are larger than %d bytes; drop those that ended long ago", l.MaxBytes))
	}
	records := csv.NewReader(strings.NewReader(strings.TrimPrefix(string(text), "\ufeff")))
	records.FieldsPerRecord = -1 // counted below, where the message can name the columns
	header, err := records.Read()
	if err != nil || !slices.Equal(header, Columns) {
		return nil, headerError(header)
	}
	return l.readRules(records)
}

func (l Limits) readRules(records *csv.Reader) (*Table, error) {
	var (
		rules []Rule
		found faults
	)
	for {
		fields, err := records.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			// After a stray quote the rest cannot be told apart.
			return nil, append(found, quoteFault(err)).err("line")
		}
		line, _ := records.FieldPos(0)
		read, wrong := l.readRow(line, fields)
		if len(wrong) > 0 {
			found.add(line, wrong...)
			continue
		}
		rules = append(rules, read...)
		if err := l.count(len(rules)); err != nil {
			return nil, err
		}
	}
	return l.newTable(rules, found, "line")
}

// readRow reads one record, a rule for each of its classes, and says all that
// is wrong with it.
func (l Limits) readRow(line int, fields []string) (rules []Rule, wrong []string) {
	if len(fields) != len(Columns) {
		return nil, []string{fmt.Sprintf("%d fields instead of %d (%s)", len(fields), len(Columns), strings.Join(Columns, ","))}
	}
	rule := Rule{
		Jurisdiction: fields[inJurisdiction], Levy: fields[inLevy], Part: fields[inPart], Below: fields[inBelow] == "adds",
		Label: fields[inLabel], Confidence: Confidence(fields[inConfidence]), Status: Status(fields[inStatus]),
		Source: fields[inSource], Row: line,
	}
	note := func(column string, err error) {
		if e, ok := errors.AsType[*world.Error](err); ok {
			wrong = append(wrong, column+e.Message)
		}
	}
	var err error
	rule.When, err = ParseWhen(fields[inWith], fields[inTemperature], fields[inMode], fields[inRoute], fields[inBuyer])
	note("", err)
	rule.Rate, err = money.ParsePercent(fields[inRate])
	note("rate_percent: ", err)
	rule.From, err = ParseDate(fields[inFrom])
	note("valid_from: ", err)
	if fields[inTo] != "" {
		rule.To, err = ParseDate(fields[inTo])
		note("valid_to: ", err)
	}
	if fields[inBelow] != "adds" && fields[inBelow] != "" {
		wrong = append(wrong, fmt.Sprintf("below %q; write adds, or leave it empty", clip(fields[inBelow])))
	}
	if len(wrong) > 0 {
		return nil, wrong
	}
	classes := strings.Fields(fields[inClasses])
	if len(classes) == 0 {
		return nil, []string{"no classes; name the goods"}
	}
	for _, class := range classes {
		rule.Class = class
		rules = append(rules, rule)
		wrong = append(wrong, l.check(rule)...)
	}
	return rules, wrong
}

func quoteFault(err error) fault {
	if bad, ok := errors.AsType[*csv.ParseError](err); ok {
		return fault{bad.Line, bad.Err.Error() + "; correct the quotes"}
	}
	return fault{0, err.Error()}
}

// headerError names the first column that is not as it should be.
func headerError(header []string) error {
	advice := "give it the header " + strings.Join(Columns, ",")
	for _, h := range header {
		if !slices.Contains(Columns, h) {
			return world.E(world.CodeInvalid, "tax.load",
				fmt.Sprintf("line 1: unknown column %q in the tax rules; %s", clip(h), advice))
		}
	}
	return world.E(world.CodeInvalid, "tax.load", "line 1: the tax rules lack their columns or have them in another order; "+advice)
}

// faults collects what is wrong, so that one attempt shows it all.
type faults []fault

type fault struct {
	line int
	text string
}

// maxFaults keeps a message readable.
const maxFaults = 20

func (f *faults) add(line int, texts ...string) {
	for _, text := range texts {
		*f = append(*f, fault{line, text})
	}
}

// err is nil without faults, else one error that names the lines in order.
func (f faults) err(noun string) error {
	if len(f) == 0 {
		return nil
	}
	slices.SortStableFunc(f, func(a, b fault) int { return a.line - b.line })
	var b strings.Builder
	b.WriteString("the tax rules are not taken: ")
	for i, fault := range f[:min(len(f), maxFaults)] {
		if i > 0 {
			b.WriteString("; ")
		}
		fmt.Fprintf(&b, "%s %d: %s", noun, fault.line, fault.text)
	}
	if rest := len(f) - maxFaults; rest > 0 {
		fmt.Fprintf(&b, "; and %d more", rest)
	}
	return world.E(world.CodeInvalid, "tax.load", b.String())
}

// clip keeps a text from outside short in a message.
func clip(s string) string {
	const most = 40
	if r := []rune(s); len(r) > most {
		return string(r[:most]) + "…"
	}
	return s
}
