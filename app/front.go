package app

import (
	"bytes"

	"meridian/platform/front"
	"meridian/platform/httpserver"
	"meridian/platform/telemetry"
)

// frontConfig is the front of a role's listener: what it answers by itself is
// bounded, counted and logged as what the role's handler answers is.
func (m *machine) frontConfig(hits front.Hits, l httpserver.Limits, seats *httpserver.Seats) front.Config {
	return front.Config{
		Hits:      hits,
		Limits:    front.Limits{Head: l.Header, Fields: l.Fields, Target: l.Target, ReadHead: l.ReadHeader, Idle: l.Idle, Write: l.Body},
		Seats:     seats,
		RequestID: httpserver.HeaderRequestID,
		Sent:      func(s *front.Sent) { sent(m.tel, s) },
	}
}

func sent(tel *telemetry.Telemetry, s *front.Sent) {
	tel.Count(s.Request.Method, s.Head.Status, s.Took)
	if !tel.Sampled() {
		return
	}
	path, _, _ := bytes.Cut(s.Request.Target, []byte("?"))
	tel.LogAccess(telemetry.Access{
		Client: s.Request.Remote.Addr(), Method: s.Request.Method, Host: string(s.Request.Host), Path: string(path),
		Status: s.Head.Status, Bytes: s.Bytes, Took: s.Took, Cache: "hit", ID: string(s.ID),
	})
}
