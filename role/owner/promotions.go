package owner

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"meridian/engine/promotion"
	"meridian/world"
)

const (
	promotionsPath = ordersPath + "promotions"
	newOfferPath   = ordersPath + "new-promotion"
)

// phaseWords are what the pages call the phases of a promotion.
var phaseWords = map[promotion.Phase]string{promotion.PhaseToCome: "To come", promotion.PhaseInForce: "In force", promotion.PhaseEnded: "Ended"}

type offerList struct {
	New, Next string // addresses
	Rows      []offerRow
}

type offerRow struct {
	URL, Label, What, Code, Used, Phase string
	Kind                                string // of its tag
	From, To                            moment
}

func (o *Owner) listOffers(v *visit) error {
	offers, err := o.deps.Selling.Offers(v.r.Context(), v.at.market.ID, v.r.Form.Get("after"), o.cfg.PageSize+1)
	if err != nil {
		return world.Wrap("owner.promotions", err)
	}
	body := offerList{New: newOfferPath}
	if len(offers) > o.cfg.PageSize {
		offers = offers[:o.cfg.PageSize]
		body.Next = promotionsPath + "?" + url.Values{"after": {offers[len(offers)-1].ID}}.Encode()
	}
	uses, err := o.usesOf(v, offers)
	if err != nil {
		return err
	}
	for _, f := range offers {
		row := offerRow{URL: promotionsPath + "/" + f.ID, Label: f.Label, What: v.at.takesOff(f), Code: f.Code, Used: usedText(uses[f.ID], f.MaxUses)}
		phase := f.At(o.deps.Now())
		row.Phase, row.Kind = phaseWords[phase], string(phase)
		if !f.From.IsZero() {
			row.From = v.at.moment(f.From)
		}
		if !f.To.IsZero() {
			row.To = v.at.moment(f.To)
		}
		body.Rows = append(body.Rows, row)
	}
	return o.render(v, http.StatusOK, "promotions", page{Title: "Promotions", Section: "promotions", Body: body})
}

func (o *Owner) usesOf(v *visit, offers []promotion.Offer) (map[string]int, error) {
	ids := make([]string, len(offers))
	for i, f := range offers {
		ids[i] = f.ID
	}
	uses, err := o.deps.Stock.PromotionUses(v.r.Context(), v.at.market.ID, ids)
	return uses, world.Wrap("owner.promotions", err)
}

// takesOff is what a promotion does, in a few words.
func (at *site) takesOff(f promotion.Offer) string {
	switch f.Kind {
	case promotion.Percent:
		return at.decimal(f.Percent.Percent()) + " %"
	case promotion.Amount:
		return at.money(f.Amount.Minor)
	}
	return fmt.Sprintf("buy %d, get %d free", f.Buy, f.Get)
}

func (at *site) decimal(plain string) string { return strings.Replace(plain, ".", at.point, 1) }

func usedText(n, most int) string {
	if most > 0 {
		return fmt.Sprintf("%d of %d", n, most)
	}
	return strconv.Itoa(n)
}

// offerBody is one promotion and the form that changes it.
type offerBody struct {
	URL, End   string // addresses; End is "" where it cannot be ended
	New        bool
	Title      string
	Phase      string
	Used       string
	Version    int64
	F          url.Values // what stands in the fields
	Labels     []labelField
	Categories []ticked
	Example    string // how a sum is written
	Wrong      string
}

type labelField struct{ Locale, Name, Text string }

type ticked struct {
	Key, Name string
	Chosen    bool
}

func (o *Owner) newOffer(v *visit) error {
	return o.offerPage(v, http.StatusOK, offerBody{New: true, F: url.Values{"kind": {string(promotion.Percent)}}}, "")
}

func (o *Owner) showOffer(v *visit) error {
	f, err := o.deps.Selling.Offer(v.r.Context(), v.at.market.ID, v.r.PathValue("id"))
	if err != nil {
		return world.Wrap("owner.promotion", err)
	}
	return o.keptOffer(v, http.StatusOK, f, v.at.fieldsOf(f), "")
}

// keptOffer is the page of a promotion that is kept, with what stands in its fields.
func (o *Owner) keptOffer(v *visit, status int, f promotion.Offer, fields url.Values, wrong string) error {
	uses, err := o.usesOf(v, []promotion.Offer{f})
	if err != nil {
		return err
	}
	body := offerBody{Title: f.Label, Version: f.Version, F: fields, Used: usedText(uses[f.ID], f.MaxUses)}
	phase := f.At(o.deps.Now())
	body.Phase, body.URL = phaseWords[phase], promotionsPath+"/"+f.ID
	if phase != promotion.PhaseEnded {
		body.End = body.URL + "/end"
	}
	return o.offerPage(v, status, body, wrong)
}

func (o *Owner) offerPage(v *visit, status int, body offerBody, wrong string) error {
	body.Wrong, body.Example = wrong, v.at.typed(250)
	if body.New {
		body.URL, body.Title = newOfferPath, "New promotion"
	}
	for _, locale := range v.at.market.Locales {
		body.Labels = append(body.Labels, labelField{Locale: locale, Name: labelName(locale), Text: body.F.Get(labelName(locale))})
	}
	known, _, err := o.deps.Selling.Categories(v.r.Context(), v.at.market.ID, v.at.locale(), o.deps.Now())
	if err != nil {
		return world.Wrap("owner.promotion", err)
	}
	chosen := body.F["category"]
	for _, k := range known {
		body.Categories = append(body.Categories, ticked{k.Key, k.Name, slices.Contains(chosen, k.Key)})
	}
	for _, key := range chosen { // what has nothing for sale just now stays chosen
		if !slices.ContainsFunc(known, func(k world.Category) bool { return k.Key == key }) {
			body.Categories = append(body.Categories, ticked{key, key, true})
		}
	}
	return o.render(v, status, "promotion", page{Title: body.Title, Section: "promotions", Body: body})
}

func labelName(locale string) string { return "label-" + locale }

func (o *Owner) addOffer(v *visit) error {
	f, wrong := v.at.offerOf(v.r.PostForm)
	f.ID = strings.TrimSpace(v.r.PostForm.Get("name"))
	if wrong == "" {
		_, err := o.deps.Selling.SaveOffer(v.r.Context(), v.at.market.ID, f, o.deps.Now())
		if err == nil {
			seeOther(v, promotionsPath+"/"+f.ID)
			return nil
		}
		if wrong = mendable(err); wrong == "" {
			return world.Wrap("owner.promotion", err)
		}
	}
	return o.offerPage(v, http.StatusUnprocessableEntity, offerBody{New: true, F: v.r.PostForm}, wrong)
}

// changeOffer changes the promotion at the version that the form showed. What was
// typed stays when that cannot be.
func (o *Owner) changeOffer(v *visit) error {
	now, err := o.deps.Selling.Offer(v.r.Context(), v.at.market.ID, v.r.PathValue("id"))
	if err != nil {
		return world.Wrap("owner.promotion", err)
	}
	f, wrong := v.at.offerOf(v.r.PostForm)
	f.ID, f.From, f.To = now.ID, v.at.unmoved(f.From, now.From), v.at.unmoved(f.To, now.To)
	if f.Version, err = strconv.ParseInt(v.r.PostForm.Get("version"), 10, 64); err != nil || f.Version < 1 {
		return world.E(world.CodeInvalid, "owner.promotion", "The form does not say which version it showed. Open the promotion again.")
	}
	status := http.StatusUnprocessableEntity
	if wrong == "" {
		_, err := o.deps.Selling.SaveOffer(v.r.Context(), v.at.market.ID, f, o.deps.Now())
		if err == nil {
			seeOther(v, promotionsPath+"/"+f.ID)
			return nil
		}
		if wrong = mendable(err); wrong == "" {
			return world.Wrap("owner.promotion", err)
		}
		if world.Is(err, world.CodeConflict) {
			status = http.StatusConflict
			if now, err = o.deps.Selling.Offer(v.r.Context(), v.at.market.ID, now.ID); err != nil {
				return world.Wrap("owner.promotion", err)
			}
		}
	}
	return o.keptOffer(v, status, now, v.r.PostForm, wrong)
}

// mendable is what is wrong with what was sent; "" for a failure of ours.
func mendable(err error) string {
	switch world.CodeOf(err) {
	case world.CodeInvalid, world.CodeConflict, world.CodeTooLarge, world.CodeUnprocessed:
		return messageOf(err)
	}
	return ""
}

func (o *Owner) endOffer(v *visit) error {
	id := v.r.PathValue("id")
	version, err := strconv.ParseInt(v.r.PostForm.Get("version"), 10, 64)
	if err != nil {
		return world.E(world.CodeInvalid, "owner.promotion", "The form does not say which version it showed. Open the promotion again.")
	}
	removed, err := o.deps.Selling.EndOffer(v.r.Context(), v.at.market.ID, id, version, o.deps.Now())
	if err != nil {
		return world.Wrap("owner.promotion", err)
	}
	if removed {
		seeOther(v, promotionsPath)
	} else {
		seeOther(v, promotionsPath+"/"+id)
	}
	return nil
}

// dateTimeField is how a browser's field for a date and time writes it.
const dateTimeField = "2006-01-02T15:04"

// clockText is a moment in a field, on the market's clocks; "" for none.
func (at *site) clockText(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.In(at.zone).Format(dateTimeField)
}

// unmoved is the moment that is kept, where a field still shows it: the field has the
// minute alone, and of an hour that clocks have twice it does not say which.
func (at *site) unmoved(typed, kept time.Time) time.Time {
	if at.clockText(typed) == at.clockText(kept) {
		return kept
	}
	return typed
}
