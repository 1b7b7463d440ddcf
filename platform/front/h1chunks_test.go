package front

import (
	"bufio"
	"bytes"
	"io"
	"net"
	"net/http"
	"net/http/httputil"
	"strings"
	"testing"
	"time"
)

func TestChunksAreReadInOneWay(t *testing.T) { // RFC 9112 §7.1
	const next = "GET / HTTP/1.1\r\n"
	for name, c := range map[string]struct {
		send  string
		whole bool
	}{
		"one":                       {"3\r\nabc\r\n0\r\n\r\n", true},
		"none":                      {"0\r\n\r\n", true},
		"hex in both cases":         {"aA\r\n" + strings.Repeat("x", 0xaa) + "\r\n000\r\n\r\n", true},
		"data that looks like ends": {"9\r\n\r\n0\r\n\r\n\r\n\r\n0\r\n\r\n", true},
		"extensions":                {"3;a=b;c=\"d e\"\r\nabc\r\n0;x\r\n\r\n", true},
		"trailers":                  {"0\r\nX-A: b:c\r\nX-B:\r\n\r\n", true},
		"a lone LF behind a size":   {"3\nabc\r\n0\r\n\r\n", false},
		"a lone LF behind data":     {"3\r\nabc\n0\r\n\r\n", false},
		"a lone LF at the end":      {"0\r\n\n", false},
		"a lone LF in an extension": {"3;\nxx\r\nabc\r\n0\r\n\r\n", false},
		"a lone CR in an extension": {"3;\rx\r\nabc\r\n0\r\n\r\n", false},
		"a lone LF in a trailer":    {"0\r\nX: y\n\r\n", false},
		"a NUL in a trailer":        {"0\r\nX: \x00\r\n\r\n", false},
		"a folded trailer":          {"0\r\nX: y\r\n z\r\n\r\n", false},
		"a trailer without colon":   {"0\r\nGET / HTTP/1.1\r\n\r\n", false},
		"space before the colon":    {"0\r\nX : y\r\n\r\n", false},
		"no size":                   {"\r\nabc\r\n0\r\n\r\n", false},
		"an extension alone":        {";a\r\n\r\n", false},
		"0x":                        {"0x3\r\nabc\r\n0\r\n\r\n", false},
		"a sign":                    {"+3\r\nabc\r\n0\r\n\r\n", false},
		"space before the size":     {" 3\r\nabc\r\n0\r\n\r\n", false},
		"space behind the size":     {"3 \r\nabc\r\n0\r\n\r\n", false},
		"data that is too long":     {"3\r\nabcd\r\n0\r\n\r\n", false},
		"data that is too short":    {"3\r\nab\r\n0\r\n\r\n", false},
		"the largest size":          {"fffffffffffffff\r\nabc", true},
		"a larger size":             {"1fffffffffffffff\r\nabc", false},
	} {
		for _, step := range []int{1, 2, 1 << 20} {
			var k chunks1
			k.begin(64)
			var at int
			var err error
			for send := c.send + next; k.open() && err == nil && at < len(send); {
				var n int
				n, err = k.scan([]byte(send[at:min(len(send), at+step)]))
				at += n
			}
			if whole := err == nil; whole != c.whole || whole && !k.open() && at != len(c.send) {
				t.Errorf("%s, %d at a time: %v at %d of %d", name, step, err, at, len(c.send))
			}
		}
	}
}

func TestChunksHaveALimitBesideTheirData(t *testing.T) {
	for name, send := range map[string]string{"extension": "0;%\r\n\r\n", "extensions": "1;%\r\nx\r\n", "trailer": "0\r\nX:%\r\n\r\n"} {
		for n, want := range map[int]bool{20: true, 200: false} {
			var k chunks1
			k.begin(100)
			b := strings.Replace(send, "%", strings.Repeat("x", n), 1)
			if name == "extensions" {
				b = strings.Repeat(strings.Replace(send, "%", "y", 1), n)
			}
			if _, err := k.scan([]byte(b)); (err == nil) != want {
				t.Errorf("%s of %d: %v", name, n, err)
			}
		}
	}
}

// Where the content ends for us it ends for net/http too.
func FuzzChunks(f *testing.F) {
	for _, s := range []string{"3\r\nabc\r\n0\r\n\r\n", "a;b=c\r\n0123456789\r\n0\r\nX: y\r\n\r\nGET", "0\r\n\r\n0\r\n\r\n", "1\r\nx\r\n1\r\ny\r\n0\r\n\r\n"} {
		f.Add([]byte(s), uint8(3))
	}
	f.Fuzz(func(t *testing.T, b []byte, step uint8) {
		var k chunks1
		k.begin(1 << 10)
		at := 0
		for k.open() {
			if at == len(b) {
				return
			}
			n, err := k.scan(b[at:min(len(b), at+1+int(step))])
			if err != nil {
				return
			}
			if n == 0 {
				t.Fatalf("it does not go on at %d of %q", at, b)
			}
			at += n
		}
		r := bufio.NewReader(bytes.NewReader(b[:at]))
		if _, err := io.Copy(io.Discard, httputil.NewChunkedReader(r)); err != nil {
			t.Fatalf("%v: %q", err, b[:at])
		}
		rest, err := io.ReadAll(r)
		if err != nil || !bytes.HasSuffix(append([]byte("\r\n"), rest...), []byte("\r\n\r\n")) || bytes.HasSuffix(rest, []byte("\r\n\r\n\r\n")) {
			t.Fatalf("behind the chunks of %q: %q", b[:at], rest)
		}
	})
}

// What follows chunked content, or a request whose answer takes its time, is
// read as strictly as what came before.
func TestWhatFollowsIsReadStrictly(t *testing.T) {
	const (
		chunks = "POST /c HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"
		hidden = "GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n"
	)
	many := strings.Repeat("GET /p HTTP/1.1\r\nHost: a\r\n\r\n", 2*smallInput/28)
	_, addr := start(t, Config{Hits: shelf{}}, echo)
	overTLS := startTLS(t, Config{Hits: shelf{}}, echo)
	for name, send := range map[string]string{
		"two lengths":          "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
		"the same length":      "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\nabc",
		"chunks of HTTP/1.0":   "POST / HTTP/1.0\r\nHost: a\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
		"lines that end by LF": "GET / HTTP/1.1\nHost: a\n\n",
		"folded lines":         "GET / HTTP/1.1\r\nHost: a\r\nX: y\r\n z\r\n\r\n",
	} {
		for before, c := range map[string]net.Conn{chunks: dial(t, addr), many: dial(t, addr), chunks + many: overTLS(), many + chunks: overTLS()} {
			c.SetDeadline(time.Now().Add(time.Minute)) // a hang is a failure, not a wait
			go io.WriteString(c, before+send+hidden)
			r := bufio.NewReader(c)
			for range strings.Count(before, "HTTP/1.1") {
				if res, body := answer1(t, r, "GET"); res.StatusCode != 200 {
					t.Fatalf("%s: %d %s", name, res.StatusCode, body)
				}
			}
			if res, body := answer1(t, r, "POST"); res.StatusCode != 400 {
				t.Errorf("%s behind %.20q: %d %s", name, before, res.StatusCode, body)
			}
		}
	}
}

// Chunks that are badly written end their request and its connection, and what
// stands behind them is nobody's request.
func TestBadChunksEndTheConnection(t *testing.T) {
	_, addr := start(t, Config{Hits: shelf{}}, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/smuggled" {
			t.Error("what stood behind was answered")
		}
		if _, err := io.ReadAll(r.Body); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
		}
	}))
	for _, chunks := range []string{"3\nabc\n0\n\n", "3 \r\nabc\r\n0\r\n\r\n", "0\r\nX : y\r\n\r\n", "0x0\r\n\r\n"} {
		c := dial(t, addr)
		c.SetDeadline(time.Now().Add(time.Minute))
		io.WriteString(c, "POST /c HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"+chunks+"GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n")
		b, _ := io.ReadAll(c) // it may be cut off
		if bytes.Contains(b, []byte("HTTP/1.1 200")) {
			t.Errorf("%q: %s", chunks, b)
		}
	}
}
