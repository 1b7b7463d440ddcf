package app

import (
	"github.com/prometheus/client_golang/prometheus"

	"meridian/engine/httpcache"
)

// cacheMetrics reports a cache's figures.
func (m *machine) cacheMetrics(stats func() httpcache.Stats) {
	gauge := func(name, help string, of func(httpcache.Stats) int64) {
		m.tel.Metrics.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, func() float64 { return float64(of(stats())) }))
	}
	count := func(name, help string, of func(httpcache.Stats) int64) {
		m.tel.Metrics.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{Name: name, Help: help}, func() float64 { return float64(of(stats())) }))
	}
	gauge("meridian_cache_objects", "Responses stored.", func(s httpcache.Stats) int64 { return s.Objects })
	gauge("meridian_cache_bytes", "RAM that stored responses take.", func(s httpcache.Stats) int64 { return s.Bytes })
	gauge("meridian_cache_groups", "Entries of the group index.", func(s httpcache.Stats) int64 { return s.Groups })
	count("meridian_cache_hits_total", "Requests answered from the store.", func(s httpcache.Stats) int64 { return s.Hits })
	count("meridian_cache_stale_total", "Of the hits, those that were stale.", func(s httpcache.Stats) int64 { return s.Stale })
	count("meridian_cache_misses_total", "Requests sent upstream to fill the store.", func(s httpcache.Stats) int64 { return s.Misses })
	count("meridian_cache_collapsed_total", "Requests served by another's upstream read.", func(s httpcache.Stats) int64 { return s.Collapsed })
	count("meridian_cache_passed_total", "Requests sent upstream outside the cache.", func(s httpcache.Stats) int64 { return s.Passed })
	count("meridian_cache_evictions_total", "Responses let go to make room.", func(s httpcache.Stats) int64 { return s.Evictions })
	count("meridian_cache_takeovers_total", "Upstream reads that carried on one that had died or stalled.", func(s httpcache.Stats) int64 { return s.TakeOvers })
}
