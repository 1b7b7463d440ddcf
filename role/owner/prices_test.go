package owner

import (
	"net/url"
	"regexp"
	"testing"

	"meridian/engine/catalog"
)

var planField = regexp.MustCompile(`name="plan" value="([0-9a-f]+)"`)

func TestPricesAreShownBeforeTheyChange(t *testing.T) {
	d := newDesk(t)
	c := d.signedIn()
	want(t, c.get("/owner/prices"), 200, "Change many", `value="base" selected`, ">0,99\u00a0€, 1,99\u00a0€, 2,99\u00a0€ …<", ">Any price<")
	form := url.Values{"what": {"raise"}, "percent": {"10,0"}, "ending": {"whole"}, "into": {"base"}}
	w := c.post("/owner/prices", form)
	want(t, w, 200, "1 would change", "32,00", "35,00", "Do exactly this")
	plan := planField.FindStringSubmatch(w.Body.String())
	if plan == nil || *d.shelf.prices["stollen/base"].Minor != 3200 {
		t.Fatalf("no plan, or it was done: %s", w.Body)
	}

	// Somebody changes the price that was shown: nothing is done, and it is shown anew.
	other := int64(4000)
	d.shelf.prices["stollen/base"] = catalog.ListPrice{Version: 4, Minor: &other}
	form.Set("plan", plan[1])
	w = c.post("/owner/prices", form)
	want(t, w, 409, "Nothing was changed", "40,00", "44,00")
	if *d.shelf.prices["stollen/base"].Minor != 4000 {
		t.Error("it was changed over another's change")
	}
	form.Set("plan", planField.FindStringSubmatch(w.Body.String())[1])
	wantTo(t, c.post("/owner/prices", form), "/owner/prices?changed=1")
	want(t, c.get("/owner/prices?changed=1"), 200, "Changed: 1")
	if *d.shelf.prices["stollen/base"].Minor != 4400 {
		t.Errorf("it costs %d", *d.shelf.prices["stollen/base"].Minor)
	}
}

func TestPricesFormIsChecked(t *testing.T) {
	c := newDesk(t).signedIn()
	for name, form := range map[string]url.Values{
		"no percentage": {"what": {"raise"}, "percent": {"much"}}, "no ending": {"what": {"raise"}, "percent": {"1"}, "ending": {"nines"}}, "no list": {"what": {"raise"}, "percent": {"1"}, "into": {"never"}},
		"a list without a rank": {"what": {"raise"}, "percent": {"1"}, "new": {"lent"}}, "no moment": {"what": {"raise"}, "percent": {"1"}, "from": {"soon"}},
		"everything withdrawn": {"what": {"withdraw"}}, "published, no category": {"what": {"publish"}},
	} {
		w := c.post("/owner/prices", form)
		if w.Code != 422 {
			t.Errorf("%s: %d %s", name, w.Code, w.Body)
		}
		want(t, w, 422, `role="alert"`, "What to change")
	}
	want(t, c.post("/owner/prices", url.Values{"what": {"raise"}, "percent": {"-10"}, "new": {"lent"}, "rank": {"5"}, "from": {"2026-03-01T08:00"}, "until": {"2026-04-01T08:00"}}), 200, "lent", `value="2026-03-01T08:00"`)
}
