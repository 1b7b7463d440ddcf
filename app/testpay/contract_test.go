package testpay

import (
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	client "meridian/adapter/testpay"
	"meridian/engine/webhooksig"
	"meridian/test/paytest"
	"meridian/world"
)

const accountKey = "an-account-key-of-this-test-0123"

var hookSecret = webhooksig.NewSecret([]byte("0123456789abcdef01234567"))

func testConfig(t *testing.T) Config {
	c := Default()
	c.Listen, c.URL, c.Dir = "tcp:127.0.0.1:0", "http://pay.test", t.TempDir()
	c.Accounts = []Account{{Name: "de", Key: accountKey}}
	return c
}

func quiet() *slog.Logger { return slog.New(slog.NewTextHandler(io.Discard, nil)) }

// direct answers requests by a handler, without a network.
type direct struct{ http.Handler }

func (d direct) RoundTrip(r *http.Request) (res *http.Response, err error) {
	w := httptest.NewRecorder()
	defer func() {
		if v := recover(); v == http.ErrAbortHandler {
			res, err = nil, io.ErrUnexpectedEOF
		}
	}()
	d.ServeHTTP(w, r)
	return w.Result(), r.Context().Err()
}

func open(t *testing.T, c Config) *Server {
	t.Helper()
	s, err := Open(c, time.Now, quiet())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// post sends a form as a browser does.
func post(t *testing.T, s *Server, path string, form url.Values) *http.Response {
	t.Helper()
	r := httptest.NewRequest(http.MethodPost, s.c.URL+path, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	res, err := direct{s.Handler()}.RoundTrip(r)
	if err != nil {
		return nil
	}
	return res
}

func card(name string) string { return conductOf(name).Number }

func TestContract(t *testing.T) {
	paytest.Run(t, func(t *testing.T, through func(http.RoundTripper) http.RoundTripper, timeout time.Duration) paytest.Rig {
		s := open(t, testConfig(t))
		p, err := client.New(client.Options{
			URL: s.c.URL, Key: accountKey, Secrets: []string{hookSecret}, Tolerance: 5 * time.Minute,
			Timeout: timeout, Transport: through(direct{s.Handler()}), Now: time.Now,
		})
		if err != nil {
			t.Fatal(err)
		}
		return paytest.Rig{Provider: p, Secrets: []string{accountKey, hookSecret}, Largest: 16 << 10,
			Buyer: func(t *testing.T, p world.Payment, act paytest.Act) {
				t.Helper()
				path := strings.TrimPrefix(p.URL, s.c.URL)
				switch act {
				case paytest.Pays:
					post(t, s, path, url.Values{"number": {card("pays")}})
				case paytest.Asked:
					post(t, s, path, url.Values{"number": {card("confirm")}})
				case paytest.IsPoor:
					post(t, s, path, url.Values{"number": {card("insufficient_funds")}})
				case paytest.Agrees:
					post(t, s, path+"/bank", url.Values{"answer": {"yes"}})
				case paytest.Refuses:
					post(t, s, path+"/bank", url.Values{"answer": {"no"}})
				}
			},
			Event: func(p world.Payment) []byte {
				body, _ := json.Marshal(Message{Type: "payment.authorised", Timestamp: time.Now(), Data: Named{Payment: p.Ref}})
				return body
			},
			Sign: func(id string, at time.Time, body []byte) http.Header {
				secret, _ := webhooksig.ParseSecret(hookSecret)
				h := http.Header{}
				webhooksig.Sign(h, id, at, body, secret)
				return h
			},
		}
	})
}
