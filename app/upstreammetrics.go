package app

import (
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"

	"meridian/engine/upstream"
	"meridian/platform/netaddr"
)

// connections count those that are open, by who is at their far end.
type connections map[string]*atomic.Int64

// to is the count of those to name.
func (c connections) to(name string) *atomic.Int64 {
	if c[name] == nil {
		c[name] = new(atomic.Int64)
	}
	return c[name]
}

// counting are options by which a transport counts its connections to name; nil
// counts none.
func (c connections) counting(o netaddr.TransportOptions, name string) netaddr.TransportOptions {
	if c == nil {
		return o
	}
	o.Open = c.to(name)
	return o
}

// upstreams are the figures of a role's ways upstream.
type upstreams struct {
	pools map[string]func() upstream.Stats // by name
	open  connections
}

// upstreamMetrics reports them.
func (m *machine) upstreamMetrics(u upstreams) { m.tel.Metrics.MustRegister(u) }

func upstreamDesc(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc("meridian_upstream_"+name, help, labels, nil)
}

var (
	upstreamOpen    = upstreamDesc("connections", "Open connections, silent ones too.", "upstream")
	upstreamBreaker = upstreamDesc("breaker", "1 at the state of the circuit breaker, 0 at the others.", "pool", "upstream", "state")
	upstreamAsked   = upstreamDesc("requests_total", "Requests sent, second tries too.", "pool", "upstream")
	upstreamRetried = upstreamDesc("retries_total", "Of the requests, those that another upstream had failed.", "pool", "upstream")
	upstreamHedged  = upstreamDesc("hedges_total", "Of the requests, those that another upstream was slow with.", "pool", "upstream")
	upstreamFailed  = upstreamDesc("failures_total", "Requests without an answer, refused with 502, 503 or 504, or broken off.", "pool", "upstream")
	upstreamDenied  = upstreamDesc("retries_denied_total", "Second tries that the retry budget did not allow.", "pool")
	upstreamBudget  = upstreamDesc("retry_budget", "Second tries that the retry budget allows at once.", "pool")
)

// Describe names the figures.
func (upstreams) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{upstreamOpen, upstreamBreaker, upstreamAsked, upstreamRetried, upstreamHedged, upstreamFailed, upstreamDenied, upstreamBudget} {
		ch <- d
	}
}

// Collect tells them as they are.
func (u upstreams) Collect(ch chan<- prometheus.Metric) {
	tell := func(d *prometheus.Desc, kind prometheus.ValueType, n int64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, kind, float64(n), labels...)
	}
	for name, n := range u.open {
		tell(upstreamOpen, prometheus.GaugeValue, n.Load(), name)
	}
	for pool, stats := range u.pools {
		s := stats()
		tell(upstreamDenied, prometheus.CounterValue, s.Denied, pool)
		tell(upstreamBudget, prometheus.GaugeValue, s.Budget, pool)
		for _, h := range s.Hops {
			for _, state := range []upstream.State{upstream.Closed, upstream.HalfOpen, upstream.Open} {
				is := int64(0)
				if h.State == state {
					is = 1
				}
				tell(upstreamBreaker, prometheus.GaugeValue, is, pool, h.Name, string(state))
			}
			tell(upstreamAsked, prometheus.CounterValue, h.Asked, pool, h.Name)
			tell(upstreamRetried, prometheus.CounterValue, h.Retried, pool, h.Name)
			tell(upstreamHedged, prometheus.CounterValue, h.Hedged, pool, h.Name)
			tell(upstreamFailed, prometheus.CounterValue, h.Failed, pool, h.Name)
		}
	}
}
