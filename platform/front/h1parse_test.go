package front

import (
	"bufio"
	"bytes"
	"net/http"
	"strconv"
	"strings"
	"testing"
)

func parseAll(t testing.TB, text string, l Limits) (head1, bool, *refusal) {
	t.Helper()
	var h head1
	l = l.withDefaults()
	done, no := h.parse([]byte(text), &l)
	return h, done, no
}

// Each row is one rule; the rest of the request is in order.
func TestWhatIsRefused(t *testing.T) {
	const line, host, end = "GET / HTTP/1.1\r\n", "Host: a\r\n", "\r\n"
	for _, c := range []struct {
		rule, text string
		status     int
	}{
		{"RFC 9112 §2.2: LF ends no line", "GET / HTTP/1.1\nHost: a\n\n", 400},
		{"§2.2: LF in the head", line + "Host: a\nX: y\r\n" + end, 400},
		{"§2.2: CR within a line", line + host + "X: a\rb\r\n" + end, 400},
		{"§2.2: CR at a name's end", line + host + "X\r: b\r\n" + end, 400},
		{"§2.2: space before the first field", line + " X: y\r\n" + host + end, 400},
		{"§3: no target", "GET HTTP/1.1\r\n" + host + end, 400},
		{"§3: two spaces", "GET  / HTTP/1.1\r\n" + host + end, 400},
		{"§3: space at the end", "GET / HTTP/1.1 \r\n" + host + end, 400},
		{"§3: space in the target", "GET /a b HTTP/1.1\r\n" + host + end, 400},
		{"§3: tab", "GET\t/ HTTP/1.1\r\n" + host + end, 400},
		{"§3: HTTP/0.9", "GET /\r\n" + host + end, 400},
		{"§3.1: a method is a token", "G@T / HTTP/1.1\r\n" + host + end, 400},
		{"§3.2: too long", "GET /" + strings.Repeat("a", 8<<10) + " HTTP/1.1\r\n" + host + end, 414},
		{"§3.2.1: control in the target", "GET /\x01 HTTP/1.1\r\n" + host + end, 400},
		{"§3.2.1: NUL in the target", "GET /\x00 HTTP/1.1\r\n" + host + end, 400},
		{"§3.2.1: fragment", "GET /#a HTTP/1.1\r\n" + host + end, 400},
		{"§3.2.1: no slash", "GET a HTTP/1.1\r\n" + host + end, 400},
		{"§3.2.2: another scheme", "GET ftp://a/ HTTP/1.1\r\n" + host + end, 400},
		{"§3.2.3: no tunnel", "CONNECT a:443 HTTP/1.1\r\n" + host + end, 501},
		{"§3.2.4: asterisk is for OPTIONS", "GET * HTTP/1.1\r\n" + host + end, 400},
		{"§3.2: no Host", line + end, 400},
		{"§3.2: two Hosts", line + host + host + end, 400},
		{"§3.2: two Hosts in one", line + "Host: a, b c\r\n" + end, 400},
		{"§3.2: user in Host", line + "Host: x@a\r\n" + end, 400},
		{"§3.2: path in Host", line + "Host: a/b\r\n" + end, 400},
		{"§2.3: HTTP/2 in clear", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505},
		{"§2.3: HTTP/1.2", "GET / HTTP/1.2\r\n" + host + end, 505},
		{"§2.3: lower case", "GET / http/1.1\r\n" + host + end, 400},
		{"§2.3: two digits", "GET / HTTP/1.10\r\n" + host + end, 400},
		{"§5: no colon", line + host + "X\r\n" + end, 400},
		{"§5: no name", line + host + ": x\r\n" + end, 400},
		{"§5.1: space before the colon", line + host + "Content-Length : 3\r\n" + end, 400},
		{"§5.1: tab before the colon", line + host + "Transfer-Encoding\t: chunked\r\n" + end, 400},
		{"§5.2: folded line", line + host + "X: a\r\n b\r\n" + end, 400},
		{"§5.2: folded by tab", line + host + "X: a\r\n\tb\r\n" + end, 400},
		{"RFC 9110 §5.1: a name is a token", line + host + "X(: a\r\n" + end, 400},
		{"RFC 9110 §5.1: no letters beyond ASCII", line + host + "X\xe4: a\r\n" + end, 400},
		{"RFC 9110 §5.5: NUL in a value", line + host + "X: a\x00b\r\n" + end, 400},
		{"RFC 9110 §5.5: control in a value", line + host + "Transfer-Encoding: \x0bchunked\r\n" + end, 400},
		{"RFC 9110 §5.5: DEL", line + host + "X: \x7f\r\n" + end, 400},
		{"§6.1: coding that is not known", line + host + "Transfer-Encoding: gzip\r\n" + end, 501},
		{"§6.1: chunked is not alone", line + host + "Transfer-Encoding: gzip, chunked\r\n" + end, 501},
		{"§6.1: chunked twice", line + host + "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n" + end, 400},
		{"§6.1: quoted", line + host + "Transfer-Encoding: \"chunked\"\r\n" + end, 501},
		{"§6.1: identity", line + host + "Transfer-Encoding: identity\r\n" + end, 501},
		{"§6.1: with HTTP/1.0", "GET / HTTP/1.0\r\n" + host + "Transfer-Encoding: chunked\r\n" + end, 400},
		{"§6.1: both, length first", line + host + "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n" + end, 400},
		{"§6.1: both, coding first", line + host + "Transfer-Encoding: chunked\r\nContent-Length: 3\r\n" + end, 400},
		{"§6.3: two lengths", line + host + "Content-Length: 3\r\nContent-Length: 4\r\n" + end, 400},
		{"§6.3: the same length twice", line + host + "Content-Length: 3\r\nContent-Length: 3\r\n" + end, 400},
		{"§6.3: list of lengths", line + host + "Content-Length: 3, 3\r\n" + end, 400},
		{"RFC 9110 §8.6: sign", line + host + "Content-Length: +3\r\n" + end, 400},
		{"RFC 9110 §8.6: negative", line + host + "Content-Length: -1\r\n" + end, 400},
		{"RFC 9110 §8.6: hex", line + host + "Content-Length: 0x3\r\n" + end, 400},
		{"RFC 9110 §8.6: empty", line + host + "Content-Length:\r\n" + end, 400},
		{"RFC 9110 §8.6: space", line + host + "Content-Length: 1 2\r\n" + end, 400},
		{"RFC 9110 §8.6: beyond 63 bits", line + host + "Content-Length: 99999999999999999999\r\n" + end, 400},
		{"RFC 6585 §5: too many fields", line + host + strings.Repeat("X: y\r\n", 129) + end, 431},
		{"RFC 6585 §5: too large", line + host + "X: " + strings.Repeat("y", 32<<10) + "\r\n" + end, 431},
	} {
		if _, done, no := parseAll(t, c.text, Limits{}); no == nil || no.status != c.status {
			t.Errorf("%s: done %v, refused %v; want %d", c.rule, done, no, c.status)
		}
	}
}

// At their edges the limits let pass.
func TestLimitsLetPassWhatIsOfTheirSize(t *testing.T) {
	const rest = " HTTP/1.1\r\nHost: a\r\n"
	l := Limits{Head: 200, Fields: 3, Target: 50}
	target := "/" + strings.Repeat("t", 49)
	fields := strings.Repeat("X: y\r\n", 2)
	pad := 200 - len("GET "+target+rest+fields+"P: \r\n\r\n")
	text := "GET " + target + rest + fields + "P: " + strings.Repeat("p", pad) + "\r\n\r\n"
	if h, done, no := parseAll(t, text, l); !done || no != nil || h.size != 200 {
		t.Errorf("at the edge: %v, %v, %d bytes", done, no, h.size)
	}
	for name, text := range map[string]string{
		"target": "GET " + target + "t" + rest + "\r\n",
		"fields": "GET /" + rest + strings.Repeat("X: y\r\n", 4) + "\r\n",
		"head":   "GET /" + rest + "P: " + strings.Repeat("p", 200) + "\r\n\r\n",
	} {
		if _, _, no := parseAll(t, text, l); no == nil {
			t.Errorf("%s: one more passes", name)
		}
	}
}

func TestWhoIsForHits(t *testing.T) {
	for text, want := range map[string]bool{
		"GET / HTTP/1.1\r\nHost: a\r\n": true,
		"HEAD /a?b=%20&c HTTP/1.1\r\nhOST:\ta:80 \t\r\nAccept: */*\r\nCookie: a=b\r\n": true,
		"GET / HTTP/1.1\r\nHost: a\r\nConnection: Keep-Alive\r\n":                      true,
		"GET / HTTP/1.0\r\nHost: a\r\nConnection: keep-alive\r\n":                      false,
		"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n":                           false,
		"GET / HTTP/1.1\r\nHost: a\r\nConnection: keep-alive, X\r\n":                   false,
		"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n":                           false,
		"GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n":                  false,
		"GET / HTTP/1.1\r\nHost: a\r\nUpgrade: h2c\r\n":                                false,
		"GET / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n":                        false,
		"GET / HTTP/1.1\r\nHost:\r\n":                                                  false,
		"GET http://a/ HTTP/1.1\r\nHost: a\r\n":                                        false,
		"GET /%zz HTTP/1.1\r\nHost: a\r\n":                                             false,
		"GET /% HTTP/1.1\r\nHost: a\r\n":                                               false,
		"GET /\xc3\xa4 HTTP/1.1\r\nHost: a\r\n":                                        false,
		"GET /a|b HTTP/1.1\r\nHost: a\r\n":                                             false,
		"POST / HTTP/1.1\r\nHost: a\r\n":                                               false,
		"get / HTTP/1.1\r\nHost: a\r\n":                                                false,
		"OPTIONS * HTTP/1.1\r\nHost: a\r\n":                                            false,
	} {
		h, done, no := parseAll(t, text+"\r\nrest", Limits{})
		if !done || no != nil || h.forHits() != want || h.size != len(text)+2 {
			t.Errorf("%q: done %v, refused %v, for hits %v, want %v", text, done, no, h.forHits(), want)
		}
	}
}

func TestHalfAHeadIsWaitedFor(t *testing.T) {
	const text = "GET /a HTTP/1.1\r\nHost: a\r\nX: y\r\n\r\n"
	for n := range len(text) {
		if _, done, no := parseAll(t, text[:n], Limits{}); done || no != nil {
			t.Errorf("%q: done %v, refused %v", text[:n], done, no)
		}
	}
}

// smells is what requests are smuggled by, found by other means than the parser's.
func smells(head []byte) bool {
	lower := strings.ToLower(string(head))
	lines := strings.Split(lower, "\r\n")
	lengths, codings := 0, 0
	for _, line := range lines[1:] {
		name, value, _ := strings.Cut(line, ":")
		switch strings.Trim(name, " \t\v\f\x00_") {
		case "content-length":
			lengths++
			if _, err := strconv.ParseUint(strings.Trim(value, " \t"), 10, 63); err != nil {
				return true
			}
		case "transfer-encoding":
			codings++
			if strings.Trim(value, " \t") != "chunked" {
				return true
			}
		}
		if name != strings.TrimSpace(name) || strings.HasPrefix(line, " ") || strings.HasPrefix(line, "\t") {
			return true
		}
	}
	return lengths+codings > 1 || strings.ContainsAny(strings.ReplaceAll(string(head), "\r\n", ""), "\r\n\x00")
}

// Whatever is accepted is read by net/http in the same way; whatever smells of
// smuggling is refused.
func FuzzParse(f *testing.F) {
	for _, s := range []string{
		"GET / HTTP/1.1\r\nHost: a\r\n\r\n", "POST /a?b HTTP/1.1\r\nHost: a:80\r\nContent-Length: 3\r\nX: y\r\n\r\nabc",
		"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n", "GET / HTTP/1.1\r\nHost: a\r\nX: a\r\n b\r\n\r\n",
		"GET http://b/ HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", "OPTIONS * HTTP/1.0\r\n\r\n", "GET /%2f%zz HTTP/1.1\r\nHost: [::1]\r\n\r\n",
		"GET / HTTP/1.1\nHost: a\n\n", "GET /a HTTP/1.1\r\nHost : a\r\n\r\n", "GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: \x0bchunked\r\n\r\n",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		var h head1
		l := DefaultLimits()
		raw := bytes.Clone(b)
		done, no := h.parse(b, &l)
		if !done || no != nil {
			return
		}
		if smells(raw[:h.size-2]) {
			t.Fatalf("accepted: %q", raw[:h.size])
		}
		again := h
		again.Fields = append([]Field(nil), h.Fields...)
		if done, no := h.parse(b, &l); !done || no != nil || h.size != again.size || len(h.Fields) != len(again.Fields) {
			t.Fatalf("read again it is another: %q", raw)
		}
		r, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(raw)))
		if err != nil {
			if h.forHits() {
				t.Fatalf("a hit, but net/http says %v: %q", err, raw[:h.size])
			}
			return // it is net/http that will refuse it
		}
		if r.RequestURI != string(h.Target) || h.Method != "" && r.Method != h.Method {
			t.Fatalf("%s %s, net/http has %s %s", h.Method, h.Target, r.Method, r.RequestURI)
		}
		if chunked := len(r.TransferEncoding) > 0; chunked != h.chunked || !chunked && r.ContentLength != h.length {
			t.Fatalf("content of %d, chunked %v; net/http has %d, %v", h.length, h.chunked, r.ContentLength, r.TransferEncoding)
		}
		if !h.forHits() {
			return
		}
		if r.Host != string(h.Host) {
			t.Fatalf("Host %q, net/http has %q", h.Host, r.Host)
		}
		seen := map[string]int{}
		for _, field := range h.Fields {
			name := http.CanonicalHeaderKey(string(field.Name))
			values := r.Header[name]
			if seen[name] >= len(values) || values[seen[name]] != string(field.Value) {
				t.Fatalf("%s: %q, net/http has %q", name, field.Value, values)
			}
			seen[name]++
		}
	})
}
