package localworld

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httputil"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"time"

	"meridian/adapter/yaml"
	"meridian/app"
	"meridian/app/testpay"
	"meridian/platform/childproc"
	"meridian/platform/httpserver"
	"meridian/platform/lifecycle"
	"meridian/platform/netaddr"
	"meridian/world"
)

// The payment provider for trying out has a process of its own, which is started
// when somebody first asks it for something: a world that nobody pays in does
// without it. One that ends is started again by the next who asks.

// payHost is where buyers find it, by the gate.
const payHost = "pay.localhost"

// testpayDir holds its ledger; testpayFile, within config, is its config.
const (
	testpayDir  = "testpay"
	testpayFile = "config/testpay.yaml"
)

// testpayStart is how long it may take to answer.
const testpayStart = 15 * time.Second

// PaySecret is what a market and its account at the provider know of one another.
type PaySecret struct {
	Key  string `json:"key"`
	Hook string `json:"hook"` // signs what the market is told
}

func (p *plan) payURL() string { return fmt.Sprintf("http://%s:%d", payHost, p.port) }

// fillPayments gives a region's shop the accounts of the markets that are homed there.
func (p *plan) fillPayments(s *app.Shop, region string) {
	for _, m := range p.w.Markets {
		if m.HomeRegion == region {
			secret := p.secrets.Pay[m.ID]
			s.Payments = append(s.Payments, app.PaymentAccount{
				Market: m.ID, Provider: "testpay", URL: "http://" + payHost, Dial: p.socket("testpay"), Pages: p.payURL(), Key: secret.Key, Secrets: []string{secret.Hook},
			})
		}
	}
}

// testpayConfig tells the provider its shops: it reaches them as anybody does, by
// the gate.
func (p *plan) testpayConfig() *app.TestpayFile {
	f := app.NewTestpayFile()
	f.Listen, f.Dir, f.URL = p.socket("testpay-own"), p.st.path(testpayDir), p.payURL()
	for _, m := range p.w.Markets {
		secret := p.secrets.Pay[m.ID]
		f.Accounts = append(f.Accounts, testpay.Account{
			Name: m.ID, Key: secret.Key, Secrets: []string{secret.Hook},
			Webhook: fmt.Sprintf("http://%s:%d/payments/testpay", m.Host, p.port), Dial: fmt.Sprintf("tcp:127.0.0.1:%d", p.port),
		})
	}
	return f
}

// payDoor is where shops and buyers come in for the provider, whether it runs or not.
type payDoor struct {
	u    *up
	ln   net.Listener
	path string // of the provider's config
	own  string // where the provider itself listens

	mu    sync.Mutex
	child *exec.Cmd     // nil while there is none
	gone  chan struct{} // closed when it has ended
	shut  bool
	flows sync.WaitGroup
}

func (u *up) startPayDoor(ctx context.Context) (lifecycle.Running, error) {
	f := u.plan.testpayConfig()
	f.Log.Level = u.o.LogLevel.String()
	text, err := yaml.Encode(f)
	if err != nil {
		return nil, err
	}
	if err := u.plan.st.writeFile(testpayFile, text); err != nil {
		return nil, err
	}
	ln, err := netaddr.Listen(ctx, u.plan.socket("testpay"))
	if err != nil {
		return nil, err
	}
	d := &payDoor{u: u, ln: ln, path: u.plan.st.path(testpayFile), own: f.Listen}
	go d.accept()
	return newPart(d.stop), nil
}

func (d *payDoor) accept() {
	for {
		c, err := d.ln.Accept()
		if err != nil {
			return // it was closed: the listener itself waits out what passes
		}
		d.flows.Go(func() { d.carry(c) })
	}
}

// carry takes one connection to the provider, which is started if need be.
func (d *payDoor) carry(c net.Conn) {
	defer c.Close()
	ctx, cancel := context.WithTimeout(context.Background(), testpayStart)
	defer cancel()
	there, gone, err := d.reach(ctx)
	if err != nil {
		d.u.root.Log.Warn("the payment provider does not start", "err", err)
		return
	}
	defer there.Close()
	both := make(chan struct{}, 2)
	for _, way := range [][2]net.Conn{{c, there}, {there, c}} {
		go func() {
			_, _ = io.Copy(way[0], way[1]) // whoever ends it, ends it for both
			both <- struct{}{}
		}()
	}
	select {
	case <-both:
	case <-gone:
	}
}

// reach connects to the provider.
func (d *payDoor) reach(ctx context.Context) (net.Conn, <-chan struct{}, error) {
	gone, err := d.running()
	if err != nil {
		return nil, nil, err
	}
	tick := time.NewTicker(childPoll)
	defer tick.Stop()
	for {
		c, err := netaddr.Dial(ctx, d.own)
		if err == nil {
			return c, gone, nil
		}
		select {
		case <-tick.C:
		case <-gone:
			return nil, nil, errors.Join(err, world.E(world.CodeUnavailable, "up.testpay", "The payment provider's process ended; its log says why."))
		case <-ctx.Done():
			return nil, nil, err
		}
	}
}

// running starts the provider's process if there is none.
func (d *payDoor) running() (<-chan struct{}, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.shut {
		return nil, world.E(world.CodeUnavailable, "up.testpay", "The world stops.")
	}
	if d.child != nil {
		return d.gone, nil
	}
	exe, err := os.Executable()
	if err != nil {
		return nil, world.Wrap("up.testpay", err)
	}
	cmd := exec.Command(exe, "testpay", "--config", d.path)
	cmd.Stderr = d.u.o.Logs
	if err := childproc.Start(cmd, syscall.SIGTERM); err != nil {
		return nil, world.Wrap("up.testpay", err)
	}
	gone := make(chan struct{})
	d.child, d.gone = cmd, gone
	go func() {
		err := cmd.Wait()
		d.mu.Lock()
		d.child = nil
		stopped := d.shut
		d.mu.Unlock()
		close(gone)
		if err != nil && !stopped {
			d.u.root.Log.Warn("the payment provider's process ended; it is started again when it is needed", "err", err)
		}
	}()
	return gone, nil
}

func (d *payDoor) stop(ctx context.Context) error {
	err := d.ln.Close()
	d.mu.Lock()
	d.shut = true
	child, gone := d.child, d.gone
	d.mu.Unlock()
	if child != nil {
		_ = child.Process.Signal(syscall.SIGTERM) // one that has ended needs none
		select {
		case <-gone:
		case <-ctx.Done():
			_ = child.Process.Kill()
			<-gone
		}
	}
	d.flows.Wait()
	return err
}

// withPay leads buyers to the provider's page, and everybody else to next.
func (u *up) withPay(next http.Handler) http.Handler {
	way := &httputil.ReverseProxy{
		Transport: netaddr.Transport(u.plan.socket("testpay"), netaddr.TransportOptions{Idle: 5 * time.Second}),
		Rewrite: func(p *httputil.ProxyRequest) {
			p.Out.URL.Scheme, p.Out.URL.Host, p.Out.Host = "http", payHost, p.In.Host
		},
		ErrorHandler: func(w http.ResponseWriter, r *http.Request, err error) {
			httpserver.WriteError(w, r, u.root.Log, httpserver.UpstreamError("testpay", err))
		},
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host := r.Host
		if h, _, err := net.SplitHostPort(host); err == nil {
			host = h
		}
		if host == payHost {
			way.ServeHTTP(w, r)
			return
		}
		next.ServeHTTP(w, r)
	})
}
