package vies

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"meridian/engine/taxid"
	"meridian/world"
)

var (
	id     = taxid.ID{Country: "FR", Number: "40303265045"}
	seller = taxid.ID{Country: "DE", Number: "136695976"}
	noon   = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
)

// yes has the shape of VIES's own answers.
const yes = `{"countryCode":"FR","vatNumber":"40303265045","requestDate":"2026-11-22T11:59:59.000Z","valid":true,
	"requestIdentifier":"WAPIAAAAZq1","name":"SA SODIMAS","address":"RUE ADRIENNE BOLLAND","traderName":"---"}`

// server answers each question the same way, and counts them.
func server(t *testing.T, status int, body string) (r *Register, asks *int, now *time.Time) {
	t.Helper()
	asks, at := new(int), noon
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		*asks++
		var got map[string]string
		if err := json.NewDecoder(r.Body).Decode(&got); err != nil || r.Method != http.MethodPost || r.Header.Get("Content-Type") != "application/json" {
			t.Errorf("%s %v: %v", r.Method, r.Header, err)
		}
		if got["countryCode"] != "FR" || got["vatNumber"] != "40303265045" || got["requesterMemberStateCode"] != "DE" || got["requesterNumber"] != "136695976" {
			t.Errorf("asked %v", got)
		}
		w.WriteHeader(status)
		_, _ = w.Write([]byte(body))
	}))
	t.Cleanup(srv.Close)
	s := Default()
	s.URL = srv.URL
	r, err := New(s, nil, func() time.Time { return at })
	if err != nil {
		t.Fatal(err)
	}
	return r, asks, &at
}

func TestAConfirmedNumberIsAskedOnceADay(t *testing.T) {
	r, asks, now := server(t, 200, yes)
	for range 3 {
		a, err := r.Ask(t.Context(), id, seller)
		if err != nil || !a.Valid || a.Name != "SA SODIMAS" || a.Reference != "WAPIAAAAZq1" || !a.At.Equal(noon) {
			t.Fatalf("%+v, %v", a, err)
		}
	}
	if *asks != 1 {
		t.Errorf("asked %d times", *asks)
	}
	*now = noon.Add(24 * time.Hour)
	if a, err := r.Ask(t.Context(), id, seller); err != nil || !a.At.Equal(*now) || *asks != 2 {
		t.Errorf("a day later: %+v, %v after %d questions", a, err, *asks)
	}
}

func TestANoIsAskedAgain(t *testing.T) {
	r, asks, _ := server(t, 200, strings.Replace(yes, "true", "false", 1))
	for range 2 {
		if a, err := r.Ask(t.Context(), id, seller); err != nil || a.Valid {
			t.Errorf("%+v, %v", a, err)
		}
	}
	if *asks != 2 {
		t.Errorf("asked %d times", *asks)
	}
}

// Whatever is not a plain answer about this number is an error, and so never a yes.
func TestItFailsClosed(t *testing.T) {
	for name, c := range map[string]struct {
		status int
		body   string
		code   world.Code
	}{
		"a state that is away":   {200, `{"actionSucceed":false,"errorWrappers":[{"error":"MS_UNAVAILABLE"}]}`, world.CodeUnavailable},
		"too many questions":     {400, `{"actionSucceed":false,"errorWrappers":[{"error":"GLOBAL_MAX_CONCURRENT_REQ"}]}`, world.CodeUnavailable},
		"an error that says yes": {200, strings.Replace(yes, `"valid"`, `"errorWrappers":[{"error":"TIMEOUT"}],"valid"`, 1), world.CodeUnavailable},
		"a failing server":       {500, yes, world.CodeBadUpstream},
		"a page":                 {200, `<html>`, world.CodeBadUpstream},
		"nothing":                {200, `{}`, world.CodeBadUpstream},
		"another number":         {200, strings.Replace(yes, "40303265045", "40303265046", 1), world.CodeBadUpstream},
		"another state":          {200, strings.Replace(yes, `"FR"`, `"DE"`, 1), world.CodeBadUpstream},
		"no yes or no":           {200, strings.Replace(yes, `"valid":true,`, "", 1), world.CodeBadUpstream},
		"too much":               {200, yes + strings.Repeat(" ", MaxAnswer), world.CodeBadUpstream},
		"elsewhere":              {302, "", world.CodeBadUpstream},
	} {
		r, _, _ := server(t, c.status, c.body)
		a, err := r.Ask(t.Context(), id, seller)
		if world.CodeOf(err) != c.code || a.Valid {
			t.Errorf("%s: %+v, %v", name, a, err)
		}
		if v := taxid.Verify(t.Context(), r, "FR", "40303265045", seller); v.Verified || v.Reason != taxid.Unanswered {
			t.Errorf("%s: verified %+v", name, v)
		}
	}
}

func TestSettings(t *testing.T) {
	if _, err := New(Default(), nil, time.Now); !world.Is(err, world.CodeInvalid) {
		t.Errorf("no address: %v", err)
	}
	for _, bad := range []Settings{
		{URL: "ftp://x", Timeout: 1}, {URL: "https://", Timeout: 1}, {URL: "https://a:b@x", Timeout: 1}, {URL: "https://x"}, {URL: "https://x", Timeout: 1, Keep: -1},
	} {
		if err := bad.Validate(); !world.Is(err, world.CodeInvalid) {
			t.Errorf("%+v: %v", bad, err)
		}
	}
	if err := (Settings{}).Validate(); err != nil {
		t.Error(err)
	}
}

func FuzzRead(f *testing.F) {
	f.Add(200, []byte(yes))
	f.Add(200, []byte(`{"errorWrappers":[{}],"valid":true}`))
	f.Add(500, []byte(`[]`))
	f.Fuzz(func(t *testing.T, status int, text []byte) {
		a, err := read(status, text, id)
		if err != nil && a.Valid || err == nil && status != 200 {
			t.Fatalf("%d %q: %+v, %v", status, text, a, err)
		}
	})
}
