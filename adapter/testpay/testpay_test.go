package testpay

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"meridian/world"
)

// What a provider owes a shop is tested in app/testpay, against the provider itself.

func TestOptions(t *testing.T) {
	good := Options{URL: "https://pay.test", Key: "k", Secrets: []string{"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"}, Tolerance: time.Minute, Timeout: time.Second}
	if _, err := New(good); err != nil {
		t.Error(err)
	}
	for name, change := range map[string]func(*Options){
		"url": func(o *Options) { o.URL = "pay.test" }, "path": func(o *Options) { o.URL += "/v1" }, "password": func(o *Options) { o.URL = "https://a:b@pay.test" },
		"key": func(o *Options) { o.Key = "" }, "secret": func(o *Options) { o.Secrets = []string{"x"} },
		"tolerance": func(o *Options) { o.Tolerance = 0 }, "timeout": func(o *Options) { o.Timeout = 0 },
	} {
		o := good
		change(&o)
		if _, err := New(o); !world.Is(err, world.CodeInvalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func FuzzAnswers(f *testing.F) {
	f.Add([]byte(`{"ref":"pay_1","state":"captured","currency":"EUR","amount":5,"captured":5,"refunded":1,"version":3}`))
	f.Add([]byte(`{"ref":"pay_1","state":"captured","amount":5,"captured":6,"version":3}`))
	f.Add([]byte(`{"ref":"../1","state":"opened","amount":5,"version":1}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		p, err := parsePayment(body)
		if err != nil {
			if !world.Is(err, world.CodeBadUpstream) || p != (world.Payment{}) {
				t.Errorf("%+v, %v", p, err)
			}
			return
		}
		if strings.ContainsAny(p.Ref, "/.") || p.RefundedMinor > p.CapturedMinor || p.CapturedMinor > p.AmountMinor || p.Version < 1 {
			t.Errorf("taken: %+v", p)
		}
	})
}

func FuzzEvent(f *testing.F) {
	p, err := New(Options{URL: "https://pay.test", Key: "k", Secrets: []string{"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"}, Tolerance: time.Minute, Timeout: time.Second})
	if err != nil {
		f.Fatal(err)
	}
	f.Add("v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=", []byte(`{"test": 2432232314}`))
	f.Fuzz(func(t *testing.T, signature string, body []byte) {
		h := http.Header{"Webhook-Id": {"other"}, "Webhook-Timestamp": {"1614265330"}, "Webhook-Signature": {signature}}
		if e, err := p.Event(h, body, time.Unix(1614265330, 0)); err == nil {
			t.Errorf("believed: %+v", e)
		}
	})
}
