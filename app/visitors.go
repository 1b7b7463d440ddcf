package app

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"meridian/adapter/certificates"
	"meridian/platform/front"
	"meridian/platform/httpserver"
	"meridian/platform/lifecycle"
	"meridian/platform/netaddr"
	"meridian/platform/port"
	"meridian/platform/telemetry"
	"meridian/world"
)

// TLS is how visitors come in by https. Without a source of certificates they
// come by http alone.
type TLS struct {
	certificates.Config `yaml:",inline"`

	Clear    bool               `yaml:"clear" doc:"http is served too, on the same port"`
	HTTP2Max front.Limits2      `yaml:"http2_limits"`
	HTTP3    bool               `yaml:"http3" doc:"HTTP/3 is served on the same port over UDP, and browsers are told so"`
	HTTP3Max httpserver.Limits3 `yaml:"http3_limits"`
	AltPort  int                `yaml:"http3_port" doc:"port under which visitors reach HTTP/3, where it is not the one listened on; 0: that one"`
	HSTS     time.Duration      `yaml:"hsts" doc:"for how long browsers are told to come by https alone, RFC 6797; 0: not told"`
	Redirect string             `yaml:"redirect_http" doc:"address for http, as tcp:0.0.0.0:80, that sends visitors to https and answers ACME's HTTP challenges; none: not listened on"`
}

// DefaultTLS has no certificates, and HTTP/3 once there are some.
func DefaultTLS() TLS {
	return TLS{Config: certificates.Default(), HTTP2Max: front.DefaultLimits2(), HTTP3: true, HTTP3Max: httpserver.DefaultLimits3()}
}

// Validate says what is missing or out of range; listen is the port that it is for.
func (t TLS) Validate(listen string) error {
	bad := func(m string) error { return world.E(world.CodeInvalid, "tls.config", "tls: "+m) }
	switch {
	case t.HSTS < 0:
		return bad("hsts must not be below 0")
	case t.AltPort < 0 || t.AltPort > 65535:
		return bad("http3_port must be between 0 and 65535")
	case !t.Wanted() && (t.Redirect != "" || t.HSTS > 0):
		return bad("redirect_http and hsts need certificates: give files, acme.hosts or self.hosts")
	case t.Redirect != "" && t.Redirect == listen:
		return bad("redirect_http must be another address than listen")
	case t.HSTS > 0 && t.Clear:
		return bad("hsts tells browsers that http is not served: set clear to false")
	}
	return t.Config.Validate()
}

// visitors is a role's listener for visitors: TCP, UDP where HTTP/3 is served,
// the port that redirects, and the upkeep of the certificates.
type visitors struct {
	servers []lifecycle.Running
	source  *certificates.Source // nil without TLS
	cancel  context.CancelFunc
	upkeep  chan struct{}
	done    chan struct{}
	asked   chan struct{}
	once    sync.Once
	err     error
}

// seats are a listener's connections, of all protocols together.
func (m *machine) seats(l httpserver.Limits) *httpserver.Seats {
	return httpserver.NewSeats(l.Connections, m.tel.Log)
}

// open listens for visitors. What can be answered at once hits answers, the
// rest h.
func (m *machine) open(ctx context.Context, listen string, limits httpserver.Limits, seats *httpserver.Seats, t TLS, hits front.Hits, h http.Handler) (*visitors, error) {
	if err := t.Validate(listen); err != nil {
		return nil, err
	}
	ln, err := netaddr.Listen(ctx, listen)
	if err != nil {
		return nil, err
	}
	upkeep, cancel := context.WithCancel(context.Background())
	v := &visitors{cancel: cancel, upkeep: make(chan struct{}), done: make(chan struct{}), asked: make(chan struct{})}
	if !t.Wanted() {
		v.servers = append(v.servers, httpserver.Serve(front.Listen1(ln, m.frontConfig(hits, limits, seats), m.tel.Log), m.tel.HTTP(h, now), m.tel.Log, limits))
		close(v.upkeep)
	} else if err := v.secure(ctx, m, ln, limits, seats, t, hits, h); err != nil {
		ln.Close()
		return nil, errors.Join(err, v.stopAll(ctx))
	} else {
		go func() {
			defer close(v.upkeep)
			_ = v.source.Run(upkeep) // it ends with upkeep, and logs what fails
		}()
	}
	go v.watch()
	return v, nil
}

// ServeVisitors serves a handler that stands before no cache, as a role's is
// served to visitors.
func ServeVisitors(ctx context.Context, tel *telemetry.Telemetry, listen string, limits httpserver.Limits, t TLS, h http.Handler) (lifecycle.Running, error) {
	m := &machine{tel: tel}
	v, err := m.open(ctx, listen, limits, m.seats(limits), t, noHits{}, h)
	if err != nil {
		return nil, err // not a nil *visitors in an interface
	}
	return v, nil
}

// noHits leaves all to the handler.
type noHits struct{}

// Hit has no answer.
func (noHits) Hit(*front.Request) (front.Answer, bool) { return front.Answer{}, false }

// secure serves by TLS on ln.
func (v *visitors) secure(ctx context.Context, m *machine, ln net.Listener, limits httpserver.Limits, seats *httpserver.Seats, t TLS, hits front.Hits, h http.Handler) (err error) {
	at, _ := ln.Addr().(*net.TCPAddr)
	redirect, err := listenIf(ctx, t.Redirect)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil && redirect != nil {
			redirect.Close()
		}
	}()
	ports := certificates.Ports{TLS: portOf(ln), HTTP: portOf(redirect)}
	if v.source, err = certificates.Open(t.Config, ports, m.tel.Log); err != nil {
		return err
	}
	m.certificateMetrics(v.source)
	conf := v.source.TLS()
	fields := t.fields(at)
	h = m.tel.HTTP(withFields(h, fields), now)

	if t.HTTP3 && at != nil {
		if err := v.serve3(m, at, conf, limits, t, h, seats); err != nil {
			return err
		}
	}
	fc := m.frontConfig(hits, limits, seats)
	fc.Secure = fields
	p := port.Open(ln, port.Config{
		TLS: conf, Clear: t.Clear, Handshake: limits.ReadHeader, Pending: limits.Connections,
		Below: func(c net.Conn) net.Conn { return front.Gather(c) },
	})
	two := front.NewHTTP2(fc, t.HTTP2Max, m.tel.Log)
	v.servers = append(v.servers, httpserver.Serve(port.Join(front.Listen1(p.HTTP1(), fc, m.tel.Log), p.HTTP2()), h, m.tel.Log, limits, two.Attach, seats.Bound))
	if redirect != nil {
		v.servers = append(v.servers, httpserver.Serve(redirect, v.source.Challenges(toHTTPS(portOf(ln))), m.tel.Log, limits))
	}
	return nil
}

// serve3 serves HTTP/3 on the UDP port of the same number.
func (v *visitors) serve3(m *machine, at *net.TCPAddr, conf *tls.Config, limits httpserver.Limits, t TLS, h http.Handler, seats *httpserver.Seats) error {
	pc, err := net.ListenPacket("udp", at.String())
	if err != nil {
		return world.Because(world.CodeConflict, "http3", fmt.Sprintf("Cannot listen on UDP %s: set http3 to false, or free the port.", at), err)
	}
	s, err := httpserver.Serve3(pc, conf, h, m.tel.Log, limits, t.HTTP3Max, seats)
	if err != nil {
		return errors.Join(err, pc.Close())
	}
	v.servers = append(v.servers, s)
	return nil
}

func listenIf(ctx context.Context, addr string) (net.Listener, error) {
	if addr == "" {
		return nil, nil
	}
	return netaddr.Listen(ctx, addr)
}

func portOf(ln net.Listener) int {
	if ln == nil {
		return 0
	}
	a, _ := ln.Addr().(*net.TCPAddr)
	if a == nil {
		return 0
	}
	return a.Port
}

// altAge is for how long a browser may remember that there is HTTP/3.
const altAge = 24 * time.Hour

// fields are what each answer over TLS says of the way here.
func (t TLS) fields(at *net.TCPAddr) []front.HeadField {
	var out []front.HeadField
	if t.HTTP3 && at != nil {
		p := t.AltPort
		if p == 0 {
			p = at.Port
		}
		out = append(out, front.HeadField{Name: "Alt-Svc", Value: fmt.Sprintf(`h3=":%d"; ma=%d`, p, int(altAge.Seconds()))}) // RFC 7838 §3
	}
	if t.HSTS > 0 {
		out = append(out, front.HeadField{Name: "Strict-Transport-Security", Value: "max-age=" + strconv.Itoa(int(t.HSTS.Seconds()))})
	}
	return out
}

// withFields adds fields to answers over TLS. What the handler says of the same
// gives way: it speaks of another machine's ports.
func withFields(next http.Handler, fields []front.HeadField) http.Handler {
	if len(fields) == 0 {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.TLS != nil {
			w = &fielded{ResponseWriter: w, fields: fields}
		}
		next.ServeHTTP(w, r)
	})
}

type fielded struct {
	http.ResponseWriter
	fields []front.HeadField
	wrote  bool
}

// WriteHeader adds the fields to the final answer.
func (f *fielded) WriteHeader(status int) {
	if status >= 200 && !f.wrote {
		f.wrote = true
		for _, x := range f.fields {
			f.Header().Set(x.Name, x.Value)
		}
	}
	f.ResponseWriter.WriteHeader(status)
}

// Write begins the answer where WriteHeader has not.
func (f *fielded) Write(b []byte) (int, error) {
	if !f.wrote {
		f.WriteHeader(http.StatusOK)
	}
	return f.ResponseWriter.Write(b)
}

// Unwrap lets http.ResponseController reach the connection.
func (f *fielded) Unwrap() http.ResponseWriter { return f.ResponseWriter }

// toHTTPS sends visitors to the same URL by https.
func toHTTPS(port int) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host := r.Host
		if h, _, err := net.SplitHostPort(host); err == nil {
			host = h
		}
		if host == "" {
			http.Error(w, "Say which host you mean.", http.StatusBadRequest)
			return
		}
		if ip := strings.Trim(host, "[]"); port != 443 {
			host = net.JoinHostPort(ip, strconv.Itoa(port))
		} else if strings.Contains(ip, ":") {
			host = "[" + ip + "]"
		}
		w.Header().Set("Connection", "close")
		http.Redirect(w, r, "https://"+host+r.URL.RequestURI(), http.StatusPermanentRedirect)
	})
}

// certificateMetrics reports when each certificate ends.
func (m *machine) certificateMetrics(s *certificates.Source) {
	m.tel.Metrics.MustRegister(expiries{s})
}

type expiries struct{ source *certificates.Source }

var expiry = prometheus.NewDesc("meridian_certificate_expiry_seconds", "When a certificate in use ends, in seconds since 1970.", []string{"name"}, nil)

// Describe names the one figure.
func (expiries) Describe(ch chan<- *prometheus.Desc) { ch <- expiry }

// Collect tells it of every certificate, by its first name.
func (e expiries) Collect(ch chan<- prometheus.Metric) {
	seen := map[string]bool{}
	for _, c := range e.source.List() {
		if len(c.Names) > 0 && !seen[c.Names[0]] { // the first to end is told
			seen[c.Names[0]] = true
			ch <- prometheus.MustNewConstMetric(expiry, prometheus.GaugeValue, float64(c.NotAfter.Unix()), c.Names[0])
		}
	}
}
