package testpay

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"meridian/engine/webhooksig"
	"meridian/world"
)

// shop is a shop that takes payments of a provider, and its messages.
type shop struct {
	*Server
	mu     sync.Mutex
	heard  []string // kinds of messages, in order of arrival
	ids    []string
	refuse int // so many messages are not taken
}

func openShop(t *testing.T, dir string) *shop {
	t.Helper()
	c := testConfig(t)
	c.Dir = dir
	c.Accounts[0].Webhook, c.Accounts[0].Secrets = "http://shop.test/payments/testpay", []string{hookSecret, webhooksig.NewSecret([]byte("the next secret of 24 byt"))}
	k := &shop{}
	var err error
	if k.Server, err = openBy(c, time.Now, quiet(), direct{http.HandlerFunc(k.take)}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { k.Close() })
	return k
}

func (k *shop) take(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	next, _ := webhooksig.ParseSecret(webhooksig.NewSecret([]byte("the next secret of 24 byt")))
	id, _, err := webhooksig.Verify(r.Header, body, time.Now(), time.Minute, next)
	var m Message
	if err != nil || json.Unmarshal(body, &m) != nil {
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.refuse > 0 {
		k.refuse--
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	k.heard, k.ids = append(k.heard, m.Type), append(k.ids, id)
}

func (k *shop) told() string {
	k.mu.Lock()
	defer k.mu.Unlock()
	return strings.Join(k.heard, " ")
}

// ask is a request of the shop's.
func (k *shop) ask(method, path, key, body string) (shown, int) {
	r := httptest.NewRequest(method, "http://pay.test"+path, strings.NewReader(body))
	r.Header.Set("Authorization", "Bearer "+accountKey)
	r.Header.Set(HeaderKey, key)
	res, err := direct{k.Handler()}.RoundTrip(r)
	if err != nil {
		return shown{}, 0
	}
	var p shown
	_ = json.NewDecoder(res.Body).Decode(&p)
	return p, res.StatusCode
}

func (k *shop) opened(t *testing.T, key string) shown {
	t.Helper()
	p, status := k.ask("POST", "/v1/payments", key, `{"order_id":"o1","number":"SC-1","currency":"EUR","minor":3490,"return_url":"http://shop.test/paid","cancel_url":"http://shop.test/back","locale":"de-DE"}`)
	if status != 200 {
		t.Fatalf("open: %d", status)
	}
	return p
}

func (k *shop) buy(t *testing.T, key, name string) shown {
	t.Helper()
	p := k.opened(t, key)
	post(t, k.Server, strings.TrimPrefix(p.URL, k.c.URL), url.Values{"number": {card(name)}})
	p, _ = k.ask("GET", "/v1/payments/"+p.Ref, "", "")
	return p
}

func TestCards(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := openShop(t, t.TempDir())
		for _, c := range cards {
			p := k.buy(t, "k-"+c.Name, c.Name)
			want := world.PaymentAuthorised
			if c.Declined != "" {
				want = world.PaymentOpened
			} else if c.Bank {
				want = world.PaymentActionRequired
			}
			if p.State != want || p.Failure != c.Declined {
				t.Errorf("%s: %+v", c.Name, p)
			}
		}
		again := k.buy(t, "k-pays", "declined") // what is paid is not paid again
		if again.State != world.PaymentAuthorised || again.Failure != "" {
			t.Errorf("paid, and tried once more: %+v", again)
		}
		k.Close()
	})
}

func TestCapturesThatFail(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := openShop(t, t.TempDir())
		defer k.Close()
		capture := func(p shown) (shown, int) {
			return k.ask("POST", "/v1/payments/"+p.Ref+"/capture", "cap", `{"minor":3490}`)
		}
		once := k.buy(t, "a", "capture_fails_once")
		if _, status := capture(once); status != 503 {
			t.Errorf("fails once: %d", status)
		}
		if p, _ := k.ask("GET", "/v1/payments/"+once.Ref, "", ""); p.State != world.PaymentAuthorised {
			t.Errorf("fails once: %+v", p)
		}
		if p, status := capture(once); status != 200 || p.Captured != 3490 {
			t.Errorf("then: %+v, %d", p, status)
		}
		unheard := k.buy(t, "b", "capture_unheard")
		if _, status := capture(unheard); status != 0 {
			t.Errorf("unheard: %d", status)
		}
		if p, _ := k.ask("GET", "/v1/payments/"+unheard.Ref, "", ""); p.Captured != 3490 {
			t.Errorf("unheard: %+v", p)
		}
		if p, status := capture(unheard); status != 200 || p.Captured != 3490 {
			t.Errorf("heard: %+v, %d", p, status)
		}
		refused := k.buy(t, "c", "capture_refused")
		if _, status := capture(refused); status != 422 {
			t.Errorf("refused: %d", status)
		}
		if p, _ := k.ask("GET", "/v1/payments/"+refused.Ref, "", ""); p.State != world.PaymentFailed || p.Failure != world.FailureFunds {
			t.Errorf("refused: %+v", p)
		}
	})
}

func TestRefundsTakeTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := openShop(t, t.TempDir())
		defer k.Close()
		for name, after := range map[string]int64{"refund_late": 490, "refund_returns": 0} {
			p := k.buy(t, name, name)
			k.ask("POST", "/v1/payments/"+p.Ref+"/capture", "c", `{"minor":3490}`)
			if p, _ = k.ask("POST", "/v1/payments/"+p.Ref+"/refunds", "r", `{"minor":490}`); p.Refunded != 490 {
				t.Errorf("%s: %+v", name, p)
			}
			time.Sleep(k.c.Late)
			synctest.Wait()
			if now, _ := k.ask("GET", "/v1/payments/"+p.Ref, "", ""); now.Refunded != after || now.Version <= p.Version {
				t.Errorf("%s, later: %+v", name, now)
			}
		}
		if told := k.told(); !strings.Contains(told, "payment.refund_done") || !strings.Contains(told, "payment.refund_returned") {
			t.Errorf("told: %s", told)
		}
	})
}

func TestMessages(t *testing.T) {
	for name, c := range map[string]struct{ at, later string }{
		"pays":               {"payment.authorised payment.captured", ""},
		"webhooks_doubled":   {"payment.authorised payment.authorised payment.captured payment.captured", ""},
		"webhooks_lost":      {"", ""},
		"webhooks_late":      {"", " payment.authorised payment.captured"},
		"webhooks_reordered": {"payment.captured", " payment.authorised"},
		"declined":           {"payment.declined", ""},
	} {
		synctest.Test(t, func(t *testing.T) {
			k := openShop(t, t.TempDir())
			defer k.Close()
			p := k.buy(t, "a", name)
			synctest.Wait()
			k.ask("POST", "/v1/payments/"+p.Ref+"/capture", "c", `{"minor":3490}`)
			time.Sleep(time.Millisecond)
			synctest.Wait()
			if told := k.told(); told != c.at {
				t.Errorf("%s: told %q", name, told)
			}
			time.Sleep(k.c.Late)
			synctest.Wait()
			if told := k.told(); told != strings.TrimSpace(c.at+c.later) {
				t.Errorf("%s: told in the end %q", name, told)
			}
		})
	}
}

// What is not taken is sent again, later each time, over a restart too, and given up at last.
func TestMessagesAreSentAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		k := openShop(t, dir)
		k.refuse = 3
		k.buy(t, "a", "pays")
		time.Sleep(6 * time.Second)
		synctest.Wait()
		if told := k.told(); told != "" {
			t.Errorf("after 1 s + 2 s + less than 4 s: %q", told)
		}
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if told := k.told(); told != "payment.authorised" {
			t.Errorf("told %q", told)
		}
		k.refuse = 1 << 30
		k.buy(t, "b", "pays")
		time.Sleep(time.Hour)
		k.Close()
		k = openShop(t, dir)
		synctest.Wait()
		if told := k.told(); told != "payment.authorised" {
			t.Errorf("after a restart: %q", told)
		}
		k.refuse = 1 << 30
		k.buy(t, "c", "pays")
		time.Sleep(20 * time.Hour)
		k.mu.Lock()
		k.refuse = 0
		k.mu.Unlock()
		time.Sleep(20 * time.Hour)
		synctest.Wait()
		if told := k.told(); strings.Count(told, "payment.authorised") != 1 {
			t.Errorf("it was not given up: %q", told)
		}
		k.Close()
	})
}

func TestBuyersWhoLeaveAndThoseWhoTryOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := openShop(t, t.TempDir())
		defer k.Close()
		left := k.opened(t, "a")
		time.Sleep(k.c.PageLife)
		synctest.Wait()
		if p, _ := k.ask("GET", "/v1/payments/"+left.Ref, "", ""); p.State != world.PaymentFailed || p.Failure != world.FailureAbandoned || k.told() != "payment.failed" {
			t.Errorf("%+v, told %q", p, k.told())
		}
		for i := range k.c.Declines {
			want := world.PaymentOpened
			if i == k.c.Declines-1 {
				want = world.PaymentFailed
			}
			if p := k.buy(t, "b", "declined"); p.State != want {
				t.Errorf("try %d: %+v", i+1, p)
			}
		}
	})
}

func TestPagesAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := openShop(t, t.TempDir())
		defer k.Close()
		pay := func(key, name string) *http.Response {
			return post(t, k.Server, strings.TrimPrefix(k.opened(t, key).URL, k.c.URL), url.Values{"number": {card(name)}})
		}
		for name, wait := range map[string]time.Duration{"pays": 0, "page_late": k.c.Late} {
			began := time.Now()
			res := pay(name, name)
			if res == nil || res.StatusCode != 303 || res.Header.Get("Location") != "http://shop.test/paid" || time.Since(began) != wait {
				t.Errorf("%s: %+v after %s", name, res, time.Since(began))
			}
		}
		if res := pay("never", "page_never"); res != nil {
			t.Errorf("an answer that never comes: %+v", res)
		}
		if p, _ := k.ask("GET", "/v1/payments/"+k.opened(t, "never").Ref, "", ""); p.State != world.PaymentAuthorised {
			t.Errorf("it was paid: %+v", p)
		}
	})
}

func TestThePageSpeaksTheBuyersLanguage(t *testing.T) {
	k := openShop(t, t.TempDir())
	show := func(path string) (string, http.Header) {
		res, err := direct{k.Handler()}.RoundTrip(httptest.NewRequest("GET", k.c.URL+path, nil))
		if err != nil || res.StatusCode != 200 {
			t.Fatalf("%+v, %v", res, err)
		}
		b, _ := io.ReadAll(res.Body)
		return string(b), res.Header
	}
	for locale, want := range map[string]string{"de-DE": "34,90\u00a0€", "en-GB": "Pay €34.90", "ja-JP": "お支払い", "hi-IN": "भुगतान", "fr-FR": "Payment", "": "Payment"} {
		p, _ := k.ask("POST", "/v1/payments", "l"+locale, `{"order_id":"o1","number":"<SC>","description":"Brot & Co","currency":"EUR","minor":3490,"return_url":"http://shop.test/paid","cancel_url":"http://shop.test/back","locale":"`+locale+`"}`)
		path := strings.TrimPrefix(p.URL, k.c.URL)
		text, header := show(path)
		if !strings.Contains(text, want) || !strings.Contains(text, "&lt;SC&gt;") || strings.Contains(text, "<script") {
			t.Errorf("%s: %s", locale, text)
		}
		if policy := header.Get("Content-Security-Policy"); !strings.Contains(policy, "form-action 'self' http://shop.test;") && !strings.HasSuffix(policy, "form-action 'self' http://shop.test") {
			t.Errorf("policy %q", policy)
		}
		if res := post(t, k.Server, path, url.Values{"number": {"4242 4242 4242 4241"}}); res.StatusCode != 422 {
			t.Errorf("a card that is none: %d", res.StatusCode)
		}
		post(t, k.Server, path, url.Values{"number": {"4000-0000 0000 0002"}})
		if text, _ := show(path); !strings.Contains(text, `role="alert"`) {
			t.Errorf("declined: %s", text)
		}
	}
	for _, l := range languages {
		for why := range languages[0].Failures {
			if l.Failures[why] == "" {
				t.Errorf("%s lacks a text for %s", l.Lang, why)
			}
		}
	}
}

func TestWhoMayNot(t *testing.T) {
	k := openShop(t, t.TempDir())
	p := k.buy(t, "a", "pays")
	for name, c := range map[string]struct {
		method, path, bearer, key, body string
		want                            int
	}{
		"no key":           {"GET", "/v1/payments/" + p.Ref, "", "", "", 401},
		"another key":      {"GET", "/v1/payments/" + p.Ref, accountKey + "x", "", "", 401},
		"no deed's key":    {"POST", "/v1/payments/" + p.Ref + "/void", accountKey, "", "", 400},
		"a bad one":        {"POST", "/v1/payments/" + p.Ref + "/void", accountKey, "a b", "", 400},
		"too long a one":   {"POST", "/v1/payments/" + p.Ref + "/void", accountKey, strings.Repeat("a", 65), "", 400},
		"a large body":     {"POST", "/v1/payments", accountKey, "b", strings.Repeat(" ", maxBody+1), 413},
		"no JSON":          {"POST", "/v1/payments", accountKey, "b", "x", 400},
		"no amount":        {"POST", "/v1/payments/" + p.Ref + "/capture", accountKey, "b", "{}", 400},
		"too much":         {"POST", "/v1/payments/" + p.Ref + "/capture", accountKey, "b", `{"minor":1000000000001}`, 400},
		"another account":  {"GET", "/v1/payments/pay_x", accountKey, "", "", 404},
		"no such page":     {"GET", "/pay/x", "", "", "", 404},
		"nothing":          {"GET", "/", "", "", "", 404},
		"a form elsewhere": {"POST", "/pay/x", "", "", "", 404},
	} {
		r := httptest.NewRequest(c.method, k.c.URL+c.path, strings.NewReader(c.body))
		r.Header.Set("Authorization", "Bearer "+c.bearer)
		r.Header.Set(HeaderKey, c.key)
		if res, err := (direct{k.Handler()}).RoundTrip(r); err != nil || res.StatusCode != c.want {
			t.Errorf("%s: %+v, %v; want %d", name, res, err, c.want)
		}
	}
	r := httptest.NewRequest("POST", k.opened(t, "b").URL, strings.NewReader("number="+card("pays")))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Sec-Fetch-Site", "cross-site")
	if res, _ := (direct{k.Handler()}).RoundTrip(r); res.StatusCode != 400 {
		t.Errorf("a form of another site: %d", res.StatusCode)
	}
}

func TestPaymentsAreBounded(t *testing.T) {
	c := testConfig(t)
	c.Payments = 2
	k := &shop{Server: open(t, c)}
	k.opened(t, "a")
	k.opened(t, "b")
	k.opened(t, "a")
	if _, status := k.ask("POST", "/v1/payments", "c", `{"order_id":"o1","number":"SC-1","currency":"EUR","minor":3490,"return_url":"http://shop.test/paid","cancel_url":"http://shop.test/back"}`); status != 507 {
		t.Errorf("%d", status)
	}
}

func TestConfig(t *testing.T) {
	good := testConfig(t)
	good.Accounts[0].Webhook, good.Accounts[0].Secrets = "https://shop.test/x", []string{hookSecret}
	if err := good.Validate(); err != nil {
		t.Error(err)
	}
	for name, change := range map[string]func(*Config){
		"listen": func(c *Config) { c.Listen = "x" }, "dir": func(c *Config) { c.Dir = "" },
		"url": func(c *Config) { c.URL = "http://a/b" }, "no url": func(c *Config) { c.URL = "" },
		"accounts": func(c *Config) { c.Accounts = nil }, "late": func(c *Config) { c.Late = -1 }, "page": func(c *Config) { c.PageLife = 0 },
		"tries": func(c *Config) { c.Tries = 0 }, "name": func(c *Config) { c.Accounts[0].Name = "" },
		"short key": func(c *Config) { c.Accounts[0].Key = "short" }, "hook": func(c *Config) { c.Accounts[0].Webhook = "x" },
		"no secret": func(c *Config) { c.Accounts[0].Secrets = nil }, "bad secret": func(c *Config) { c.Accounts[0].Secrets = []string{"x"} },
		"dial":      func(c *Config) { c.Accounts[0].Dial = "x" },
		"two alike": func(c *Config) { c.Accounts = append(c.Accounts, c.Accounts[0]) },
	} {
		c := good
		c.Accounts = append([]Account(nil), good.Accounts...)
		change(&c)
		if err := c.Validate(); !world.Is(err, world.CodeInvalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// README.md tells every card.
func TestTheReadmeHasTheCards(t *testing.T) {
	text, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range cards {
		if !strings.Contains(string(text), "| `"+c.Number+"` | `"+c.Name+"` |") {
			t.Errorf("README.md lacks %s, %s", c.Number, c.Name)
		}
	}
}

func FuzzParseAsked(f *testing.F) {
	f.Add([]byte(`{"order_id":"o","number":"n","currency":"EUR","minor":1,"return_url":"http://a","cancel_url":"http://a"}`))
	f.Add([]byte(`{"minor":-1}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		if a, err := parseAsked(body); err == nil && (a.Minor < 1 || a.Minor > maxMinor || a.Currency == "" || !webURL(a.ReturnURL)) {
			t.Errorf("taken: %+v", a)
		}
		if n, err := parseMinor(body); err == nil && (n < 1 || n > maxMinor) {
			t.Errorf("taken: %d", n)
		}
	})
}
