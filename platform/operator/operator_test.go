package operator

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"meridian/world"
)

func credential(name, token string) Credential {
	sum := sha256.Sum256([]byte(token))
	return Credential{name, hex.EncodeToString(sum[:])}
}

// desk counts guesses without end, up to a limit.
func desk(limit int, password bool) *Desk {
	tries := 0
	return New(Config{
		Credentials: []Credential{credential("a", "first"), credential("b", "second")}, For: "drains", Password: password,
		Now: func() time.Time { return time.Unix(0, 0) },
		Try: func(string, time.Time) (func(), time.Duration) {
			if tries++; tries > limit {
				return func() {}, 1500 * time.Millisecond
			}
			return func() { tries-- }, 0
		},
	})
}

func TestWhoShowsATokenIsKnownByIt(t *testing.T) {
	for header, want := range map[string]int{
		"Bearer first": 0, "Bearer second": 1, "Bearer third": -1, "": -1, "first": -1, "Bearer ": -1, "bearer first": -1,
		"Basic OmZpcnN0": 0, "Basic eDpzZWNvbmQ=": 1, "Basic eDp0aGlyZA==": -1, "Basic x": -1,
	} {
		for _, password := range []bool{false, true} {
			r, w := httptest.NewRequest("GET", "/", nil), httptest.NewRecorder()
			r.Header.Set("Authorization", header)
			want := want
			if strings.HasPrefix(header, "Basic") && !password {
				want = -1
			}
			i, err := desk(1, password).Who(w, r)
			if (err == nil) != (want >= 0) || err == nil && i != want || err != nil && !world.Is(err, world.CodeUnsigned) {
				t.Errorf("%q, password %v: %d, %v", header, password, i, err)
			}
			asked := strings.Join(w.Header().Values("WWW-Authenticate"), ", ")
			if err != nil && (!strings.Contains(asked, "Bearer") || strings.Contains(asked, "Basic") != password) {
				t.Errorf("%q, password %v: asked for %q", header, password, asked)
			}
		}
	}
}

func TestGuessesAreCountedAndGoodTokensAreNot(t *testing.T) {
	d := desk(2, false)
	ask := func(token string) (string, error) {
		r, w := httptest.NewRequest("GET", "/", nil), httptest.NewRecorder()
		r.Header.Set("Authorization", "Bearer "+token)
		_, err := d.Who(w, r)
		return w.Header().Get("Retry-After"), err
	}
	for range 5 {
		if _, err := ask("first"); err != nil {
			t.Fatal(err)
		}
	}
	for i, code := range []world.Code{world.CodeUnsigned, world.CodeUnsigned, world.CodeBusy} {
		if after, err := ask("guess"); !world.Is(err, code) || (code == world.CodeBusy) != (after == "2") {
			t.Errorf("guess %d: %v, retry after %q", i, err, after)
		}
	}
}

func TestCredentialsAreChecked(t *testing.T) {
	good := credential("a", "x")
	for what, c := range map[string]struct {
		list []Credential
		says string
	}{
		"good":        {[]Credential{good, credential("b", "x")}, ""},
		"two alike":   {[]Credential{good, good}, "tokens[1].name"},
		"no name":     {[]Credential{{"", good.SHA256}}, "tokens[0].name"},
		"longest":     {[]Credential{{strings.Repeat("n", maxName), good.SHA256}}, ""},
		"too long":    {[]Credential{{strings.Repeat("n", maxName+1), good.SHA256}}, "tokens[0].name"},
		"half a hash": {[]Credential{{"a", good.SHA256[:32]}}, "tokens[0].sha256"},
		"the token":   {[]Credential{{"a", "x"}}, "tokens[0].sha256"},
	} {
		said := Validate(c.list, func(i int) string { return c.list[i].Validate() })
		if (said == "") != (c.says == "") || !strings.HasPrefix(said, c.says) {
			t.Errorf("%s: %q", what, said)
		}
	}
}
