package geodns

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/miekg/dns"

	"meridian/platform/dnsserver"
)

// While the config changes, for good or ill, no query is lost: each is answered as
// one of the good ones has it, and what is wrong is told.
func TestReloadLosesNoQuery(t *testing.T) {
	r := newRig(t, func(c *Config) { c.Rate = 0 }) // many ask from one address
	var log bytes.Buffer
	r.Server.deps.Log = slog.New(slog.NewTextHandler(&log, nil))
	on, err := dnsserver.Listen(t.Context(), []string{"127.0.0.1:0"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- r.Serve(ctx, on) }()
	var over atomic.Bool
	asked := make(chan int)
	for _, network := range []string{"udp", "tcp"} {
		go func() { asked <- askUntil(t, network, on.Addresses()[0], over.Load) }()
	}
	files := r.watch()
	good := r.config
	const turns = 50
	for i := range turns {
		r.config = good
		switch i % 4 {
		case 0:
			r.config.Drained = []string{"fra"}
		case 1:
			r.config.TTL = -time.Second
		case 2:
			r.files["places"] = placesOfTests + strings.Repeat("# once more\n", i)
		case 3:
			r.config.Records = "nonsense"
		}
		files.look(ctx)
	}
	over.Store(true)
	for range 2 {
		if n := <-asked; n == 0 {
			t.Error("nothing was asked meanwhile")
		}
	}
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if wrong := strings.Count(log.String(), "the last good ones stay"); wrong != turns/2 {
		t.Errorf("%d of %d wrong configs are told:\n%s", wrong, turns/2, &log)
	}
}

// askUntil asks one query after another, each of which must be answered, and tells
// how many those were.
func askUntil(t *testing.T, network, at string, over func() bool) (asked int) {
	c, err := dns.Dial(network, at)
	if err != nil {
		t.Error(err)
		return 0
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(30 * time.Second))
	for ; !over() || asked == 0; asked++ {
		m := new(dns.Msg).SetQuestion("www.shop.example.", dns.TypeA)
		subnetOf("203.0.113.0/24")(m)
		if err := c.WriteMsg(m); err != nil {
			t.Error(err)
			return asked
		}
		got, err := c.ReadMsg()
		if err != nil || got.Id != m.Id || !strings.HasPrefix(said(got), "NOERROR 192.0.2.") {
			t.Errorf("by %s, query %d: %v, %s", network, asked, err, said(got))
			return asked
		}
	}
	return asked
}
