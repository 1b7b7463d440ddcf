package objectstore

import (
	"context"
	"net"
	"net/http"
	"time"
)

// idleConns are kept for the next request.
const idleConns = 32

// limit bounds every wait for a bucket: to connect, for an answer, and for each
// next piece of a body either way. HTTP/1.1, as S3 speaks it. The connections
// that nobody uses end by themselves.
func (l Location) limit(t *http.Transport) {
	d := net.Dialer{Timeout: l.Connect, KeepAlive: 30 * time.Second}
	t.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
		c, err := d.DialContext(ctx, network, address)
		if err != nil {
			return nil, err
		}
		return &impatient{Conn: c, silence: l.Silence}, nil
	}
	t.TLSHandshakeTimeout = l.Connect
	t.ResponseHeaderTimeout = l.Silence
	t.IdleConnTimeout = l.Silence / 2 // before the connection's own limit meets it
	t.ExpectContinueTimeout = time.Second
	t.MaxIdleConnsPerHost = idleConns
	t.DisableCompression = true
	t.Proxy, t.ForceAttemptHTTP2 = nil, false
}

// impatient is a connection whose reads and writes fail when nothing has moved
// for a time.
type impatient struct {
	net.Conn
	silence time.Duration
}

// Read fails with a timeout after silence.
func (c *impatient) Read(p []byte) (int, error) {
	if err := c.SetReadDeadline(time.Now().Add(c.silence)); err != nil {
		return 0, err
	}
	return c.Conn.Read(p)
}

// Write fails with a timeout after silence. It moves the deadline of a read that
// has been waiting for the answer since before there was a request.
func (c *impatient) Write(p []byte) (int, error) {
	if err := c.SetDeadline(time.Now().Add(c.silence)); err != nil {
		return 0, err
	}
	return c.Conn.Write(p)
}
