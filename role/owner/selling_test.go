package owner

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"meridian/engine/checkout"
	"meridian/engine/money"
	"meridian/engine/promotion"
	"meridian/engine/slots"
	"meridian/engine/tax"
	"meridian/world"
)

// advent is a promotion that the market has.
func advent() promotion.Offer {
	return promotion.Offer{Version: 3, Labels: map[string]string{"de-DE": "Advent"}, Promotion: promotion.Promotion{ID: "advent", Label: "Advent", Kind: promotion.Percent, Percent: 125_000,
		Code: "ADVENT", From: noon.Add(-time.Hour), MaxUses: 9, SKUs: []string{"stollen"}, Categories: []string{"gone"}}}
}

func TestPromotionsPage(t *testing.T) {
	d := newDesk(t, func(c *Config) { c.PageSize = 2 })
	c := d.signedIn()
	want(t, c.get("/owner/promotions"), 200, "No promotions yet")
	over, later := advent(), advent()
	over.ID, over.To, over.Kind, over.Amount = "over", noon, promotion.Amount, money.Amount{Minor: 250, Currency: "EUR"}
	later.ID, later.From, later.Kind, later.Buy, later.Get = "later", noon.Add(time.Hour), promotion.BuyXGetY, 2, 1
	d.keeping.offers, d.keeping.uses = []promotion.Offer{advent(), later, over}, map[string]int{"advent": 4}
	want(t, c.get("/owner/promotions"), 200, "12,5 %", "4 of 9", "In force", "To come", "buy 2, get 1 free", "ADVENT", "01.03.2026, 12:00", "promotions?after=later")
	want(t, c.get("/owner/promotions?after=later"), 200, "Ended", "2,50\u00a0€")
}

func TestAPromotionIsMadeChangedAndEnded(t *testing.T) {
	d := newDesk(t)
	c := d.signedIn()
	want(t, c.get("/owner/new-promotion"), 200, `name="label-de-DE"`, "Kuchen", "Europe/Berlin", `name="name"`)
	form := url.Values{"name": {"easter"}, "label-de-DE": {"Ostern"}, "kind": {"percent"}, "percent": {"7,5"}, "code": {"ei 26"}, "skus": {"stollen, brezel"}, "category": {"cakes"},
		"from": {"2026-03-28T09:00"}, "to": {"2026-04-07T00:00"}, "min": {"20,00"}, "max-uses": {"100"}, "exclusive": {"yes"}}
	for _, bad := range []struct{ field, value, says string }{
		{"percent", "viel", "Percent: write a number like 12,5"}, {"percent", "100,1", "at most 100"}, {"from", "morgen", "From: write a date"}, {"to", "2026-03-28T09:00", "ends before"},
		{"max-uses", "-1", "Uses in all"}, {"max-uses", "1000001", "Uses in all"}, {"min", "20,005", "Smallest order"}, {"label-de-DE", "", "no label"}, {"name", "Easter", "a to z"}, {"kind", "gift", "no kind"},
	} {
		again := url.Values{}
		for k, v := range form {
			again[k] = v
		}
		again.Set(bad.field, bad.value)
		want(t, c.post("/owner/new-promotion", again), 422, bad.says, `value="ei 26"`)
	}
	wantTo(t, c.post("/owner/new-promotion", form), "/owner/promotions/easter")
	got := d.keeping.offers[0]
	if got.Percent != 75_000 || got.Code != "EI26" || !slices.Equal(got.SKUs, []string{"stollen", "brezel"}) || !slices.Equal(got.Categories, []string{"cakes"}) || got.MinSubtotal.Minor != 2000 ||
		!got.From.Equal(time.Date(2026, 3, 28, 8, 0, 0, 0, time.UTC)) || !got.To.Equal(time.Date(2026, 4, 6, 22, 0, 0, 0, time.UTC)) || got.MaxUses != 100 || !got.Exclusive { // summer time begins between them
		t.Errorf("%+v", got)
	}
	want(t, c.get("/owner/promotions/easter"), 200, "To come", `value="7,5"`, `value="2026-03-28T09:00"`, `value="2026-04-07T00:00"`, `value="20,00"`, "stollen, brezel", `value="cakes" checked`)
	form.Set("percent", "10")
	form.Set("version", "1")
	wantTo(t, c.post("/owner/promotions/easter", form), "/owner/promotions/easter")
	form.Set("percent", "15")
	want(t, c.post("/owner/promotions/easter", form), 409, "changed meanwhile", `value="15"`, `name="version" value="2"`)
	form.Del("version")
	want(t, c.post("/owner/promotions/easter", form), 400)
	want(t, c.post("/owner/promotions/nothing", form), 404)
	want(t, c.post("/owner/promotions/easter/end", url.Values{"version": {"1"}}), 409)
	wantTo(t, c.post("/owner/promotions/easter/end", url.Values{"version": {"2"}}), "/owner/promotions/easter")
	d.keeping.offers[0].Categories = []string{"gone"}
	want(t, c.get("/owner/promotions/easter"), 200, `value="gone" checked`)
}

// A form writes minutes without their offset: what it still shows as it was stays to
// the second, also in the hour that the end of summer time doubles.
func TestAPromotionKeepsItsMoments(t *testing.T) {
	d := newDesk(t)
	c := d.signedIn()
	from, to := time.Date(2026, 10, 25, 1, 30, 0, 0, time.UTC), time.Date(2026, 11, 1, 9, 0, 17, 250_000, time.UTC) // the second 02:30 of the night
	for _, late := range []time.Duration{0, time.Hour} {
		o := advent()
		o.From, o.To = from.Add(-late), to // the first 02:30, then
		d.keeping.offers = []promotion.Offer{o}
		form := url.Values{"version": {"3"}, "label-de-DE": {"Herbst"}, "kind": {"percent"}, "percent": {"7,5"}, "from": {"2026-10-25T02:30"}, "to": {"2026-11-01T10:00"}}
		want(t, c.get("/owner/promotions/advent"), 200, `value="2026-10-25T02:30"`, `value="2026-11-01T10:00"`)
		wantTo(t, c.post("/owner/promotions/advent", form), "/owner/promotions/advent")
		if got := d.keeping.offers[0]; got.Label != "Herbst" || !got.From.Equal(o.From) || !got.To.Equal(to) {
			t.Errorf("%+v", got)
		}
		form.Set("version", "4")
		form.Set("from", "")
		form.Set("to", "2026-11-01T10:01")
		wantTo(t, c.post("/owner/promotions/advent", form), "/owner/promotions/advent")
		if got := d.keeping.offers[0]; !got.From.IsZero() || !got.To.Equal(time.Date(2026, 11, 1, 9, 1, 0, 0, time.UTC)) {
			t.Errorf("%+v", got)
		}
	}
}

func TestHoursPage(t *testing.T) {
	d := newDesk(t)
	c := d.signedIn()
	d.keeping.week = checkout.Week{Version: 4, Closed: []checkout.Closed{{Day: tax.Date{Year: 2026, Month: 3, Day: 2}, Kind: slots.Delivery}}, Slots: []slots.Rule{
		{Kind: slots.PickUp, Weekday: time.Sunday, Start: 0, End: 10 * time.Hour, Capacity: 2, Cutoff: 90 * time.Minute},
		{Kind: slots.Delivery, Weekday: time.Monday, Start: 9 * time.Hour, End: 24 * time.Hour, Capacity: 5}}}
	d.keeping.booked = map[string]int{"pickup-2026-03-01-0000": 2}
	res := c.get("/owner/hours")
	want(t, res, 200, "00:00-10:00 2 90", "09:00-24:00 5", "2026-03-02 delivery", "Sunday 1 March", "2 of 2", "full", `name="version" value="4"`)
	if strings.Contains(res.Body.String(), "Monday 2 March") {
		t.Error("a closed day has slots")
	}
	form := url.Values{"version": {"4"}, "pickup-1": {"09:00-10:00 4 90\r\n\r\n 10:00–11:00  3 "}, "closed": {"2026-12-25\n2026-12-26 pickup"}}
	for _, bad := range []struct{ field, value, says string }{
		{"delivery-6", "nine to five", "Saturday, Delivery"}, {"pickup-1", "09:00-10:00", "is no slot"}, {"pickup-1", "09:00-24:01 3", "is no slot"}, {"pickup-1", "9-10 3", "is no slot"},
		{"pickup-1", "09:00-10:00 3 -1", "is no slot"}, {"pickup-1", "09:00-10:00 3 1 1", "is no slot"}, {"closed", "Christmas", "Closed days"}, {"closed", "2026-12-25 post", "Closed days"},
	} {
		again := url.Values{}
		for k, v := range form {
			again[k] = v
		}
		again.Set(bad.field, bad.value)
		want(t, c.post("/owner/hours", again), 422, bad.says)
	}
	wantTo(t, c.post("/owner/hours", form), "/owner/hours")
	w := d.keeping.week
	if len(w.Slots) != 2 || w.Slots[0] != (slots.Rule{Kind: slots.PickUp, Weekday: time.Monday, Start: 9 * time.Hour, End: 10 * time.Hour, Capacity: 4, Cutoff: 90 * time.Minute}) ||
		w.Slots[1].Start != 10*time.Hour || w.Slots[1].Cutoff != 0 || len(w.Closed) != 2 || w.Closed[1].Kind != slots.PickUp || w.Version != 5 {
		t.Errorf("%+v", w)
	}
	want(t, c.post("/owner/hours", form), 409, "changed meanwhile", "10:00–11:00")
	want(t, c.post("/owner/hours", url.Values{}), 400)
}

func FuzzSlotLine(f *testing.F) {
	for _, seed := range []string{"09:00-10:00 4 90", "24:00-24:00 1", "00:00–00:01 1 0", "-:-: 1", "09:00 - 10:00 4"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, line string) {
		r, ok := ruleOf(line)
		if ok && (r.Start < 0 || r.End > 24*time.Hour || r.Cutoff < 0) {
			t.Errorf("%q is %+v", line, r)
		}
	})
}

func TestStockPages(t *testing.T) {
	d := newDesk(t, func(c *Config) { c.PageSize = 2 })
	c := d.signedIn()
	want(t, c.get("/owner/stock"), 200, "Christstollen", "never received")
	d.keeping.levels = map[string]world.StockLevel{"stollen": {SKU: "stollen", OnHand: 40, Reserved: 3}}
	d.next = "more"
	want(t, c.get("/owner/stock"), 200, ">40<", ">3<", ">37<", "stock?after=more")
	for id := int64(3); id > 0; id-- {
		d.keeping.moves = append(d.keeping.moves, world.StockMovement{ID: id, At: noon, Kind: world.StockSell, OnHand: -2, Reserved: -2, OrderID: orderID, Number: "SC-DE-1", Who: "till", Note: "why"})
	}
	res := c.get("/owner/stock/stollen")
	want(t, res, 200, ">37<", "Sold", "−2", "SC-DE-1", "stollen?before=2", `value="receive" checked`)
	want(t, c.get("/owner/stock/stollen?before=2"), 200, "SC-DE-1")
	want(t, c.get("/owner/stock/stollen?before=x"), 400)
	want(t, c.get("/owner/stock/scones"), 404)
	key := strings.Repeat("a", tokenLength)
	form := url.Values{"key": {key}, "act": {"count"}, "pieces": {" 12 "}, "reason": {" counted "}}
	wantTo(t, c.post("/owner/stock/stollen", form), "/owner/stock/stollen")
	if got := d.keeping.acts[0]; got != (world.StockChange{Market: "de", SKU: "stollen", Act: world.ActCount, Pieces: 12, Key: key, Who: email, Reason: "counted"}) || d.keeping.told != 1 {
		t.Errorf("%+v, told %d", got, d.keeping.told)
	}
	want(t, c.post("/owner/stock/stollen", url.Values{"key": {key}, "act": {"count"}, "pieces": {"many"}}), 422, "whole number", key)
	want(t, c.post("/owner/stock/stollen", url.Values{"key": {key}, "act": {"write_off"}, "pieces": {"1"}}), 422, "Say why")
	want(t, c.post("/owner/stock/stollen", url.Values{"act": {"receive"}, "pieces": {"1"}}), 400)
	want(t, c.post("/owner/stock/scones", form), 404)
	d.keeping.err = world.E(world.CodeConflict, "", "3 of them reserved")
	if n := len(d.keeping.acts); n != 1 {
		t.Errorf("%d acts", n)
	}
}

func TestSystemsPages(t *testing.T) {
	d := newDesk(t, func(c *Config) { c.PageSize = 2 })
	c := d.signedIn()
	want(t, c.get("/owner/systems"), 200, "No systems yet", `value="order.placed" checked`)
	key := strings.Repeat("b", tokenLength)
	form := url.Values{"key": {key}, "address": {" https://shop.example/hook "}, "kind": {"order.placed", "stock.low"}}
	for field, bad := range map[string]string{"address": "http://shop.example/", "kind": "order.eaten"} {
		again := url.Values{}
		for k, v := range form {
			again[k] = v
		}
		again.Set(field, bad)
		want(t, c.post("/owner/systems", again), 400, key)
	}
	res := c.post("/owner/systems", form)
	want(t, res, 201, "shown this once")
	secret := d.keeping.secrets[0]
	if !strings.Contains(res.Body.String(), strings.ReplaceAll(secret, "+", "&#43;")) || !strings.HasPrefix(secret, "whsec_") {
		t.Errorf("the secret is not shown")
	}
	path := "/owner/systems/" + key
	want(t, c.post("/owner/systems", form), 201, "shown then")
	form.Set("address", "https://shop.example/other")
	if res := c.post("/owner/systems", form); res.Code != 409 || strings.Contains(res.Body.String(), `value="`+key) || len(d.keeping.hooks) != 1 {
		t.Errorf("another address under the same key: %d, %+v", res.Code, d.keeping.hooks)
	}
	if body := c.get(path).Body.String() + c.get("/owner/systems").Body.String() + d.log.String(); strings.Contains(body, "whsec_") {
		t.Error("the secret is told again")
	}
	for id := int64(3); id > 0; id-- {
		d.keeping.sent = append(d.keeping.sent, world.HookMessage{ID: id, Endpoint: key, Kind: world.HookOrderPlaced, At: noon, State: "parked", Attempts: 9, Failure: "503 & gone"})
	}
	want(t, c.get(path), 200, "503 &amp; gone", "parked", "9 attempts", `name="message" value="3"`, "?before=2")
	for _, f := range []struct {
		form url.Values
		did  string
	}{
		{url.Values{"do": {"off"}}, "off"}, {url.Values{"do": {"on"}}, "on"}, {url.Values{"do": {"replay"}, "message": {"3"}}, "replay"},
		{url.Values{"do": {"replay-since"}, "since": {"2026-03-01T10:00"}, "sent": {"yes"}}, "replay since 2026-03-01T09:00:00Z sent"},
		{url.Values{"do": {"rotate"}, "key": {strings.Repeat("d", tokenLength)}}, "rotate 24h0m0s"}, {url.Values{"do": {"remove"}}, "remove"},
	} {
		if res := c.post(path, f.form); res.Code >= 400 || d.keeping.done[len(d.keeping.done)-1] != f.did {
			t.Errorf("%v: %d, %v", f.form, res.Code, d.keeping.done)
		}
		want(t, c.post("/owner/systems/"+strings.Repeat("c", tokenLength), f.form), map[bool]int{true: 303, false: 404}[f.did == "replay"])
		if f.did == "rotate 24h0m0s" {
			want(t, c.post(path, f.form), 200, "shown then", `name="key"`)
		}
	}
	if len(d.keeping.secrets) != 2 || d.keeping.secrets[1] == secret {
		t.Error("not one new secret")
	}
	want(t, c.post(path, url.Values{"do": {"replay-since"}, "since": {"gestern"}}), 422, "Since: write")
	for _, bad := range []url.Values{{}, {"do": {"eat"}}, {"do": {"rotate"}}, {"do": {"replay"}, "message": {"x"}}} {
		want(t, c.post(path, bad), 400)
	}
	d.keeping.hooks[0].Market = "gb"
	want(t, c.get(path), 404)
}

func TestLettersPage(t *testing.T) {
	d := newDesk(t, func(c *Config) { c.PageSize = 2 })
	c := d.signedIn()
	want(t, c.get("/owner/letters"), 200, "None was given up")
	for id := int64(3); id > 0; id-- {
		d.keeping.parked = append(d.keeping.parked, world.ParkedMail{QueuedMail: world.QueuedMail{ID: id, OrderID: orderID, Kind: world.MailReady, At: noon, Attempts: 8}, Number: fmt.Sprint("SC-DE-", id), Failure: "550 <no such mailbox>", Since: noon})
	}
	want(t, c.get("/owner/letters"), 200, "SC-DE-3", "SC-DE-2", "Ready", "550 &lt;no such mailbox&gt;", "8 attempts", "?before=2")
	want(t, c.get("/owner/letters?before=2"), 200, "SC-DE-1")
	wantTo(t, c.post("/owner/letters", url.Values{"letter": {"3"}}), "/owner/letters")
	if !slices.Equal(d.keeping.done, []string{"retry"}) || d.keeping.told != 1 {
		t.Errorf("%v, told %d", d.keeping.done, d.keeping.told)
	}
	want(t, c.post("/owner/letters", url.Values{"letter": {"9"}}), 404)
	want(t, c.post("/owner/letters", url.Values{}), 400)
}

// Nothing is changed from another site, or by who has not signed in.
func TestSellingPagesAreGuarded(t *testing.T) {
	d := newDesk(t)
	c := d.signedIn()
	d.keeping.offers = []promotion.Offer{advent()}
	for _, path := range []string{"/owner/new-promotion", "/owner/promotions/advent", "/owner/promotions/advent/end", "/owner/hours", "/owner/stock/stollen", "/owner/systems", "/owner/systems/x", "/owner/letters"} {
		c.header.Set("Sec-Fetch-Site", "cross-site")
		want(t, c.post(path, url.Values{}), 403)
		c.header.Del("Sec-Fetch-Site")
		if res := d.at("de.localhost").post(path, url.Values{}); res.Code != 303 || !strings.HasPrefix(res.Header().Get("Location"), "/owner/sign-in?") {
			t.Errorf("%s without a session: %d to %q", path, res.Code, res.Header().Get("Location"))
		}
	}
	if len(d.keeping.done)+len(d.keeping.acts)+d.keeping.told > 0 || d.keeping.offers[0].Version != 3 {
		t.Errorf("%+v", d.keeping)
	}
}
