package shop

import (
	"cmp"
	"context"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"meridian/role/shop/api"
	"meridian/world"
)

func (o *fakeOrders) MergeCarts(_ context.Context, market string, m world.CartMerge, most, maxLines int, agree func([]world.CartLine) error) (lines, cut []world.CartLine, err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	into, known := o.carts[m.Into+market]
	from, other := o.carts[m.From+market]
	switch what, used := o.merged[m.Into+market+m.Key]; {
	case m.Check() != nil:
		return nil, nil, m.Check()
	case m.Key != "" && used && what != m:
		return nil, nil, world.E(world.CodeConflict, "fake", "")
	case m.Key != "" && used:
		return into, nil, nil
	case !known || !other:
		return nil, nil, world.E(world.CodeNotFound, "fake", "")
	}
	if err := agree(into); err != nil {
		return nil, nil, err
	}
	lines = slices.Clone(into)
	for _, l := range from {
		i := slices.IndexFunc(lines, func(is world.CartLine) bool { return is.SKU == l.SKU })
		if i < 0 {
			i, lines = len(lines), append(lines, world.CartLine{SKU: l.SKU})
		}
		sum := lines[i].Quantity + l.Quantity
		lines[i].Quantity, lines[i].Photo = min(most, sum), cmp.Or(lines[i].Photo, l.Photo)
		if sum > most {
			cut = append(cut, world.CartLine{SKU: l.SKU, Quantity: sum - most})
		}
	}
	if len(lines) > max(maxLines, len(into)) {
		return nil, nil, world.E(world.CodeTooLarge, "fake", "")
	}
	o.carts[m.Into+market], o.carts[m.From+market], o.merged[m.Into+market+m.Key] = lines, nil, m
	return lines, cut, nil
}

func (a *app) merge(from, match string, headers ...string) *httptest.ResponseRecorder {
	a.t.Helper()
	if match != "" {
		headers = append(headers, "If-Match", match)
	}
	return a.send("POST", "/api/v1/carts/"+a.cart.ID+"/merge", map[string]string{"from": from}, headers...)
}

func TestAPIMergeCarts(t *testing.T) {
	b := open(t, "eu-central", "de.localhost", nil)
	a, other := openApp(t, b), openApp(t, b)
	a.put("brot", 40, "*")
	other.put("torte", 1, "*")
	other.put("brot", 10, "*")
	token := other.cart.Token

	wants(t, a.merge(token, ""), 428, `"precondition_required"`)
	if w := a.merge(token, `"other"`); w.Code != 412 || w.Header().Get("ETag") != a.tag {
		t.Errorf("at another state: %d %v", w.Code, w.Header())
	}
	w := a.merge(token, a.tag)
	got := as[api.MergedCart](t, w, 200)
	if got.ID != a.cart.ID || !slices.Equal(got.Lines, []api.CartLine{{SKU: "brot", Quantity: 48}, {SKU: "torte", Quantity: 1}}) || !slices.Equal(got.Cut, []api.CutLine{{SKU: "brot", Quantity: 2}}) {
		t.Errorf("%+v", got)
	}
	if read := a.send("GET", "/api/v1/carts/"+a.cart.ID, nil); read.Header().Get("ETag") != w.Header().Get("ETag") || w.Header().Get("ETag") == a.tag {
		t.Errorf("the tags are %q and %q", read.Header().Get("ETag"), w.Header().Get("ETag"))
	}
	wants(t, other.send("GET", "/api/v1/carts/"+other.cart.ID, nil), 200, `"lines":[]`)
	wants(t, a.merge(token, w.Header().Get("ETag")), 200, `"brot","quantity":48`, `"cut":[]`)

	for _, secret := range []string{token, a.cart.Token} {
		if strings.Contains(b.log.String(), secret) {
			t.Error("a token is in the log")
		}
	}
}

func TestAPIMergeCartsRefusals(t *testing.T) {
	b := open(t, "eu-central", "de.localhost", func(c *Config, _ *Deps) { c.MaxLines = 1 })
	a, other := openApp(t, b), openApp(t, b)
	a.put("brot", 1, "*")
	other.put("torte", 1, "*")
	token := other.cart.Token
	wants(t, a.merge(a.cart.Token, "*"), 422, "this very cart")
	wants(t, a.merge(strings.Repeat("a", 26), "*"), 404)
	wants(t, a.merge(token, "*"), 413)
	for _, from := range []string{"", token[1:], token + "a", strings.ToUpper(token), strings.Repeat("1", 26)} {
		w := a.merge(from, "*")
		wants(t, w, 400, "body.from")
		if from != "" {
			lacks(t, w, from)
		}
	}
	path := "/api/v1/carts/" + a.cart.ID + "/merge"
	wants(t, a.send("POST", path, `{"from":"`+token+`","more":1}`, "If-Match", "*"), 400)
	wants(t, a.send("POST", path, nil, "If-Match", "*"), 400)
	wants(t, a.send("POST", path, map[string]string{"from": token}, "If-Match", "*", "Authorization", ""), 401)
	wants(t, a.send("POST", "/api/v1/carts/"+other.cart.ID+"/merge", map[string]string{"from": token}, "If-Match", "*"), 404)
	gone := &app{bench: b, cart: api.NewCart{Token: strings.Repeat("b", 26)}}
	gone.cart.ID = cartName(gone.cart.Token)
	wants(t, gone.merge(token, "*"), 404)
	away := &app{bench: open(t, "us-east", "de.localhost", nil), cart: a.cart}
	wants(t, away.merge(token, "*"), 421)
	for _, c := range []*app{a, other} {
		if got := as[api.Cart](t, c.send("GET", "/api/v1/carts/"+c.cart.ID, nil), 200); len(got.Lines) != 1 {
			t.Errorf("%+v", got)
		}
	}
	if strings.Contains(b.log.String(), token) {
		t.Error("a token is in the log")
	}
}

// Under a key carts are merged once, whatever is put into the other one since: also
// when the state that the request names is over.
func TestAPIMergeCartsOnceAKey(t *testing.T) {
	b := open(t, "eu-central", "de.localhost", nil)
	a, other := openApp(t, b), openApp(t, b)
	other.put("brot", 1, "*")
	key := []string{"Idempotency-Key", `"` + orderKey + `"`}
	for range 2 {
		wants(t, a.merge(other.cart.Token, a.tag, key...), 200, `"brot","quantity":1`)
		other.put("brot", 1, "*")
	}
	wants(t, a.merge(openApp(t, b).cart.Token, "*", key...), 409, `"conflict"`)
	wants(t, a.merge(other.cart.Token, "*", "Idempotency-Key", "short"), 400, "Idempotency-Key", "for each merge")
	wants(t, a.merge(other.cart.Token, "*"), 200, `"brot","quantity":2`)
}
