package promotion

import (
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"meridian/world"
)

// Offer is a promotion as its market's owner keeps it: with its words in every
// language, and the version that a change of it names.
type Offer struct {
	Promotion
	Labels  map[string]string // what buyers read, by locale
	Version int64             // counts its changes from 1; 0 is one that is not kept yet
}

// Phase is where a promotion is in its life at a moment.
type Phase string

// The phases.
const (
	PhaseToCome  Phase = "to_come"
	PhaseInForce Phase = "in_force"
	PhaseEnded   Phase = "ended"
)

// At is the promotion's phase at a moment.
func (p Promotion) At(now time.Time) Phase {
	switch {
	case p.ended(now):
		return PhaseEnded
	case p.notYet(now):
		return PhaseToCome
	}
	return PhaseInForce
}

// The limits of an offer's own words.
const (
	MaxID    = 60  // characters of its name
	MaxLabel = 120 // characters of a label
)

// CheckOffer tells whether an offer can be kept in a market, and makes it as it is
// kept: codes and labels in one form, and nothing that its kind does not use. It
// fails as [Limits.Check] does.
func (l Limits) CheckOffer(o Offer, m world.Market) (Offer, error) {
	if !slug(o.ID) {
		return o, refuse(fmt.Sprintf("a promotion's name is 1 to %d of a to z, digits and hyphens, and begins with none; mend it", MaxID))
	}
	if o.Code != "" && Normalize(o.Code) == "" {
		return o, wrong(o.Promotion, fmt.Sprintf("a code is %d to %d letters A to Z and digits, with hyphens between", MinCode, MaxCode))
	}
	o.Code = Normalize(o.Code)
	labels, err := checkLabels(o, m)
	if err != nil {
		return o, err
	}
	o.Labels = labels
	if o.MinSubtotal.Minor > 0 && o.MinSubtotal.Currency != m.Currency || o.Kind == Amount && o.Amount.Currency != m.Currency {
		return o, wrong(o.Promotion, "the market's money is "+m.Currency+"; write sums in it")
	}
	if o.Kind != Percent {
		o.Percent = 0
	}
	if o.Kind != Amount {
		o.Amount.Minor, o.Amount.Currency = 0, ""
	}
	if o.Kind != BuyXGetY {
		o.Buy, o.Get = 0, 0
	}
	return o, l.Check(o.Promotion)
}

func checkLabels(o Offer, m world.Market) (map[string]string, error) {
	labels := map[string]string{}
	for locale, text := range o.Labels {
		text = strings.Join(strings.Fields(text), " ")
		switch {
		case !slices.Contains(m.Locales, locale):
			return nil, wrong(o.Promotion, fmt.Sprintf("the market does not speak %q; use %s", clip(locale), strings.Join(m.Locales, ", ")))
		case !utf8.ValidString(text) || utf8.RuneCountInString(text) > MaxLabel:
			return nil, wrong(o.Promotion, fmt.Sprintf("a label has at most %d characters; shorten it", MaxLabel))
		case text != "":
			labels[locale] = text
		}
	}
	if labels[m.Locales[0]] == "" {
		return nil, wrong(o.Promotion, "it has no label in "+m.Locales[0]+"; say what buyers read")
	}
	return labels, nil
}

func slug(s string) bool {
	if len(s) == 0 || len(s) > MaxID || s[0] == '-' {
		return false
	}
	for i := range len(s) {
		if c := s[i]; (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' {
			return false
		}
	}
	return true
}
