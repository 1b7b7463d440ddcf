// Package telemetry gives every role instance its logger and its metrics,
// both labelled with the role and the place it runs at.
package telemetry

import (
	"io"
	"log/slog"
	"net/http"

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

// Root holds the process's logger and metric registry; instances hang below it.
type Root struct {
	Log *slog.Logger
	reg *prometheus.Registry
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
	return &Root{Log: slog.New(h), reg: reg}
}

// Instance is the telemetry of one role at one place.
func (r *Root) Instance(role, place string) *Telemetry {
	reg := prometheus.WrapRegistererWith(prometheus.Labels{"role": role, "place": place}, r.reg)
	return &Telemetry{
		Log:     r.Log.With("role", role, "place", place),
		Metrics: reg,
		methods: newMethods(reg),
	}
}

// Handler serves the process's metrics in Prometheus' text format.
func (r *Root) Handler() http.Handler {
	return promhttp.HandlerFor(r.reg, promhttp.HandlerOpts{})
}
