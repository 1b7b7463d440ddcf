package httpcache

import (
	"runtime"
	"strconv"
	"testing"
)

// BenchmarkDiskIndexMemory reports what a million objects on the disk take of
// RAM: `go test -bench DiskIndexMemory -benchtime 1x ./engine/httpcache`.
func BenchmarkDiskIndexMemory(b *testing.B) {
	const objects = 1_000_000
	for _, groups := range []int{0, 1, 3} {
		b.Run(strconv.Itoa(groups)+" groups", func(b *testing.B) {
			for range b.N {
				b.ReportMetric(indexBytes(objects, groups), "B/object")
			}
		})
	}
}

// indexBytes is the RAM that an object of so many groups takes, of shards as a
// cache has them; its groups are those of a shop with 10,000 products.
func indexBytes(objects, groups int) float64 {
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	shards := make([]diskIndex, maxShards)
	for i := range shards {
		shards[i] = newDiskIndex(DefaultMaxVariants)
	}
	for i := range objects {
		key := hashOf("img app/" + strconv.Itoa(i))
		tag := Tag{Key: key}
		for g := range groups {
			tag.Groups = append(tag.Groups, "product-"+strconv.Itoa((i*7+g*1009)%10_000))
		}
		shards[key%maxShards].add(tag, Place{Segment: 1, Offset: uint32(i)}, 0)
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	runtime.KeepAlive(shards)
	return float64(after.HeapAlloc-before.HeapAlloc) / float64(objects)
}
