package front

import (
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// over20KB is a shelf with one object of 20 KB.
func over20KB() shelf {
	s := shelf{}
	s.add("/hit", strings.Repeat("x", 20<<10))
	return s
}

const usualRequest = "GET /hit HTTP/1.1\r\nHost: de.localhost:8080\r\nUser-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0\r\n" +
	"Accept: image/avif,image/webp,*/*\r\nAccept-Language: de,en;q=0.5\r\nAccept-Encoding: gzip, deflate, br, zstd\r\nConnection: keep-alive\r\n\r\n"

// hitter asks for one thing again and again, without allocating.
type hitter struct {
	c    net.Conn
	buf  []byte
	size int // of an answer
}

func newHitter(t testing.TB, addr string) *hitter {
	h := &hitter{c: dial(t, addr), buf: make([]byte, 64<<10)}
	io.WriteString(h.c, usualRequest)
	n, _ := h.c.Read(h.buf)
	h.size = strings.Index(string(h.buf[:n]), "\r\n\r\n") + 4 + 20<<10
	for n < h.size {
		k, err := h.c.Read(h.buf[n:])
		if err != nil {
			t.Fatal(err)
		}
		n += k
	}
	return h
}

var usualBytes = []byte(usualRequest)

func (h *hitter) hit() error {
	if _, err := h.c.Write(usualBytes); err != nil {
		return err
	}
	for n := 0; n < h.size; {
		k, err := h.c.Read(h.buf)
		if err != nil {
			return err
		}
		n += k
	}
	return nil
}

func TestAHitAllocatesNothing(t *testing.T) {
	var took atomic.Int64
	_, addr := start(t, Config{Hits: over20KB(), RequestID: "X-Request-Id", Sent: func(s *Sent) { took.Add(int64(s.Took)) }}, echo)
	h := newHitter(t, addr)
	if n := testing.AllocsPerRun(500, func() {
		if err := h.hit(); err != nil {
			t.Fatal(err)
		}
	}); n > 0 && !underRace {
		t.Errorf("%v allocations a hit", n)
	}
}

func BenchmarkHit(b *testing.B) {
	hits := over20KB()
	_, front := start(b, Config{Hits: hits, RequestID: "X-Request-Id"}, echo)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	body := hits["/hit"].Body
	s := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header()["Content-Length"] = []string{"20480"}
		w.Header()["Content-Type"] = []string{"text/plain"}
		w.Write(body)
	})}
	go s.Serve(ln)
	b.Cleanup(func() { s.Close() })
	var each [2]time.Duration
	for i, x := range []struct{ name, addr string }{{"front", front}, {"net-http", ln.Addr().String()}} {
		b.Run(x.name, func(b *testing.B) {
			b.ReportAllocs()
			h := newHitter(b, x.addr)
			for b.Loop() {
				if err := h.hit(); err != nil {
					b.Fatal(err)
				}
			}
			each[i] = b.Elapsed() / time.Duration(b.N)
		})
	}
	b.Logf("a hit takes %v by net/http, %v here: %.2f times as fast", each[1], each[0], float64(each[1])/float64(each[0]))
}
