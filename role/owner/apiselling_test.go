package owner

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"meridian/engine/checkout"
	"meridian/role/owner/api"
	"meridian/test/apitest"
	"meridian/world"
)

// do sends content to the API with the token, and sees that the answer is one that
// its document promises.
func (d *desk) do(promised *apitest.Contract, method, path, content string, headers ...string) *httptest.ResponseRecorder {
	d.t.Helper()
	r := httptest.NewRequest(method, apiBase+path, strings.NewReader(content))
	r.Header.Set("Authorization", "Bearer "+token)
	if content != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := d.at("de.localhost").send(r)
	promised.Answer(d.t, method, apiBase+path, w)
	return w
}

// asked is one request and the status that it gets.
type asked struct {
	method, path, content string
	header                []string
	status                int
}

func (d *desk) doAll(promised *apitest.Contract, all []asked) {
	d.t.Helper()
	for _, a := range all {
		if w := d.do(promised, a.method, a.path, a.content, a.header...); w.Code != a.status {
			d.t.Errorf("%s %s %s: %d, want %d: %s", a.method, a.path, a.content, w.Code, a.status, w.Body)
		}
	}
}

const terms = `{"labels":{"de-DE":"Ostern"},"kind":"percent","percent":"7.5","skus":[],"categories":["cakes"],"code":"ei 26","until":"2026-04-07T00:00:00Z"}`

func TestAPIPromotions(t *testing.T) {
	d, promised := newDesk(t, tokenFor([]string{"de"}, ReadSelling, WriteSelling)), contract(t)
	d.keeping.uses = map[string]int{"easter": 4}
	d.doAll(promised, []asked{
		{"POST", "/promotions/easter", terms, nil, 201},
		{"POST", "/promotions/easter", terms, nil, 409},
		{"POST", "/promotions/Easter", terms, nil, 400},
		{"POST", "/promotions/" + strings.Repeat("a", 61), terms, nil, 400},
		{"POST", "/promotions/other", strings.Replace(terms, "7.5", "100.1", 1), nil, 400},
		{"POST", "/promotions/other", strings.Replace(terms, "percent\"", "gift\"", 1), nil, 400},
		{"POST", "/promotions/other", strings.Replace(terms, "}", `,"gift":1}`, 1), nil, 400},
		{"PUT", "/promotions/easter", terms, nil, 428},
		{"PUT", "/promotions/easter", terms, []string{"If-Match", `"2"`}, 412},
		{"PUT", "/promotions/easter", strings.Replace(terms, "7.5", "10", 1), []string{"If-Match", `"1"`}, 200},
		{"PUT", "/promotions/nothing", terms, []string{"If-Match", `*`}, 404},
		{"GET", "/promotions/nothing", "", nil, 404},
		{"DELETE", "/promotions/easter", "", nil, 428},
		{"DELETE", "/promotions/easter", "", []string{"If-Match", `"2"`}, 204},
	})
	w := d.do(promised, "GET", "/promotions/easter", "")
	got := read[api.Promotion](t, w)
	if w.Header().Get("ETag") != `"3"` || got.Used != 4 || got.State != "ended" || got.Terms.Percent != "10" || got.Terms.Code != "EI26" || got.Terms.Labels["de-DE"] != "Ostern" {
		t.Errorf("%v %+v", w.Header(), got)
	}
	d.keeping.offers = append(d.keeping.offers, advent())
	page := read[api.PromotionList](t, d.do(promised, "GET", "/promotions?limit=1", ""))
	if len(page.Promotions) != 1 || page.Next != "easter" {
		t.Errorf("%+v", page)
	}
	page = read[api.PromotionList](t, d.do(promised, "GET", "/promotions?limit=1&after=easter", ""))
	if len(page.Promotions) != 1 || page.Next != "" || page.Promotions[0].State != "in_force" {
		t.Errorf("%+v", page)
	}
}

func TestAPIHours(t *testing.T) {
	d, promised := newDesk(t, tokenFor([]string{"de"}, ReadSelling, WriteSelling)), contract(t)
	d.keeping.week = checkout.Week{Version: 4}
	const week = `{"slots":[{"kind":"pickup","weekday":0,"start":"09:00","end":"24:00","capacity":4,"cutoff":90}],"closed":[{"day":"2026-12-25"},{"day":"2026-12-26","kind":"delivery"}]}`
	d.doAll(promised, []asked{
		{"PUT", "/hours", week, nil, 428},
		{"PUT", "/hours", week, []string{"If-Match", `"3"`}, 412},
		{"PUT", "/hours", week, []string{"If-Match", `"4"`}, 200},
		{"PUT", "/hours", strings.Replace(week, "24:00", "24:01", 1), []string{"If-Match", `*`}, 400},
		{"PUT", "/hours", strings.Replace(week, "2026-12-25", "2026-12-32", 1), []string{"If-Match", `*`}, 400},
		{"PUT", "/hours", strings.Replace(week, `"weekday":0`, `"weekday":7`, 1), []string{"If-Match", `*`}, 400},
	})
	d.keeping.booked = map[string]int{"pickup-2026-03-08-0900": 9, "pickup-2026-03-01-0900": 3}
	w := d.do(promised, "GET", "/hours", "")
	if got := read[api.Week](t, w); w.Header().Get("ETag") != `"5"` || len(got.Slots) != 1 || got.Slots[0].End != "24:00" || got.Slots[0].Cutoff != 90 || len(got.Closed) != 2 {
		t.Errorf("%+v", got)
	}
	got := read[api.Bookings](t, d.do(promised, "GET", "/bookings", ""))
	if len(got.Slots) != 1 || got.Slots[0].ID != "pickup-2026-03-01-0900" || got.Slots[0].Booked != 3 || got.Slots[0].Capacity != 4 {
		t.Errorf("%+v", got)
	}
}

func TestAPIStock(t *testing.T) {
	d, promised := newDesk(t, tokenFor([]string{"de"}, ReadStock, WriteStock)), contract(t)
	d.keeping.levels = map[string]world.StockLevel{"stollen": {SKU: "stollen", OnHand: 40, Reserved: 3}}
	key := []string{"Idempotency-Key", "key-0001"}
	d.doAll(promised, []asked{
		{"POST", "/stock/stollen/movements", `{"act":"receive","pieces":12}`, nil, 400},
		{"POST", "/stock/stollen/movements", `{"act":"receive","pieces":12}`, []string{"Idempotency-Key", "short"}, 400},
		{"POST", "/stock/stollen/movements", `{"act":"receive","pieces":12}`, []string{"Idempotency-Key", strings.Repeat("k", 129)}, 400},
		{"POST", "/stock/stollen/movements", `{"act":"receive","pieces":12}`, key, 200},
		{"POST", "/stock/stollen/movements", `{"act":"receive","pieces":1000001}`, key, 400},
		{"POST", "/stock/stollen/movements", `{"act":"write_off","pieces":2}`, key, 400}, // no reason
		{"POST", "/stock/scones/movements", `{"act":"receive","pieces":12}`, key, 404},
		{"GET", "/stock/scones", "", nil, 404},
		{"GET", "/stock/stollen/movements?after=x", "", nil, 400},
	})
	if want := (world.StockChange{Market: "de", SKU: "stollen", Act: world.ActReceive, Pieces: 12, Key: "api/key-0001", Who: "till"}); !slices.Equal(d.keeping.acts, []world.StockChange{want}) || d.keeping.told != 1 {
		t.Errorf("%+v, told %d", d.keeping.acts, d.keeping.told)
	}
	if got := read[api.Level](t, d.do(promised, "GET", "/stock/stollen", "")); got != (api.Level{SKU: "stollen", OnHand: 40, Reserved: 3, Available: 37}) {
		t.Errorf("%+v", got)
	}
	d.next = "more"
	if got := read[api.LevelList](t, d.do(promised, "GET", "/stock", "")); len(got.Levels) != 1 || got.Next != "more" {
		t.Errorf("%+v", got)
	}
	d.keeping.moves = []world.StockMovement{{ID: 9, At: noon, Kind: world.StockCorrect, OnHand: -2, Note: "stale"}, {ID: 8, At: noon, Kind: world.StockReceive, OnHand: 4}}
	if got := read[api.MovementList](t, d.do(promised, "GET", "/stock/stollen/movements?limit=1", "")); len(got.Movements) != 1 || got.Next != "9" || got.Movements[0].Reason != "stale" {
		t.Errorf("%+v", got)
	}
	d.keeping.err = world.E(world.CodeConflict, "", "3 of them reserved")
	d.keeping.levels = nil
	if w := d.do(promised, "POST", "/stock/stollen/movements", `{"act":"count","pieces":0,"reason":"r"}`, key...); w.Code != 409 || !strings.Contains(w.Body.String(), "3 of them reserved") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

func TestAPIStockCheck(t *testing.T) {
	d, promised := newDesk(t, tokenFor([]string{"de"}, ReadStock)), contract(t)
	if w := d.do(promised, "GET", "/stock-check", ""); w.Code != 200 || w.Body.String() != `{"market":"de","faults":[],"more":false}`+"\n" {
		t.Errorf("all is well: %d %s", w.Code, w.Body)
	}
	d.keeping.faults = []world.StockFault{{SKU: "stollen", OnHand: 4, Moved: 5, Reserved: 1, MovedReserved: 2, Ordered: 3}}
	want := api.StockFault{SKU: "stollen", OnHand: 4, LedgerOnHand: 5, Reserved: 1, LedgerReserved: 2, OrdersReserved: 3}
	if got := read[api.StockCheck](t, d.do(promised, "GET", "/stock-check", "")); got.More || !slices.Equal(got.Faults, []api.StockFault{want}) {
		t.Errorf("%+v", got)
	}
	d.keeping.faults = slices.Repeat(d.keeping.faults, maxStockFaults)
	if got := read[api.StockCheck](t, d.do(promised, "GET", "/stock-check", "")); got.More || len(got.Faults) != maxStockFaults {
		t.Errorf("%d, more %t", len(got.Faults), got.More)
	}
	d.keeping.faults = slices.Repeat(d.keeping.faults, 2)
	if got := read[api.StockCheck](t, d.do(promised, "GET", "/stock-check", "")); !got.More || len(got.Faults) != maxStockFaults {
		t.Errorf("%d, more %t", len(got.Faults), got.More)
	}
	d.keeping.err = world.E(world.CodeUnavailable, "", "")
	if w := d.do(promised, "GET", "/stock-check", ""); w.Code != 503 {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

func TestAPIOrderSteps(t *testing.T) {
	d, promised := newDesk(t, tokenFor([]string{"de"}, ReadOrders, WriteOrders)), contract(t)
	o, other := placedOrder(), anOrder(1)
	o.Version, other.Market = 3, "gb"
	d.orders = []world.Order{o, other}
	path, at := "/orders/"+o.ID, []string{"Idempotency-Key", "key-0001", "If-Match", `"3"`}
	d.doAll(promised, []asked{
		{"POST", path + "/steps", `{"step":"accept"}`, []string{"If-Match", `"3"`}, 400},
		{"POST", path + "/steps", `{"step":"accept"}`, []string{"Idempotency-Key", "key-0001"}, 428},
		{"POST", path + "/steps", `{"step":"expire"}`, at, 400},
		{"POST", path + "/steps", `{"step":"cancel","reason":"` + strings.Repeat("r", 501) + `"}`, at, 400},
		{"POST", "/orders/" + other.ID + "/steps", `{"step":"accept"}`, at, 404},
		{"POST", path + "/refunds", `{"lines":[]}`, at, 400},
		{"POST", path + "/refunds", `{"lines":[{"line":1,"quantity":0}]}`, at, 400},
	})
	if len(d.steps)+len(d.wanted)+d.keeping.told > 0 {
		t.Fatalf("%+v %+v", d.steps, d.wanted)
	}
	w := d.do(promised, "POST", path+"/steps", `{"step":"cancel","reason":"burnt"}`, at...)
	if got := d.steps[0]; w.Code != 200 || w.Header().Get("ETag") != `"3"` || got.Event != world.OrderCancel || got.Key != "api/key-0001" || got.Expect != 3 || got.By != world.ByOwner || got.Who != "till" || got.Text != "burnt" || d.keeping.told != 1 {
		t.Errorf("%d %v %+v", w.Code, w.Header(), got)
	}
	// A version that is gone may be gone by this very request: that is the store's to tell.
	at[3] = `"2"`
	if w := d.do(promised, "POST", path+"/steps", `{"step":"cancel"}`, at...); w.Code != 200 || d.steps[1].Expect != neverThere {
		t.Errorf("%d %+v", w.Code, d.steps[1])
	}
	w = d.do(promised, "POST", path+"/refunds", `{"lines":[{"line":1,"quantity":1,"restock":true}],"reason":"squashed"}`, append(at[:3:3], "*")...)
	if got := d.wanted[0]; w.Code != 201 || got.Key != "api/key-0001" || got.Expect != 3 || got.Reason != "squashed" || len(got.Lines) != 1 || !got.Lines[0].Restock {
		t.Errorf("%d %s %+v", w.Code, w.Body, got)
	}
	d.refused = world.E(world.CodePrecondition, "", "")
	for _, to := range []asked{{path: "/steps", content: `{"step":"accept"}`}, {path: "/refunds", content: `{"lines":[{"line":1,"quantity":1}]}`}} {
		if w := d.do(promised, "POST", path+to.path, to.content, at...); w.Code != 412 || w.Header().Get("ETag") != `"3"` {
			t.Errorf("%s: %d %v", to.path, w.Code, w.Header())
		}
	}
	d.refused = world.E(world.CodeConflict, "", "")
	if w := d.do(promised, "POST", path+"/steps", `{"step":"accept"}`, at...); w.Code != 409 {
		t.Errorf("%d", w.Code)
	}
}

func TestAPIEndpointsAndLetters(t *testing.T) {
	d, promised := newDesk(t, tokenFor([]string{"de"}, ReadHooks, WriteHooks, ReadOrders, WriteOrders)), contract(t)
	key := func(k string) []string { return []string{"Idempotency-Key", "key-" + k} }
	const sent = `{"url":"https://shop.example/hook","kinds":["order.placed"]}`
	w := d.do(promised, "POST", "/endpoints", sent, key("0001")...)
	if w.Code != 201 || !strings.Contains(w.Body.String(), d.keeping.secrets[0]) || strings.Contains(w.Body.String(), "again") {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	id := d.keeping.hooks[0].ID
	w = d.do(promised, "POST", "/endpoints", sent, key("0001")...)
	if want := fmt.Sprintf(`{"id":%q,"again":true}`, id); w.Code != 201 || strings.TrimSpace(w.Body.String()) != want || len(d.keeping.hooks) != 1 || !validToken(id) {
		t.Errorf("again: %d %s, want %s", w.Code, w.Body, want)
	}
	list := d.do(promised, "GET", "/endpoints", "")
	if got := read[api.EndpointList](t, list); len(got.Endpoints) != 1 || got.Endpoints[0].ID != id || strings.Contains(list.Body.String(), "whsec_") {
		t.Errorf("%s", list.Body)
	}
	d.keeping.sent = []world.HookMessage{{ID: 7, Kind: world.HookOrderPlaced, At: noon, State: "parked"}, {ID: 6, State: "sent", At: noon}}
	d.keeping.parked = []world.ParkedMail{{QueuedMail: world.QueuedMail{ID: 5, OrderID: orderID, Kind: world.MailPlaced, At: noon}}}
	nobody := strings.Repeat("c", tokenLength)
	d.doAll(promised, []asked{
		{"POST", "/endpoints", `{"url":"http://shop.example/hook","kinds":["order.placed"]}`, key("0002"), 400},
		{"POST", "/endpoints", `{"url":"https://shop.example/hook","kinds":["order.eaten"]}`, key("0002"), 400},
		{"POST", "/endpoints", `{"url":"https://shop.example/hook","kinds":[]}`, key("0002"), 400},
		{"POST", "/endpoints", sent, nil, 400},
		{"POST", "/endpoints", strings.Replace(sent, "hook", "another", 1), key("0001"), 409},
		{"PATCH", "/endpoints/" + id, `{"enabled":false}`, nil, 204},
		{"PATCH", "/endpoints/" + nobody, `{"enabled":false}`, nil, 404},
		{"POST", "/endpoints/" + id + "/secret", "", key("0003"), 200},
		{"POST", "/endpoints/" + id + "/secret", "", key("0003"), 200}, // and nothing is done
		{"POST", "/endpoints/" + id + "/secret", "", nil, 400},
		{"POST", "/endpoints/" + nobody + "/secret", "", key("0004"), 404},
		{"GET", "/endpoints/" + id + "/messages?limit=1", "", nil, 200},
		{"GET", "/endpoints/" + nobody + "/messages", "", nil, 404},
		{"POST", "/endpoints/" + id + "/replay", `{"since":"2026-03-01T09:00:00Z"}`, nil, 200},
		{"POST", "/endpoints/" + nobody + "/replay", `{"since":"2026-03-01T09:00:00Z"}`, nil, 404},
		{"POST", "/messages/7/replay", "", nil, 204},
		{"POST", "/messages/9/replay", "", nil, 404},
		{"POST", "/messages/0/replay", "", nil, 400},
		{"DELETE", "/endpoints/" + id, "", nil, 204},
		{"GET", "/letters", "", nil, 200},
		{"POST", "/letters/5/retry", "", nil, 204},
		{"POST", "/letters/6/retry", "", nil, 404},
	})
	if want := []string{"off", "rotate 24h0m0s", "replay since 2026-03-01T09:00:00Z", "replay", "remove", "retry"}; !slices.Equal(d.keeping.done, want) || d.keeping.told != 5 {
		t.Errorf("%v, told %d", d.keeping.done, d.keeping.told)
	}
}

// Whatever changes something says what the same sent again does: it has a key or a
// version, or its description tells why it is harmless.
func TestAPIWritesSayWhatTheSameAgainDoes(t *testing.T) {
	type operation struct {
		Description string `json:"description"`
		Parameters  []struct {
			Name string `json:"name"`
		} `json:"parameters"`
	}
	var document struct {
		Paths map[string]map[string]operation `json:"paths"`
	}
	if err := json.Unmarshal(newDesk(t).at("de.localhost").get(apiBase+"/openapi.json").Body.Bytes(), &document); err != nil || len(document.Paths) == 0 {
		t.Fatal(err)
	}
	for path, methods := range document.Paths {
		for method, op := range methods {
			guarded := strings.Contains(op.Description, "Sent again")
			for _, p := range op.Parameters {
				guarded = guarded || p.Name == "Idempotency-Key" || p.Name == "If-Match"
			}
			if method != "get" && !guarded {
				t.Errorf("%s %s: %q", method, path, op.Description)
			}
		}
	}
}

// Each operation wants its own scope, and its own market.
func TestAPISellingScopes(t *testing.T) {
	all := []struct {
		method, path string
		scope        Scope
	}{
		{"GET", "/promotions", ReadSelling}, {"POST", "/promotions/x", WriteSelling}, {"PUT", "/promotions/x", WriteSelling}, {"DELETE", "/promotions/x", WriteSelling},
		{"GET", "/hours", ReadSelling}, {"PUT", "/hours", WriteSelling}, {"GET", "/bookings", ReadSelling}, {"GET", "/stock", ReadStock}, {"GET", "/stock-check", ReadStock}, {"POST", "/stock/x/movements", WriteStock},
		{"POST", "/orders/x/steps", WriteOrders}, {"POST", "/orders/x/refunds", WriteOrders}, {"GET", "/endpoints", ReadHooks}, {"POST", "/endpoints", WriteHooks},
		{"DELETE", "/endpoints/x", WriteHooks}, {"POST", "/endpoints/x/secret", WriteHooks}, {"GET", "/letters", ReadOrders}, {"POST", "/letters/1/retry", WriteOrders},
	}
	content := map[string]string{"/promotions/x": terms, "/hours": `{"slots":[],"closed":[]}`, "/stock/x/movements": `{"act":"receive","pieces":1}`, "/orders/x/steps": `{"step":"accept"}`,
		"/orders/x/refunds": `{"lines":[{"line":1,"quantity":1}]}`, "/endpoints": `{"url":"https://a.example/","kinds":["order.placed"]}`}
	promised := contract(t)
	try := func(name string, token func(*Config), only func(Scope) bool) {
		d := newDesk(t, token)
		for _, a := range all {
			if !only(a.scope) {
				continue
			}
			text := content[a.path]
			if a.method == http.MethodGet || a.method == http.MethodDelete {
				text = ""
			}
			if w := d.do(promised, a.method, a.path, text, "Idempotency-Key", "key-0001"); w.Code != 403 {
				t.Errorf("%s: %s %s: %d %s", name, a.method, a.path, w.Code, w.Body)
			}
		}
		if len(d.keeping.acts)+len(d.keeping.done)+len(d.keeping.offers)+len(d.keeping.hooks)+d.keeping.told > 0 {
			t.Errorf("%s: something is done", name)
		}
	}
	try("another market", tokenFor([]string{"gb"}, Scopes()...), func(Scope) bool { return true })
	for _, missing := range []Scope{ReadSelling, WriteSelling, ReadStock, WriteStock, ReadHooks, WriteHooks, ReadOrders, WriteOrders} {
		others := slices.DeleteFunc(Scopes(), func(s Scope) bool { return s == missing })
		try("without "+string(missing), tokenFor([]string{"de"}, others...), func(s Scope) bool { return s == missing })
	}
}
