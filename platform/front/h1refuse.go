package front

import (
	"io"
	"net/http"
	"strconv"
	"time"
)

// refusal is the answer to a request that goes no further: its connection is
// closed, because nobody knows where the next would begin.
type refusal struct {
	status int
	answer []byte // the whole of it
}

// The refusals. The text is a problem document (RFC 9457).
var (
	badLine        = refuse(http.StatusBadRequest, "A line does not end with CR LF.")
	badRequestLine = refuse(http.StatusBadRequest, "The first line is not: method, space, target, space, HTTP/1.1.")
	badTarget      = refuse(http.StatusBadRequest, "The target of the request is not one that HTTP allows. Percent-encode it.")
	badField       = refuse(http.StatusBadRequest, "A field line is not: name, colon, value.")
	badHost        = refuse(http.StatusBadRequest, "There must be exactly one valid Host field.")
	badFraming     = refuse(http.StatusBadRequest, "The length of the content is given wrongly, or more than once.")
	slowHead       = refuse(http.StatusRequestTimeout, "The head of the request did not arrive in time.")
	targetTooLong  = refuse(http.StatusRequestURITooLong, "The target of the request is longer than is taken here.")
	headTooLarge   = refuse(http.StatusRequestHeaderFieldsTooLarge, "The head of the request is larger than is taken here.")
	noTunnel       = refuse(http.StatusNotImplemented, "No tunnel is made here.")
	unknownCoding  = refuse(http.StatusNotImplemented, "The only transfer coding that is taken here is chunked.")
	badVersion     = refuse(http.StatusHTTPVersionNotSupported, "This is not HTTP/1.1.")
)

func refuse(status int, detail string) *refusal {
	title := http.StatusText(status)
	text := `{"type":"about:blank","title":` + strconv.Quote(title) + `,"status":` + strconv.Itoa(status) +
		`,"detail":` + strconv.Quote(detail) + "}\n"
	return &refusal{status, []byte("HTTP/1.1 " + strconv.Itoa(status) + " " + title + "\r\n" +
		"Content-Type: application/problem+json\r\nContent-Length: " + strconv.Itoa(len(text)) +
		"\r\nCache-Control: no-store\r\nConnection: close\r\n\r\n" + text)}
}

// What is still read, and for how long, of who was refused: closing with bytes
// unread would have the kernel throw the answer away (RFC 9112 §9.6).
const (
	lingerTime  = 500 * time.Millisecond
	lingerBytes = 256 << 10
)

// refuse answers and lets the other side read it.
func (c *conn1) refuse(no *refusal) {
	c.Conn.SetDeadline(time.Now().Add(lingerTime))
	if _, err := c.Conn.Write(no.answer); err == nil && closeWrite(c.Conn) == nil {
		io.CopyN(io.Discard, struct{ io.Reader }{c.Conn}, lingerBytes)
	}
}
