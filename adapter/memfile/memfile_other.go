//go:build !linux

package memfile

import (
	"errors"

	"meridian/engine/httpcache"
)

// Memory is an [httpcache.Memory]; this system has none.
type Memory struct{}

// New is refused, code unavailable: this system has no files of memory.
func New(int64) (*Memory, error) { return nil, unavailable(errors.ErrUnsupported) }

// Take is no room.
func (*Memory) Take(int64) (httpcache.Room, bool) { return nil, false }

// Stats are the figures of nothing.
func (*Memory) Stats() Stats { return Stats{} }
