package front

import (
	"golang.org/x/net/http2"
)

// frame takes a frame that the framer has found well formed.
func (c *conn2) frame(f http2.Frame) error {
	if !c.greeted {
		if s, ok := f.(*http2.SettingsFrame); !ok || s.IsAck() { // RFC 9113 §3.4
			return fault2{http2.ErrCodeProtocol, "SETTINGS must come first"}
		}
	}
	switch f := f.(type) {
	case *http2.HeadersFrame:
		return c.onHeaders(f)
	case *http2.ContinuationFrame:
		return c.onContinuation(f)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	switch f := f.(type) {
	case *http2.DataFrame:
		return c.onData(f)
	case *http2.WindowUpdateFrame:
		return c.onWindowUpdate(f)
	case *http2.SettingsFrame:
		return c.onSettings(f)
	case *http2.RSTStreamFrame:
		return c.onReset(f)
	case *http2.PingFrame:
		return c.onPing(f)
	case *http2.PriorityFrame:
		return c.onPriority(f)
	case *http2.PriorityUpdateFrame:
		return c.onPriorityUpdate(f)
	case *http2.GoAwayFrame:
		return nil // the client opens no streams that we could have: nothing ends by it
	case *http2.PushPromiseFrame:
		return fault2{http2.ErrCodeProtocol, "a client cannot push"} // §8.4
	}
	if c.unknown.over(c.lim.Unknown, c.now, c.lim.Window) {
		return calm("frames of unknown types")
	}
	return nil
}

// say adds control frames for the client, whose answer to nothing may be to let
// them pile up.
func (c *conn2) say(b []byte) error {
	c.control = b
	if len(b) > c.lim.Queued {
		c.control = c.control[:0]
		return calm("control frames are not read")
	}
	return nil
}

func (c *conn2) onSettings(f *http2.SettingsFrame) error {
	if f.IsAck() {
		c.acked = true
		return nil
	}
	if c.settings.over(c.lim.Settings, c.now, c.lim.Window) {
		return calm("SETTINGS")
	}
	if f.NumSettings() > 64 { // each may touch every stream
		return calm("settings in one frame")
	}
	if err := f.ForeachSetting(c.set); err != nil {
		return err
	}
	if !c.greeted {
		c.greeted = true
		c.watch.ack(c.lim.SettingsAck)
	}
	return c.say(appendSettingsAck(c.control))
}

// set takes over one setting (RFC 9113 §6.5.2, RFC 9218 §2.1).
func (c *conn2) set(s http2.Setting) error {
	if err := s.Valid(); err != nil {
		code := http2.ErrCodeProtocol
		if ce, ok := err.(http2.ConnectionError); ok {
			code = http2.ErrCode(ce)
		}
		return fault2{code, "setting out of range"}
	}
	switch s.ID {
	case http2.SettingInitialWindowSize:
		by := int64(s.Val) - c.streamWin
		c.streamWin = int64(s.Val)
		for _, st := range c.streams {
			st.window += by
			if st.window > maxWindow {
				return fault2{http2.ErrCodeFlowControl, "window too large"}
			}
			c.queue(st)
		}
	case http2.SettingMaxFrameSize:
		c.frameMost = int(s.Val)
	case http2.SettingHeaderTableSize:
		c.shrinkHead = c.shrinkHead || s.Val < 4096
	case http2.SettingNoRFC7540Priorities:
		if s.Val > 1 {
			return fault2{http2.ErrCodeProtocol, "setting out of range"}
		}
		c.knows = s.Val == 1
	}
	return nil
}

func (c *conn2) onPing(f *http2.PingFrame) error {
	if f.IsAck() {
		if c.draining && f.Data == drainPing {
			c.drained()
		}
		return nil
	}
	if c.pings.over(c.lim.Pings, c.now, c.lim.Window) {
		return calm("PING")
	}
	return c.say(appendPing(c.control, true, f.Data))
}

func (c *conn2) onPriority(f *http2.PriorityFrame) error {
	if c.priorities.over(c.lim.Priorities, c.now, c.lim.Window) {
		return calm("PRIORITY")
	}
	if f.StreamDep == f.StreamID { // RFC 7540 §5.3.1; the rest is deprecated (RFC 9113 §5.3.2)
		return http2.StreamError{StreamID: f.StreamID, Code: http2.ErrCodeProtocol}
	}
	return nil
}

// onPriorityUpdate takes a wish for a stream that is open (RFC 9218 §7.1). One
// for a stream to come may be, and is, forgotten.
func (c *conn2) onPriorityUpdate(f *http2.PriorityUpdateFrame) error {
	if c.priorities.over(c.lim.Priorities, c.now, c.lim.Window) {
		return calm("PRIORITY_UPDATE")
	}
	if f.PrioritizedStreamID%2 == 0 {
		return fault2{http2.ErrCodeProtocol, "priority of what is no request"}
	}
	c.knows = true
	if s := c.streams[f.PrioritizedStreamID]; s != nil {
		queued := s.queued
		c.unqueue(s)
		s.prio = parsePriority(f.Priority)
		if queued {
			c.queue(s)
		}
	}
	return nil
}

func (c *conn2) onWindowUpdate(f *http2.WindowUpdateFrame) error {
	if c.updates++; c.updates > c.lim.Updates {
		return calm("WINDOW_UPDATE")
	}
	by := int64(f.Increment)
	if f.StreamID == 0 {
		if c.window += by; c.window > maxWindow {
			return fault2{http2.ErrCodeFlowControl, "window too large"}
		}
		if c.window > 0 {
			c.quench()
		}
		return nil
	}
	s := c.streams[f.StreamID]
	if s == nil {
		return c.absent(f.StreamID, "WINDOW_UPDATE")
	}
	if s.window += by; s.window > maxWindow {
		return http2.StreamError{StreamID: s.id, Code: http2.ErrCodeFlowControl}
	}
	c.queue(s)
	return nil
}

func (c *conn2) onReset(f *http2.RSTStreamFrame) error {
	s := c.streams[f.StreamID]
	if s == nil {
		return c.absent(f.StreamID, "RST_STREAM")
	}
	c.closeStream(s)
	if c.resets.over(c.lim.Resets, c.now, c.lim.Window) {
		return calm("streams reset")
	}
	return nil
}

// absent says whether a frame may come for a stream that is not open: not for
// one that never was (RFC 9113 §5.1).
func (c *conn2) absent(id uint32, what string) error {
	if id > c.lastID || id%2 == 0 {
		return fault2{http2.ErrCodeProtocol, what + " for an idle stream"}
	}
	return nil
}

// onData takes content of a request. All of the frame's length counts in flow
// control (§6.1), whatever becomes of it.
func (c *conn2) onData(f *http2.DataFrame) error {
	n, data := int(f.Length), f.Data()
	if len(data) == 0 && !f.StreamEnded() && c.empty.over(c.lim.Empty, c.now, c.lim.Window) {
		return calm("empty frames")
	}
	if c.credit -= n; c.credit < 0 {
		return fault2{http2.ErrCodeFlowControl, "more content than allowed"}
	}
	s := c.streams[f.StreamID]
	if s == nil || s.remoteEnd {
		c.repay(n)
		if err := c.absent(f.StreamID, "DATA"); err != nil {
			return err
		}
		if c.reset.has(f.StreamID) {
			return nil
		}
		return http2.StreamError{StreamID: f.StreamID, Code: http2.ErrCodeStreamClosed}
	}
	if s.credit -= n; s.credit < 0 {
		c.repay(n)
		return http2.StreamError{StreamID: s.id, Code: http2.ErrCodeFlowControl}
	}
	s.got += int64(len(data))
	if s.declared >= 0 && (s.got > s.declared || f.StreamEnded() && s.got < s.declared) { // §8.1.1
		c.repay(n)
		return http2.StreamError{StreamID: s.id, Code: http2.ErrCodeProtocol}
	}
	s.body.push(data)
	c.repayStream(s, n-len(data))
	if f.StreamEnded() {
		s.remoteEnd = true
	}
	s.wake.Broadcast()
	return nil
}

// repay gives bytes of content back to the client, some at a time.
func (c *conn2) repay(n int) {
	if c.owed += n; c.owed >= max(1, c.lim.ConnWindow/4) {
		c.control = appendWindowUpdate(c.control, 0, c.owed)
		c.credit += c.owed
		c.owed = 0
	}
}

// repayStream does the same for a stream and the connection.
func (c *conn2) repayStream(s *stream2, n int) {
	c.repay(n)
	if s.remoteEnd || s.closed {
		return
	}
	if s.owed += n; s.owed >= max(1, c.lim.StreamWindow/4) {
		c.control = appendWindowUpdate(c.control, s.id, s.owed)
		s.credit += s.owed
		s.owed = 0
	}
}

// recent remembers streams that were ended here while the client may still have
// been sending.
type recent struct {
	ids [128]uint32
	at  int
}

func (r *recent) add(id uint32) {
	r.ids[r.at] = id
	r.at = (r.at + 1) % len(r.ids)
}

func (r *recent) has(id uint32) bool {
	for _, x := range r.ids {
		if x == id {
			return true
		}
	}
	return false
}
