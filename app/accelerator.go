package app

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"sync/atomic"

	"meridian/adapter/coding"
	"meridian/adapter/segment"
	"meridian/adapter/yaml"
	"meridian/engine/httpcache"
	"meridian/engine/upstream"
	"meridian/platform/httpserver"
	"meridian/platform/lifecycle"
	"meridian/platform/netaddr"
	"meridian/platform/telemetry"
	"meridian/role/accelerator"
	"meridian/world"
)

// AcceleratorFile is what a stand-alone accelerator is told: `meridian edge
// --config`. It has no place in a machine's file, since it knows no world.
type AcceleratorFile struct {
	Admin string `yaml:"admin" doc:"address for /metrics, /healthz and purges; none: not served"`
	Log   Log    `yaml:"log"`

	accelerator.Config `yaml:",inline"`
	HTTP               httpserver.Limits `yaml:"http"`
	TLS                TLS               `yaml:"tls"`
	AccessEvery        int               `yaml:"access_every" doc:"one request in so many is logged, chosen by chance, with its visitor's network in place of the address; 0: none"`
}

// NewAcceleratorFile is a file with its defaults. It lacks listen and origins.
func NewAcceleratorFile() *AcceleratorFile {
	return &AcceleratorFile{
		Log: Log{Format: "text", Level: "info"}, Config: accelerator.Default(),
		HTTP: httpserver.DefaultLimits(), TLS: DefaultTLS(),
	}
}

// ReadAcceleratorFile reads a config file over f; unknown fields are refused by line.
func ReadAcceleratorFile(path string, f *AcceleratorFile) error {
	fd, err := os.Open(path)
	if err != nil {
		return world.Because(world.CodeInvalid, "config.read", "The config file cannot be read: "+path, err)
	}
	defer fd.Close()
	return yaml.Decode(path, fd, f)
}

// hidden stands for a secret that is set.
const hidden = "(set)"

// Text is the file as YAML, without its secrets.
func (f AcceleratorFile) Text() (string, error) {
	if f.PurgeToken != "" {
		f.PurgeToken = hidden
	}
	b, err := yaml.Encode(f)
	return string(b), err
}

// Validate says what is missing or out of range.
func (f *AcceleratorFile) Validate() error {
	if err := f.Config.Validate(); err != nil {
		return err
	}
	if _, err := f.Log.Slog(); err != nil {
		return err
	}
	for _, addr := range []string{f.Listen, f.Admin, f.TLS.Redirect} {
		if addr == "" {
			continue
		}
		if _, err := netaddr.Parse(addr); err != nil {
			return err
		}
	}
	if f.Admin == f.Listen {
		return world.E(world.CodeInvalid, "accelerator.config", "admin must be another address than listen: purges and figures are not for visitors.")
	}
	if f.AccessEvery < 0 {
		return world.E(world.CodeInvalid, "accelerator.config", "access_every must not be below 0.")
	}
	return f.TLS.Validate(f.Listen)
}

// Accelerate runs a stand-alone accelerator until ctx ends. Each value of
// reload has certificate files looked at anew; other settings need a restart.
// said is told, once, where it listens.
func Accelerate(ctx context.Context, f *AcceleratorFile, reload <-chan os.Signal, logs io.Writer, said func(string)) error {
	if err := f.Validate(); err != nil {
		return err
	}
	level, err := f.Log.Slog()
	if err != nil {
		return err
	}
	root := telemetry.NewRoot(logs, f.Log.Format, level)
	m := &machine{Process: &Process{Root: root}, tel: root.Instance("accelerator", f.Name)}
	a, err := m.newAccelerator(f)
	if err != nil {
		return err
	}
	v, err := m.open(ctx, f.Listen, f.HTTP, m.seats(f.HTTP), f.TLS, a, a)
	if err != nil {
		return err
	}
	role := runOn(v, func(ctx context.Context) error { return a.Run(ctx.Done()) })
	parts := []lifecycle.Component{{Name: "accelerator", Start: func(context.Context) (lifecycle.Running, error) { return role, nil }}}
	if f.Admin != "" {
		var ready atomic.Bool
		ready.Store(true)
		limits := httpserver.DefaultLimits()
		limits.Stop = f.HTTP.Stop // a purge under way is a running request too
		admin := adminComponent(f.Admin, limits, root, &ready, a.Admin)
		admin.Needs = []string{"accelerator"} // it ends first: what a purge names has to be told to the disk
		parts = append(parts, admin)
	}
	group, err := lifecycle.Start(ctx, parts, func(string, string) {})
	if err != nil {
		stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopTime)
		defer cancel()
		return errors.Join(err, role.Stop(stop))
	}
	said(f.summary())
	go func() {
		for range reload {
			m.tel.Log.Info("certificate files are looked at anew; other settings need a restart")
			v.reload()
		}
	}()
	err = group.Wait(ctx)
	if ctx.Err() != nil {
		err = nil
	}
	stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopTime)
	defer cancel()
	return errors.Join(err, group.Stop(stop))
}

// newAccelerator puts the role together with its ways to the origin and its disk.
func (m *machine) newAccelerator(f *AcceleratorFile) (*accelerator.Accelerator, error) {
	roots, err := originRoots(f.OriginRoots)
	if err != nil {
		return nil, err
	}
	origins := map[string]http.RoundTripper{}
	open := connections{}
	for _, o := range f.Origins {
		u, err := accelerator.ParseOrigin(o)
		if err != nil {
			return nil, err
		}
		origins[o] = originTransport(f.Config, roots, open.to(u.Host))
	}
	var disk httpcache.Disk
	if f.DiskDir != "" {
		disk, err = segment.Open(segment.Config{Dir: f.DiskDir, Bytes: f.DiskBytes, Report: func(err error) {
			m.tel.Log.Error("the disk cache fails: answers go on without it", "err", err)
		}})
		if err != nil {
			return nil, err
		}
	}
	encoders, err := coding.New(f.Settings)
	if err != nil {
		return nil, err
	}
	a, err := accelerator.New(f.Config, accelerator.Deps{
		Code:    encoders.Open,
		Memory:  m.memory(f.MemoryFrom, f.CacheBytes),
		Origins: origins, Disk: disk, LoopID: rand.Text()[:12], Now: now, Log: m.tel.Log,
	})
	if err != nil {
		return nil, err
	}
	m.cacheMetrics(a.Stats)
	m.upstreamMetrics(upstreams{pools: map[string]func() upstream.Stats{"origins": a.Origins}, open: open})
	m.tel.SampleAccess(f.AccessEvery)
	return a, nil
}

func originRoots(path string) (*x509.CertPool, error) {
	if path == "" {
		return nil, nil
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, world.Because(world.CodeInvalid, "accelerator.config", "origin_roots cannot be read: "+path, err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(b) {
		return nil, world.E(world.CodeInvalid, "accelerator.config", "origin_roots holds no certificate: "+path)
	}
	return pool, nil
}

// originTransport speaks HTTP/1.1, and HTTP/2 where a TLS origin agrees to it.
// It goes through no proxy and leaves content as it comes.
func originTransport(c accelerator.Config, roots *x509.CertPool, open *atomic.Int64) http.RoundTripper {
	d := netaddr.DefaultTransportOptions()
	return &http.Transport{
		DialContext:           netaddr.Counted((&net.Dialer{Timeout: c.ConnectTimeout, KeepAlive: d.KeepAlive}).DialContext, open),
		TLSClientConfig:       &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12},
		TLSHandshakeTimeout:   c.ConnectTimeout,
		ResponseHeaderTimeout: c.HeaderTimeout,
		ExpectContinueTimeout: d.Connect,
		IdleConnTimeout:       d.Idle,
		MaxIdleConns:          d.IdleConns,
		MaxIdleConnsPerHost:   d.IdleConns,
		DisableCompression:    true,
		ForceAttemptHTTP2:     true,
	}
}

// summary says where the accelerator listens, for whoever started it.
func (f *AcceleratorFile) summary() string {
	scheme := "http"
	if f.TLS.Wanted() {
		scheme = "https"
		if f.TLS.HTTP3 {
			scheme = "https, HTTP/3 too,"
		}
	}
	out := fmt.Sprintf("%s on %s, from %s; RAM %d MB", scheme, strings.TrimPrefix(f.Listen, "tcp:"), strings.Join(f.Origins, ", "), f.CacheBytes>>20)
	if f.DiskDir != "" {
		out += fmt.Sprintf(", disk %d MB in %s", f.DiskBytes>>20, f.DiskDir)
	}
	if f.Admin != "" {
		out += "; admin on " + strings.TrimPrefix(f.Admin, "tcp:")
	}
	if ca := f.TLS.Trust(); ca != "" {
		out += "; trust " + ca
	}
	return out
}
