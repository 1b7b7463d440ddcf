package app

import (
	"context"
	"fmt"
	"io"
	"net/netip"
	"os"
	"strings"
	"sync/atomic"

	"meridian/adapter/maxmind"
	"meridian/engine/pause"
	"meridian/engine/prefixes"
	"meridian/engine/whereabouts"
	"meridian/world"
)

// placeReaders read what tells where clients are, for every role that asks.
var placeReaders = whereabouts.Readers{
	Open: func(path string) (io.ReadCloser, error) { return pathOf(path).Open() },
	Database: func(path string, each func(netip.Prefix, whereabouts.Location)) error {
		return maxmind.Each(path, func(p netip.Prefix, r maxmind.Record) { each(p, whereabouts.Location(r)) })
	},
}

// clientPlaces is where clients are, by sources that may change.
type clientPlaces struct {
	m     *machine
	now   atomic.Pointer[prefixes.Table[whereabouts.Place]]
	stamp string // of the sources as they were last looked at
}

// places reads the file's sources. It fails where there are none.
func (m *machine) places() (*clientPlaces, error) {
	s := m.file.Location
	if err := s.Validate(); err != nil {
		return nil, err
	}
	if s.None() {
		return nil, world.E(world.CodeInvalid, "config", "location: nearer.answer is set, but nothing tells where clients are: name prefixes or a database.")
	}
	c := &clientPlaces{m: m}
	var err error
	if c.stamp, err = stampOf(s.Files()); err != nil {
		return nil, world.Because(world.CodeInvalid, "config", "location: a file cannot be read", err)
	}
	return c, c.read()
}

// Now is where clients are as the sources have it: another table when they have
// changed.
func (c *clientPlaces) Now() *prefixes.Table[whereabouts.Place] { return c.now.Load() }

func (c *clientPlaces) read() error {
	table, err := whereabouts.Read(c.m.World, c.m.file.Location, placeReaders)
	if err == nil {
		c.now.Store(table)
	}
	return err
}

// follow takes sources that have changed, until ctx ends, whose error it returns.
// What is wrong is told once, and the last good table stays.
func (c *clientPlaces) follow(ctx context.Context) error {
	pause.Every(ctx, c.m.file.Location.Look, c.look)
	return ctx.Err()
}

func (c *clientPlaces) look(ctx context.Context) {
	stamp, err := stampOf(c.m.file.Location.Files())
	if err != nil {
		stamp = "lost"
	}
	if stamp == c.stamp {
		return
	}
	c.stamp = stamp
	if err == nil {
		err = c.read()
	}
	if err != nil {
		c.m.tel.Log.ErrorContext(ctx, "where clients are cannot be read anew: what was known stays", "err", err)
		return
	}
	c.m.tel.Log.InfoContext(ctx, "where clients are was read anew")
}

// stampOf is another one when one of the files is another one.
func stampOf(paths []string) (string, error) {
	var all strings.Builder
	for _, p := range paths {
		stamp, err := pathOf(p).Stamp()
		if err != nil {
			return "", err
		}
		all.WriteString(stamp + "\n")
	}
	return all.String(), nil
}

// pathOf is a file that may change, by its path.
type pathOf string

func (f pathOf) Open() (io.ReadCloser, error) { return os.Open(string(f)) }

// Stamp changes with the file's size, or its time.
func (f pathOf) Stamp() (string, error) {
	i, err := os.Stat(string(f))
	if err != nil {
		return "", err
	}
	return fmt.Sprint(i.Size(), " ", i.ModTime().UnixNano()), nil
}
