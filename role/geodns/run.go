package geodns

import (
	"context"
	"fmt"
	"reflect"
	"strings"
	"time"

	"meridian/engine/pause"
	"meridian/world"
)

// heed is how often the health feed's view is looked at: of a beat of the feed no
// more than this is lost.
const heed = world.HealthBeat / 4

// Run follows health, and takes a changed config or file, until ctx ends.
func (s *Server) Run(ctx context.Context) error {
	tick := time.NewTimer(pause.Next(s.deps.Now(), heed))
	defer tick.Stop()
	files := s.watch()
	looked := s.deps.Now()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
			s.Refresh()
			now := s.deps.Now()
			tick.Reset(pause.Next(now, heed))
			if now.Sub(looked) >= s.now.Load().cfg.Look {
				looked = now
				files.look(ctx)
			}
		}
	}
}

// watch remembers config and files as they are now.
func (s *Server) watch() *watched {
	w := &watched{s: s}
	w.stamp, w.err = s.stamp()
	return w
}

// watched is config and files as they were last looked at.
type watched struct {
	s     *Server
	stamp string
	err   error
}

// look reloads what has changed. What is wrong is told once.
func (w *watched) look(ctx context.Context) {
	stamp, err := w.s.stamp()
	if stamp == w.stamp && (err == nil) == (w.err == nil) {
		return
	}
	w.stamp, w.err = stamp, err
	if err == nil {
		err = w.s.Reload()
	}
	log := w.s.deps.Log
	if err != nil {
		log.ErrorContext(ctx, "the changed config or its files are not taken: the last good ones stay", "err", err)
		return
	}
	w.stamp, w.err = w.s.stamp() // a new config may name other files
	log.InfoContext(ctx, "config and files were read anew")
	if now := w.s.now.Load().cfg; !reflect.DeepEqual(w.s.started.fixed(), now.fixed()) {
		log.WarnContext(ctx, "listen, place, and what is not about the zone, change only when the server starts again")
	}
}

// fixed is what a server keeps from its start: all that [Config.protocol] has, and
// where it listens.
func (c Config) fixed() string {
	return fmt.Sprint(c.Listen, c.Place, c.CookieKeys, c.protocol(nil))
}

// stamp is another one when config or files are others.
func (s *Server) stamp() (string, error) {
	c := s.now.Load().cfg
	paths := c.Sources.Files()
	for _, k := range c.DNSSEC.Keys {
		paths = append(paths, strings.TrimSuffix(strings.TrimSuffix(k, publicEnding), privateEnding)+privateEnding)
	}
	var out strings.Builder
	if s.deps.Settings != nil {
		stamp, err := s.deps.Settings.Stamp()
		if err != nil {
			return "", err
		}
		out.WriteString(stamp)
	}
	for _, p := range paths {
		stamp, err := s.deps.Files(p).Stamp()
		if err != nil {
			return "", err
		}
		out.WriteString("\n" + stamp)
	}
	return out.String(), nil
}
