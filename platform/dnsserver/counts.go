package dnsserver

import "github.com/prometheus/client_golang/prometheus"

// outcome is what became of a message.
type outcome uint8

// The outcomes; the first is of whatever has no other.
const (
	other outcome = iota
	okay
	noName
	format
	failure
	notImplemented
	refused
	badVersion
	truncated
	dropped
	ignored
	outcomes
)

// outcomeNames are what figures call them.
var outcomeNames = [outcomes]string{
	okay: "ok", noName: "no_name", format: "format", failure: "failure", notImplemented: "not_implemented", refused: "refused",
	badVersion: "bad_version", truncated: "truncated", dropped: "dropped", ignored: "ignored", other: "other",
}

// byCode are the outcomes of codes.
var byCode = [...]outcome{
	CodeOK: okay, CodeNoName: noName, CodeFormat: format, CodeServerFailure: failure,
	CodeNotImplemented: notImplemented, CodeRefused: refused, codeBadVersion: badVersion,
}

func outcomeOf(c Code) outcome {
	if int(c) < len(byCode) {
		return byCode[c]
	}
	return other
}

// tally is how often one worker had each outcome since it last reported: so no
// memory is written with each answer that other cores read.
type tally [outcomes]uint32

// counts are a server's figures.
type counts [outcomes]prometheus.Counter

func newCounts(r prometheus.Registerer) (c counts, err error) {
	all := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "meridian_dns_answers_total", Help: "Answers by response code; truncated, dropped and ignored queries apart.",
	}, []string{"outcome"})
	for o, name := range outcomeNames {
		c[o] = all.WithLabelValues(name)
	}
	if r == nil {
		return c, nil
	}
	return c, r.Register(all)
}

func (c *counts) add(t *tally) {
	for o, n := range t {
		if n > 0 {
			c[o].Add(float64(n))
		}
	}
}
