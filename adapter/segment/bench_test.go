package segment

import (
	"net/http"
	"testing"
	"time"

	"meridian/engine/httpcache"
	"meridian/test/cachetest"
)

// BenchmarkStart opens a log of 1 GB, in objects of 20 KB with a group each,
// whose process was killed, and finds what it holds:
// `go test -run '^$' -bench Start -benchtime 3x ./adapter/segment`.
func BenchmarkStart(b *testing.B) {
	cfg := Config{Dir: b.TempDir(), Bytes: 8 << 30, QueueBytes: 64 << 20, bootID: func() string { return "same" }}
	l, err := Open(cfg)
	if err != nil {
		b.Fatal(err)
	}
	l.Start(newShelf())
	content := string(make([]byte, 20<<10))
	const objects = 1 << 30 / (20 << 10)
	for key := range uint64(objects) {
		o := cachetest.NewObject(key, content, "product")
		o.Meta = string(make([]byte, 500))
		for !l.Put(o) {
			<-time.After(time.Millisecond)
		}
	}
	_ = l.Close()
	l.failed(l.mark("same")) // as if it had been killed
	b.ResetTimer()
	for range b.N {
		l, err := Open(cfg)
		if err != nil {
			b.Fatal(err)
		}
		c := httpcache.New(httpcache.Config{Disk: l, Now: time.Now, Upstream: http.DefaultTransport})
		if n := c.Stats().OnDisk; n != objects {
			b.Fatalf("%d objects, want %d", n, objects)
		}
		b.StopTimer()
		_ = c.Close()
		l.failed(l.mark("same"))
		b.StartTimer()
	}
}
