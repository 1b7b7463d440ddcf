package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"runtime"
	"strconv"
	"text/tabwriter"
	"time"

	"meridian/engine/httpcache"
	"meridian/test/bench/hitratio"
)

// The traces: as in docs/benchmarks.md.
const (
	traceObjects  = 100_000
	traceRequests = 500_000
	traceSeed     = 20261122
)

// ratios compares what our cache keeps with what others would.
func ratios(ctx context.Context, _ options, out io.Writer) error {
	fmt.Fprintf(out, "\nHit ratio of %d objects, %d requests, the first quarter not counted; capacity as a share of all objects' bytes\n", traceObjects, traceRequests)
	w := tabwriter.NewWriter(out, 0, 0, 3, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "Zipf\tcapacity\tours\tLRU\tours - LRU\tBelady\tbound\tours / bound\t")
	for _, alpha := range []float64{0.8, 0.9, 1.0} {
		t := hitratio.Zipf(alpha, traceObjects, traceRequests, traceSeed)
		overhead, err := overheadOfOne()
		if err != nil {
			return err
		}
		all := t.Footprint() + overhead*traceObjects
		for _, percent := range []int64{1, 5, 10} {
			capacity := all * percent / 100
			our, err := ourRatio(ctx, t, capacity)
			if err != nil {
				return err
			}
			lru, belady, bound := t.LRU(capacity, overhead), t.Belady(capacity, overhead), t.Bound(capacity, overhead)
			fmt.Fprintf(w, "%.1f\t%d %%\t%.1f %%\t%.1f %%\t%+.1f\t%.1f %%\t%.1f %%\t%.2f\t\n",
				alpha, percent, 100*our, 100*lru, 100*(our-lru), 100*belady, 100*bound, our/bound)
		}
	}
	w.Flush()
	fmt.Fprintln(out, "bound: no cache of that many bytes can have more (PFOO-L); Belady knows the future but not the sizes. All count the same bookkeeping a response.")
	return nil
}

// sized is an upstream whose objects are as long as their URL says.
type sized struct{ content []byte }

// RoundTrip answers /number/length.
func (s sized) RoundTrip(r *http.Request) (*http.Response, error) {
	n, err := strconv.Atoi(r.URL.Path[bytes.LastIndexByte([]byte(r.URL.Path), '/')+1:])
	if err != nil {
		return nil, err
	}
	return &http.Response{
		StatusCode: http.StatusOK, ContentLength: int64(n), Body: io.NopCloser(bytes.NewReader(s.content[:n])),
		Header: http.Header{"Cache-Control": {"max-age=86400"}, "Content-Type": {"image/webp"}, "Etag": {`"v1"`}},
	}, nil
}

// newBenchCache is the real cache over a made-up origin, its clock standing still so that nothing grows stale.
func newBenchCache(capacity int64) *httpcache.Cache {
	now := time.Now()
	return httpcache.New(httpcache.Config{
		MaxBytes: capacity, MaxObjectBytes: min(1<<20, capacity), Now: func() time.Time { return now },
		Upstream: sized{make([]byte, 1<<20)}, KeyOf: func(r *http.Request) (string, bool) { return r.URL.Path, true },
	})
}

// discard is a response that nobody reads.
type discard struct {
	h      http.Header
	status int
}

func (d *discard) Header() http.Header         { return d.h }
func (d *discard) Write(p []byte) (int, error) { return len(p), nil }
func (d *discard) WriteHeader(status int)      { d.status = status }

// ask asks a cache for an object; hit: it was stored.
func ask(ctx context.Context, c *httpcache.Cache, object int32, size int64) (hit bool, err error) {
	path := "/" + strconv.Itoa(int(object)) + "/" + strconv.FormatInt(size, 10)
	if _, ok := c.Find([]byte(path), nil); ok {
		return true, nil
	}
	r := &http.Request{Method: http.MethodGet, Host: "x", URL: &url.URL{Path: path}, Header: http.Header{}, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1}
	w := &discard{h: http.Header{}, status: http.StatusOK}
	c.ServeHTTP(w, r.WithContext(ctx))
	if w.status != http.StatusOK {
		return false, fmt.Errorf("the cache answered %d", w.status)
	}
	return false, nil
}

func ourRatio(ctx context.Context, t hitratio.Trace, capacity int64) (float64, error) {
	c := newBenchCache(capacity)
	defer c.Close()
	var failure error
	ratio := t.Ratio(func(_ int, object int32) bool {
		if failure != nil || ctx.Err() != nil {
			return false
		}
		hit, err := ask(ctx, c, object, t.Sizes[object])
		failure = err
		return hit
	})
	if failure == nil {
		failure = ctx.Err()
	}
	return ratio, failure
}

// overheadOfOne is what our cache counts for a response beside its content.
func overheadOfOne() (int64, error) {
	const length = 1000
	c := newBenchCache(64 << 20)
	defer c.Close()
	if _, err := ask(context.Background(), c, 50_000, length); err != nil {
		return 0, err
	}
	return c.Stats().Bytes - length, nil
}

// The objects of the memory figure.
const (
	manyObjects = 1_000_000
	manyBytes   = 100
)

// memory tells what a million small objects take.
func memory(ctx context.Context, _ options, out io.Writer) error {
	c := newBenchCache(64 << 30)
	defer c.Close()
	before := heapInUse()
	for i := range int32(manyObjects) {
		if _, err := ask(ctx, c, i, manyBytes); err != nil {
			return err
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
	heap, s := heapInUse()-before, c.Stats()
	fmt.Fprintf(out, "\nMemory of %d objects of %d bytes, in RAM\n", s.Objects, manyBytes)
	each := func(n int64) float64 { return float64(n) / float64(s.Objects) }
	fmt.Fprintf(out, "  heap: %.0f MB, %.0f bytes an object, of which %.0f are not content\n", float64(heap)/1e6, each(heap), each(heap)-manyBytes)
	fmt.Fprintf(out, "  the cache counts %.0f bytes an object: %.2f of what they take\n", each(s.Bytes), float64(s.Bytes)/float64(heap))
	return nil
}

// heapInUse is what is reachable now, in bytes.
func heapInUse() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
