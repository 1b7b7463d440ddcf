package app

import (
	"github.com/prometheus/client_golang/prometheus"

	"meridian/adapter/memfile"
	"meridian/engine/httpcache"
	"meridian/role/ops"
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
	gauge("meridian_cache_disk_objects", "Responses on the disk, those that are in RAM too.", func(s httpcache.Stats) int64 { return s.OnDisk })
	gauge("meridian_cache_disk_bytes", "Size of the disk cache's files.", func(s httpcache.Stats) int64 { return s.Disk.Bytes })
	count("meridian_cache_disk_hits_total", "Responses brought from the disk.", func(s httpcache.Stats) int64 { return s.DiskHits })
	count("meridian_cache_disk_written_total", "Responses written to the disk.", func(s httpcache.Stats) int64 { return s.Disk.Written })
	count("meridian_cache_disk_dropped_total", "Responses that were not written, for want of room in the queue.", func(s httpcache.Stats) int64 { return s.Disk.Dropped })
	count("meridian_cache_disk_bad_total", "Records on the disk whose checksum was wrong.", func(s httpcache.Stats) int64 { return s.Disk.Bad })
	count("meridian_cache_disk_errors_total", "Failures of the disk cache's file system.", func(s httpcache.Stats) int64 { return s.Disk.Errors })
	count("meridian_cache_evictions_total", "Responses let go to make room.", func(s httpcache.Stats) int64 { return s.Evictions })
	count("meridian_cache_negative_total", "Requests answered with the failure of a moment ago.", func(s httpcache.Stats) int64 { return s.Negative })
	count("meridian_cache_takeovers_total", "Upstream reads that carried on one that had died or stalled.", func(s httpcache.Stats) int64 { return s.TakeOvers })
}

// memoryMetrics reports what a cache has in its memory file.
func (m *machine) memoryMetrics(stats func() memfile.Stats) {
	m.tel.Metrics.MustRegister(
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "meridian_cache_memory_file_bytes", Help: "RAM of the cache's memory file, of contents that are still being sent too."}, func() float64 { return float64(stats().Bytes) }),
		prometheus.NewCounterFunc(prometheus.CounterOpts{Name: "meridian_cache_memory_file_refused_total", Help: "Contents for which the memory file had no room."}, func() float64 { return float64(stats().Refused) }),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "meridian_cache_memory_file_lost_bytes", Help: "Bytes of it that the system did not take back."}, func() float64 { return float64(stats().Lost) }),
	)
}

// ratesMetrics reports how the fetching of exchange rates goes.
func (m *machine) ratesMetrics(stats func() ops.RatesStats) {
	m.tel.Metrics.MustRegister(
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "meridian_fx_list_seconds", Help: "Midnight of the newest list of exchange rates, Unix time; 0: none is known."}, func() float64 {
			if s := stats(); !s.Newest.IsZero() {
				return float64(s.Newest.Unix())
			}
			return 0
		}),
		prometheus.NewCounterFunc(prometheus.CounterOpts{Name: "meridian_fx_fetched_total", Help: "Lists of exchange rates that were fetched when they were due."}, func() float64 { return float64(stats().Fetched) }),
		prometheus.NewCounterFunc(prometheus.CounterOpts{Name: "meridian_fx_fetch_failures_total", Help: "Attempts that did not bring the list of exchange rates that was due."}, func() float64 { return float64(stats().Failed) }),
	)
}
