package httpcache_test

import (
	"testing"

	"meridian/engine/httpcache"
	"meridian/test/cachetest"
)

func TestMemoryContract(t *testing.T) {
	cachetest.Memory(t, func(t *testing.T) httpcache.Memory { return httpcache.NewPoisonedMemory(t, 64<<20) })
}

func TestDiskContract(t *testing.T) {
	cachetest.Disk(t, func(t *testing.T) cachetest.DiskPlace {
		open, reclaim := httpcache.NewMemDisk(t)
		return cachetest.DiskPlace{Open: open, Reclaim: reclaim}
	})
}
