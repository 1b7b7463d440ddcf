package dnsserver

import "github.com/prometheus/client_golang/prometheus"

// counts are a server's figures, each found before it is needed.
type counts struct {
	codes                       map[Code]prometheus.Counter
	ok, noName, other           prometheus.Counter
	truncated, dropped, ignored prometheus.Counter
}

func newCounts(r prometheus.Registerer) (counts, error) {
	all := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "meridian_dns_answers_total", Help: "Answers by response code; truncated, dropped and ignored queries apart.",
	}, []string{"outcome"})
	c := counts{codes: map[Code]prometheus.Counter{}}
	for code, name := range map[Code]string{
		CodeOK: "ok", CodeFormat: "format", CodeServerFailure: "failure", CodeNoName: "no_name",
		CodeNotImplemented: "not_implemented", CodeRefused: "refused", codeBadVersion: "bad_version",
	} {
		c.codes[code] = all.WithLabelValues(name)
	}
	c.ok, c.noName, c.other = c.codes[CodeOK], c.codes[CodeNoName], all.WithLabelValues("other")
	c.truncated, c.dropped, c.ignored = all.WithLabelValues("truncated"), all.WithLabelValues("dropped"), all.WithLabelValues("ignored")
	if r == nil {
		return c, nil
	}
	return c, r.Register(all)
}

func (c *counts) of(code Code) prometheus.Counter {
	switch code {
	case CodeOK:
		return c.ok
	case CodeNoName:
		return c.noName
	}
	if n := c.codes[code]; n != nil {
		return n
	}
	return c.other
}
