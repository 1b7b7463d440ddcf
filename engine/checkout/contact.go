package checkout

import (
	"fmt"
	"net/mail"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"meridian/engine/taxid"
	"meridian/world"
)

// Field names a field of a contact, as forms name it.
type Field string

// The fields of a contact.
const (
	Name       Field = "name"
	Email      Field = "email"
	Phone      Field = "phone"
	Line1      Field = "line1"
	Line2      Field = "line2"
	City       Field = "city"
	State      Field = "state"
	PostalCode Field = "postal_code"
	Company    Field = "company"
	TaxID      Field = "tax_id"
)

// ErrorKey names what is wrong with a field; pages translate it.
type ErrorKey string

// The error keys.
const (
	Required      ErrorKey = "required"       // empty, and it must not be
	TooLong       ErrorKey = "too_long"       // past its limit
	BadCharacters ErrorKey = "characters"     // control characters, line breaks, broken UTF-8
	BadEmail      ErrorKey = "email"          // not one address with a domain (RFC 5322 addr-spec)
	BadPhone      ErrorKey = "phone"          // not 6 to 15 digits (E.164) with the usual signs between
	BadPostalCode ErrorKey = "postal_code"    // not as the country's codes look
	BadState      ErrorKey = "state"          // not one that the market delivers to
	BadTaxID      ErrorKey = "tax_id"         // another form than its country's numbers, or wrong check digits
	UnknownTaxID  ErrorKey = "tax_id_unknown" // its register does not know it
	NotDelivered  ErrorKey = "delivery"       // a postal code that the market does not deliver to
	OtherState    ErrorKey = "other_state"    // the postal code lies in another one
)

// ContactLimits are the longest fields, in characters. Every one of them must be positive.
type ContactLimits struct {
	Name, Email, Phone, Line, City, State, PostalCode, TaxID int
}

// DefaultContactLimits fit every real address; RFC 5321 §4.5.3.1.3 gives the
// longest email address (a path of 256 with its two brackets).
var DefaultContactLimits = ContactLimits{Name: 100, Email: 254, Phone: 30, Line: 120, City: 80, State: 40, PostalCode: 12, TaxID: taxid.MaxText}

// ContactRules are what a market asks of a contact. They are safe for
// concurrent use.
type ContactRules struct {
	postal *regexp.Regexp // nil: any, or none
	state  bool
	states []string // to choose from; empty: any
	areas  []area
	limits ContactLimits

	country  string
	business bool
}

// area is a delivery area with its postal codes; without them it has every one.
type area struct {
	world.Area
	postal []*regexp.Regexp
}

// agrees reports whether an address in the area may name a state.
func (a area) agrees(state string) bool { return a.State() == "" || a.State() == state }

// NewContactRules reads a market's rules from the world file: the pattern of
// its postal codes, and the areas that it delivers to. It fails with
// [world.CodeInvalid] for a pattern that is not RE2.
func NewContactRules(m world.Market, limits ContactLimits) (ContactRules, error) {
	rules := ContactRules{state: m.Postal.States, states: m.States(), limits: limits, country: m.Country, business: m.Business}
	var err error
	if m.Postal.Pattern != "" {
		if rules.postal, err = whole(m.ID, m.Postal.Pattern); err != nil {
			return ContactRules{}, err
		}
	}
	for _, a := range m.Delivery {
		next := area{Area: a}
		for _, p := range a.Postal {
			re, err := whole(m.ID, p)
			if err != nil {
				return ContactRules{}, err
			}
			next.postal = append(next.postal, re)
		}
		rules.areas = append(rules.areas, next)
	}
	return rules, nil
}

// whole compiles a pattern of a market, to match whole codes.
func whole(market, pattern string) (*regexp.Regexp, error) {
	// By itself first: "a)|(b" would only compile inside the brackets.
	if _, err := regexp.Compile(pattern); err != nil {
		return nil, world.Because(world.CodeInvalid, "checkout.rules",
			fmt.Sprintf("a postal pattern of market %q is not a regular expression (RE2); correct it", market), err)
	}
	return regexp.MustCompile(`\A(?:` + pattern + `)\z`), nil
}

// Area is the area that a postal code lies in, as [Clean] leaves it; false where
// the market does not deliver.
func (r ContactRules) Area(code string) (world.Area, bool) {
	a, ok := r.area(code)
	return a.Area, ok
}

func (r ContactRules) area(code string) (area, bool) {
	for _, a := range r.areas {
		if len(a.postal) == 0 || slices.ContainsFunc(a.postal, func(re *regexp.Regexp) bool { return re.MatchString(code) }) {
			return a, true
		}
	}
	return area{}, false
}

// Validate says what is wrong with a contact after [Clean], one key a field;
// it is empty for a good one. A phone and a second line may be left out, and so
// may the whole address for what is handed over at the shop, unless it is billed: an invoice that
// needs the buyer's address. That one may be anywhere: it need not lie where the
// market delivers, and its postal code is not held to the market's country for a
// business whose number is another's.
func (r ContactRules) Validate(c world.Contact, f world.Fulfilment, billed bool) map[Field]ErrorKey {
	c = Clean(c)
	delivered := !f.AtShop()
	addressed := delivered || billed
	postal, state := r.isPostalCode, r.isState
	if !delivered {
		state = nil
	}
	if !delivered && r.abroad(c) {
		postal = nil
	}
	wrong := map[Field]ErrorKey{}
	check := func(f Field, value string, required bool, most int, good func(string) bool, otherwise ErrorKey) {
		switch {
		case value == "" && required:
			wrong[f] = Required
		case value == "":
		case hasBadCharacters(value):
			wrong[f] = BadCharacters
		case utf8.RuneCountInString(value) > most:
			wrong[f] = TooLong
		case good != nil && !good(value):
			wrong[f] = otherwise
		}
	}
	check(Name, c.Name, true, r.limits.Name, nil, "")
	check(Email, c.Email, true, r.limits.Email, isEmail, BadEmail)
	check(Phone, c.Phone, false, r.limits.Phone, isPhone, BadPhone)
	check(Line1, c.Line1, addressed, r.limits.Line, nil, "")
	check(Line2, c.Line2, false, r.limits.Line, nil, "")
	check(City, c.City, addressed, r.limits.City, nil, "")
	check(State, c.State, r.state && addressed, r.limits.State, state, BadState)
	check(PostalCode, c.PostalCode, r.postal != nil && addressed, r.limits.PostalCode, postal, BadPostalCode)
	check(Company, c.Company, c.TaxID != "" && r.business, r.limits.Name, nil, "")
	check(TaxID, c.TaxID, false, r.limits.TaxID, r.isTaxID, BadTaxID)
	if delivered {
		r.checkArea(c, wrong)
	}
	return wrong
}

// checkArea holds an address to the areas that are delivered to: what is right by
// itself may lie outside of all, or in another state than it says.
func (r ContactRules) checkArea(c world.Contact, wrong map[Field]ErrorKey) {
	if wrong[PostalCode] != "" {
		return
	}
	a, ok := r.area(c.PostalCode)
	switch {
	case !ok:
		wrong[PostalCode] = NotDelivered
	case r.state && wrong[State] == "" && !a.agrees(c.State):
		wrong[State] = OtherState
	}
}

func (r ContactRules) isState(s string) bool {
	return len(r.states) == 0 || slices.Contains(r.states, s)
}

func (r ContactRules) isPostalCode(s string) bool { return r.postal == nil || r.postal.MatchString(s) }

// Jurisdiction is whose tax an order owes that goes to an address. It fails with
// [world.CodeUnprocessed] for a postal code that the market does not deliver to,
// and for one that lies in another state than the address says: a rate is never
// guessed. Where all areas owe the same, no address is needed.
func (r ContactRules) Jurisdiction(c world.Contact) (string, error) {
	if len(r.areas) > 0 && !slices.ContainsFunc(r.areas, func(a area) bool { return a.Tax != r.areas[0].Tax }) {
		return r.areas[0].Tax, nil
	}
	c = Clean(c)
	a, ok := r.area(c.PostalCode)
	switch {
	case !ok || !r.isPostalCode(c.PostalCode):
		return "", world.E(world.CodeUnprocessed, "checkout.jurisdiction",
			fmt.Sprintf("we do not deliver to %q yet; choose pick-up or another address", c.PostalCode))
	case r.state && !a.agrees(c.State):
		return "", world.E(world.CodeUnprocessed, "checkout.jurisdiction",
			fmt.Sprintf("the postal code %s is not in the state %q; correct the one or the other", c.PostalCode, c.State))
	}
	return a.Tax, nil
}

// isTaxID reports whether s may be a business's number; where the country's are not
// known, anything may.
func (r ContactRules) isTaxID(s string) bool {
	_, err := r.TaxID(s)
	return err == nil || world.Is(err, world.CodeUnprocessed)
}

// abroad reports whether a contact's number is of another country than the market's.
func (r ContactRules) abroad(c world.Contact) bool {
	id, err := r.TaxID(c.TaxID)
	return c.TaxID != "" && err == nil && id.Country != r.country
}

// TaxID reads the number of a business that buys: one of the market's country, or
// one that names another by its letters. It fails as [taxid.Parse] does.
func (r ContactRules) TaxID(s string) (taxid.ID, error) {
	if id, err := taxid.ParseVAT(s); err == nil {
		return id, nil
	}
	return taxid.Parse(r.country, s)
}

// isEmail tells whether s is one bare address at a domain. Whether anybody
// reads it only a letter can tell.
func isEmail(s string) bool {
	const maxLocal = 64 // bytes, RFC 5321 §4.5.3.1.1
	address, err := mail.ParseAddress(s)
	if err != nil || address.Address != s || address.Name != "" {
		return false
	}
	at := strings.LastIndexByte(s, '@')
	domain := s[at+1:]
	return at <= maxLocal && strings.Contains(domain, ".") && !strings.ContainsAny(domain, "[]")
}

func isPhone(s string) bool {
	const fewest, most = 6, 15 // digits; E.164 §6.2.1 allows 15
	digits := 0
	for i, r := range s {
		switch {
		case r >= '0' && r <= '9':
			digits++
		case r == '+' && i == 0:
		case !strings.ContainsRune(" ()-./", r):
			return false
		}
	}
	return digits >= fewest && digits <= most
}

func hasBadCharacters(s string) bool {
	return !utf8.ValidString(s) || strings.ContainsFunc(s, func(r rune) bool {
		return unicode.IsControl(r) || unicode.In(r, unicode.Zl, unicode.Zp)
	})
}
