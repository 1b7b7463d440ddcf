package app

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"meridian/world"
)

func TestProvidersByConfig(t *testing.T) {
	w, err := ReadWorld("")
	if err != nil {
		t.Fatal(err)
	}
	m := &machine{Process: &Process{World: w}}
	const secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
	ours := PaymentAccount{Market: "de", Provider: "testpay", Key: "k", Secrets: []string{secret}, URL: "http://pay.test", Pages: "http://pay.test"}
	theirs := PaymentAccount{Market: "gb", Provider: "stripe", Key: "sk_test_1", Secrets: []string{secret}}
	got, err := m.providers([]PaymentAccount{ours, theirs})
	if err != nil || len(got) != 2 || got[0].Pages != "http://pay.test" || got[1].Pages != stripePages || got[1].Name != "stripe" || got[0].Provider == nil || got[1].Provider == nil {
		t.Errorf("%+v, %v", got, err)
	}
	for name, change := range map[string]func(*PaymentAccount){
		"market": func(a *PaymentAccount) { a.Market = "xx" }, "provider": func(a *PaymentAccount) { a.Provider = "paypal" }, "pages": func(a *PaymentAccount) { a.Pages = "pay.test" },
		"pages with a path": func(a *PaymentAccount) { a.Pages += "/pay" }, "dial": func(a *PaymentAccount) { a.Dial = "x" }, "url": func(a *PaymentAccount) { a.URL = "" },
		"key": func(a *PaymentAccount) { a.Key = "" }, "secret": func(a *PaymentAccount) { a.Secrets = []string{"x"} },
	} {
		a := ours
		change(&a)
		if _, err := m.providers([]PaymentAccount{a}); !world.Is(err, world.CodeInvalid) || strings.Contains(err.Error(), secret) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestPaymentFigures(t *testing.T) {
	sums, failed := world.PaymentSums{Unsettled: map[world.PaymentState]int{world.PaymentOpened: 2}, Overdue: 3 * time.Second, Troubled: 1, Mismatches: 4}, error(nil)
	r := prometheus.NewRegistry()
	r.MustRegister(paymentMetrics{func(context.Context) (world.PaymentSums, error) { return sums, failed }, slog.New(slog.DiscardHandler)})
	figures := func() map[string]float64 {
		families, err := r.Gather()
		if err != nil {
			t.Fatal(err)
		}
		out := map[string]float64{}
		for _, f := range families {
			out[f.GetName()] = f.GetMetric()[0].GetGauge().GetValue()
		}
		return out
	}
	if got := figures(); len(got) != 4 || got["meridian_payments_unsettled"] != 2 || got["meridian_payments_overdue_seconds"] != 3 || got["meridian_payments_troubled"] != 1 || got["meridian_payments_mismatched"] != 4 {
		t.Errorf("%v", got)
	}
	failed = errors.New("the database is away")
	if got := figures(); len(got) != 0 {
		t.Errorf("figures without a database: %v", got)
	}
}
