// Package telemetry gives every role instance its logger and its metrics,
// both labelled with the role and the place it runs at.
package telemetry

import (
	"io"
	"log/slog"
	"net/http"
	"sync"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Telemetry is what an instance reports through.
type Telemetry struct {
	Log     *slog.Logger
	Metrics prometheus.Registerer

	methods map[string]*method
	access  *accessLog
}

// Root holds the process's logger and its figures; instances hang below it.
type Root struct {
	Log *slog.Logger
	reg *prometheus.Registry // of the process itself

	mu        sync.Mutex
	instances map[[2]string]*prometheus.Registry // by role and place
}

// NewRoot makes the process's telemetry. format is "text" or "json".
func NewRoot(w io.Writer, format string, level slog.Level) *Root {
	opts := &slog.HandlerOptions{Level: level}
	var h slog.Handler = slog.NewTextHandler(w, opts)
	if format == "json" {
		h = slog.NewJSONHandler(w, opts)
	}
	reg := prometheus.NewRegistry()
	reg.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return &Root{Log: slog.New(h), reg: reg, instances: map[[2]string]*prometheus.Registry{}}
}

// Instance is the telemetry of one role at one place. One that starts again
// begins its figures anew, as another process would.
func (r *Root) Instance(role, place string) *Telemetry {
	own := prometheus.NewRegistry()
	r.mu.Lock()
	r.instances[[2]string{role, place}] = own
	r.mu.Unlock()
	reg := prometheus.WrapRegistererWith(prometheus.Labels{"role": role, "place": place}, own)
	return &Telemetry{
		Log:     r.Log.With("role", role, "place", place),
		Metrics: reg,
		methods: newMethods(reg),
	}
}

// Handler serves the process's metrics in Prometheus' text format.
func (r *Root) Handler() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		promhttp.HandlerFor(r.figures(), promhttp.HandlerOpts{}).ServeHTTP(w, req)
	})
}

func (r *Root) figures() prometheus.Gatherers {
	r.mu.Lock()
	defer r.mu.Unlock()
	all := prometheus.Gatherers{r.reg}
	for _, own := range r.instances {
		all = append(all, own)
	}
	return all
}
