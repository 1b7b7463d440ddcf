package vips

// #cgo pkg-config: vips
// #include "bridge.h"
import "C"

import (
	"context"
	"errors"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"unsafe"

	"golang.org/x/sync/semaphore"

	"meridian/world"
)

// Options set an Engine up. A field of 0 takes the default.
type Options struct {
	// Concurrency is how many threads libvips uses for one picture. Default 1:
	// with as many workers as cores, more threads a picture only cost (a second
	// thread takes 4-12 % off one picture and 15-25 % off the throughput).
	Concurrency int
	// CacheOps is how many of its own operations libvips remembers. Default 0:
	// no two requests repeat one, and the cache holds memory.
	CacheOps int
	// MaxWorkers is how many pictures are worked on at once. Default GOMAXPROCS.
	MaxWorkers int
	// MaxPixels is how many source pixels may be in work at once, over all
	// workers. Default twice the limit for one picture. A progressive JPEG holds
	// about 6 bytes for each of them.
	MaxPixels int64
	// Limits are what Transform, Placeholder, Edit and RenderSVG accept, and what a zero
	// field of the Limits given to Inspect and Check means.
	Limits Limits
	// Log takes the warnings of libvips and the libraries under it. Default: they
	// are dropped. It may be called from any thread.
	Log func(domain, message string)
}

// Engine runs libvips for the whole process. Its methods may be called by any
// number of goroutines; those beyond MaxWorkers wait, and the wait ends with
// their context.
type Engine struct {
	limits   Limits
	workers  *semaphore.Weighted
	pixels   *semaphore.Weighted
	nWorkers int64
	nPixels  int64
	closed   *atomic.Bool
	gate     *gate
	rest     *rest
	beside   bool // what is worked on is nobody's who waits
}

var (
	logTo   atomic.Pointer[func(domain, message string)]
	library = sync.OnceValue(func() error {
		if C.mv_start() != 0 {
			return errors.New("libvips does not start: " + lastError())
		}
		return nil
	})
)

// Start makes an Engine, and initialises libvips the first time. libvips is one
// for the process, so Concurrency, CacheOps and Log of the latest Start hold for
// all engines. An error is a world.Error of code internal.
func Start(o Options) (*Engine, error) {
	logTo.Store(&o.Log)
	if err := library(); err != nil {
		return nil, world.Because(world.CodeInternal, "vips.start", "", err)
	}
	if o.MaxWorkers <= 0 {
		o.MaxWorkers = runtime.GOMAXPROCS(0)
	}
	limits := o.Limits.or(DefaultLimits())
	if o.MaxPixels <= 0 {
		o.MaxPixels = 2 * limits.MaxPixels
	}
	C.mv_tune(C.int(max(1, o.Concurrency)), C.int(max(0, o.CacheOps)))
	return &Engine{
		limits:   limits,
		workers:  semaphore.NewWeighted(int64(o.MaxWorkers)),
		pixels:   semaphore.NewWeighted(o.MaxPixels),
		nWorkers: int64(o.MaxWorkers),
		nPixels:  o.MaxPixels,
		closed:   new(atomic.Bool),
		gate:     newGate(o.MaxWorkers),
		rest:     &rest{giveBack: giveBackMemory},
	}, nil
}

// Beside is the same engine for work that nobody waits for: it begins nothing
// while somebody waits for a worker, and leaves one to them if there are several.
func (e *Engine) Beside() *Engine {
	beside := *e
	beside.beside = true
	return &beside
}

// Close waits for the pictures in work and refuses new ones. libvips itself
// stays initialised: it cannot be started twice in a process.
func (e *Engine) Close() {
	e.closed.Store(true)
	if e.workers.Acquire(context.Background(), e.nWorkers) == nil {
		e.workers.Release(e.nWorkers)
	}
}

// Loaders are the names of the loaders that libvips will run in this process,
// for the start log. All others are blocked in libvips itself.
func (e *Engine) Loaders() []string {
	names := C.mv_loaders()
	defer C.g_free(C.gpointer(names))
	return strings.Fields(C.GoString(names))
}

// Memory is how many bytes of pixels libvips holds now, in the whole process.
func (e *Engine) Memory() int64 { return int64(C.vips_tracked_get_mem()) }

// work runs f with a worker's place and the picture's share of the memory. The
// pixels are taken first, so that a large picture that waits for memory keeps no
// worker idle.
func (e *Engine) work(ctx context.Context, op string, pixels int64, f func() error) error {
	leave, err := e.gate.enter(ctx, e.beside)
	if err != nil {
		return e.waited(op, err)
	}
	defer leave()
	share := min(max(1, pixels), e.nPixels)
	if err := e.pixels.Acquire(ctx, share); err != nil {
		return e.waited(op, err)
	}
	defer e.pixels.Release(share)
	if err := e.workers.Acquire(ctx, 1); err != nil {
		return e.waited(op, err)
	}
	defer e.workers.Release(1)
	if e.closed.Load() {
		return world.E(world.CodeUnavailable, op, "Pictures are not being worked on while this part stops; try again.")
	}
	if err := ctx.Err(); err != nil { // Acquire may succeed on a context that is done
		return gaveUp(op, err)
	}
	e.rest.begin()
	defer e.rest.end()
	return f()
}

// waited is the error of work that never began. Of work that nobody waits for it
// says that others were at work, and nothing of the picture.
func (e *Engine) waited(op string, err error) error {
	if e.beside {
		return world.Because(world.CodeBusy, op, "Others are at work; this can wait.", err)
	}
	return gaveUp(op, err)
}

func gaveUp(op string, err error) error {
	if errors.Is(err, context.DeadlineExceeded) {
		return world.Because(world.CodeTimeout, op, "The picture took too long; try again.", err)
	}
	return world.Because(world.CodeUnavailable, op, "The work on the picture was given up; try again.", err)
}

// failed is the error for a libvips call that did not succeed: the context's if
// that is why, else one of the given code.
func failed(ctx context.Context, op string, code world.Code, message string) error {
	cause := errors.New(lastError())
	if err := ctx.Err(); err != nil {
		return gaveUp(op, err)
	}
	return world.Because(code, op, message, cause)
}

// lastError takes libvips' error text. It is one text for the process: under
// load it can hold lines of another picture, so it is for operators only.
func lastError() string {
	text := C.vips_error_buffer_copy()
	defer C.g_free(C.gpointer(text))
	return strings.TrimSpace(C.GoString(text))
}

// stopWith gives C a flag that is raised when the context ends. done must be
// called when C no longer reads the flag.
func stopWith(ctx context.Context) (flag *C.int, done func()) {
	flag = (*C.int)(C.calloc(1, C.sizeof_int))
	if ctx.Err() != nil { // on a busy machine what follows could come after all is done
		C.mv_cancel(flag)
	}
	gone := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		C.mv_cancel(flag)
		close(gone)
	})
	return flag, func() {
		if !stop() {
			<-gone // the flag is being raised: it may not be freed under it
		}
		C.free(unsafe.Pointer(flag))
	}
}

//export meridianVipsLog
func meridianVipsLog(domain, message *C.char) {
	if to := logTo.Load(); to != nil && *to != nil {
		(*to)(C.GoString(domain), C.GoString(message))
	}
}
