package checkout_test

import (
	"maps"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"pgregory.net/rapid"

	"meridian/engine/checkout"
	"meridian/world"
)

var markets = map[string]world.Market{
	"us": {Country: "US", Delivery: []world.Area{{Tax: "US-CA-SF", Postal: []string{"941.*"}}, {Tax: "US-NY-NYC", Postal: []string{"10[0-4].*", "112.*"}}, {Tax: "US-NY", Postal: []string{"12.*"}}}, Postal: world.Postal{Pattern: `\d{5}(-\d{4})?`, States: true}},
	"gb": {Country: "GB", Delivery: []world.Area{{Tax: "GB"}}, Postal: world.Postal{Pattern: `GIR ?0AA|[A-Z]{1,2}\d[A-Z\d]? ?\d[A-Z]{2}`}},
	"de": {Country: "DE", Delivery: []world.Area{{Tax: "DE"}}, Postal: world.Postal{Pattern: `\d{5}`}},
	"jp": {Country: "JP", Delivery: []world.Area{{Tax: "JP"}}, Postal: world.Postal{Pattern: `\d{3}-\d{4}`}},
	"in": {Country: "IN", Business: true, Delivery: []world.Area{{Tax: "IN-MH", Postal: []string{"4.*"}}, {Tax: "IN-DL", Postal: []string{"110.*"}}}, Postal: world.Postal{Pattern: `[1-9]\d{5}`, States: true}},
}

func contactRules(t testing.TB, market string) checkout.ContactRules {
	t.Helper()
	r, err := checkout.NewContactRules(markets[market], checkout.DefaultContactLimits)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func contact(change func(*world.Contact)) world.Contact {
	c := world.Contact{Name: "Ada Lovelace", Email: "ada@example.org", Line1: "Hauptstraße 1", City: "Berlin", PostalCode: "10115"}
	change(&c)
	return c
}

func TestPostalCodesAndStates(t *testing.T) {
	for _, c := range []struct {
		market, postal, state string
		wrong                 string
	}{
		{"us", "94103", "CA", ""},
		{"us", "94103-1234", "ca", ""},
		{"us", "9410", "CA", "postal_code:postal_code"},
		{"us", "94103", "", "state:required"},
		{"us", "94103", "OR", "state:state"},
		{"us", "94103", "NY", "state:other_state"},
		{"us", "12207", "NY", ""},
		{"us", "60601", "NY", "postal_code:delivery"},
		{"us", "60601", "IL", "postal_code:delivery state:state"},
		{"us", "60601-1234", "", "postal_code:delivery state:required"},
		{"us", "", "", "postal_code:required state:required"},
		{"gb", "sw1a 1aa", "", ""},
		{"gb", "M11AE", "", ""},
		{"gb", "GIR 0AA", "", ""},
		{"gb", "GIR 0AAX", "", "postal_code:postal_code"}, // every branch of the pattern is held to the whole
		{"gb", "XXM1 1AE", "", "postal_code:postal_code"},
		{"gb", "12345", "", "postal_code:postal_code"},
		{"de", "10115", "", ""},
		{"de", "1011", "", "postal_code:postal_code"},
		{"de", "D-10115", "", "postal_code:postal_code"},
		{"de", "10115\n", "", ""},
		{"de", "10115\n1", "", "postal_code:characters"},
		{"de", strings.Repeat("1", 13), "", "postal_code:too_long"},
		{"jp", "100-0001", "", ""},
		{"jp", "１００－０００１", "", ""},
		{"jp", "１００ー０００１", "", ""},
		{"jp", "100−0001", "", ""},
		{"jp", "1000001", "", "postal_code:postal_code"},
		{"in", "110001", "DL", ""},
		{"in", "010001", "DL", "postal_code:postal_code"},
		{"in", "110001", "Delhi", "state:state"},
		{"in", "110001", "MH", "state:other_state"},
		{"in", "560001", "MH", "postal_code:delivery"},
		{"in", "110001", "", "state:required"},
	} {
		got := contactRules(t, c.market).Validate(contact(func(k *world.Contact) { k.PostalCode, k.State = c.postal, c.state }), world.Delivery, false)
		if said := say(got); said != c.wrong {
			t.Errorf("%s %q %q: got %q, want %q", c.market, c.postal, c.state, said, c.wrong)
		}
	}
}

// say lists keys in the order of their fields' names.
func say(wrong map[checkout.Field]checkout.ErrorKey) string {
	var said []string
	for _, f := range []checkout.Field{"city", "company", "email", "line1", "line2", "name", "phone", "postal_code", "state", "tax_id"} {
		if key, ok := wrong[f]; ok {
			said = append(said, string(f)+":"+string(key))
		}
	}
	return strings.Join(said, " ")
}

// A business's number is one of its country, and comes with a name; it may be left out.
func TestBusinesses(t *testing.T) {
	for _, c := range []struct{ company, id, wrong string }{
		{"", "", ""}, {"Rao & Sons", "", ""}, {"Rao & Sons", "27AAPFU0939F1ZV", ""}, {"Rao & Sons", " 27-aapfu0939f1zv ", ""},
		{"", "27AAPFU0939F1ZV", "company:required"}, {"Rao & Sons", "27AAPFU0939F1ZW", "tax_id:tax_id"}, {"Rao & Sons", "DE136695976", ""},
		{strings.Repeat("x", 101), "", "company:too_long"}, {"Rao & Sons", strings.Repeat("1", 41), "tax_id:too_long"},
	} {
		k := world.Contact{Name: "Asha", Email: "a@example.org", Company: c.company, TaxID: c.id}
		if got := say(contactRules(t, "in").Validate(k, world.PickUp, false)); got != c.wrong {
			t.Errorf("%q %q: %q, want %q", c.company, c.id, got, c.wrong)
		}
	}
}

// What is picked up needs no address; one that is given is still held to be one.
func TestPickUpNeedsNoAddress(t *testing.T) {
	bare := world.Contact{Name: "Ada", Email: "ada@example.org"}
	for market := range markets {
		if wrong := contactRules(t, market).Validate(bare, world.PickUp, false); len(wrong) > 0 {
			t.Errorf("%s: %v", market, wrong)
		}
	}
	bare.PostalCode, bare.Email = "D-1", ""
	if said := say(contactRules(t, "de").Validate(bare, world.PickUp, false)); said != "email:required postal_code:postal_code" {
		t.Errorf("got %q", said)
	}
}

func TestFields(t *testing.T) {
	long := func(n int) string { return strings.Repeat("ä", n) }
	for name, c := range map[string]struct {
		change func(*world.Contact)
		wrong  string
	}{
		"good":                  {func(c *world.Contact) {}, ""},
		"empty":                 {func(c *world.Contact) { *c = world.Contact{} }, "city:required email:required line1:required name:required postal_code:required"},
		"spaces":                {func(c *world.Contact) { c.Name = " \u3000\u00a0" }, "name:required"},
		"only invisible":        {func(c *world.Contact) { c.City = "\u200e\ufeff" }, "city:required"},
		"longest name":          {func(c *world.Contact) { c.Name = long(100) }, ""},
		"name too long":         {func(c *world.Contact) { c.Name = long(101) }, "name:too_long"},
		"longest lines":         {func(c *world.Contact) { c.Line1, c.Line2 = long(120), long(120) }, ""},
		"lines too long":        {func(c *world.Contact) { c.Line1, c.Line2 = long(121), long(121) }, "line1:too_long line2:too_long"},
		"longest city":          {func(c *world.Contact) { c.City = long(80) }, ""},
		"city too long":         {func(c *world.Contact) { c.City = long(81) }, "city:too_long"},
		"state too long":        {func(c *world.Contact) { c.State = long(41) }, "state:too_long"},
		"phone too long":        {func(c *world.Contact) { c.Phone = "1" + strings.Repeat(" ", 29) + "1" }, "phone:too_long"},
		"joiners in a name":     {func(c *world.Contact) { c.Name = "क\u200dष" }, ""},
		"a line break":          {func(c *world.Contact) { c.Name = "Ada\r\nBcc: all@example.org" }, "name:characters"},
		"a line separator":      {func(c *world.Contact) { c.Line2 = "a\u2028b" }, "line2:characters"},
		"a null":                {func(c *world.Contact) { c.City = "Ber\x00lin" }, "city:characters"},
		"an escape":             {func(c *world.Contact) { c.Line1 = "\x1b[2J" }, "line1:characters"},
		"broken UTF-8":          {func(c *world.Contact) { c.Name, c.State = "\xffAda", "\xff" }, "name:characters state:characters"},
		"a phone":               {func(c *world.Contact) { c.Phone = "+49 (30) 901820-0" }, ""},
		"copied from contacts":  {func(c *world.Contact) { c.Phone = "\u202a+49 30 9018200\u202c" }, ""},
		"a full-width phone":    {func(c *world.Contact) { c.Phone = "０３ー１２３４ー５６７８" }, ""},
		"shortest phone":        {func(c *world.Contact) { c.Phone = "123456" }, ""},
		"phone too short":       {func(c *world.Contact) { c.Phone = "12345" }, "phone:phone"},
		"longest phone":         {func(c *world.Contact) { c.Phone = "+123456789012345" }, ""},
		"too many digits":       {func(c *world.Contact) { c.Phone = "+1234567890123456" }, "phone:phone"},
		"a plus in the middle":  {func(c *world.Contact) { c.Phone = "030+901820" }, "phone:phone"},
		"words for a phone":     {func(c *world.Contact) { c.Phone = "call me 123456" }, "phone:phone"},
		"email in full width":   {func(c *world.Contact) { c.Email = "ada＠example.org" }, ""},
		"email with a plus":     {func(c *world.Contact) { c.Email = "ada+cake@mail.example.org" }, ""},
		"email without at":      {func(c *world.Contact) { c.Email = "ada.example.org" }, "email:email"},
		"email without domain":  {func(c *world.Contact) { c.Email = "ada@" }, "email:email"},
		"email at one word":     {func(c *world.Contact) { c.Email = "ada@localhost" }, "email:email"},
		"email at an address":   {func(c *world.Contact) { c.Email = "ada@[127.0.0.1]" }, "email:email"},
		"email with a name":     {func(c *world.Contact) { c.Email = "Ada <ada@example.org>" }, "email:email"},
		"email in brackets":     {func(c *world.Contact) { c.Email = "<ada@example.org>" }, "email:email"},
		"two emails":            {func(c *world.Contact) { c.Email = "ada@example.org, bob@example.org" }, "email:email"},
		"email with a space":    {func(c *world.Contact) { c.Email = `"a da"@example.org` }, "email:email"},
		"email with two dots":   {func(c *world.Contact) { c.Email = "ada@example..org" }, "email:email"},
		"a header in the email": {func(c *world.Contact) { c.Email = "ada@example.org\r\nBcc:x@y.org" }, "email:characters"},
		"longest local part":    {func(c *world.Contact) { c.Email = strings.Repeat("a", 64) + "@example.org" }, ""},
		"local part too long":   {func(c *world.Contact) { c.Email = strings.Repeat("a", 65) + "@example.org" }, "email:email"},
		"longest email":         {func(c *world.Contact) { c.Email = "a@" + strings.Repeat("b", 248) + ".org" }, ""},
		"email too long":        {func(c *world.Contact) { c.Email = "a@" + strings.Repeat("b", 249) + ".org" }, "email:too_long"},
	} {
		if got := say(contactRules(t, "de").Validate(contact(c.change), world.Delivery, false)); got != c.wrong {
			t.Errorf("%s: got %q, want %q", name, got, c.wrong)
		}
	}
}

func TestLimitsAreTheMarketsOwn(t *testing.T) {
	limits := checkout.DefaultContactLimits
	limits.Name = 3
	r, err := checkout.NewContactRules(world.Market{Delivery: []world.Area{{Tax: "XX"}}}, limits)
	if err != nil {
		t.Fatal(err)
	}
	if got := say(r.Validate(contact(func(c *world.Contact) { c.Name, c.PostalCode = "Ada", "" }), world.Delivery, false)); got != "" {
		t.Errorf("three characters, and no postal codes in that country: %q", got)
	}
	if got := say(r.Validate(contact(func(c *world.Contact) { c.Name = "Adas" }), world.Delivery, false)); got != "name:too_long" {
		t.Errorf("four characters: %q", got)
	}
}

func TestBadPostalPatterns(t *testing.T) {
	for _, pattern := range []string{"(", `\d{5}(?=x)`, "a)|(b"} {
		m := world.Market{ID: "xx", Postal: world.Postal{Pattern: pattern}}
		if _, err := checkout.NewContactRules(m, checkout.DefaultContactLimits); !world.Is(err, world.CodeInvalid) {
			t.Errorf("%q: %v", pattern, err)
		}
		m = world.Market{ID: "xx", Delivery: []world.Area{{Tax: "XX", Postal: []string{pattern}}}}
		if _, err := checkout.NewContactRules(m, checkout.DefaultContactLimits); !world.Is(err, world.CodeInvalid) {
			t.Errorf("%q of an area: %v", pattern, err)
		}
	}
}

func TestJurisdiction(t *testing.T) {
	for _, c := range []struct{ market, postal, state, want string }{
		{"de", "", "", "DE"}, {"de", "10115", "BE", "DE"},
		{"in", "400001", "MH", "IN-MH"}, {"in", "110001", "dl", "IN-DL"}, {"in", "110001", "MH", ""}, {"in", "560001", "KA", ""}, {"in", "11000", "DL", ""},
		{"us", "10001", "NY", "US-NY-NYC"}, {"us", "11201-1234", "NY", "US-NY-NYC"}, {"us", "12207", "NY", "US-NY"}, {"us", "94103", "CA", "US-CA-SF"},
		{"us", "94103", "NY", ""}, {"us", "60601", "NY", ""}, {"us", "", "NY", ""}, {"us", "10001", "", ""},
	} {
		got, err := contactRules(t, c.market).Jurisdiction(world.Contact{PostalCode: c.postal, State: c.state})
		if got != c.want || (c.want == "") != world.Is(err, world.CodeUnprocessed) {
			t.Errorf("%s %q %q: got %q, %v", c.market, c.postal, c.state, got, err)
		}
	}
	if j, err := (checkout.ContactRules{}).Jurisdiction(world.Contact{}); err == nil {
		t.Errorf("a market without areas owes tax to %q", j)
	}
}

func TestStatesCodesAreRaisedAndNamesStay(t *testing.T) {
	for in, want := range map[string]string{" ny ": "NY", "Maharashtra": "Maharashtra", "東京都": "東京都", "nsw": "NSW"} {
		if got := checkout.Clean(world.Contact{State: in}).State; got != want {
			t.Errorf("%q became %q", in, got)
		}
	}
}

func TestCleaningTwiceIsCleaningOnce(t *testing.T) {
	runes := rapid.StringOf(rapid.OneOf(rapid.Rune(), rapid.SampledFrom([]rune(" \t\n\u3000\u202a\ufeffーａＺ０−ßǆ"))))
	r := contactRules(t, "us")
	rapid.Check(t, func(t *rapid.T) {
		s := runes.Draw(t, "text")
		c := world.Contact{Name: s, Email: s, Phone: s, Line1: s, Line2: s, City: s, State: s, PostalCode: s, Company: s, TaxID: s}
		once := checkout.Clean(c)
		if twice := checkout.Clean(once); twice != once {
			t.Fatalf("%+q, then %+q", once, twice)
		}
		if strings.TrimSpace(once.Name) != once.Name || strings.ContainsFunc(once.Name, func(r rune) bool { return unicode.Is(unicode.Bidi_Control, r) }) {
			t.Fatalf("%+q is not clean", once.Name)
		}
		if !maps.Equal(r.Validate(c, world.Delivery, false), r.Validate(once, world.Delivery, false)) {
			t.Fatalf("%+q is judged otherwise than when it is clean", s)
		}
	})
}

func FuzzValidate(f *testing.F) {
	f.Add("Ada", "ada@example.org", "+49 30 901820", "10115")
	f.Add("\xff", "a@b\r\n", "１２３", "\u202a1\u202c")
	f.Add("a\u2028", `"a b"@c.d`, "()()()", "１００ー０００１")
	f.Fuzz(func(t *testing.T, name, email, phone, postal string) {
		c := contact(func(c *world.Contact) { c.Name, c.Email, c.Phone, c.PostalCode = name, email, phone, postal })
		if len(contactRules(t, "de").Validate(c, world.Delivery, false)) > 0 {
			return
		}
		c = checkout.Clean(c)
		for field, value := range map[string]string{"name": c.Name, "email": c.Email, "phone": c.Phone, "postal code": c.PostalCode} {
			if !utf8.ValidString(value) || strings.ContainsFunc(value, unicode.IsControl) || len(value) > 4*254 {
				t.Fatalf("the %s %+q is taken", field, value)
			}
		}
		if strings.Count(c.Email, "@") == 0 || len(c.PostalCode) != 5 {
			t.Fatalf("%+q is taken", c)
		}
	})
}

// An invoice's address is asked for in full, but may be anywhere; a business of
// another country has that one's postal codes.
func TestWhatIsPickedUpAndBilled(t *testing.T) {
	for _, c := range []struct{ market, postal, state, id, wrong string }{
		{"de", "10115", "", "", ""}, {"de", "", "", "", "postal_code:required"}, {"de", "L-1234", "", "", "postal_code:postal_code"},
		{"de", "L-1234", "", "LU26375245", ""}, {"de", "L-1234", "", "DE136695976", "postal_code:postal_code"},
		{"in", "560001", "Kerala", "27AAPFU0939F1ZV", ""}, {"in", "560001", "", "27AAPFU0939F1ZV", "state:required"},
	} {
		k := contact(func(k *world.Contact) {
			k.PostalCode, k.State, k.Company, k.TaxID = c.postal, c.state, "Rao & Sons", c.id
		})
		if got := say(contactRules(t, c.market).Validate(k, world.PickUp, true)); got != c.wrong {
			t.Errorf("%+v: %q", c, got)
		}
	}
	bare := world.Contact{Name: "Ada", Email: "ada@example.org"}
	if got := say(contactRules(t, "de").Validate(bare, world.PickUp, true)); got != "city:required line1:required postal_code:required" {
		t.Errorf("without one: %q", got)
	}
}
