package front

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"encoding/binary"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// streamsAtOnce is how many hits a round of a hitter2 has under way.
const streamsAtOnce = 8

// hitter2 asks for one thing again and again, without allocating.
type hitter2 struct {
	conn  io.ReadWriter
	in    *bufio.Reader
	ask   []byte // a HEADERS frame of fields in the table
	out   []byte
	next  uint32
	bytes int // read since the window was last filled
}

// newHitter2 connects by TLS and opens all windows.
func newHitter2(t testing.TB, base string, c *http.Client) *hitter2 {
	t.Helper()
	cfg := c.Transport.(*http.Transport).TLSClientConfig.Clone()
	cfg.NextProtos = []string{"h2"}
	conn, err := tls.Dial("tcp", strings.TrimPrefix(base, "https://"), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	h := &hitter2{conn: conn, in: bufio.NewReaderSize(conn, 64<<10), next: 1}
	var hello, block bytes.Buffer
	hello.WriteString(http2.ClientPreface)
	fr := http2.NewFramer(&hello, nil)
	fr.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: maxWindow})
	fr.WriteSettingsAck()
	fr.WriteWindowUpdate(0, maxWindow-initialWindow)
	enc := hpack.NewEncoder(&block)
	fields := func() []byte {
		block.Reset()
		for _, f := range []hpack.HeaderField{
			{Name: ":method", Value: "GET"}, {Name: ":scheme", Value: "https"}, {Name: ":authority", Value: "de.localhost:8080"}, {Name: ":path", Value: "/hit"},
			{Name: "user-agent", Value: "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"}, {Name: "accept", Value: "image/avif,image/webp,*/*"},
			{Name: "accept-language", Value: "de,en;q=0.5"}, {Name: "accept-encoding", Value: "gzip, deflate, br, zstd"},
		} {
			enc.WriteField(f)
		}
		return bytes.Clone(block.Bytes())
	}
	fr.WriteHeaders(http2.HeadersFrameParam{StreamID: h.stream(), BlockFragment: fields(), EndHeaders: true, EndStream: true})
	h.ask = appendHeaders(nil, 0, nil, fields(), nil, true)
	if _, err := conn.Write(hello.Bytes()); err != nil {
		t.Fatal(err)
	}
	if err := h.read(1); err != nil {
		t.Fatal(err)
	}
	return h
}

func (h *hitter2) stream() uint32 {
	h.next += 2
	return h.next - 2
}

// round asks for several and reads them all.
func (h *hitter2) round() error {
	h.out = h.out[:0]
	if h.bytes > 1<<28 {
		h.out = appendWindowUpdate(h.out, 0, h.bytes)
		h.bytes = 0
	}
	for range streamsAtOnce {
		at := len(h.out)
		h.out = append(h.out, h.ask...)
		binary.BigEndian.PutUint32(h.out[at+5:], h.stream())
	}
	if _, err := h.conn.Write(h.out); err != nil {
		return err
	}
	return h.read(streamsAtOnce)
}

// read reads until so many streams have ended.
func (h *hitter2) read(ends int) error {
	for ends > 0 {
		head, err := h.in.Peek(frameHead)
		if err != nil {
			return err
		}
		n := int(binary.BigEndian.Uint32(head) >> 8)
		switch kind, flags := http2.FrameType(head[3]), http2.Flags(head[4]); kind {
		case http2.FrameData:
			h.bytes += n
			if flags.Has(http2.FlagDataEndStream) {
				ends--
			}
		case http2.FrameGoAway, http2.FrameRSTStream:
			return io.ErrUnexpectedEOF
		}
		if _, err := h.in.Discard(frameHead + n); err != nil {
			return err
		}
	}
	return nil
}

// What a hit allocates is the frame and, a batch, what crypto/tls does.
func TestAHitOverHTTP2AllocatesLittle(t *testing.T) {
	base, client, _ := serveTLS(t, table{"/hit": answerOf(make([]byte, 20<<10))}, Limits2{}, http.NotFoundHandler(), false)
	h := newHitter2(t, base, client)
	n := testing.AllocsPerRun(200, func() {
		if err := h.round(); err != nil {
			t.Fatal(err)
		}
	}) / streamsAtOnce
	t.Logf("%.2f allocations a hit, the client's with them", n)
	if n > 2 && !underRace {
		t.Errorf("%.2f allocations a hit", n)
	}
}

func BenchmarkHit2(b *testing.B) {
	body := make([]byte, 20<<10)
	handler := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header()["Content-Length"] = []string{"20480"}
		w.Header()["Content-Type"] = []string{"image/webp"}
		w.Write(body)
	})
	var each [2]time.Duration
	for i, name := range []string{"front", "net-http"} {
		base, client, _ := serveTLS(b, table{"/hit": answerOf(body)}, Limits2{}, handler, i == 1)
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			h := newHitter2(b, base, client)
			for b.Loop() {
				if err := h.round(); err != nil {
					b.Fatal(err)
				}
			}
			each[i] = b.Elapsed() / time.Duration(b.N*streamsAtOnce)
		})
	}
	b.Logf("a hit takes %v by net/http, %v here: %.2f times as fast, the client's share with it", each[1], each[0], float64(each[1])/float64(each[0]))
}
