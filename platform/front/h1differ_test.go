package front

import (
	"bufio"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// asShelf is a handler that answers hits as the shelf does.
func asShelf(s shelf) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if a, ok := s[r.RequestURI]; ok && (r.Method == "GET" || r.Method == "HEAD") {
			res, _ := http.ReadResponse(bufio.NewReader(strings.NewReader(string(a.Head.h1))), r)
			for name, values := range res.Header {
				w.Header()[name] = values
			}
			w.Write(a.Body)
			return
		}
		w.Header().Set("Date", "Sat, 21 Nov 2026 12:00:00 GMT")
		echo(w, r)
	})
}

// someRequests are valid requests in a row, and their methods.
func someRequests(rnd *rand.Rand) (text string, methods []string) {
	var b strings.Builder
	for range 1 + rnd.IntN(12) {
		method, target, fields, body := "GET", "/hit", "Host: a\r\n", ""
		switch rnd.IntN(10) {
		case 0:
			target = "/large"
		case 1:
			target = "/miss?x"
		case 2:
			method = "HEAD"
		case 3:
			method, body = "POST", strings.Repeat("b", rnd.IntN(9000))
			fields += fmt.Sprintf("Content-Length: %d\r\n", len(body))
		case 4:
			if rnd.IntN(4) == 0 {
				method, body = "PUT", "5\r\nhello\r\n0\r\n\r\n"
				fields += "Transfer-Encoding: chunked\r\n"
			}
		case 5:
			fields += "X-Mark: " + strings.Repeat("m", rnd.IntN(6000)) + "\r\n"
		case 6:
			fields += "If-None-Match: \"x\"\r\n"
		case 7:
			fields = "hOST: \t a\t\r\nconnection: Keep-Alive\r\n"
		case 8:
			method, body, fields = "POST", "abc", fields+"Content-Length: 3\r\nExpect: 100-continue\r\n"
		}
		methods = append(methods, method)
		fmt.Fprintf(&b, "%s %s HTTP/1.1\r\n%s\r\n%s", method, target, fields, body)
	}
	return b.String(), methods
}

// exchange sends text in pieces and returns the answers.
func exchange(t *testing.T, addr, text string, methods []string, seed uint64) (answers []string) {
	c := dial(t, addr)
	defer c.Close()
	c.SetDeadline(time.Now().Add(30 * time.Second)) // a hang is a failure, not a wait
	go func() {
		rnd := rand.New(rand.NewPCG(seed, 1))
		for text != "" {
			n := min(len(text), 1+rnd.IntN(1+rnd.IntN(8000)))
			if _, err := c.Write([]byte(text[:n])); err != nil {
				return
			}
			text = text[n:]
		}
	}()
	r := bufio.NewReader(c)
	for _, m := range methods {
		res, err := http.ReadResponse(r, &http.Request{Method: m})
		for err == nil && res.StatusCode == 100 {
			res, err = http.ReadResponse(r, &http.Request{Method: m})
		}
		if err != nil {
			return append(answers, err.Error())
		}
		var body strings.Builder
		_, err = bufio.NewReader(res.Body).WriteTo(&body)
		answers = append(answers, fmt.Sprint(res.StatusCode, res.Header["Content-Length"], res.Header["X-From"], res.Header["Content-Type"], body.Len(), body.String()[:min(99, body.Len())], err))
	}
	return answers
}

// Over real connections, however requests are cut into packets: with the front
// the answers are those of net/http alone.
func TestTheFrontAnswersAsTheStandardServer(t *testing.T) {
	hits := shelf{}
	hits.add("/hit", "small")
	hits.add("/large", strings.Repeat("large", 60_000))
	var byFront atomic.Int64
	_, front := start(t, Config{Hits: hits, Sent: func(*Sent) { byFront.Add(1) }}, asShelf(hits))
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &http.Server{Handler: asShelf(hits)}
	go s.Serve(ln)
	t.Cleanup(func() { s.Close() })
	base := rand.Uint64()
	for i := range uint64(150) {
		seed := base + i
		text, methods := someRequests(rand.New(rand.NewPCG(seed, 0)))
		want, got := exchange(t, ln.Addr().String(), text, methods, seed), exchange(t, front, text, methods, seed)
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Fatalf("seed %d: requests %q\ngot  %q\nwant %q", seed, text[:min(len(text), 600)], got, want)
		}
	}
	if n := byFront.Load(); n < 100 {
		t.Errorf("the front gave %d answers: too few to tell", n)
	}
}
