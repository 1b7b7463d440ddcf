package localworld

import (
	"context"
	"fmt"
	"io"
	"net"
	"sync"
	"time"

	"meridian/platform/lifecycle"
	"meridian/platform/netaddr"
)

// doors let who goes by the name servers' answers in at the PoPs: at each PoP's
// own address, under the gate's port.
type doors struct {
	listeners []net.Listener
	all       sync.WaitGroup

	mu   sync.Mutex
	open map[net.Conn]struct{}
}

// startDoors opens them where the system has the addresses.
func (u *up) startDoors(ctx context.Context) (lifecycle.Running, error) {
	d := &doors{open: map[net.Conn]struct{}{}}
	if hasDoors() {
		for i := range u.plan.w.PoPs {
			l, err := netaddr.Listen(ctx, fmt.Sprintf("tcp:%s:%d", u.plan.popAddress(i), u.plan.port))
			if err != nil {
				d.close()
				return nil, err
			}
			d.listeners = append(d.listeners, l)
			d.all.Go(func() { d.serve(l, u.plan.edgeAddress(i)) })
		}
	}
	return newPart(func(context.Context) error { d.close(); return nil }), nil
}

func (d *doors) close() {
	for _, l := range d.listeners {
		l.Close()
	}
	d.mu.Lock()
	for c := range d.open {
		c.Close()
	}
	d.open = nil
	d.mu.Unlock()
	d.all.Wait()
}

func (d *doors) serve(l net.Listener, pop string) {
	for {
		c, err := l.Accept()
		if err != nil {
			return // closed
		}
		d.all.Go(func() { d.carry(c, pop) })
	}
}

// doorTime bounds how long a PoP may take to take a connection.
const doorTime = 5 * time.Second

// carry takes a connection to a PoP. One that the PoP refuses is closed at once.
func (d *doors) carry(c net.Conn, pop string) {
	defer c.Close()
	ctx, cancel := context.WithTimeout(context.Background(), doorTime)
	to, err := netaddr.Dial(ctx, pop)
	cancel()
	if err != nil || !d.keep(c, to) {
		return
	}
	defer d.forget(c, to)
	done := make(chan struct{})
	go func() {
		defer close(done)
		_, _ = io.Copy(to, c) // either end may go when it likes
		closeWrite(to)
	}()
	_, _ = io.Copy(c, to)
	closeWrite(c)
	<-done
}

func (d *doors) keep(conns ...net.Conn) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, c := range conns {
		if d.open == nil {
			c.Close()
			continue
		}
		d.open[c] = struct{}{}
	}
	return d.open != nil
}

func (d *doors) forget(conns ...net.Conn) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, c := range conns {
		c.Close()
		delete(d.open, c)
	}
}

// closeWrite says that nothing more comes this way.
func closeWrite(c net.Conn) {
	if half, ok := c.(interface{ CloseWrite() error }); ok {
		_ = half.CloseWrite() // the connection has gone already, or goes next
	}
}
