package webhook

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"meridian/engine/webhooksig"
	"meridian/world"
)

var (
	noon   = time.Date(2026, 3, 1, 12, 0, 0, 5, time.UTC)
	raw    = bytes.Repeat([]byte{7}, webhooksig.MinSecret)
	secret = "whsec_" + base64.StdEncoding.EncodeToString(raw)
)

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func service(t *testing.T, f roundTrip) *Service {
	t.Helper()
	s, err := New(Options{URL: "https://hook.test/q", Secret: secret, Wait: time.Second, Transport: f, Now: func() time.Time { return noon }})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func answer(status int, body string) *http.Response {
	w := httptest.NewRecorder()
	w.WriteHeader(status)
	w.WriteString(body)
	return w.Result()
}

func TestAQuestionIsSignedAsStandardWebhooks(t *testing.T) {
	s := service(t, func(r *http.Request) (*http.Response, error) {
		body, _ := io.ReadAll(r.Body)
		mac := hmac.New(sha256.New, raw)
		mac.Write([]byte("id1.1772366400." + string(body)))
		if want := "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil)); r.Header.Get("webhook-signature") != want ||
			r.Header.Get("webhook-id") != "id1" || r.Header.Get("webhook-timestamp") != "1772366400" {
			t.Errorf("headers %v, want signature %s", r.Header, want)
		}
		var q Question
		if err := json.Unmarshal(body, &q); err != nil || q.Type != "picture.moderation" || q.Data.MediaID != "m" || string(q.Data.Preview) != "jpeg" || !q.Timestamp.Equal(noon.Truncate(time.Second)) {
			t.Errorf("question %s, %v", body, err)
		}
		if r.Method != "POST" || r.URL.String() != "https://hook.test/q" || r.Header.Get("Content-Type") != "application/json" {
			t.Errorf("%s %s", r.Method, r.URL)
		}
		return answer(200, `{"verdict":"approve","reason":"a cake","model":"x"}`), nil
	})
	got, err := s.Ask(t.Context(), "id1", Picture{MediaID: "m", Preview: []byte("jpeg")})
	if err != nil || got != (Answer{"approve", "a cake"}) {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestAnswersThatAreNone(t *testing.T) {
	for name, c := range map[string]struct {
		status int
		body   string
	}{
		"an error": {500, ""}, "refused": {403, `{"verdict":"approve"}`}, "a redirect": {302, ""}, "nothing": {204, ""},
		"no JSON": {200, "approve"}, "a list": {200, `["approve"]`}, "endless": {200, `{"verdict":"approve"}` + strings.Repeat(" ", maxAnswer)},
	} {
		s := service(t, func(*http.Request) (*http.Response, error) { return answer(c.status, c.body), nil })
		if got, err := s.Ask(t.Context(), "id", Picture{}); !world.Is(err, world.CodeBadUpstream) || got != (Answer{}) {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
	s := service(t, func(*http.Request) (*http.Response, error) { return nil, errors.New("refused") })
	if _, err := s.Ask(t.Context(), "id", Picture{}); !world.Is(err, world.CodeUnavailable) {
		t.Errorf("away: %v", err)
	}
	s = service(t, func(*http.Request) (*http.Response, error) {
		return answer(200, `{"verdict":"approve"}`+strings.Repeat(" ", maxAnswer-len(`{"verdict":"approve"}`))), nil
	})
	if got, err := s.Ask(t.Context(), "id", Picture{}); err != nil || got.Verdict != "approve" {
		t.Errorf("at the limit: %+v, %v", got, err)
	}
}

func TestASilentServiceIsNotWaitedForForEver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := service(t, func(r *http.Request) (*http.Response, error) {
			<-r.Context().Done()
			return nil, r.Context().Err()
		})
		start := time.Now()
		if _, err := s.Ask(t.Context(), "id", Picture{}); !world.Is(err, world.CodeTimeout) || time.Since(start) != time.Second {
			t.Errorf("%v after %v", err, time.Since(start))
		}
	})
}

func TestNewRefuses(t *testing.T) {
	short := "whsec_" + base64.StdEncoding.EncodeToString(make([]byte, webhooksig.MinSecret-1))
	long := "whsec_" + base64.StdEncoding.EncodeToString(make([]byte, webhooksig.MaxSecret+1))
	for _, o := range []Options{
		{URL: "", Secret: secret}, {URL: "ftp://h/", Secret: secret}, {URL: "https://", Secret: secret}, {URL: "https://u:p@h/", Secret: secret},
		{URL: "https://h/", Secret: ""}, {URL: "https://h/", Secret: secret[6:]}, {URL: "https://h/", Secret: short}, {URL: "https://h/", Secret: long}, {URL: "https://h/", Secret: "whsec_?"},
	} {
		if _, err := New(o); !world.Is(err, world.CodeInvalid) || o.Secret != "" && strings.Contains(err.Error(), o.Secret) {
			t.Errorf("%+v: %v", o, err)
		}
	}
	most := "whsec_" + base64.StdEncoding.EncodeToString(make([]byte, webhooksig.MaxSecret))
	if _, err := New(Options{URL: "http://h", Secret: most}); err != nil {
		t.Error(err)
	}
}

func FuzzParseAnswer(f *testing.F) {
	f.Add([]byte(`{"verdict":"approve","reason":"x"}`))
	f.Add([]byte(`null`))
	f.Fuzz(func(t *testing.T, b []byte) {
		if a, err := parseAnswer(b); err != nil && a != (Answer{}) {
			t.Fatalf("%+v with %v", a, err)
		}
	})
}
