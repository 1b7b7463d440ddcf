package testpay

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	client "meridian/adapter/testpay"
	"meridian/platform/netaddr"
	"meridian/world"
)

// TestMain lets the test binary play the provider's process.
func TestMain(m *testing.M) {
	dir := os.Getenv("TESTPAY_DIR")
	if dir == "" {
		os.Exit(m.Run())
	}
	c := Default()
	c.Dir, c.Listen, c.URL = dir, "unix:"+filepath.Join(dir, "s"), "http://pay.test"
	c.Accounts = []Account{{Name: "de", Key: accountKey}}
	err := Run(context.Background(), c, time.Now, slog.New(slog.DiscardHandler), func(string) { fmt.Println("ready") })
	fmt.Println(err)
	os.Exit(1)
}

// process is a provider that can be killed.
func process(t *testing.T, dir string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "TESTPAY_DIR="+dir)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	said := make([]byte, 200)
	if n, _ := out.Read(said); !strings.HasPrefix(string(said[:n]), "ready") {
		t.Fatalf("it does not start: %s", said[:n])
	}
	return cmd
}

// Whatever was acknowledged is there after a kill at any moment, and asking again
// with the same keys does nothing twice.
func TestKilledAtAnyMoment(t *testing.T) {
	dir, err := os.MkdirTemp("", "tp") // short enough for a socket's path
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	way := netaddr.Transport("unix:"+filepath.Join(dir, "s"), netaddr.TransportOptions{})
	p, err := client.New(client.Options{URL: "http://pay.test", Key: accountKey, Tolerance: time.Minute, Timeout: 10 * time.Second, Transport: way, Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	pay := func(to string) {
		r, _ := http.NewRequest(http.MethodPost, to, strings.NewReader(url.Values{"number": {card("pays")}}.Encode()))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		if res, err := way.RoundTrip(r); err == nil {
			res.Body.Close()
		}
	}
	const buyers, rounds = 8, 4
	var mu sync.Mutex
	known := map[string]world.Payment{} // by key, as it was last acknowledged
	step := func(ctx context.Context, key string) {
		saw := func(q world.Payment, err error) bool {
			mu.Lock()
			defer mu.Unlock()
			before := known[key]
			if err == nil && (before.Ref != "" && before.Ref != q.Ref || q.Version < before.Version || q.CapturedMinor < before.CapturedMinor || q.RefundedMinor < before.RefundedMinor) {
				t.Errorf("%s: %+v after %+v", key, q, before)
			}
			if err == nil {
				known[key] = q
			}
			return err == nil
		}
		q, err := p.Open(ctx, world.PaymentRequest{Key: key, OrderID: "o", Number: "N", Currency: "EUR", Minor: 500, ReturnURL: "http://a.test", CancelURL: "http://a.test"})
		if !saw(q, err) {
			return
		}
		if q.State == world.PaymentOpened {
			pay(q.URL)
		}
		if q, err = p.Capture(ctx, q.Ref, key+"c", 500); saw(q, err) {
			saw(p.Refund(ctx, q.Ref, key+"r", 100))
		}
	}
	for round := range rounds {
		cmd := process(t, dir)
		ctx, cancel := context.WithCancel(t.Context())
		var all sync.WaitGroup
		progress := make(chan struct{}, 1000)
		for b := range buyers {
			all.Go(func() {
				for i := 0; ctx.Err() == nil && i < 1000; i++ {
					step(ctx, fmt.Sprintf("k%d-%d", b, i))
					select {
					case progress <- struct{}{}:
					default:
					}
				}
			})
		}
		for range 10 + 17*round { // a different moment each time, however fast it is
			<-progress
		}
		cmd.Process.Kill()
		cmd.Wait()
		cancel()
		all.Wait()
	}
	process(t, dir)
	for key, before := range known {
		q, err := p.Look(t.Context(), before.Ref)
		if err != nil || q.Version < before.Version || q.CapturedMinor < before.CapturedMinor || q.RefundedMinor < before.RefundedMinor {
			t.Errorf("%s: %+v, %v; acknowledged was %+v", key, q, err, before)
			continue
		}
		step(t.Context(), key)
		if q, err = p.Look(t.Context(), before.Ref); err != nil || q.CapturedMinor != 500 || q.RefundedMinor != 100 {
			t.Errorf("%s, finished: %+v, %v", key, q, err)
		}
	}
	if len(known) < buyers {
		t.Errorf("only %d payments were begun", len(known))
	}
}
