package loadgen

import (
	"context"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

func TestQuantilesAreWithinABucket(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	var h Histogram
	var all []time.Duration
	for range 20_000 {
		d := time.Duration(r.ExpFloat64() * 1e6)
		all = append(all, d)
		h.Add(d)
	}
	slices.Sort(all)
	for _, q := range []float64{0, .5, .9, .99, .999, 1} {
		want := all[min(len(all)-1, max(0, int(q*float64(len(all))+.999999)-1))]
		got := h.Quantile(q)
		if got < want || float64(got) > float64(want)*(1+1./64)+1 {
			t.Errorf("q %v: %v, want %v and not more than 1/64 above", q, got, want)
		}
	}
}

func TestBucketsFollowOneAnother(t *testing.T) {
	for b := range buckets - 1<<precision {
		if floor(b) >= floor(b+1) || bucket(floor(b)) != b || bucket(floor(b+1)-1) != b {
			t.Fatalf("bucket %d: %d to %d", b, floor(b), floor(b+1))
		}
	}
	var h Histogram
	h.Add(-time.Second)
	h.Add(1<<63 - 1)
	if h.Count() != 2 || h.Quantile(0) != 0 {
		t.Error("the ends of the scale")
	}
}

func TestParseHead(t *testing.T) {
	whole := "HTTP/1.1 200 OK\r\nA: content-length: 3\r\ncontent-LENGTH: 12 \r\nB: c\r\n\r\n"
	end, n, err := parseHead([]byte(whole + "content"))
	if err != nil || end != len(whole) || n != 12 {
		t.Errorf("%d, %d, %v", end, n, err)
	}
	for i := range whole {
		if end, _, err := parseHead([]byte(whole[:i])); end != 0 || err != nil {
			t.Errorf("the first %d bytes: %d, %v", i, end, err)
		}
	}
	for _, bad := range []string{
		"HTTP/1.1 304 Not Modified\r\n\r\n", "HTTP/1.1 200 OK\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", strings.Repeat("x", maxHead),
	} {
		if _, _, err := parseHead([]byte(bad)); err == nil {
			t.Errorf("%.40q was read", bad)
		}
	}
}

// What is counted is what the server has answered, with nothing else done.
func TestGeneratorCountsWhatTheServerAnswers(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("epoll")
	}
	var answered atomic.Uint64
	content := strings.Repeat("x", 30_000)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		answered.Add(1)
		w.Header().Set("Content-Length", "30000")
		w.Write([]byte(content))
	}))
	defer server.Close()
	o := Options{Addr: strings.TrimPrefix(server.URL, "http://"), Host: "x", Path: "/", Objects: 10, Length: len(content), Conns: 7, Warm: 20 * time.Millisecond, Measure: 100 * time.Millisecond}
	var before, after uint64
	res, err := Run(t.Context(), o, func() { before = answered.Load() }, func() { after = answered.Load() })
	if err != nil || res.Errors != 0 || res.Requests == 0 {
		t.Fatalf("%+v, %v", res, err)
	}
	// Of each connection one answer may be under way at either end.
	if n := after - before; n+7 < res.Requests || n > res.Requests+7 {
		t.Errorf("%d counted, %d answered over 7 connections", res.Requests, n)
	}
	if res.P50 <= 0 || res.P50 > res.P99 || res.P99 > res.Max || res.Own <= 0 {
		t.Errorf("%+v", res)
	}
	o.Length++
	if _, err := Run(t.Context(), o, func() {}, func() {}); err == nil || !strings.Contains(err.Error(), "30000 bytes, not 30001") {
		t.Errorf("content of another length: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	o.Length--
	if _, err := Run(ctx, o, func() {}, func() {}); err == nil {
		t.Error("it does not end with its context")
	}
}

func TestOptionsAreChecked(t *testing.T) {
	if _, err := Run(t.Context(), Options{}, nil, nil); err == nil {
		t.Error("nothing to do, and no error")
	}
}
