package vips_test

import (
	"context"
	"fmt"
	"os"
	"sync"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"meridian/adapter/vips"
	"meridian/adapter/vips/probe"
	"meridian/world"
)

// asChild makes the test binary a child that decodes one picture.
const asChild = "probe-child"

func TestMain(m *testing.M) {
	if len(os.Args) < 2 || os.Args[1] != asChild {
		os.Exit(m.Run())
	}
	if err := probe.Serve(context.Background(), os.Args[2:], os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

const hostileChildren = 2

// hostileChild is what a child may take of memory for a hostile input, at most
// hostilePixels large.
const hostileChild = 96 << 20

// TestHostileInputsBringNoWorkerDown sends hostile inputs the way of every upload:
// through a child process each. Whatever becomes of the child, the worker grows by
// no more than the input, and each input is taken or refused with a reason.
func TestHostileInputsBringNoWorkerDown(t *testing.T) {
	e, err := vips.Start(vips.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	p, err := probe.New([]string{"/proc/self/exe", asChild}, probe.Limits{
		Children: hostileChildren, Memory: hostileChild, CPU: 20 * time.Second, Time: time.Minute, Start: time.Minute,
	})
	if err != nil {
		t.Fatal(err)
	}
	inputs := vips.HostileInputs(t, e, vips.HostileCount(60))
	refused, ends := map[world.Code]int{}, map[probe.End]int{}
	before := vips.Peak(t)
	var mu sync.Mutex
	send := func(what string, in []byte) {
		end, err := probed(t, p, in)
		mu.Lock()
		defer mu.Unlock()
		vips.CheckRefusal(t, what, err, refused)
		if ends[end]++; end == probe.Unstarted || end == probe.Hung || end == probe.Busy {
			t.Errorf("%s: %s: %v", what, end, err)
		}
	}
	var all errgroup.Group
	all.SetLimit(hostileChildren)
	for what, in := range inputs {
		all.Go(func() error {
			send(what, in)
			return nil
		})
	}
	all.Wait()
	t.Logf("ends: %v; refused: %v; a child held %d MB at most", ends, refused, p.Peak()>>20)
	if grown := vips.Peak(t) - before; grown > 64<<20 {
		t.Errorf("the worker grew by %d MB", grown>>20)
	}
	// Beside its picture a child holds the program and its libraries.
	if p.Peak() > hostileChild+128<<20 {
		t.Errorf("a child held %d MB", p.Peak()>>20)
	}
}

// probed sends an input the way that its kind goes.
func probed(t *testing.T, p *probe.Pool, in []byte) (end probe.End, err error) {
	if vips.IsDrawing(in) {
		_, end, err = p.Rasterise(t.Context(), in, 200, vips.HostileLimits())
		return end, err
	}
	_, end, err = p.Examine(t.Context(), in, vips.HostileLimits())
	return end, err
}
