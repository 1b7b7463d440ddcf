package postgres

import (
	"testing"
	"time"
)

// A pool connects when it is first used: there is no server here.
func TestPoolLimitsOfTheConnectionStringHold(t *testing.T) {
	cases := []struct {
		conn string
		most int32
		idle time.Duration
	}{
		{"host=/nowhere dbname=x", defaultMaxConns, defaultIdleTime},
		{"host=/nowhere dbname=x pool_max_conns=3", 3, defaultIdleTime},
		{"postgres://u@localhost/x?pool_max_conns=40&pool_max_conn_idle_time=7s", 40, 7 * time.Second},
	}
	for _, c := range cases {
		got, err := Open(t.Context(), "catalog-a", "a", true, c.conn, "test")
		if err != nil {
			t.Fatal(err)
		}
		cfg := got.Pool.Config()
		got.Close()
		if cfg.MaxConns != c.most || cfg.MaxConnIdleTime != c.idle || cfg.HealthCheckPeriod != defaultHealthCheck {
			t.Errorf("%q: at most %d connections, idle for %v, checked every %v", c.conn, cfg.MaxConns, cfg.MaxConnIdleTime, cfg.HealthCheckPeriod)
		}
	}
}
