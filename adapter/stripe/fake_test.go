package stripe

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"meridian/test/paytest"
	"meridian/world"
)

const apiKey = "sk_test_0123456789abcdefghij"

// fake is Stripe as its documentation has it, as far as the adapter asks: the
// shapes are ours after docs.stripe.com/api, not recorded. It keeps state, which
// Stripe's own mock does not.
type fake struct {
	mu       sync.Mutex
	n        int
	sessions map[string]map[string]any
	intents  map[string]map[string]any
	refunds  []map[string]any
	done     map[string]replay // by idempotency key
}

type replay struct {
	asked  string
	status int
	body   []byte
}

func newFake() *fake {
	return &fake{sessions: map[string]map[string]any{}, intents: map[string]map[string]any{}, done: map[string]replay{}}
}

type fault struct {
	status     int
	kind, code string
}

func (f *fake) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body != nil {
		b, _ := io.ReadAll(r.Body)
		r.Body = io.NopCloser(strings.NewReader(string(b)))
	}
	w := httptest.NewRecorder()
	f.ServeHTTP(w, r)
	return w.Result(), r.Context().Err()
}

func (f *fake) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if r.Header.Get("Authorization") != "Bearer "+apiKey {
		f.answer(w, nil, &fault{401, "invalid_request_error", ""})
		return
	}
	r.ParseForm()
	key := r.Header.Get("Idempotency-Key")
	asked := r.URL.Path + "?" + r.PostForm.Encode()
	if d, ok := f.done[key]; ok && r.Method == http.MethodPost {
		if d.asked != asked {
			f.answer(w, nil, &fault{400, "idempotency_error", ""})
			return
		}
		w.Header().Set("Idempotent-Replayed", "true")
		w.WriteHeader(d.status)
		w.Write(d.body)
		return
	}
	v, bad := f.do(r)
	seen := httptest.NewRecorder()
	f.answer(seen, v, bad)
	if r.Method == http.MethodPost && key != "" {
		f.done[key] = replay{asked, seen.Code, seen.Body.Bytes()}
	}
	w.WriteHeader(seen.Code)
	w.Write(seen.Body.Bytes())
}

func (f *fake) answer(w http.ResponseWriter, v any, bad *fault) {
	if bad != nil {
		w.WriteHeader(bad.status)
		v = map[string]any{"error": map[string]any{"type": bad.kind, "code": bad.code, "message": "something about buyer@example.org"}}
	}
	json.NewEncoder(w).Encode(v)
}

func (f *fake) id(prefix string) string { f.n++; return fmt.Sprintf("%s_test_%d", prefix, f.n) }

func (f *fake) do(r *http.Request) (any, *fault) {
	get := r.Form.Get
	part := strings.Split(strings.TrimPrefix(r.URL.Path, "/v1/"), "/")
	state := &fault{400, "invalid_request_error", "payment_intent_unexpected_state"}
	switch {
	case r.URL.Path == "/v1/checkout/sessions":
		return f.create(get), nil
	case part[0] == "checkout":
		s := f.sessions[part[2]]
		if s == nil {
			return nil, &fault{404, "invalid_request_error", "resource_missing"}
		}
		if len(part) > 3 {
			if s["status"] != "open" {
				return nil, state
			}
			s["status"], s["url"] = "expired", nil
			if pi, ok := s["payment_intent"].(map[string]any); ok {
				pi["status"], pi["cancellation_reason"] = "canceled", "expired"
			}
		} else if r.Method == http.MethodPost {
			s["metadata"].(map[string]string)[metaVoided] = get("metadata[" + metaVoided + "]")
		}
		return s, nil
	case part[0] == "refunds":
		return f.refund(r, get)
	}
	pi := f.intents[part[1]]
	switch {
	case pi == nil:
		return nil, &fault{404, "invalid_request_error", "resource_missing"}
	case pi["status"] != "requires_capture":
		return nil, state
	case part[2] == "capture":
		var n int64
		fmt.Sscan(get("amount_to_capture"), &n)
		pi["status"], pi["amount_received"] = "succeeded", n
		pi["metadata"].(map[string]string)[metaCapture] = get("metadata[" + metaCapture + "]")
	case part[2] == "cancel":
		pi["status"], pi["cancellation_reason"] = "canceled", get("cancellation_reason")
	}
	return pi, nil
}

func (f *fake) create(get func(string) string) map[string]any {
	var amount int64
	fmt.Sscan(get("line_items[0][price_data][unit_amount]"), &amount)
	id := f.id("cs")
	s := map[string]any{
		"id": id, "object": "checkout.session", "status": "open", "url": "https://checkout.stripe.com/c/pay/" + id,
		"amount_total": amount, "currency": get("line_items[0][price_data][currency]"), "payment_intent": nil,
		"metadata": map[string]string{metaKey: get("metadata[" + metaKey + "]")},
	}
	f.sessions[id] = s
	return s
}

func (f *fake) refund(r *http.Request, get func(string) string) (any, *fault) {
	intent := get("payment_intent")
	if r.Method == http.MethodGet {
		list := []map[string]any{}
		for _, v := range f.refunds {
			if v["payment_intent"] == intent {
				list = append(list, v)
			}
		}
		return map[string]any{"object": "list", "data": list, "has_more": false}, nil
	}
	var n int64
	fmt.Sscan(get("amount"), &n)
	v := map[string]any{"id": f.id("re"), "object": "refund", "amount": n, "status": "pending", "payment_intent": intent,
		"metadata": map[string]string{metaRefund: get("metadata[" + metaRefund + "]")}}
	f.refunds = append(f.refunds, v)
	return v, nil
}

// buyer is what somebody does on the session's page.
func (f *fake) buyer(t *testing.T, p world.Payment, act paytest.Act) {
	t.Helper()
	f.mu.Lock()
	defer f.mu.Unlock()
	s := f.sessions[p.Ref]
	if s["status"] != "open" {
		return
	}
	pi, ok := s["payment_intent"].(map[string]any)
	if !ok { // it is made at the first try
		pi = map[string]any{"id": f.id("pi"), "object": "payment_intent", "amount": s["amount_total"], "amount_received": 0, "currency": s["currency"], "metadata": map[string]string{}}
		s["payment_intent"], f.intents[pi["id"].(string)] = pi, pi
	}
	declined := func(code, decline string) {
		pi["status"], pi["last_payment_error"] = "requires_payment_method", map[string]any{"type": "card_error", "code": code, "decline_code": decline}
	}
	switch act {
	case paytest.Pays, paytest.Agrees:
		pi["status"], pi["last_payment_error"], s["status"], s["url"] = "requires_capture", nil, "complete", nil
	case paytest.Asked:
		pi["status"] = "requires_action"
	case paytest.Refuses:
		declined("payment_intent_authentication_failure", "")
	case paytest.IsPoor:
		declined("card_declined", "insufficient_funds")
	}
}
