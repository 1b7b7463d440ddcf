// Package telemetry gives every role instance its logger and its metrics,
// both labelled with the role and the place it runs at.
package telemetry

import (
	"io"
	"log/slog"
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promauto"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Telemetry is what an instance reports through.
type Telemetry struct {
	Log     *slog.Logger
	Metrics prometheus.Registerer

	requests *prometheus.CounterVec
	seconds  *prometheus.HistogramVec
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
	f := promauto.With(reg)
	return &Telemetry{
		Log:     r.Log.With("role", role, "place", place),
		Metrics: reg,
		requests: f.NewCounterVec(prometheus.CounterOpts{
			Name: "meridian_http_requests_total", Help: "Requests answered, by method and status class.",
		}, []string{"method", "class"}),
		seconds: f.NewHistogramVec(prometheus.HistogramOpts{
			Name: "meridian_http_request_seconds", Help: "Time from a request's header to the end of its answer.",
			Buckets: []float64{.001, .005, .01, .025, .05, .1, .2, .5, 1, 2, 5},
		}, []string{"method"}),
	}
}

// Handler serves the process's metrics in Prometheus' text format.
func (r *Root) Handler() http.Handler {
	return promhttp.HandlerFor(r.reg, promhttp.HandlerOpts{})
}

// HTTP counts and times what next answers. Methods outside the common ones
// are counted as "other", so a stranger cannot grow the label set.
func (t *Telemetry) HTTP(next http.Handler, now func() time.Time) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		start := now()
		s := &statusWriter{ResponseWriter: w, status: http.StatusOK}
		method := knownMethod(r.Method)
		defer func() {
			t.requests.WithLabelValues(method, strconv.Itoa(s.status/100)+"xx").Inc()
			t.seconds.WithLabelValues(method).Observe(now().Sub(start).Seconds())
		}()
		next.ServeHTTP(s, r)
	})
}

func knownMethod(m string) string {
	switch m {
	case "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS":
		return m
	}
	return "other"
}

type statusWriter struct {
	http.ResponseWriter
	status int
}

func (s *statusWriter) WriteHeader(status int) {
	s.status = status
	s.ResponseWriter.WriteHeader(status)
}

// ReadFrom keeps sendfile possible where the server can do it.
func (s *statusWriter) ReadFrom(r io.Reader) (int64, error) {
	return io.Copy(s.ResponseWriter, r)
}

// Unwrap lets http.ResponseController reach flushing and deadlines.
func (s *statusWriter) Unwrap() http.ResponseWriter { return s.ResponseWriter }
