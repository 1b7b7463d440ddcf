package front

import "meridian/world"

// chunks1 finds where chunked content ends (RFC 9112 §7.1), and takes one way of
// writing it, as the parser of heads does: whoever reads less strictly must not
// be given bytes that a stricter one takes for the next request. It changes
// nothing: who reads the content takes the chunks apart.
type chunks1 struct {
	at    chunkPart
	left  int64 // of the chunk's data
	digit int   // of the size, so far
	size  int64
	bytes int // of size lines' extensions, and of the trailer section
	most  int // of those
	colon bool
}

// chunkPart is what the next byte belongs to.
type chunkPart uint8

const (
	chunkNone chunkPart = iota // there are no chunks, or they have ended
	chunkSize
	chunkExtension
	chunkLineEnd // LF behind a size
	chunkData
	chunkDataCR
	chunkDataLF
	trailerStart
	trailerLine
	trailerLineEnd
	chunksEnd // LF of the empty line
)

// errChunks is what the standard server is told.
var errChunks = world.E(world.CodeInvalid, "front.chunks", "The chunks of the content are not written as HTTP demands.")

// maxSizeDigits keeps a size within 60 bits.
const maxSizeDigits = 15

func (k *chunks1) begin(most int) { *k = chunks1{at: chunkSize, most: most} }

// open reports whether there is more content to come.
func (k *chunks1) open() bool { return k.at != chunkNone }

// scan passes over content at the start of b and returns how much of b it is.
func (k *chunks1) scan(b []byte) (int, error) {
	for i := 0; i < len(b); i++ {
		if k.at == chunkData {
			n := min(k.left, int64(len(b)-i))
			if k.left -= n; k.left == 0 {
				k.at = chunkDataCR
			}
			i += int(n) - 1
			continue
		}
		if !k.next(b[i]) {
			return 0, errChunks
		}
		if !k.open() {
			return i + 1, nil
		}
	}
	return len(b), nil
}

// next takes a byte that is not a chunk's data; false where it may not be there.
func (k *chunks1) next(c byte) bool {
	switch k.at {
	case chunkSize:
		return k.sizeByte(c)
	case chunkExtension:
		if c == '\r' {
			k.at = chunkLineEnd
			return true
		}
		k.bytes++
		return class[c]&valueByte != 0 && k.bytes <= k.most
	case chunkLineEnd:
		k.left, k.at = k.size, chunkData
		if k.size == 0 {
			k.at = trailerStart
		}
		k.size, k.digit = 0, 0
		return c == '\n'
	case chunkDataCR:
		k.at = chunkDataLF
		return c == '\r'
	case chunkDataLF:
		k.at = chunkSize
		return c == '\n'
	case chunksEnd:
		k.at = chunkNone
		return c == '\n'
	}
	return k.trailerByte(c)
}

func (k *chunks1) sizeByte(c byte) bool {
	switch {
	case isHex(c):
		d := int64(c - '0')
		if !isDigit(c) {
			d = int64(c|0x20-'a') + 10
		}
		k.size = k.size<<4 | d
		k.digit++
		return k.digit <= maxSizeDigits
	case c == '\r':
		k.at = chunkLineEnd
	case c == ';':
		k.at = chunkExtension
		k.bytes++
	default:
		return false
	}
	return k.digit > 0
}

// trailerByte reads field lines and the empty line.
func (k *chunks1) trailerByte(c byte) bool {
	k.bytes++
	switch {
	case k.bytes > k.most:
		return false
	case k.at == trailerStart && c == '\r':
		k.at = chunksEnd
	case k.at == trailerStart:
		k.at, k.colon = trailerLine, false
		return class[c]&tokenByte != 0
	case k.at == trailerLineEnd:
		k.at = trailerStart
		return c == '\n'
	case c == '\r':
		k.at = trailerLineEnd
		return k.colon
	case c == ':':
		k.colon = true
	case !k.colon:
		return class[c]&tokenByte != 0
	default:
		return class[c]&valueByte != 0
	}
	return true
}
