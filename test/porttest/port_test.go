package porttest

import (
	"fmt"
	"net"
	"runtime"
	"testing"
)

// at has the next look begin at a port.
func at(port int) {
	given.Lock()
	given.next = port
	given.Unlock()
}

func TestAPortIsGivenOnce(t *testing.T) {
	first, err := Row(3)
	if err != nil {
		t.Fatal(err)
	}
	if p := Free(t); p >= first && p < first+3 {
		t.Errorf("%d is of the row from %d", p, first)
	}
	if runtime.GOOS != "linux" {
		return
	}
	at(first) // as another process that begins there
	if p := Free(t); p >= first && p < first+3 {
		t.Errorf("%d is taken", p)
	}
}

func TestWhatSomebodyListensOnIsNotFree(t *testing.T) {
	p := Free(t)
	addr := fmt.Sprintf("127.0.0.1:%d", p)
	ln, err := net.Listen("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	if free(p) == nil {
		t.Error("by TCP")
	}
	ln.Close()
	pc, err := net.ListenPacket("udp", addr)
	if err != nil {
		t.Fatal(err)
	}
	if free(p) == nil {
		t.Error("by UDP")
	}
	pc.Close()
	if err := free(p); err != nil {
		t.Error(err)
	}
}

func TestTheRangeIsGoneThroughAgain(t *testing.T) {
	at(highest - 1)
	if p, err := Row(2); err != nil || p >= highest-1 {
		t.Errorf("%d, %v", p, err)
	}
	if _, err := Row(highest); err == nil {
		t.Error("there are not so many")
	}
}
