package webhooksig_test

import (
	"bytes"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"meridian/engine/webhooksig"
	"meridian/world"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func secret(t testing.TB, b byte) webhooksig.Secret {
	t.Helper()
	s, err := webhooksig.ParseSecret(webhooksig.NewSecret(bytes.Repeat([]byte{b}, webhooksig.MinSecret)))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// The example of the spec's reference libraries.
func TestTheSpecsOwnExample(t *testing.T) {
	s, err := webhooksig.ParseSecret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
	if err != nil {
		t.Fatal(err)
	}
	h := http.Header{}
	at := time.Unix(1614265330, 0)
	webhooksig.Sign(h, "msg_p5jXN8AQM9LWM0D4loKWxJek", at, []byte(`{"test": 2432232314}`), s)
	if got, want := h.Get("Webhook-Signature"), "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

func TestVerify(t *testing.T) {
	body := []byte(`{"a":1}`)
	one, two, other := secret(t, 1), secret(t, 2), secret(t, 3)
	const tolerance = 5 * time.Minute
	for name, c := range map[string]struct {
		change func(h http.Header)
		body   string
		now    time.Time
		knows  []webhooksig.Secret
		good   bool
	}{
		"as it was sent":           {now: noon, knows: []webhooksig.Secret{one}, good: true},
		"by the second secret":     {now: noon, knows: []webhooksig.Secret{two}, good: true},
		"among secrets":            {now: noon, knows: []webhooksig.Secret{other, two}, good: true},
		"at the end of its time":   {now: noon.Add(tolerance), knows: []webhooksig.Secret{one}, good: true},
		"our clock behind":         {now: noon.Add(-tolerance), knows: []webhooksig.Secret{one}, good: true},
		"too old":                  {now: noon.Add(tolerance + time.Second), knows: []webhooksig.Secret{one}},
		"of the future":            {now: noon.Add(-tolerance - time.Second), knows: []webhooksig.Secret{one}},
		"by another secret":        {now: noon, knows: []webhooksig.Secret{other}},
		"without a secret of ours": {now: noon},
		"another body":             {now: noon, knows: []webhooksig.Secret{one}, body: `{"a":2}`},
		"another id":               {now: noon, knows: []webhooksig.Secret{one}, change: func(h http.Header) { h.Set("Webhook-Id", "b") }},
		"without id":               {now: noon, knows: []webhooksig.Secret{one}, change: func(h http.Header) { h.Del("Webhook-Id") }},
		"too long an id":           {now: noon, knows: []webhooksig.Secret{one}, change: func(h http.Header) { h.Set("Webhook-Id", strings.Repeat("a", webhooksig.MaxID+1)) }},
		"another time": {now: noon, knows: []webhooksig.Secret{one}, change: func(h http.Header) {
			h.Set("Webhook-Timestamp", fmt.Sprint(noon.Add(time.Second).Unix()))
		}},
		"no time":      {now: noon, knows: []webhooksig.Secret{one}, change: func(h http.Header) { h.Set("Webhook-Timestamp", "noon") }},
		"no signature": {now: noon, knows: []webhooksig.Secret{one}, change: func(h http.Header) { h.Del("Webhook-Signature") }},
		"another kind": {now: noon, knows: []webhooksig.Secret{one}, change: func(h http.Header) { h.Set("Webhook-Signature", "v1a"+h.Get("Webhook-Signature")[2:30]) }},
		"behind a crowd": {now: noon, knows: []webhooksig.Secret{one}, change: func(h http.Header) {
			h.Set("Webhook-Signature", strings.Repeat("v1,AAAA ", 8)+h.Get("Webhook-Signature"))
		}},
	} {
		h := http.Header{}
		webhooksig.Sign(h, "a", noon, body, one, two)
		if c.change != nil {
			c.change(h)
		}
		got := body
		if c.body != "" {
			got = []byte(c.body)
		}
		id, at, err := webhooksig.Verify(h, got, c.now, tolerance, c.knows...)
		if c.good && (err != nil || id != "a" || !at.Equal(noon)) || !c.good && !world.Is(err, world.CodeUnsigned) {
			t.Errorf("%s: %q, %s, %v", name, id, at, err)
		}
	}
}

func TestSecrets(t *testing.T) {
	for _, bad := range []string{"", "whsec_", "whsec_!", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
		webhooksig.NewSecret(make([]byte, webhooksig.MinSecret-1)), webhooksig.NewSecret(make([]byte, webhooksig.MaxSecret+1))} {
		if _, err := webhooksig.ParseSecret(bad); !world.Is(err, world.CodeInvalid) {
			t.Errorf("%q: %v", bad, err)
		}
	}
	if s := secret(t, 'k'); fmt.Sprintf("%v %+v %#v %s", s, s, s, s) != "whsec_… whsec_… whsec_… whsec_…" {
		t.Errorf("it is printed: %#v", s)
	}
}

func FuzzVerify(f *testing.F) {
	f.Add("a", "1772366400", "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=", []byte("{}"))
	f.Add("", "-9223372036854775808", "v1, v1,", []byte{})
	f.Fuzz(func(t *testing.T, id, stamp, signature string, body []byte) {
		h := http.Header{"Webhook-Id": {id}, "Webhook-Timestamp": {stamp}, "Webhook-Signature": {signature}}
		if _, _, err := webhooksig.Verify(h, body, noon, time.Minute, secret(t, 9)); !world.Is(err, world.CodeUnsigned) {
			t.Errorf("believed: %v", err)
		}
	})
}
