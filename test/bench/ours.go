package main

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"meridian/platform/port"
	"net"
	"net/http"
	"net/url"
	"os"
	"time"

	"meridian/engine/httpcache"
	"meridian/platform/front"
)

// ourName begins the names of our own set-ups.
const ourName = "Meridian"

func ours() []contender {
	return []contender{{name: ourName, start: startOurs}}
}

func startOurs(ctx context.Context, u setup) (*server, error) {
	ports, err := freePorts(2)
	if err != nil {
		return nil, err
	}
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	s := &server{name: ourName, plain: local(ports[0]), secure: local(ports[1])}
	return s, s.spawn(ctx, u.core, self, "serve", s.plain, u.origin, s.secure, u.cert, u.key)
}

// serve is the cache behind our front: "serve listen origin".
func serve(_ context.Context, args []string) error {
	if len(args) != 5 {
		return errors.New("serve needs an address and an origin")
	}
	u := &url.URL{Scheme: "http", Host: args[1]}
	t := &http.Transport{DisableCompression: true}
	c := httpcache.New(httpcache.Config{
		Name: "edge", MaxBytes: 1 << 30, Now: time.Now, Upstream: t,
		Prepare: func(r *http.Request) { r.URL.Scheme, r.URL.Host = u.Scheme, u.Host },
		KeyOf:   func(r *http.Request) (string, bool) { return r.URL.Path, true },
	})
	l, err := net.Listen("tcp", args[0])
	if err != nil {
		return err
	}
	h := front.Listen1(l, front.Config{Hits: &finder{c}}, slog.Default())
	s := &http.Server{Handler: c, ReadHeaderTimeout: time.Minute, ConnState: func(c net.Conn, st http.ConnState) {
		if x, ok := c.(interface{ State(http.ConnState) }); ok {
			x.State(st)
		}
	}}
	cert, err := tls.LoadX509KeyPair(args[3], args[4])
	if err != nil {
		return err
	}
	lt, err := net.Listen("tcp", args[2])
	if err != nil {
		return err
	}
	p := port.Open(lt, port.Config{
		TLS:       &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS13, NextProtos: []string{"h2", "http/1.1"}},
		Handshake: time.Minute, Pending: 5000, Below: func(c net.Conn) net.Conn { return front.Gather(c) },
	})
	fc := front.Config{Hits: &finder{c}}
	two := front.NewHTTP2(fc, front.Limits2{}, slog.Default())
	s2 := &http.Server{Handler: c, ConnState: s.ConnState}
	two.Attach(s2)
	go s2.Serve(port.Join(front.Listen1(p.HTTP1(), fc, slog.Default()), p.HTTP2()))
	return s.Serve(h)
}

// finder finds hits by the short way.
type finder struct{ c *httpcache.Cache }

// memo is a head that holds for a second.
type memo struct {
	age, ttl int64
	head     *front.Head
}

// Hit answers with what is stored.
func (f *finder) Hit(r *front.Request) (front.Answer, bool) {
	if r.Has("range") || r.Has("if-none-match") {
		return front.Answer{}, false
	}
	found, ok := f.c.Find(r.Target)
	if !ok {
		return front.Answer{}, false
	}
	v := found.Memo()
	m, _ := v.Load().(*memo)
	if m == nil || m.age != found.Age() || m.ttl != found.TTL() {
		var fields []front.HeadField
		for name, values := range found.Fields() {
			for _, value := range values {
				fields = append(fields, front.HeadField{Name: name, Value: value})
			}
		}
		fields = append(fields, front.HeadField{Name: "Date", Value: time.Now().UTC().Format(http.TimeFormat)})
		m = &memo{found.Age(), found.TTL(), front.NewHead(found.Status(), fields)}
		v.Store(m)
	}
	return front.Answer{Head: m.head, Body: found.Body()}, true
}
