package localworld

import (
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"meridian/engine/failover"
)

func TestDatabaseFigures(t *testing.T) {
	at := time.UnixMilli(1_700_000_000_500)
	reg := prometheus.NewRegistry()
	reg.MustRegister(databaseMetrics{func() []Database {
		return []Database{
			{Region: "a", PrimaryRegion: "a", Status: failover.Status{Cluster: "resident-a", State: failover.Synced, Epoch: 3, Behind: 64, Count: 2, Takeover: &failover.Took{At: at}}},
			{Region: "a", PrimaryRegion: "b", Status: failover.Status{Cluster: "catalog-a", State: failover.Fenced, Epoch: 5, Behind: -1},
				Promotions: []failover.Promotion{{At: at.Add(time.Second), Returned: &failover.Returned{Rows: 7}}}},
		}
	}})
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]float64{}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			key := f.GetName()
			for _, l := range m.GetLabel() {
				key += " " + l.GetValue()
			}
			got[key] = m.GetGauge().GetValue() + m.GetCounter().GetValue()
		}
	}
	for key, want := range map[string]float64{
		"meridian_database_state resident-a synced":                    1,
		"meridian_database_state catalog-a fenced":                     1,
		"meridian_database_epoch resident-a":                           3,
		"meridian_database_fenced resident-a":                          0,
		"meridian_database_fenced catalog-a":                           1,
		"meridian_database_standby_behind_bytes resident-a":            64,
		"meridian_database_standby_behind_bytes catalog-a":             -1,
		"meridian_database_failovers_total resident-a":                 2,
		"meridian_database_last_takeover_timestamp_seconds resident-a": 1_700_000_000.5,
		"meridian_database_last_takeover_timestamp_seconds catalog-a":  1_700_000_001.5,
		"meridian_database_away catalog-a":                             1,
		"meridian_database_away resident-a":                            0,
		"meridian_database_left_behind_rows catalog-a":                 7,
	} {
		if v, ok := got[key]; !ok || v != want {
			t.Errorf("%s is %v (there: %v), want %v", key, v, ok, want)
		}
	}
}
