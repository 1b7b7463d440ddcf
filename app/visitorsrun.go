package app

import (
	"context"
	"errors"
	"sync"

	"meridian/platform/lifecycle"
)

// watch ends everything when one of the servers ends.
func (v *visitors) watch() {
	defer close(v.done)
	ended := make(chan lifecycle.Running, len(v.servers))
	for _, s := range v.servers {
		go func() {
			<-s.Done()
			ended <- s
		}()
	}
	select {
	case s := <-ended:
		v.err = s.Err()
	case <-v.asked:
	}
	stop, cancel := context.WithTimeout(context.Background(), lifecycle.DefaultStopTimeout)
	defer cancel()
	v.err = errors.Join(v.err, v.stopAll(stop))
}

// stopAll stops the servers beside one another, then the upkeep.
func (v *visitors) stopAll(ctx context.Context) error {
	errs := make([]error, len(v.servers))
	var wg sync.WaitGroup
	for i, s := range v.servers {
		wg.Go(func() { errs[i] = s.Stop(ctx) })
	}
	wg.Wait()
	v.cancel()
	return errors.Join(errs...)
}

// Stop lets running requests finish.
func (v *visitors) Stop(ctx context.Context) error {
	v.once.Do(func() { close(v.asked) })
	select {
	case <-v.done:
	case <-ctx.Done():
		return ctx.Err()
	}
	<-v.upkeep
	return v.err
}

// Kill closes every listener and connection at once.
func (v *visitors) Kill() {
	for _, s := range v.servers {
		lifecycle.Kill(s)
	}
	<-v.done
}

// Done is closed when every server has ended.
func (v *visitors) Done() <-chan struct{} { return v.done }

// Err is why the servers ended; nil after a stop.
func (v *visitors) Err() error {
	select {
	case <-v.done:
		return v.err
	default:
		return nil
	}
}

// reload has certificate files looked at now.
func (v *visitors) reload() {
	if v.source != nil {
		v.source.Reload()
	}
}
