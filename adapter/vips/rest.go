package vips

// #include "bridge.h"
import "C"

import (
	"runtime/debug"
	"sync"
	"time"
)

// restBeforeGivingBack is how long no picture has been in work before memory is
// given back: longer than the pauses between the pictures of one upload or page.
const restBeforeGivingBack = 5 * time.Second

// rest gives memory back to the system once nothing has been in work for a while.
// Pictures are worked on in buffers of tens of megabytes, on many threads, and the C
// library keeps what each of them has freed: after a few hundred pictures a world
// held 200 MB that nothing used, for good.
type rest struct {
	giveBack func()
	mu       sync.Mutex
	busy     int
	timer    *time.Timer // runs while nothing is in work, and memory was not yet given back
}

// begin notes that a picture is in work until end is called.
func (r *rest) begin() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.busy++
	if r.timer != nil {
		r.timer.Stop()
	}
}

func (r *rest) end() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.busy--; r.busy > 0 {
		return
	}
	if r.timer == nil {
		r.timer = time.AfterFunc(restBeforeGivingBack, r.over)
		return
	}
	r.timer.Reset(restBeforeGivingBack)
}

// over gives back, unless work has begun since the timer fired.
func (r *rest) over() {
	r.mu.Lock()
	idle := r.busy == 0
	r.mu.Unlock()
	if idle {
		r.giveBack()
	}
}

// giveBackMemory returns to the system what neither Go nor the C library uses.
func giveBackMemory() {
	debug.FreeOSMemory()
	C.mv_trim()
}
