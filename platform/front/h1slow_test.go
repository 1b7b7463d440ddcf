package front

import (
	"bufio"
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

var slowLimits = Limits{Head: 8 << 10, ReadHead: 10 * time.Second, Idle: time.Minute, Write: 20 * time.Second}

// piped is a visitor's end of a connection to a front, in a bubble's time.
func piped(t *testing.T, hits Hits) (net.Conn, *HTTP1) {
	t.Helper()
	f := Listen1(nil, Config{Hits: hits, Limits: slowLimits}, slog.New(slog.DiscardHandler))
	stop := standardBehind(f, echo)
	visitor, c := net.Pipe()
	go f.ServeConn(c)
	t.Cleanup(func() { visitor.Close(); stop() })
	return visitor, f
}

// untilEnd is how long a connection lives on, and what came on it.
func untilEnd(c net.Conn) (time.Duration, string) {
	began := time.Now()
	b, _ := io.ReadAll(c)
	return time.Since(began), string(b)
}

// near reports whether a limit was kept, but for what a deadline may be old.
func near(took, limit time.Duration) bool { return took >= limit-aged && took <= limit+aged+lingerTime }

func TestASilentVisitorIsLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, _ := piped(t, shelf{})
		if took, said := untilEnd(c); !near(took, slowLimits.Idle) || said != "" {
			t.Errorf("after %v: %q", took, said)
		}
	})
}

// A head that drips in has its time from its first byte on, however often
// something comes.
func TestASlowHeadIsRefused(t *testing.T) {
	for name, first := range map[string]string{"the first request": "", "a later one": "GET /hit HTTP/1.1\r\nHost: a\r\n\r\n"} {
		synctest.Test(t, func(t *testing.T) {
			hits := shelf{}
			hits.add("/hit", "h")
			c, _ := piped(t, hits)
			if first != "" {
				io.WriteString(c, first)
				answer1(t, bufio.NewReader(c), "GET")
				time.Sleep(30 * time.Second)
			}
			dripped := make(chan struct{})
			go func() {
				defer close(dripped)
				for _, b := range "GET / HTTP/1.1\r\nHost: a\r\nX: " + strings.Repeat("y", 100) {
					if _, err := io.WriteString(c, string(b)); err != nil {
						return
					}
					time.Sleep(time.Second)
				}
			}()
			if took, said := untilEnd(c); !near(took, slowLimits.ReadHead) || !strings.HasPrefix(said, "HTTP/1.1 408 ") {
				t.Errorf("%s: after %v: %.40q", name, took, said)
			}
			c.Close()
			<-dripped
		})
	}
}

// Who keeps asking is never cut off, though deadlines are renewed seldom.
func TestWhoAsksInTimeStays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hits := shelf{}
		hits.add("/hit", "h")
		c, _ := piped(t, hits)
		r := bufio.NewReader(c)
		for i, pause := range []time.Duration{0, 300 * time.Millisecond, 300 * time.Millisecond, 58 * time.Second, 400 * time.Millisecond, 58 * time.Second} {
			time.Sleep(pause)
			io.WriteString(c, []string{"GET /hit HTTP/1.1\r\nHost: a\r\n\r\n", "GET /miss HTTP/1.1\r\nHost: a\r\n\r\n"}[i%2])
			answer1(t, r, "GET")
		}
	})
}

func TestASlowReaderIsLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hits := shelf{}
		hits.add("/hit", strings.Repeat("h", 1<<20))
		c, f := piped(t, hits)
		io.WriteString(c, "GET /hit HTTP/1.1\r\nHost: a\r\n\r\n")
		began := time.Now()
		for b := make([]byte, 1000); ; time.Sleep(time.Second) {
			if _, err := c.Read(b); err != nil {
				break
			}
		}
		if took := time.Since(began); !near(took, slowLimits.Write) {
			t.Errorf("after %v", took)
		}
		synctest.Wait()
		if n := len(f.open); n != 0 {
			t.Errorf("%d connections are still there", n)
		}
	})
}

func TestAHeadWithoutEndIsRefused(t *testing.T) {
	for name, text := range map[string]string{"one line": strings.Repeat("G", 9<<10), "fields": "GET / HTTP/1.1\r\nHost: a\r\n" + strings.Repeat("X: y\r\n", 2000)} {
		synctest.Test(t, func(t *testing.T) {
			c, _ := piped(t, shelf{})
			go io.WriteString(c, text)
			if _, said := untilEnd(c); !strings.HasPrefix(said, "HTTP/1.1 431 ") {
				t.Errorf("%s: %.40q", name, said)
			}
		})
	}
}

// Who is refused is told, on any kind of connection, and then it ends.
func TestARefusalIsTold(t *testing.T) {
	_, addr := start(t, Config{Hits: shelf{}}, echo)
	overTLS := startTLS(t, Config{Hits: shelf{}}, echo)
	for name, c := range map[string]net.Conn{"socket": dial(t, addr), "TLS": overTLS()} {
		c.SetDeadline(time.Now().Add(30 * time.Second)) // a hang is a failure, not a wait
		io.WriteString(c, "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n")
		if res, body := answer1(t, bufio.NewReader(c), "GET"); res.StatusCode != 400 || !strings.Contains(body, "Host") {
			t.Errorf("%s: %d %q", name, res.StatusCode, body)
		}
		if b, err := io.ReadAll(c); len(b) > 0 || err != nil {
			t.Errorf("%s: and then %q, %v", name, b, err)
		}
	}
}

// A refusal is read by who goes on sending, and nothing behind it is answered.
func TestWhatIsRefusedEndsTheConnection(t *testing.T) {
	_, addr := start(t, Config{Hits: shelf{}}, echo)
	c := dial(t, addr)
	io.WriteString(c, "GET /a HTTP/1.1\r\nHost: a\r\n\r\nPOST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n")
	r := bufio.NewReader(c)
	if res, _ := answer1(t, r, "GET"); res.StatusCode != 200 {
		t.Errorf("%d", res.StatusCode)
	}
	if res, body := answer1(t, r, "POST"); res.StatusCode != 400 || !strings.Contains(body, "length") {
		t.Errorf("%d %q", res.StatusCode, body)
	}
	if rest, err := io.ReadAll(r); len(rest) > 0 || err != nil {
		t.Errorf("and then %q, %v", rest, err)
	}
}

// A stop ends who is silent at once, and lets who is being answered finish.
func TestAStopLetsAnAnswerFinish(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hits := shelf{}
		hits.add("/hit", strings.Repeat("h", 1<<20))
		silent, f := piped(t, hits)
		reader, c := net.Pipe()
		go f.ServeConn(c)
		known, c := net.Pipe() // to the standard server, which waits for its next request
		go f.ServeConn(c)
		io.WriteString(known, "GET /miss HTTP/1.1\r\nHost: a\r\n\r\n")
		answer1(t, bufio.NewReader(known), "GET")
		io.WriteString(reader, "GET /hit HTTP/1.1\r\nHost: a\r\n\r\n")
		synctest.Wait()
		stopped := make(chan error, 1)
		go func() { stopped <- f.Shutdown(t.Context()) }()
		for _, c := range []net.Conn{silent, known} {
			if took, said := untilEnd(c); took != 0 || said != "" {
				t.Errorf("silent: ended after %v with %q", took, said)
			}
		}
		time.Sleep(5 * time.Second)
		select {
		case err := <-stopped:
			t.Fatalf("stopped before the answer had ended: %v", err)
		default:
		}
		if _, body := answer1(t, bufio.NewReader(reader), "GET"); len(body) != 1<<20 {
			t.Errorf("%d bytes", len(body))
		}
		if err := <-stopped; err != nil {
			t.Error(err)
		}
		if _, err := f.Accept(); err == nil {
			t.Error("a closed front accepts")
		}
	})
}

func TestAStopCutsOffWhoDoesNotEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hits := shelf{}
		hits.add("/hit", strings.Repeat("h", 1<<20))
		c, f := piped(t, hits)
		io.WriteString(c, "GET /hit HTTP/1.1\r\nHost: a\r\n\r\n")
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		if err := f.Shutdown(ctx); err != context.DeadlineExceeded {
			t.Errorf("%v", err)
		}
		if _, err := io.Copy(io.Discard, c); err != nil && err != io.ErrClosedPipe {
			t.Error(err)
		}
	})
}

// few is a number of seats.
type few struct{ most, taken, left chan struct{} }

func (s few) Enter() bool {
	s.taken <- struct{}{}
	select {
	case s.most <- struct{}{}:
		return true
	default:
		return false
	}
}

func (s few) Leave() { s.left <- struct{}{} }

// Each connection takes one seat and gives it back once, whoever answers on it.
func TestSeats(t *testing.T) {
	s := few{make(chan struct{}, 2), make(chan struct{}, 9), make(chan struct{}, 9)}
	hits := shelf{}
	hits.add("/hit", "h")
	_, addr := start(t, Config{Hits: hits, Seats: s}, echo)
	for i, target := range []string{"/hit", "/miss"} {
		c := dial(t, addr)
		io.WriteString(c, "GET "+target+" HTTP/1.1\r\nHost: a\r\n\r\n")
		answer1(t, bufio.NewReader(c), "GET")
		if i == 1 {
			c.Close()
			<-s.left
		}
	}
	third := dial(t, addr)
	if b, _ := io.ReadAll(third); len(b) > 0 {
		t.Errorf("without a seat: %q", b)
	}
	<-s.left
	if len(s.taken) != 3 || len(s.left) != 0 {
		t.Errorf("%d entered, %d more left", len(s.taken), len(s.left))
	}
}

// After an upgrade the connection is the handler's, with all that was sent.
func TestAnUpgradeTakesTheConnection(t *testing.T) {
	hits := shelf{}
	hits.add("/hit", "h")
	_, addr := start(t, Config{Hits: hits}, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c, rw, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer c.Close()
		io.WriteString(c, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: echo\r\nConnection: Upgrade\r\n\r\n")
		io.Copy(c, rw)
	}))
	c := dial(t, addr)
	const raw = "GET /hit HTTP/1.1\r\nHost: a\r\n\r\n"
	io.WriteString(c, "GET /up HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n"+raw)
	c.(*net.TCPConn).CloseWrite()
	b, _ := io.ReadAll(c)
	if !strings.HasSuffix(string(b), "\r\n\r\n"+raw) {
		t.Errorf("%q", b)
	}
}
