package front

import "time"

// Limits2 are the limits of one HTTP/2 connection beside [Limits], of which
// Head is measured as in RFC 9113 §6.5.2, ReadHead is for each frame too, and
// Idle for a connection without a stream. A zero takes the value of
// [DefaultLimits2]. Who goes beyond a count is told ENHANCE_YOUR_CALM and
// disconnected, unless the field says otherwise.
type Limits2 struct {
	// Streams are the requests that may be under way at once, handlers of
	// streams that the client has given up included; more are refused
	// (REFUSED_STREAM).
	Streams int

	// StreamWindow and ConnWindow are the bytes of content that a client may send
	// ahead of the handler on one stream and on all: what a connection can make
	// the server hold. ConnWindow is at least 65,535.
	StreamWindow, ConnWindow int

	// HeaderBlock are the bytes of a field block as sent, and Continuations the
	// CONTINUATION frames that it may come in.
	HeaderBlock, Continuations int
	// ResponseHeader bounds what a handler may send as fields, in bytes; beyond
	// it the stream is reset (INTERNAL_ERROR).
	ResponseHeader int

	// Window is the time over which the following are counted.
	Window time.Duration
	// Resets are streams that ended before their answer did, by whoever's
	// RST_STREAM (CVE-2023-44487, CVE-2025-8671).
	Resets int
	// Settings, Pings, Priorities and Unknown are frames of these types;
	// Priorities counts PRIORITY and PRIORITY_UPDATE, Unknown those of types that
	// no RFC that is spoken here defines.
	Settings, Pings, Priorities, Unknown int
	// Empty are DATA frames without content that end nothing.
	Empty int
	// Updates are WINDOW_UPDATE frames, beyond two for each DATA frame sent.
	Updates int

	// Queued are the bytes of control frames that may wait for a client that does
	// not read.
	Queued int

	// Batch are the bytes gathered for one write, and Quantum those of one
	// stream's content before it is another's turn.
	Batch, Quantum int

	// Handshake is the time to the client's first SETTINGS, and SettingsAck to
	// its acknowledgement of ours (SETTINGS_TIMEOUT).
	Handshake, SettingsAck time.Duration
	// Write is the time in which a client must take one batch off the socket.
	Write time.Duration
	// Stall and StallBytes: a stream whose content has been held back by flow
	// control for Stall, and moved less than StallBytes in that time, is reset;
	// where the connection's own window did it, the connection is ended.
	Stall      time.Duration
	StallBytes int
	// Drain is the time between the two GOAWAYs of a graceful stop for a client
	// that acknowledges no PING, and Linger how long a connection that was ended
	// waits for the client to read why.
	Drain, Linger time.Duration
}

// DefaultLimits2 are fit for visitors' browsers.
func DefaultLimits2() Limits2 {
	return Limits2{
		Streams: 128, StreamWindow: 256 << 10, ConnWindow: 1 << 20,
		HeaderBlock: 64 << 10, Continuations: 8, ResponseHeader: 256 << 10,
		Window: 10 * time.Second, Resets: 400, Settings: 20, Pings: 200, Priorities: 1000, Unknown: 100, Empty: 100, Updates: 1000,
		Queued: 64 << 10, Batch: 64 << 10, Quantum: 32 << 10,
		Handshake: 10 * time.Second, SettingsAck: 10 * time.Second,
		Write: 30 * time.Second, Stall: time.Minute, StallBytes: 16 << 10,
		Drain: time.Second, Linger: 500 * time.Millisecond,
	}
}

func (l Limits2) withDefaults() Limits2 {
	d := DefaultLimits2()
	for _, n := range []struct {
		v *int
		d int
	}{
		{&l.Streams, d.Streams}, {&l.StreamWindow, d.StreamWindow}, {&l.ConnWindow, d.ConnWindow},
		{&l.HeaderBlock, d.HeaderBlock},
		{&l.Continuations, d.Continuations}, {&l.ResponseHeader, d.ResponseHeader},
		{&l.Resets, d.Resets}, {&l.Settings, d.Settings}, {&l.Pings, d.Pings}, {&l.Priorities, d.Priorities},
		{&l.Unknown, d.Unknown}, {&l.Empty, d.Empty}, {&l.Updates, d.Updates}, {&l.Queued, d.Queued},
		{&l.Batch, d.Batch}, {&l.Quantum, d.Quantum}, {&l.StallBytes, d.StallBytes},
	} {
		*n.v = orDefault(*n.v, n.d)
	}
	for _, t := range []struct {
		v *time.Duration
		d time.Duration
	}{
		{&l.Window, d.Window}, {&l.Handshake, d.Handshake}, {&l.SettingsAck, d.SettingsAck}, {&l.Write, d.Write}, {&l.Stall, d.Stall}, {&l.Drain, d.Drain}, {&l.Linger, d.Linger},
	} {
		*t.v = orDefault(*t.v, t.d)
	}
	l.ConnWindow = max(l.ConnWindow, initialWindow)
	return l
}

// meter counts what may happen so often in a window of time.
type meter struct {
	n    int
	from time.Time
}

// over counts one more and reports whether that is more than most in this
// window.
func (m *meter) over(most int, now time.Time, window time.Duration) bool {
	if now.Sub(m.from) >= window {
		m.n, m.from = 0, now
	}
	m.n++
	return m.n > most
}
