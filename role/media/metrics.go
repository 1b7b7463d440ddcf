package media

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"

	"meridian/world"
)

type metrics struct {
	uploads    *prometheus.CounterVec
	examined   *prometheus.CounterVec
	transforms *prometheus.CounterVec
	seconds    *prometheus.HistogramVec
	bytes      *prometheus.CounterVec
	fetches    *prometheus.CounterVec
	scrubbed   *prometheus.CounterVec
	verdicts   *prometheus.CounterVec
	collected  *prometheus.CounterVec
	prepared   prometheus.Counter
	jobs       *prometheus.GaugeVec
	jobAge     *prometheus.GaugeVec
	uncopied   *prometheus.GaugeVec
	age        *prometheus.GaugeVec
}

func newMetrics(reg prometheus.Registerer) *metrics {
	f := promauto.With(reg)
	return &metrics{
		uploads: f.NewCounterVec(prometheus.CounterOpts{
			Name: "meridian_media_uploads_total", Help: "Uploads, by outcome: ok or the error's code.",
		}, []string{"outcome"}),
		examined: f.NewCounterVec(prometheus.CounterOpts{
			Name: "meridian_media_examined_total", Help: "Pictures that were decoded to be taken or refused, by how that ended: answered; crashed, memory, cpu and hung for a picture that brought its child process down; busy for one that was not done in time; unstarted for a child that did not start; left for who gave up.",
		}, []string{"end"}),
		transforms: f.NewCounterVec(prometheus.CounterOpts{
			Name: "meridian_media_transforms_total", Help: "Variants made, by format and outcome.",
		}, []string{"format", "outcome"}),
		seconds: f.NewHistogramVec(prometheus.HistogramOpts{
			Name: "meridian_media_transform_seconds", Help: "Time to make a variant of an original at hand, waiting for a worker included.",
			Buckets: []float64{.01, .025, .05, .1, .2, .5, 1, 2, 5, 10},
		}, []string{"format"}),
		bytes: f.NewCounterVec(prometheus.CounterOpts{
			Name: "meridian_media_bytes_total", Help: "Bytes of pictures uploaded, served, negotiated (served to who leaves the format to us, past the caches, as monitors do), pushed to and received from other regions.",
		}, []string{"what"}),
		fetches: f.NewCounterVec(prometheus.CounterOpts{
			Name: "meridian_media_fetches_total", Help: "Manifests, originals and variants asked of another region.",
		}, []string{"what", "region"}),
		scrubbed: f.NewCounterVec(prometheus.CounterOpts{
			Name: "meridian_media_scrubbed_total", Help: "Copies read again, by kind and outcome: ok; healed; removed, to be made again; lost, for an original that no region has; skipped.",
		}, []string{"kind", "outcome"}),
		verdicts: f.NewCounterVec(prometheus.CounterOpts{
			Name: "meridian_media_verdicts_total", Help: "Answers of the moderation hook: approve, withhold, review, or the error's code.",
		}, []string{"verdict"}),
		prepared: f.NewCounter(prometheus.CounterOpts{
			Name: "meridian_media_prepared_total", Help: "Variants made by background jobs.",
		}),
		collected: f.NewCounterVec(prometheus.CounterOpts{
			Name: "meridian_media_collected_total", Help: "Objects that were removed because they are not needed: variants that nobody asked for, originals that no asset has.",
		}, []string{"kind"}),
		jobs: f.NewGaugeVec(prometheus.GaugeOpts{
			Name: "meridian_media_jobs", Help: "Background jobs of this region, by kind and state: waiting, running, retrying, failed.",
		}, []string{"kind", "state"}),
		jobAge: f.NewGaugeVec(prometheus.GaugeOpts{
			Name: "meridian_media_jobs_age_seconds", Help: "How old the oldest of them is.",
		}, []string{"kind", "state"}),
		uncopied: f.NewGaugeVec(prometheus.GaugeOpts{
			Name: "meridian_media_uncopied", Help: "Replicas of this region's originals that a region still lacks, by state.",
		}, []string{"target", "state"}),
		age: f.NewGaugeVec(prometheus.GaugeOpts{
			Name: "meridian_media_uncopied_age_seconds", Help: "How long the oldest of them has been waiting.",
		}, []string{"target", "state"}),
	}
}

// outcome is a label: "ok" or the error's code.
func outcome(err error) string {
	if err == nil {
		return "ok"
	}
	return string(world.CodeOf(err))
}

// measureJobs tells how much background work there is. What there was and is no
// more goes back to nothing.
func (m *Media) measureJobs(ctx context.Context) {
	counts, err := m.upkeep.CountJobs(ctx)
	if err != nil {
		if ctx.Err() == nil {
			m.log.WarnContext(ctx, "the background work cannot be measured", "err", err)
		}
		return
	}
	m.metrics.jobs.Reset()
	m.metrics.jobAge.Reset()
	for _, c := range counts {
		m.metrics.jobs.WithLabelValues(c.Kind, c.State).Set(float64(c.Count))
		m.metrics.jobAge.WithLabelValues(c.Kind, c.State).Set(m.now().Sub(c.Oldest).Seconds())
	}
}

func (m *Media) measureLag(ctx context.Context) {
	m.measureJobs(ctx)
	type key struct {
		region string
		state  world.ReplicaState
	}
	count, since := map[key]int{}, map[key]time.Time{}
	err := m.manifests.Uncopied(ctx, func(region string, state world.ReplicaState, n int, oldest time.Time) {
		count[key{region, state}], since[key{region, state}] = n, oldest
	})
	if err != nil {
		if ctx.Err() == nil {
			m.log.WarnContext(ctx, "the replication lag cannot be measured", "err", err)
		}
		return
	}
	now := m.now()
	for _, r := range m.world.Regions {
		if r.ID == m.region.ID {
			continue
		}
		for _, state := range []world.ReplicaState{world.ReplicaPending, world.ReplicaFailed} {
			k, age := key{r.ID, state}, 0.0
			if count[k] > 0 {
				age = now.Sub(since[k]).Seconds()
			}
			m.metrics.uncopied.WithLabelValues(r.ID, string(state)).Set(float64(count[k]))
			m.metrics.age.WithLabelValues(r.ID, string(state)).Set(age)
		}
	}
}
