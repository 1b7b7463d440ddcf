package localworld

import (
	"github.com/prometheus/client_golang/prometheus"

	"meridian/engine/failover"
)

// databaseMetrics reports how the clusters are. It asks when it is asked.
type databaseMetrics struct {
	databases func() []Database
}

func databaseFigure(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc("meridian_database_"+name, help, append([]string{"cluster"}, labels...), nil)
}

var (
	databaseState    = databaseFigure("state", "1 for the state that the cluster is in.", "state")
	databaseEpoch    = databaseFigure("epoch", "Of the cluster's lease: one more with each other primary; 0 without one.")
	databaseFenced   = databaseFigure("fenced", "1 while nothing here may take the cluster's writes, for want of its lease.")
	databaseBehind   = databaseFigure("standby_behind_bytes", "Bytes of log that the standby in the region has not confirmed; -1 when it does not follow.")
	databaseFailover = databaseFigure("failovers_total", "Takeovers within the region since the start.")
	databaseTakeover = databaseFigure("last_takeover_timestamp_seconds", "When another server last became primary, in the region or from another; 0 when none is known.")
	databaseAway     = databaseFigure("away", "1 while the primary is in another region than the cluster's home.")
	databaseLeft     = databaseFigure("left_behind_rows", "Rows that the primary before the last promotion alone had, once it is back.")
)

// Describe names the figures.
func (m databaseMetrics) Describe(out chan<- *prometheus.Desc) { prometheus.DescribeByCollect(m, out) }

// Collect gives them.
func (m databaseMetrics) Collect(out chan<- prometheus.Metric) {
	for _, d := range m.databases() {
		gauge := func(desc *prometheus.Desc, v float64, labels ...string) {
			out <- prometheus.MustNewConstMetric(desc, prometheus.GaugeValue, v, append([]string{d.Cluster}, labels...)...)
		}
		gauge(databaseState, 1, string(d.State))
		gauge(databaseEpoch, float64(d.Epoch))
		gauge(databaseFenced, figure(d.State == failover.Fenced))
		gauge(databaseBehind, float64(d.Behind))
		gauge(databaseAway, figure(d.PrimaryRegion != d.Region))
		gauge(databaseTakeover, d.lastTakeover())
		left := 0
		if n := len(d.Promotions); n > 0 && d.Promotions[n-1].Returned != nil {
			left = d.Promotions[n-1].Returned.Rows
		}
		gauge(databaseLeft, float64(left))
		out <- prometheus.MustNewConstMetric(databaseFailover, prometheus.CounterValue, float64(d.Count), d.Cluster)
	}
}

// lastTakeover is in seconds since 1970.
func (d Database) lastTakeover() float64 {
	var last float64
	if d.Takeover != nil {
		last = float64(d.Takeover.At.UnixMilli()) / 1000
	}
	if n := len(d.Promotions); n > 0 {
		last = max(last, float64(d.Promotions[n-1].At.UnixMilli())/1000)
	}
	return last
}

func figure(is bool) float64 {
	if is {
		return 1
	}
	return 0
}
