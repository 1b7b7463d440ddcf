package owner

import (
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"meridian/engine/catalog"
	"meridian/engine/money"
	"meridian/world"
)

const pricesPath = ordersPath + "prices"

// pricesBody is the form for many changes at once, and what they would do.
type pricesBody struct {
	URL        string
	Categories []choice
	Endings    []choice
	Lists      []choice
	Values     url.Values // as they were typed
	Wrong      string
	Plan       *planTable // nil before it is asked for
}

// choice is one of several in a form.
type choice struct {
	Value, Name string
	Chosen      bool
}

// planTable is exactly what would change.
type planTable struct {
	Tag       string
	Rows      []planRow
	Unchanged int
	Hidden    []choice // the form's fields again
}

type planRow struct{ What, List, Old, New, Base string }

// What the form can be told to change.
const (
	raisePrices = "raise"
	withdrawAll = "withdraw"
	publishAll  = "publish"
)

// bulkFields are those of the form.
var bulkFields = []string{"what", "category", "percent", "ending", "into", "new", "rank", "from", "until"}

func (o *Owner) showPrices(v *visit) error {
	pg := page{}
	if n, err := strconv.Atoi(v.r.URL.Query().Get("changed")); err == nil && n > 0 {
		pg.Notice = notice{Kind: "good", Title: "Changed: " + strconv.Itoa(n), Text: "It is going live on every PoP now."}
	}
	return o.pricesPage(v, http.StatusOK, pg, url.Values{"what": {raisePrices}}, "", nil)
}

// changePrices shows what a form would change, or does what was shown.
func (o *Owner) changePrices(v *visit) error {
	b, err := v.at.bulkOf(v.r.PostForm)
	if err != nil {
		return o.pricesPage(v, http.StatusUnprocessableEntity, page{}, v.r.PostForm, messageOf(err), nil)
	}
	shown := v.r.PostForm.Get("plan")
	b.DryRun = shown == ""
	plan, err := o.bulk(v, b, quoted(shown))
	pg := page{}
	if world.Is(err, world.CodePrecondition) {
		pg.Notice = notice{Kind: "bad", Title: "Nothing was changed", Text: "Somebody has changed some of this meanwhile. This is what it would do now."}
		b.DryRun = true
		plan, err = o.bulk(v, b, "")
	}
	switch code := world.CodeOf(err); {
	case err == nil && !b.DryRun:
		seeOther(v, pricesPath+"?changed="+strconv.Itoa(len(plan.Changes)))
		return nil
	case err == nil:
		status := http.StatusOK
		if pg.Notice.Kind != "" {
			status = http.StatusConflict
		}
		return o.pricesPage(v, status, pg, v.r.PostForm, "", &plan)
	case code == world.CodeInvalid, code == world.CodeUnprocessed, code == world.CodeTooLarge, code == world.CodeConflict:
		return o.pricesPage(v, http.StatusUnprocessableEntity, page{}, v.r.PostForm, messageOf(err), nil)
	}
	return err
}

// bulkOf reads the form. Errors: invalid, for the owner.
func (at *site) bulkOf(form url.Values) (catalog.Bulk, error) {
	from, err := at.typedMoment(form.Get("from"))
	if err != nil {
		return catalog.Bulk{}, err
	}
	until, err := at.typedMoment(form.Get("until"))
	if err != nil {
		return catalog.Bulk{}, err
	}
	category := form.Get("category")
	switch form.Get("what") {
	case withdrawAll:
		return catalog.Bulk{Publish: &catalog.Publish{Category: category, Withdraw: true}}, nil
	case publishAll:
		return catalog.Bulk{Publish: &catalog.Publish{Category: category, From: from, Until: until}}, nil
	}
	percent := strings.Replace(strings.TrimSpace(form.Get("percent")), ",", ".", 1)
	b := catalog.Bulk{Raise: &catalog.Raise{Category: category, Percent: percent, Ending: form.Get("ending"), Into: form.Get("into")}}
	if name := strings.TrimSpace(form.Get("new")); name != "" {
		rank, err := strconv.Atoi(form.Get("rank"))
		if err != nil {
			return b, world.E(world.CodeInvalid, "owner.prices", "A new list needs a rank: a number, higher than that of the lists it is to stand above.")
		}
		b.List, b.Raise.Into = &catalog.List{List: name, Rank: rank, From: from, Until: until}, name
	}
	return b, nil
}

// typedMoment reads a moment on the market's clocks, as browsers send it; nil for none.
func (at *site) typedMoment(text string) (*time.Time, error) {
	if text == "" {
		return nil, nil
	}
	t, err := time.ParseInLocation("2006-01-02T15:04", text, at.zone)
	if err != nil {
		return nil, world.Because(world.CodeInvalid, "owner.prices", "Write a moment as 2026-11-30T18:00.", err)
	}
	return &t, nil
}

func (o *Owner) pricesPage(v *visit, status int, pg page, values url.Values, wrong string, plan *catalog.Plan) error {
	body := pricesBody{URL: pricesPath, Values: values, Wrong: wrong, Categories: []choice{{Name: "All products"}}}
	categories, err := o.deps.Editing.DraftCategories(v.r.Context(), v.at.market.ID)
	if err != nil {
		return world.Wrap("owner.prices", err)
	}
	for _, k := range categories {
		name := k.Category.Category
		if t, ok := k.Texts[v.at.locale()]; ok {
			name = t.Name
		}
		body.Categories = append(body.Categories, choice{Value: k.Category.Category, Name: name})
	}
	lists, err := o.deps.Editing.PriceLists(v.r.Context(), v.at.market.ID)
	if err != nil {
		return world.Wrap("owner.prices", err)
	}
	for _, l := range lists {
		body.Lists = append(body.Lists, choice{Value: l.List.List, Name: l.List.List})
	}
	for _, c := range money.Charms(v.at.market.Currency) {
		body.Endings = append(body.Endings, choice{Value: c.Name, Name: v.at.ending(c)})
	}
	for field, of := range map[string][]choice{"category": body.Categories, "into": body.Lists, "ending": body.Endings} {
		wanted := values.Get(field)
		if field == "into" && wanted == "" {
			wanted = world.BaseList
		}
		for i := range of {
			of[i].Chosen = of[i].Value == wanted
		}
	}
	if plan != nil {
		body.Plan = v.at.planTable(*plan, values)
	}
	pg.Title, pg.Section, pg.Body = "Change many", "products", body
	return o.render(v, status, "prices", pg)
}

// ending shows a rule for prices by its lowest ones.
func (at *site) ending(c money.Charm) string {
	if c.Period == 1 {
		return "Any price"
	}
	least := c.Ending
	if least == 0 {
		least = c.Period
	}
	return fmt.Sprintf("%s, %s, %s …", at.money(least), at.money(least+c.Period), at.money(least+2*c.Period))
}

func (at *site) planTable(p catalog.Plan, values url.Values) *planTable {
	t := &planTable{Tag: p.Tag(), Unchanged: p.Unchanged}
	price := func(minor *int64) string {
		if minor == nil {
			return "–"
		}
		return at.money(*minor)
	}
	span := func(from, until *time.Time) string {
		begin, end := "always", "for ever"
		if from != nil {
			begin = "from " + at.date(*from)
		}
		if until != nil {
			end = "until " + at.date(*until)
		}
		return begin + ", " + end
	}
	for _, c := range p.Changes {
		switch {
		case c.SKU != "":
			t.Rows = append(t.Rows, planRow{c.SKU, c.List, price(c.Old), price(c.New), price(c.Base)})
		case c.Withdraw:
			t.Rows = append(t.Rows, planRow{What: c.Product, Old: span(c.OldFrom, c.OldUntil), New: "not any more"})
		default:
			t.Rows = append(t.Rows, planRow{What: c.Product, Old: span(c.OldFrom, c.OldUntil), New: span(c.From, c.Until)})
		}
	}
	for _, field := range bulkFields {
		t.Hidden = append(t.Hidden, choice{Name: field, Value: values.Get(field)})
	}
	return t
}

// Summary says in words how much would change.
func (t *planTable) Summary() string {
	return fmt.Sprintf("%d would change; %d are so already.", len(t.Rows), t.Unchanged)
}
