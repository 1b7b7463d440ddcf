package front

import "time"

// Limits2 are the limits of one HTTP/2 connection beside [Limits], of which
// Head is measured as in RFC 9113 §6.5.2, ReadHead is for each frame too, and
// Idle for a connection without a stream. A zero takes the value of
// [DefaultLimits2]. Who goes beyond a count is told ENHANCE_YOUR_CALM and
// disconnected, unless the field says otherwise.
type Limits2 struct {
	// Handlers of streams that the client has given up count too; a stream beyond is refused (REFUSED_STREAM).
	Streams int `yaml:"streams" doc:"most requests at once on a connection"`

	StreamWindow int `yaml:"stream_window" doc:"bytes of content that a client may send ahead of the handler, on one stream"`
	ConnWindow   int `yaml:"conn_window" doc:"the same on all streams of a connection, at least 65535: what a client can make the server hold"`

	HeaderBlock   int `yaml:"header_block" doc:"most bytes of a request's fields as sent"`
	Continuations int `yaml:"continuations" doc:"most CONTINUATION frames of one request"`
	// Beyond it the stream is reset (INTERNAL_ERROR).
	ResponseHeader int `yaml:"response_header" doc:"most bytes of an answer's fields"`

	Window time.Duration `yaml:"window" doc:"the time over which resets and the frames below are counted"`
	// Whoever sent RST_STREAM (CVE-2023-44487, CVE-2025-8671).
	Resets     int `yaml:"resets" doc:"most streams in that time that end before their answer does"`
	Settings   int `yaml:"settings" doc:"most SETTINGS frames in that time"`
	Pings      int `yaml:"pings" doc:"most PING frames in that time"`
	Priorities int `yaml:"priorities" doc:"most PRIORITY and PRIORITY_UPDATE frames in that time"`
	Unknown    int `yaml:"unknown" doc:"most frames of unknown types in that time"`
	Empty      int `yaml:"empty" doc:"most DATA frames in that time that hold nothing and end nothing"`
	Updates    int `yaml:"updates" doc:"most WINDOW_UPDATE frames in that time, beyond two for each DATA frame sent"`

	Queued int `yaml:"queued" doc:"most bytes of control frames that wait for a client that does not read"`

	Batch   int `yaml:"batch" doc:"bytes gathered for one write"`
	Quantum int `yaml:"quantum" doc:"bytes of one stream's content before it is another's turn"`

	Handshake   time.Duration `yaml:"handshake" doc:"longest time to the client's first SETTINGS"`
	SettingsAck time.Duration `yaml:"settings_ack" doc:"longest time to its acknowledgement of ours"`
	Write       time.Duration `yaml:"write" doc:"longest time for a client to take one batch"`
	// A stream is reset; where the connection's own window did it, the connection is ended.
	Stall      time.Duration `yaml:"stall" doc:"longest time in which flow control may hold content back to less than stall_bytes"`
	StallBytes int           `yaml:"stall_bytes" doc:"see stall"`
	Drain      time.Duration `yaml:"drain" doc:"at a stop, longest wait for a client to have seen that no new request is taken"`
	Linger     time.Duration `yaml:"linger" doc:"how long a connection that was ended waits for the client to read why"`
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
