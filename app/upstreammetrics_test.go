package app

import (
	"net/http/httptest"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"meridian/engine/tier"
	"meridian/engine/upstream"
)

// figures are a machine's metrics of upstreams, without the labels of the instance.
func (m *machine) figures() string {
	w := httptest.NewRecorder()
	m.Root.Handler().ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	plain := regexp.MustCompile(`(place|role|instance)="[^"]*",?`).ReplaceAllString(w.Body.String(), "")
	return strings.Join(regexp.MustCompile(`(?m)^meridian_upstream.*\n`).FindAllString(strings.ReplaceAll(plain, ",}", "}"), -1), "")
}

func TestUpstreamFigures(t *testing.T) {
	m := newMachine()
	open := connections{}
	open.to("near").Add(3)
	stats := upstream.Stats{Denied: 7, Budget: 8, Hops: []upstream.HopStats{
		{Name: "near", State: upstream.Open, Counts: upstream.Counts{Asked: 10, Failed: 4}},
		{Name: "far", State: upstream.HalfOpen, Counts: upstream.Counts{Asked: 5, Retried: 2, Hedged: 1}},
	}}
	m.upstreamMetrics(upstreams{pools: map[string]func() upstream.Stats{"shields": func() upstream.Stats { return stats }}, open: open})
	got := m.figures()
	for _, want := range []string{
		`connections{upstream="near"} 3`,
		`breaker{pool="shields",state="open",upstream="near"} 1`,
		`breaker{pool="shields",state="closed",upstream="near"} 0`,
		`breaker{pool="shields",state="half-open",upstream="far"} 1`,
		`requests_total{pool="shields",upstream="near"} 10`,
		`failures_total{pool="shields",upstream="near"} 4`,
		`retries_total{pool="shields",upstream="far"} 2`,
		`hedges_total{pool="shields",upstream="far"} 1`,
		`retries_denied_total{pool="shields"} 7`,
		`retry_budget{pool="shields"} 8`,
	} {
		if !strings.Contains(got, "meridian_upstream_"+want+"\n") {
			t.Errorf("lacks %s in\n%s", want, got)
		}
	}
}

// Each tier tells how those behind it fare, and how many connections there are.
func TestTiersTellOfTheirUpstreams(t *testing.T) {
	t.Parallel() // each waits for feeds that are not there
	nobody := "unix:" + filepath.Join(shortDir(t), "nobody")
	for name, c := range map[string]struct {
		fill func(*File, string)
		want []string
	}{
		"edge": {func(f *File, listen string) {
			f.Edge.Listen, f.Edge.PoP, f.Edge.FeedKey, f.Edge.Shields = listen, "fra", "k", []tier.Shield{{Region: "eu-central", Address: nobody}}
		}, []string{`breaker{pool="shields",state="closed",upstream="eu-central"} 1`, `connections{upstream="eu-central"} 0`, `retry_budget{pool="shields"} 20`}},
		"shield": {func(f *File, listen string) {
			f.Shield.Listen, f.Shield.Region, f.Shield.FeedKey = listen, "eu-central", "k"
			f.Shield.Media, f.Shield.Shop, f.Shield.Owner, f.Shield.Ops = nobody, nobody, nobody, nobody
		}, []string{`breaker{pool="media",state="closed",upstream="media"} 1`, `breaker{pool="shop",state="closed",upstream="shop"} 1`, `connections{upstream="owner"} 0`}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := newMachine()
			w, err := ReadWorld("")
			if err != nil {
				t.Fatal(err)
			}
			m.World, m.file = w, NewFile(name)
			c.fill(m.file, "unix:"+filepath.Join(shortDir(t), "s"))
			start := startEdge
			if name == "shield" {
				start = startShield
			}
			run, err := start(t.Context(), m)
			if err != nil {
				t.Fatal(err)
			}
			got := m.figures()
			for _, want := range c.want {
				if !strings.Contains(got, "meridian_upstream_"+want+"\n") {
					t.Errorf("lacks %s in\n%s", want, got)
				}
			}
			if err := run.Stop(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
}
