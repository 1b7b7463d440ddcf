package front

import (
	"encoding/binary"

	"golang.org/x/net/http2"
)

// appendFrame writes a frame's header (RFC 9113 §4.1).
func appendFrame(b []byte, length int, kind http2.FrameType, flags http2.Flags, stream uint32) []byte {
	return append(b, byte(length>>16), byte(length>>8), byte(length), byte(kind), byte(flags),
		byte(stream>>24), byte(stream>>16), byte(stream>>8), byte(stream))
}

// appendHeaders writes a field block as a HEADERS frame and as many
// CONTINUATIONs as it needs. before and after, both short, are put around it.
func appendHeaders(b []byte, stream uint32, before, block, after []byte, end bool) []byte {
	var flags http2.Flags
	if end {
		flags = http2.FlagHeadersEndStream
	}
	kind := http2.FrameHeaders
	for {
		n := min(len(block), maxReadFrame-len(before)-len(after)) // no peer may allow less (§6.5.2)
		last := after
		if n == len(block) {
			flags |= http2.FlagHeadersEndHeaders
		} else {
			last = nil
		}
		b = appendFrame(b, len(before)+n+len(last), kind, flags, stream)
		b = append(append(append(b, before...), block[:n]...), last...)
		block, before = block[n:], nil
		if flags.Has(http2.FlagHeadersEndHeaders) {
			return b
		}
		kind, flags = http2.FrameContinuation, 0
	}
}

func appendReset(b []byte, stream uint32, code http2.ErrCode) []byte {
	return binary.BigEndian.AppendUint32(appendFrame(b, 4, http2.FrameRSTStream, 0, stream), uint32(code))
}

func appendWindowUpdate(b []byte, stream uint32, n int) []byte {
	return binary.BigEndian.AppendUint32(appendFrame(b, 4, http2.FrameWindowUpdate, 0, stream), uint32(n))
}

func appendPing(b []byte, ack bool, data [8]byte) []byte {
	var flags http2.Flags
	if ack {
		flags = http2.FlagPingAck
	}
	return append(appendFrame(b, 8, http2.FramePing, flags, 0), data[:]...)
}

func appendGoAway(b []byte, last uint32, code http2.ErrCode, why string) []byte {
	b = appendFrame(b, 8+len(why), http2.FrameGoAway, 0, 0)
	b = binary.BigEndian.AppendUint32(b, last)
	return append(binary.BigEndian.AppendUint32(b, uint32(code)), why...)
}

func appendSettings(b []byte, all ...http2.Setting) []byte {
	b = appendFrame(b, 6*len(all), http2.FrameSettings, 0, 0)
	for _, s := range all {
		b = binary.BigEndian.AppendUint16(b, uint16(s.ID))
		b = binary.BigEndian.AppendUint32(b, s.Val)
	}
	return b
}

func appendSettingsAck(b []byte) []byte {
	return appendFrame(b, 0, http2.FrameSettings, http2.FlagSettingsAck, 0)
}
