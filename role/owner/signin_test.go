package owner

import (
	"context"
	"crypto/sha256"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/alexedwards/argon2id"

	"meridian/world"
)

func TestSignInAndOut(t *testing.T) {
	d := newDesk(t)
	c := d.at("de.localhost")
	want(t, c.get("/owner/sign-in?next=/owner/products"), 200, `name="next" value="/owner/products"`, "Please sign in to go on", `autocomplete="current-password"`)
	wantTo(t, c.post("/owner/sign-in", url.Values{"email": {" Owner@DE.example "}, "password": {password}, "next": {"/owner/products?x=1"}}), "/owner/products?x=1")
	k := c.cookie
	if k == nil || k.Name != "owner" || !k.HttpOnly || k.SameSite != http.SameSiteLaxMode || k.Path != "/owner" || k.Secure || k.MaxAge != 12*3600 || k.Domain != "" || len(k.Value) != 26 {
		t.Fatalf("the cookie is %+v", k)
	}
	if s, ok := d.sessions[sha256.Sum256([]byte(k.Value))]; !ok || s.market != "de" || s.email != email || !s.until.Equal(noon.Add(12*time.Hour)) {
		t.Errorf("sessions %+v hold no SHA-256 of the token", d.sessions)
	}
	want(t, c.get("/owner/"), 200, email)
	wantTo(t, c.get("/owner/sign-in"), "/owner/")
	stolen := *k
	wantTo(t, c.post("/owner/sign-out", nil), "/owner/sign-in")
	if c.cookie.MaxAge >= 0 || c.cookie.Path != "/owner" {
		t.Errorf("the cookie stays: %+v", c.cookie)
	}
	c.cookie = &stolen
	want(t, c.get("/owner/"), 303)
}

func TestHTTPSMakesTheCookieSecure(t *testing.T) {
	d := newDesk(t, func(c *Config) { c.PublicScheme = "https" })
	c := d.signedIn()
	if !c.cookie.Secure || c.cookie.Name != "__Secure-owner" || c.cookie.Path != "/owner" {
		t.Errorf("the cookie is %+v", c.cookie)
	}
	want(t, c.get("/owner/"), 200, email)
	c.cookie.Name = "owner" // as plain http could plant it
	want(t, c.get("/owner/"), 303)
}

// What is signed in under one market is nothing under another, though both
// are at home in the same region.
func TestSessionOfAnotherMarket(t *testing.T) {
	d := newDesk(t)
	d.orders = []world.Order{{ID: orderID, Market: "de", Number: "SC-DE-1", Currency: "EUR", PlacedAt: noon}}
	c := d.signedIn()
	want(t, c.get("/owner/orders/"+orderID), 200)
	c.host = "gb.localhost"
	for _, path := range []string{"/owner/", "/owner/orders/" + orderID, "/owner/products", "/owner/products/scones", "/owner/pictures"} {
		if res := c.get(path); res.Code != 303 || !strings.HasPrefix(res.Header().Get("Location"), "/owner/sign-in") {
			t.Errorf("gb%s: %d", path, res.Code)
		}
	}
	want(t, c.post("/owner/products/scones", url.Values{"price": {"9"}, "version": {"1"}}), 303)
	if p := d.sku("gb", "scones"); p.BaseVersion != 1 {
		t.Error("an owner of de changed a price of gb")
	}
	want(t, c.signIn(email, password), 422)
}

func TestSessionEnds(t *testing.T) {
	d := newDesk(t)
	c := d.signedIn()
	d.now = noon.Add(12*time.Hour - time.Second)
	want(t, c.get("/owner/"), 200)
	d.now = noon.Add(12 * time.Hour)
	want(t, c.get("/owner/"), 303)
}

func TestSignInReplacesTheSession(t *testing.T) {
	d := newDesk(t)
	c := d.signedIn()
	first := c.cookie.Value
	want(t, c.signIn(email, password), 303)
	if c.cookie.Value == first || len(d.sessions) != 1 {
		t.Errorf("%d sessions, the token changed: %v", len(d.sessions), c.cookie.Value != first)
	}
}

func TestSignInRefusals(t *testing.T) {
	d := newDesk(t)
	c := d.at("de.localhost")
	const together = "do not belong together"
	for _, f := range []struct{ email, password, says string }{
		{email, "wrong", together},
		{"nobody@de.example", password, together},
		{"", password, "Type your e-mail"},
		{email, "", "Type your e-mail"},
		{strings.Repeat("a", maxEmail+1), password, "Type your e-mail"},
		{strings.Repeat("a", maxEmail), password, together},
		{email, strings.Repeat("a", maxPassword+1), "Type your e-mail"},
		{email, strings.Repeat("a", maxPassword), together},
		{"a\x00b", password, "Type your e-mail"},
	} {
		res := c.signIn(f.email, f.password)
		want(t, res, 422, f.says)
		if c.cookie != nil || f.password != "" && strings.Contains(res.Body.String(), `value="`+f.password+`"`) {
			t.Errorf("%q: a cookie, or the password in the page", f.email)
		}
	}
	want(t, c.signIn(email, "wrong"), 422, `value="`+email+`"`) // what was typed stays
}

func TestUnknownAccountCostsTheSame(t *testing.T) {
	d := newDesk(t)
	var compared []string
	d.owner.passwords.compare = func(_, hash string) (bool, error) {
		compared = append(compared, hash)
		return true, nil // even a match opens nothing where there is no account
	}
	want(t, d.at("de.localhost").signIn("nobody@de.example", password), 422)
	if len(compared) != 1 {
		t.Fatalf("%d comparisons", len(compared))
	}
	decoy, _, _, err := argon2id.DecodeHash(compared[0])
	if err != nil {
		t.Fatal(err)
	}
	real, _, _, err := argon2id.DecodeHash(d.hashes["de "+email])
	if err != nil || *decoy != *real {
		t.Errorf("the decoy is made with %+v, a password with %+v; %v", decoy, real, err)
	}
}

func TestAttemptsAreLimited(t *testing.T) {
	limit := func(c *Config) {
		c.SignInLimit = SignInLimit{PerAccount: 2, PerNetwork: 4, Tracked: 100, AtOnce: 1}
	}
	d := newDesk(t, limit)
	c := d.at("de.localhost")
	c.header.Set(world.HeaderClient, "192.0.2.0")
	want(t, c.signIn(email, "one"), 422)
	want(t, c.signIn(email, "two"), 422)
	res := c.signIn(email, password)
	want(t, res, 429, "Too many attempts", "Wait 30 seconds")
	if res.Header().Get("Retry-After") != "30" {
		t.Errorf("Retry-After %q", res.Header().Get("Retry-After"))
	}
	// The same address in another market, and another network.
	gb := d.at("gb.localhost")
	gb.header.Set(world.HeaderClient, "198.51.100.0")
	want(t, gb.signIn(email, password), 422)
	// Three of the network's four are used up: one other account, then no more.
	want(t, c.signIn("b@de.example", "x"), 422)
	want(t, c.signIn("c@de.example", "x"), 429)
	d.now = d.now.Add(30 * time.Second)
	want(t, c.signIn(email, password), 303)
}

func TestPasswordsWaitForAPlace(t *testing.T) {
	p, err := newPasswords(1)
	if err != nil {
		t.Fatal(err)
	}
	p.slots <- struct{}{}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := p.check(ctx, "x", ""); !world.Is(err, world.CodeBusy) {
		t.Errorf("got %v", err)
	}
	<-p.slots
	if ok, err := p.check(t.Context(), "", ""); ok || err != nil || len(p.slots) != 0 {
		t.Errorf("the decoy's own password opens: %v, %v; %d places are taken", ok, err, len(p.slots))
	}
}

func TestOwnPage(t *testing.T) {
	for in, out := range map[string]string{
		"/owner/products":                        "/owner/products",
		"/owner/?before=1.a":                     "/owner/?before=1.a",
		"":                                       "/owner/",
		"/owner":                                 "/owner/",
		"/ownership":                             "/owner/",
		"/":                                      "/owner/",
		"//evil.example/owner/":                  "/owner/",
		"https://evil.example/owner/":            "/owner/",
		"/owner//evil.example":                   "/owner/",
		`/owner/\evil.example`:                   "/owner/",
		"/owner/sign-in":                         "/owner/",
		"javascript:alert(1)":                    "/owner/",
		"/owner/" + strings.Repeat("x", maxNext): "/owner/",
	} {
		if got := ownPage(in); got != out {
			t.Errorf("ownPage(%q) = %q, want %q", in, got, out)
		}
	}
}

func FuzzOwnPage(f *testing.F) {
	for _, s := range []string{"/owner/products", "//x", "/owner/%2e%2e/%2f", "/owner%2f", "https://x/owner/", "/owner/\\x", "/owner/?a=b#c"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got := ownPage(s)
		u, err := url.Parse("http://de.localhost/owner/sign-in")
		if err != nil {
			t.Fatal(err)
		}
		to, err := u.Parse(got)
		if err != nil || to.Host != "de.localhost" || !strings.HasPrefix(got, "/owner/") || strings.ContainsAny(got, "\\\r\n") {
			t.Errorf("ownPage(%q) = %q leads to %v, %v", s, got, to, err)
		}
		if again := ownPage(got); again != got {
			t.Errorf("ownPage(%q) = %q, then %q", s, got, again)
		}
	})
}
