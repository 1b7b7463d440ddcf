package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"meridian/adapter/wire"
	"meridian/app"
	"meridian/app/localworld"
	"meridian/world"
)

// A group's purge is measured while visitors ask every PoP for its pages.
const (
	purgeTimes  = 200
	purgeLoad   = 6 // visitors, one a PoP in turn
	purgePause  = 20 * time.Millisecond
	purgeMarket = "de" // asked for where it is at home
	purgeCity   = "frankfurt"
	purgeAim    = 50 * time.Millisecond // beyond the farthest round trip
)

// purges measures the time from a call of the API to the acknowledgement of the
// last tier, at the emulated round trips.
func purges(ctx context.Context, o options, out io.Writer) error {
	return inEmptyDir(ctx, o.dir, func(bin string) error {
		w, _, err := start(ctx, bin, o.dir, o.port, true)
		if err != nil {
			return err
		}
		err = purgesOf(ctx, o, out)
		if _, stopErr := w.stop(); err == nil {
			err = stopErr
		}
		return err
	})
}

func purgesOf(ctx context.Context, o options, out io.Writer) error {
	plan, err := app.ReadWorld("")
	if err != nil {
		return err
	}
	secrets, err := localworld.ReadSecrets(o.dir)
	if err != nil {
		return err
	}
	m, _ := plan.MarketByID(purgeMarket)
	var asked atomic.Int64
	loading, stop := context.WithCancel(ctx)
	var visitors sync.WaitGroup
	for i := range purgeLoad {
		visitors.Go(func() { visit(loading, fmt.Sprintf("http://127.0.0.1:%d/", o.port+1+i%len(plan.PoPs)), m.Host, &asked) })
	}
	began := time.Now()
	var took []float64
	missed := 0
	for range purgeTimes {
		d, missing, purgeErr := purgeOnce(ctx, o.port, m, secrets.PurgeToken)
		if purgeErr != nil {
			err = purgeErr
			break
		}
		if missing > 0 {
			missed++
		}
		took = append(took, d.Seconds()*1000)
		if err = wait(ctx, purgePause); err != nil {
			break
		}
	}
	stop()
	visitors.Wait()
	if err != nil {
		return err
	}
	slices.Sort(took)
	far := farthest(plan, m.HomeRegion)
	fmt.Fprintf(out, "\npurge of a group on %d PoPs and %d shields, %d times, beside %.0f requests a second: median %.0f ms, p99 %.0f ms, slowest %.0f ms; farthest round trip %d ms, aim < %d ms; %d not acknowledged by all\n",
		len(plan.PoPs), len(plan.Regions), len(took), float64(asked.Load())/time.Since(began).Seconds(), median(took), took[(len(took)*99-1)/100], took[len(took)-1], far.Milliseconds(), (far + purgeAim).Milliseconds(), missed)
	return nil
}

// visit asks for a page again and again.
func visit(ctx context.Context, url, host string, asked *atomic.Int64) {
	client := &http.Client{}
	defer client.CloseIdleConnections()
	for wait(ctx, 2*time.Millisecond) == nil {
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
		if err != nil {
			return
		}
		r.Host = host
		res, err := client.Do(r)
		if err != nil {
			continue
		}
		if _, err := io.Copy(io.Discard, res.Body); err == nil {
			asked.Add(1)
		}
		res.Body.Close()
	}
}

// purgeOnce is the time from the call to the last acknowledgement's arrival at
// the caller.
func purgeOnce(ctx context.Context, port int, m world.Market, token string) (took time.Duration, missing int, err error) {
	body := fmt.Sprintf(`{"groups":[%q],"wait":"10s"}`, world.GroupMarket(m.ID))
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, fmt.Sprintf("http://127.0.0.1:%d%s", port, world.PurgesPath), strings.NewReader(body))
	if err != nil {
		return 0, 0, err
	}
	r.Host = m.Host
	r.Header.Set("Authorization", "Bearer "+token)
	r.AddCookie(&http.Cookie{Name: "traveller", Value: purgeCity})
	began := time.Now()
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		return 0, 0, err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return 0, 0, fmt.Errorf("the purge was answered with %s", res.Status)
	}
	lines := bufio.NewScanner(res.Body)
	for lines.Scan() {
		n, err := wire.ParsePurgeNews(lines.Bytes())
		if err != nil {
			return 0, 0, err
		}
		if n.Event == world.PurgeDone {
			return time.Since(began), len(n.Missing), nil
		}
	}
	return 0, 0, fmt.Errorf("the answer broke off: %w", lines.Err())
}

// farthest is the longest round trip from a region to a tier.
func farthest(w *world.World, region string) time.Duration {
	home, _ := w.RegionByID(region)
	var far time.Duration
	for _, q := range w.PoPs {
		if d, ok := w.RoundTrip(home.Site, q.Site); ok {
			far = max(far, d)
		}
	}
	for _, r := range w.Regions {
		if d, ok := w.RoundTrip(home.Site, r.Site); ok && r.ID != region {
			far = max(far, d)
		}
	}
	return far
}
