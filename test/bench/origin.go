package main

import (
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

// object is a kind of object that the origin has many of.
type object struct {
	name  string
	path  string
	bytes int
	count int
}

// The objects of the hit figures: enough that none stays in a core's caches.
var (
	small = object{"20 KB", "/s/", 20_000, 1000}
	large = object{"200 KB", "/l/", 200_000, 200}
)

// origin answers for all servers alike, with content that does not compress and
// the fields that a picture has. It counts what it is asked.
type origin struct {
	addr  string
	asked atomic.Int64
	stop  func() error
}

func startOrigin() (*origin, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	o := &origin{addr: l.Addr().String()}
	content := make([]byte, large.bytes)
	r := rand.New(rand.NewPCG(1, 1))
	for i := range content {
		content[i] = byte(r.Uint32())
	}
	modified := time.Now().Add(-time.Hour).UTC().Format(http.TimeFormat)
	s := &http.Server{ReadHeaderTimeout: time.Minute, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		o.asked.Add(1)
		for _, kind := range []object{small, large} {
			rest, ok := strings.CutPrefix(r.URL.Path, kind.path)
			if n, err := strconv.Atoi(rest); !ok || err != nil || n < 0 || n >= kind.count {
				continue
			}
			h := w.Header()
			h.Set("Content-Type", "image/webp")
			h.Set("Content-Length", strconv.Itoa(kind.bytes))
			h.Set("Cache-Control", "public, max-age=86400")
			h.Set("ETag", fmt.Sprintf(`"%x-%s"`, kind.bytes, rest))
			h.Set("Last-Modified", modified)
			_, _ = w.Write(content[:kind.bytes])
			return
		}
		http.NotFound(w, r)
	})}
	o.stop = s.Close
	go s.Serve(l)
	return o, nil
}
