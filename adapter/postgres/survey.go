package postgres

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

const (
	// surveyWait is how long the first connections of all wait for what the other
	// hosts of their connection string say.
	surveyWait = 2 * time.Second
	// surveyAgain is after how long those are asked again that have not answered. One
	// that is down says nothing, but may be the newest primary as soon as it is back.
	surveyAgain = 10 * time.Second
)

// survey asks every host of a connection string what it is, until each has answered
// once: the first of the list, which takes connections, may be a zombie.
type survey struct {
	heard func(serverState) // told of each answer

	mu     sync.Mutex
	silent []*pgconn.Config // hosts that have not answered
	asked  chan struct{}    // closed once all were asked for the last time; nil before the first
	begun  time.Time        // when they first were
	next   time.Time        // when they are asked again
}

func newSurvey(all *pgconn.Config, heard func(serverState)) *survey {
	s := &survey{heard: heard, silent: hostsOf(all)}
	if len(s.silent) == 1 {
		s.silent = nil // there is no other
	}
	return s
}

// hostsOf are a connection string's hosts, each with a config of its own. One may be
// in it twice, with TLS and without.
func hostsOf(all *pgconn.Config) []*pgconn.Config {
	var out []*pgconn.Config
	for _, way := range append([]*pgconn.FallbackConfig{{Host: all.Host, Port: all.Port, TLSConfig: all.TLSConfig}}, all.Fallbacks...) {
		at := slices.IndexFunc(out, func(c *pgconn.Config) bool { return c.Host == way.Host && c.Port == way.Port })
		if at >= 0 {
			out[at].Fallbacks = append(out[at].Fallbacks, way)
			continue
		}
		own := all.Copy()
		own.Host, own.Port, own.TLSConfig, own.Fallbacks, own.ValidateConnect = way.Host, way.Port, way.TLSConfig, nil, nil
		out = append(out, own)
	}
	return out
}

// wait has the first connections wait for the answers, and none after them: one host
// that is slow or away would cost each of them the whole wait.
func (s *survey) wait(ctx context.Context) {
	asked, begun := s.ask()
	if asked == nil {
		return
	}
	late := time.NewTimer(time.Until(begun.Add(surveyWait)))
	defer late.Stop()
	select {
	case <-asked:
	case <-late.C:
	case <-ctx.Done():
	}
}

// ask asks those that have not answered, side by side, unless that was just done. It
// returns what is closed when each has answered or failed, nil where there is nobody
// to ask, and when they were first asked.
func (s *survey) ask() (asked <-chan struct{}, begun time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	if len(s.silent) == 0 || now.Before(s.next) {
		return s.asked, s.begun
	}
	if s.asked == nil {
		s.begun = now
	}
	s.next = now.Add(surveyAgain)
	var all sync.WaitGroup
	for _, host := range s.silent {
		all.Go(func() { s.askOne(host) })
	}
	done := make(chan struct{})
	go func() { all.Wait(); close(done) }()
	s.asked = done
	return done, s.begun
}

// askOne has nothing to do with the connection that began the survey, which may be
// given up long before a slow host answers.
func (s *survey) askOne(host *pgconn.Config) {
	ctx, cancel := context.WithTimeout(context.Background(), connectTimeout)
	defer cancel()
	conn, err := pgconn.ConnectConfig(ctx, host)
	if err != nil {
		return
	}
	defer conn.Close(ctx)
	state, err := stateOf(ctx, conn)
	if err != nil {
		return
	}
	s.heard(state)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.silent = slices.DeleteFunc(s.silent, func(c *pgconn.Config) bool { return c == host })
}
