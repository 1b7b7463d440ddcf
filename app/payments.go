package app

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"meridian/adapter/postgres"
	"meridian/adapter/stripe"
	"meridian/adapter/testpay"
	"meridian/platform/netaddr"
	"meridian/role/shop"
	"meridian/world"
)

// PaymentAccount is a market's account at a provider of payments.
type PaymentAccount struct {
	Market    string        `yaml:"market" doc:"the market whose payments it takes"`
	Provider  string        `yaml:"provider" doc:"testpay or stripe"`
	Key       string        `yaml:"key" doc:"the account's key; for Stripe a secret or restricted one" secret:"true"`
	Secrets   []string      `yaml:"secrets" doc:"what the provider signs its messages with, whsec_…: one, or two while one takes the place of the other" secret:"true"`
	URL       string        `yaml:"url" doc:"address of the provider's interface; for Stripe none: Stripe's own"`
	Dial      string        `yaml:"dial" doc:"address to connect to, where it is not the url's host: tcp:host:port or unix:/path"`
	Pages     string        `yaml:"pages" doc:"scheme and host of the provider's pages for buyers; for Stripe none: Stripe's own"`
	Tolerance time.Duration `yaml:"tolerance" doc:"most between the time of a message and ours; 0: 5m"`
	Timeout   time.Duration `yaml:"timeout" doc:"longest wait for an answer; 0: 10s"`
}

// Where Stripe is (docs.stripe.com/api, docs.stripe.com/payments/checkout).
const (
	stripeURL   = "https://api.stripe.com"
	stripePages = "https://checkout.stripe.com"
)

// providers makes the providers that a shop's config names. They are told of what
// they are to do at most, and fail one by one: nobody is asked here.
func (m *machine) providers(accounts []PaymentAccount) ([]shop.MarketPay, error) {
	var out []shop.MarketPay
	for i, a := range accounts {
		bad := func(setting, fix string) error {
			return world.E(world.CodeInvalid, "shop.payments", fmt.Sprintf("payments[%d].%s: %s", i, setting, fix))
		}
		if _, ok := m.World.MarketByID(a.Market); !ok {
			return nil, bad("market", "name a market of the world")
		}
		if a.Provider == stripe.Name {
			a.URL, a.Pages = cmp.Or(a.URL, stripeURL), cmp.Or(a.Pages, stripePages)
		}
		pages, err := url.Parse(a.Pages)
		if err != nil || pages.Scheme != "http" && pages.Scheme != "https" || pages.Host == "" || pages.Path != "" {
			return nil, bad("pages", "write scheme and host, such as https://pay.example")
		}
		way, err := wayTo(a)
		if err != nil {
			return nil, bad("url", "write http or https and a host, or set dial")
		}
		p, err := m.provider(a, netaddr.Transport(way, netaddr.DefaultTransportOptions()))
		if err != nil {
			return nil, world.Wrap(fmt.Sprintf("payments[%d]", i), err)
		}
		out = append(out, shop.MarketPay{Market: a.Market, Name: a.Provider, Provider: p, Pages: a.Pages})
	}
	return out, nil
}

// wayTo is where a provider is connected to.
func wayTo(a PaymentAccount) (string, error) {
	if a.Dial != "" {
		_, err := netaddr.Parse(a.Dial)
		return a.Dial, err
	}
	u, err := url.Parse(a.URL)
	if err != nil {
		return "", err
	}
	way := "tcp:" + u.Hostname() + ":" + cmp.Or(u.Port(), map[string]string{"http": "80", "https": "443"}[u.Scheme])
	_, err = netaddr.Parse(way)
	return way, err
}

func (m *machine) provider(a PaymentAccount, way http.RoundTripper) (world.PaymentProvider, error) {
	tolerance, timeout := cmp.Or(a.Tolerance, 5*time.Minute), cmp.Or(a.Timeout, 10*time.Second)
	switch a.Provider {
	case testpay.Name:
		return testpay.New(testpay.Options{URL: a.URL, Key: a.Key, Secrets: a.Secrets, Tolerance: tolerance, Timeout: timeout, Transport: way, Now: m.now})
	case stripe.Name:
		return stripe.New(stripe.Options{URL: a.URL, Key: a.Key, Secrets: a.Secrets, Tolerance: tolerance, Timeout: timeout, Transport: way})
	}
	return nil, world.E(world.CodeInvalid, "shop.payments", "provider: write testpay or stripe")
}

// PaidOrders changes orders by what becomes of their money.
type PaidOrders struct{ *postgres.OrderStore }

// Unpaid cancels an order whose money is not to be had.
func (p PaidOrders) Unpaid(ctx context.Context, orderID, paymentRef string, at time.Time) error {
	_, err := p.Change(ctx, world.OrderStep{OrderID: orderID, Event: world.OrderCancel, By: world.ByPayment, Who: paymentRef, At: at})
	return err
}

// paymentMetrics reports a region's payments, when somebody asks for figures.
type paymentMetrics struct {
	sums func(context.Context) (world.PaymentSums, error)
	log  *slog.Logger
}

var (
	paymentsUnsettled  = prometheus.NewDesc("meridian_payments_unsettled", "Payments that are to be looked after, by state.", []string{"state"}, nil)
	paymentsOverdue    = prometheus.NewDesc("meridian_payments_overdue_seconds", "For how long the payment that waits the longest should have been looked after.", nil, nil)
	paymentsTroubled   = prometheus.NewDesc("meridian_payments_troubled", "Payments of the last two days that an operator has to look at: meridian payments list --troubled.", nil, nil)
	paymentsMismatched = prometheus.NewDesc("meridian_payments_mismatched", "Orders of the last two days that are at rest, and whose money is not what they say. Always 0.", nil, nil)
)

// Describe is a collector's.
func (p paymentMetrics) Describe(out chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{paymentsUnsettled, paymentsOverdue, paymentsTroubled, paymentsMismatched} {
		out <- d
	}
}

// metricsWait is the longest wait for the figures.
const metricsWait = 2 * time.Second

// Collect is a collector's. While the database is away there are no figures.
func (p paymentMetrics) Collect(out chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), metricsWait)
	defer cancel()
	sums, err := p.sums(ctx)
	if err != nil {
		p.log.Debug("payments cannot be counted", "err", err)
		return
	}
	for state, n := range sums.Unsettled {
		out <- prometheus.MustNewConstMetric(paymentsUnsettled, prometheus.GaugeValue, float64(n), string(state))
	}
	out <- prometheus.MustNewConstMetric(paymentsOverdue, prometheus.GaugeValue, sums.Overdue.Seconds())
	out <- prometheus.MustNewConstMetric(paymentsTroubled, prometheus.GaugeValue, float64(sums.Troubled))
	out <- prometheus.MustNewConstMetric(paymentsMismatched, prometheus.GaugeValue, float64(sums.Mismatches))
}
