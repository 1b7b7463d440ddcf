package httpcache_test

import (
	"testing"

	"meridian/engine/httpcache"
	"meridian/test/cachetest"
)

func TestMemoryContract(t *testing.T) {
	cachetest.Memory(t, func(t *testing.T) httpcache.Memory { return httpcache.NewPoisonedMemory(t, 64<<20) })
}
