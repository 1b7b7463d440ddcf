package story

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"meridian/app/localworld"
	"meridian/engine/failover"
	"meridian/test/worldtest"
	"meridian/world"
)

// Orders while the database that takes them is killed.
const (
	failoverBuyers = 6
	failoverOrders = 4   // each buyer's
	killedAfter    = 6   // acknowledged orders
	failoverWithin = 120 // seconds for a machine that does much else to be in step
)

// takeover kills the primary of the resident cluster while many order at once. Its
// standby takes over: each order that somebody was sent to is there once, whoever
// heard nothing orders by the same form again, and the stock has gone down by what
// was sold.
func takeover(t *testing.T, w *worldtest.World) {
	cluster := world.ResidentCluster(w.Market(t, "de").HomeRegion)
	before := inStep(t, w, cluster)
	slug := w.Visitor(t, "de", "").Page(t, "/").Slugs()[0]
	name := fmt.Sprintf("Takeover %d", time.Now().UnixNano())
	const all, stock = failoverBuyers * failoverOrders, failoverBuyers*failoverOrders + 5
	w.Restock(t, "de", slug, stock)
	forms := prepare(t, w, slug, name, all)
	var acknowledged, unheard atomic.Int64
	var once sync.Once
	var wg sync.WaitGroup
	for b := range failoverBuyers {
		wg.Go(func() {
			for _, p := range forms[b*failoverOrders : (b+1)*failoverOrders] {
				path, err := p.client.Place(p.form)
				if err != nil {
					unheard.Add(1)
					continue
				}
				p.order = path
				if acknowledged.Add(1) >= killedAfter {
					once.Do(func() {
						if err := syscall.Kill(before.PrimaryPID, syscall.SIGKILL); err != nil {
							t.Error(err)
						}
					})
				}
			}
		})
	}
	wg.Wait()
	after := inStep(t, w, cluster)
	settle(t, forms)
	if after.Epoch != before.Epoch+1 || after.Primary != before.Standby || after.Takeover == nil {
		t.Fatalf("before %+v, after %+v", before, after)
	}
	t.Logf("taken over %.0f ms after it was seen; %d orders were acknowledged at once, %d forms were sent again; in step again %.1f s after",
		after.Takeover.Seconds*1000, acknowledged.Load(), unheard.Load(), after.Takeover.Rejoined.Sub(after.Takeover.At).Seconds())
	if got := w.Stock(t, "de", slug); got != stock-all {
		t.Errorf("%d are left of %d after %d orders", got, stock, all)
	}
	onceEach(t, w, name, all)
}

// inStep waits until every commit of a cluster is on both of its servers.
func inStep(t *testing.T, w *worldtest.World, cluster string) localworld.Database {
	t.Helper()
	var last localworld.Database
	for began := time.Now(); time.Since(began) < failoverWithin*time.Second; time.Sleep(50 * time.Millisecond) {
		for _, d := range databases(t, w) {
			if d.Cluster == cluster {
				if last = d; d.State == failover.Synced && d.PrimaryPID > 0 && d.StandbyPID > 0 {
					return d
				}
			}
		}
	}
	t.Fatalf("%s is not in step: %+v", cluster, last)
	return last
}

// databases are what the world tells of its clusters.
func databases(t *testing.T, w *worldtest.World) []localworld.Database {
	t.Helper()
	u := url.URL{Scheme: "http", Host: fmt.Sprintf("localhost:%d", w.Port), Path: "/databases"}
	res, err := http.Get(u.String())
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	var body struct{ Databases []localworld.Database }
	if err := json.NewDecoder(res.Body).Decode(&body); err != nil {
		t.Fatal(err)
	}
	return body.Databases
}
