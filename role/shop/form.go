package shop

import (
	"net/url"
	"slices"
	"strings"

	"meridian/engine/checkout"
	"meridian/platform/i18n"
	"meridian/world"
)

// contactField is a field of the checkout form.
type contactField struct {
	name     checkout.Field
	kind     string // the input's type
	auto     string // the autocomplete attribute (HTML Standard §4.10.18.7)
	most     int    // characters
	optional bool
	half     bool // of the person: beside another on a wide screen
	address  bool // of the address, else of the person
}

var contactFields = []contactField{
	{name: checkout.Name, kind: "text", auto: "name", most: checkout.DefaultContactLimits.Name},
	{name: checkout.Email, kind: "email", auto: "email", most: checkout.DefaultContactLimits.Email, half: true},
	{name: checkout.Phone, kind: "tel", auto: "tel", most: checkout.DefaultContactLimits.Phone, optional: true, half: true},
	{name: checkout.Company, kind: "text", auto: "organization", most: checkout.DefaultContactLimits.Name, optional: true, half: true},
	{name: checkout.TaxID, kind: "text", auto: "off", most: checkout.DefaultContactLimits.TaxID, optional: true, half: true},
	{name: checkout.Line1, kind: "text", auto: "address-line1", most: checkout.DefaultContactLimits.Line, address: true},
	{name: checkout.Line2, kind: "text", auto: "address-line2", most: checkout.DefaultContactLimits.Line, address: true, optional: true},
	{name: checkout.PostalCode, kind: "text", auto: "postal-code", most: checkout.DefaultContactLimits.PostalCode, address: true},
	{name: checkout.City, kind: "text", auto: "address-level2", most: checkout.DefaultContactLimits.City, address: true},
	{name: checkout.State, kind: "text", auto: "address-level1", most: checkout.DefaultContactLimits.State, address: true},
}

// formField is a field as the page shows it.
type formField struct {
	Name, Label, Type, Auto, Value string
	Optional, Wrong, Choose        string
	Example                        string
	Note                           string // the id of a text that says more about it; "" for none
	Most                           int
	Half                           bool
	Options                        []option
}

// firmsID is the id of the text that tells a business that it will be asked for its address.
const firmsID = "firms"

type option struct {
	Value, Label string
	Chosen       bool
}

// readContact takes a contact from a form, cleaned as it will be stored.
func readContact(form url.Values) world.Contact {
	get := func(f checkout.Field) string { return form.Get(string(f)) }
	return checkout.Clean(world.Contact{
		Name: get(checkout.Name), Email: get(checkout.Email), Phone: get(checkout.Phone),
		Line1: get(checkout.Line1), Line2: get(checkout.Line2), City: get(checkout.City),
		State: get(checkout.State), PostalCode: get(checkout.PostalCode),
		Company: get(checkout.Company), TaxID: get(checkout.TaxID),
	})
}

func valueOf(c world.Contact, f checkout.Field) string {
	switch f {
	case checkout.Name:
		return c.Name
	case checkout.Email:
		return c.Email
	case checkout.Phone:
		return c.Phone
	case checkout.Line1:
		return c.Line1
	case checkout.Line2:
		return c.Line2
	case checkout.City:
		return c.City
	case checkout.State:
		return c.State
	case checkout.PostalCode:
		return c.PostalCode
	case checkout.Company:
		return c.Company
	case checkout.TaxID:
		return c.TaxID
	}
	return ""
}

// formFields are the fields that the market asks for, with what was typed and
// what is wrong with it.
func formFields(v *view, a *attempt) (person, address []formField) {
	at, c := a.at, a.contact
	for _, f := range contactFields {
		if !at.asks(f.name) {
			continue
		}
		field := formField{Name: string(f.name), Label: v.T("checkout." + string(f.name)), Type: f.kind, Auto: f.auto,
			Value: valueOf(c, f.name), Most: f.most, Half: f.half}
		if f.optional {
			field.Optional = v.T("checkout.optional")
		}
		if key, bad := a.wrong[f.name]; bad {
			field.Wrong = a.wrongField(f, key)
		}
		if firms := a.firms(); f.name == checkout.Company && firms == firmsAll || f.name == checkout.TaxID && firms != "" {
			field.Note = firmsID
		}
		if f.name == checkout.PostalCode {
			field.Example = at.market.Postal.Example
		}
		if f.name == checkout.State && !a.wish.billed { // an invoice's may be any
			field.Choose, field.Options = v.T("checkout.choose_state"), stateOptions(at, c.State)
		}
		if f.address {
			address = append(address, field)
		} else {
			person = append(person, field)
		}
	}
	return person, at.asWritten(address)
}

// asWritten puts the fields of an address into the order in which the locale's post
// writes them, with the postal code beside the town or state that it stands next to.
func (at *site) asWritten(fields []formField) []formField {
	form := at.texts.Text(i18n.AddressKey)
	slices.SortStableFunc(fields, func(a, b formField) int {
		return strings.Index(form, "{"+a.Name+"}") - strings.Index(form, "{"+b.Name+"}")
	})
	i := slices.IndexFunc(fields, func(f formField) bool { return f.Name == string(checkout.PostalCode) })
	if i < 0 {
		return fields
	}
	j := i - 1
	if j < 0 || fields[j].Name != string(checkout.City) && fields[j].Name != string(checkout.State) {
		j = i + 1
	}
	if j < len(fields) {
		fields[i].Half, fields[j].Half = true, true
	}
	return fields
}

// wrongField says what is wrong with a field.
func (a *attempt) wrongField(f contactField, key checkout.ErrorKey) string {
	if f.name == checkout.State && key == checkout.Required && len(a.at.market.States()) > 0 && !a.wish.billed {
		key = checkout.BadState // there is a list: nothing is to be filled in
	}
	return a.at.texts.Text(wrongKey(key), "Max", f.most, "Code", a.contact.PostalCode, "State", a.contact.State)
}

// asks reports whether a market's form has a field.
func (at *site) asks(f checkout.Field) bool {
	switch f {
	case checkout.State:
		return at.market.Postal.States
	case checkout.PostalCode:
		return at.market.Postal.Pattern != ""
	case checkout.Company, checkout.TaxID:
		return at.market.Business
	}
	return true
}

// stateOptions are the states to choose from, where the shop delivers to some of them.
func stateOptions(at *site, chosen string) []option {
	var out []option
	for _, state := range at.market.States() {
		out = append(out, option{Value: state, Label: at.place(at.market.Country + "-" + state), Chosen: state == chosen})
	}
	return out
}

// wrongKey is the text for what is wrong with a field. Characters that no
// keyboard types are as good as nothing typed.
func wrongKey(k checkout.ErrorKey) string {
	if k == checkout.BadCharacters {
		k = checkout.Required
	}
	return "error." + string(k)
}

// wrongFields are the fields with something wrong, in the form's order.
func wrongFields(groups ...[]formField) []formField {
	var out []formField
	for _, g := range groups {
		for _, f := range g {
			if f.Wrong != "" {
				out = append(out, f)
			}
		}
	}
	return out
}
