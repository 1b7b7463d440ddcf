package telemetry

import (
	"io"
	"net/http"
	"net/netip"
	"strconv"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
)

// method counts the answers to requests of one method. What it holds is looked
// up once: a look-up by label costs more than all else that is done to count.
type method struct {
	classes [6]func() prometheus.Counter // by the status's first digit
	seconds func() prometheus.Observer
}

// otherMethod stands for methods outside the common ones, so that a stranger
// cannot grow the label set.
const otherMethod = "other"

func newMethods(reg prometheus.Registerer) map[string]*method {
	f := promauto.With(reg)
	requests := f.NewCounterVec(prometheus.CounterOpts{
		Name: "meridian_http_requests_total", Help: "Requests answered, by method and status class.",
	}, []string{"method", "class"})
	seconds := f.NewHistogramVec(prometheus.HistogramOpts{
		Name: "meridian_http_request_seconds", Help: "Time from a request's header to the end of its answer.",
		Buckets: []float64{.001, .005, .01, .025, .05, .1, .2, .5, 1, 2, 5},
	}, []string{"method"})
	all := map[string]*method{}
	for _, name := range []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", otherMethod} {
		m := &method{seconds: sync.OnceValue(func() prometheus.Observer { return seconds.WithLabelValues(name) })}
		for class := range m.classes {
			m.classes[class] = sync.OnceValue(func() prometheus.Counter { return requests.WithLabelValues(name, strconv.Itoa(class)+"xx") })
		}
		all[name] = m
	}
	return all
}

func knownMethod(m string) string {
	switch m {
	case "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS":
		return m
	}
	return otherMethod
}

// Count counts and times an answer. It allocates nothing.
func (t *Telemetry) Count(method string, status int, took time.Duration) {
	m := t.methods[knownMethod(method)]
	m.classes[min(max(status/100, 0), len(m.classes)-1)]().Inc()
	m.seconds().Observe(took.Seconds())
}

// HTTP counts, times and logs what next answers.
func (t *Telemetry) HTTP(next http.Handler, now func() time.Time) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		start := now()
		s := &statusWriter{ResponseWriter: w, status: http.StatusOK}
		method, host, path := r.Method, r.Host, r.URL.Path // a handler may write them anew
		defer func() {
			took := now().Sub(start)
			t.Count(method, s.status, took)
			if t.Sampled() {
				from, _ := netip.ParseAddrPort(r.RemoteAddr) // none: a Unix socket
				t.LogAccess(Access{
					Client: from.Addr(), Method: method, Host: host, Path: path, Status: s.status, Bytes: s.bytes, Took: took,
					Cache: verdict(w.Header().Values("Cache-Status")), ID: w.Header().Get("X-Request-Id"),
				})
			}
		}()
		next.ServeHTTP(s, r)
	})
}

// statusWriter remembers what was answered.
type statusWriter struct {
	http.ResponseWriter
	status int
	bytes  int64
}

func (s *statusWriter) WriteHeader(status int) {
	s.status = status
	s.ResponseWriter.WriteHeader(status)
}

func (s *statusWriter) Write(p []byte) (int, error) {
	n, err := s.ResponseWriter.Write(p)
	s.bytes += int64(n)
	return n, err
}

// ReadFrom keeps sendfile possible where the server can do it.
func (s *statusWriter) ReadFrom(r io.Reader) (int64, error) {
	n, err := io.Copy(s.ResponseWriter, r)
	s.bytes += n
	return n, err
}

// Unwrap lets http.ResponseController reach flushing and deadlines.
func (s *statusWriter) Unwrap() http.ResponseWriter { return s.ResponseWriter }
