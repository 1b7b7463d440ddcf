package front

import (
	"encoding/binary"
	"io"
	"net"

	"golang.org/x/net/http2"
)

const (
	frameHead    = 9       // bytes of a frame's header (RFC 9113 §4.1)
	maxReadFrame = 1 << 14 // bytes of payload that a client may send in a frame (§4.2)
	smallIntake  = 4 << 10
	largeIntake  = frameHead + maxReadFrame
)

// intake holds what was read of a connection and not yet parsed. The framer
// reads from it, never from the connection: so the loop knows before it reads a
// frame that the whole of it is there.
type intake struct {
	src  net.Conn
	buf  []byte
	r, w int
}

// begin takes what somebody else has read.
func (in *intake) begin(already []byte) {
	if len(already) > 0 {
		in.buf = append(make([]byte, 0, max(smallIntake, len(already))), already...)
		in.w = len(already)
		in.buf = in.buf[:cap(in.buf)]
	}
}

// Read gives the framer what is there.
func (in *intake) Read(p []byte) (int, error) {
	if in.r == in.w {
		return 0, io.EOF
	}
	n := copy(p, in.buf[in.r:in.w])
	in.r += n
	return n, nil
}

// whole reports whether the next frame is there, or enough of it to be refused.
func (in *intake) whole() bool {
	have := in.w - in.r
	if have < frameHead {
		return false
	}
	n := int(binary.BigEndian.Uint32(in.buf[in.r:]) >> 8)
	return n > maxReadFrame || have >= frameHead+n
}

// kind is the type of the next frame, which is there.
func (in *intake) kind() http2.FrameType { return http2.FrameType(in.buf[in.r+3]) }

// empty reports whether nothing of a frame is there.
func (in *intake) empty() bool { return in.r == in.w }

// shrink gives back the room of large frames, where nothing is there.
func (in *intake) shrink() {
	if in.empty() && len(in.buf) > smallIntake {
		in.buf = nil
	}
}

// more reads once from the connection, making room for the largest frame when
// one has begun that needs it.
func (in *intake) more() error {
	if in.empty() {
		in.r, in.w = 0, 0
		if in.buf == nil {
			in.buf = make([]byte, smallIntake)
		}
	} else if in.w == len(in.buf) || in.r > len(in.buf)/2 {
		to := in.buf
		if in.r == 0 {
			to = make([]byte, largeIntake)
		}
		in.w = copy(to, in.buf[in.r:in.w])
		in.buf, in.r = to, 0
	}
	n, err := in.src.Read(in.buf[in.w:])
	in.w += n
	if n > 0 {
		return nil
	}
	return err
}
