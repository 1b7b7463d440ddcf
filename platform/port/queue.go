package port

import (
	"context"
	"errors"
	"net"
	"sync"
)

// queue is a listener of connections that come from elsewhere.
type queue struct {
	port  *Port
	ready chan net.Conn
	done  chan struct{}
	once  sync.Once
	err   error
}

func newQueue(p *Port) *queue {
	return &queue{port: p, ready: make(chan net.Conn), done: make(chan struct{})}
}

// put waits for who accepts; false when nobody will.
func (q *queue) put(c net.Conn) bool {
	select {
	case q.ready <- c:
		return true
	case <-q.done:
		return false
	}
}

// Accept waits for a connection.
func (q *queue) Accept() (net.Conn, error) {
	select {
	case c := <-q.ready:
		return c, nil
	case <-q.done:
		return nil, q.err
	}
}

// Addr is the address of the listener below.
func (q *queue) Addr() net.Addr { return q.port.ln.Addr() }

// Close closes the whole port.
func (q *queue) Close() error {
	q.port.end(net.ErrClosed)
	return nil
}

func (q *queue) end(err error) {
	q.once.Do(func() {
		q.err = err
		close(q.done)
	})
}

// Join is one listener of the connections of several. Closed, it closes all of
// them; a method Shutdown(context.Context) error of any is called with its own.
func Join(all ...net.Listener) net.Listener {
	j := &joined{all: all, ready: make(chan net.Conn), failed: make(chan error, len(all)), done: make(chan struct{})}
	for _, ln := range all {
		go j.take(ln)
	}
	return j
}

type joined struct {
	all    []net.Listener
	ready  chan net.Conn
	failed chan error
	done   chan struct{}
	once   sync.Once
}

func (j *joined) take(ln net.Listener) {
	for {
		c, err := ln.Accept()
		if err != nil {
			j.failed <- err
			return
		}
		select {
		case j.ready <- c:
		case <-j.done:
			c.Close()
		}
	}
}

// Accept waits for a connection of any, or for the failure of any.
func (j *joined) Accept() (net.Conn, error) {
	select {
	case c := <-j.ready:
		return c, nil
	case err := <-j.failed:
		return nil, err
	case <-j.done:
		return nil, net.ErrClosed
	}
}

// Addr is the address of the first.
func (j *joined) Addr() net.Addr { return j.all[0].Addr() }

// Close closes all.
func (j *joined) Close() error {
	var errs []error
	j.once.Do(func() {
		close(j.done)
		for _, ln := range j.all {
			errs = append(errs, ln.Close())
		}
	})
	return errors.Join(errs...)
}

// Shutdown waits for the connections that any answers on itself.
func (j *joined) Shutdown(ctx context.Context) error {
	var errs []error
	for _, ln := range j.all {
		if s, ok := ln.(interface{ Shutdown(context.Context) error }); ok {
			errs = append(errs, s.Shutdown(ctx))
		}
	}
	return errors.Join(errs...)
}
