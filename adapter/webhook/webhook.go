package webhook

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"meridian/engine/webhooksig"
	"meridian/world"
)

// maxAnswer is the most bytes of an answer that are read.
const maxAnswer = 16 << 10

// Options say whom to ask and how.
type Options struct {
	URL       string            // http or https
	Secret    string            // whsec_ and base 64 of 24 to 64 bytes
	Wait      time.Duration     // longest time for an answer
	Transport http.RoundTripper // with timeouts of its own
	Now       func() time.Time
}

// Service is a service that answers questions. It is safe for concurrent use.
type Service struct {
	o      Options
	secret webhooksig.Secret
}

// New fails with invalid for an address or a secret that cannot be.
func New(o Options) (*Service, error) {
	const op = "webhook.new"
	u, err := url.Parse(o.URL)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil {
		return nil, world.E(world.CodeInvalid, op, "The hook's url must be an address such as https://moderation.example/questions, without a password.")
	}
	secret, err := webhooksig.ParseSecret(o.Secret)
	if err != nil {
		return nil, world.Wrap(op, err)
	}
	return &Service{o, secret}, nil
}

// Question is what the service is told, as JSON.
type Question struct {
	Type      string    `json:"type"` // "picture.moderation"
	Timestamp time.Time `json:"timestamp"`
	Data      Picture   `json:"data"`
}

// Picture is the picture in question.
type Picture struct {
	App       string `json:"app"`
	MediaID   string `json:"media_id"`
	Version   int    `json:"version"`
	Name      string `json:"name"`
	Owner     string `json:"owner,omitempty"`
	SHA256    string `json:"sha256"`
	MediaType string `json:"media_type"`
	Bytes     int64  `json:"bytes"`
	Width     int    `json:"width"`
	Height    int    `json:"height"`
	Frames    int    `json:"frames"`
	Preview   []byte `json:"preview"` // JPEG in base 64
}

// Answer is what the service says.
type Answer struct {
	Verdict string `json:"verdict"`
	Reason  string `json:"reason"`
}

// Ask asks about a picture. id is the same each time that the same is asked.
// Errors: timeout, unavailable and bad_upstream, after which it can be asked again.
func (s *Service) Ask(ctx context.Context, id string, p Picture) (Answer, error) {
	const op = "webhook.ask"
	now := s.o.Now().UTC().Truncate(time.Second)
	body, err := json.Marshal(Question{"picture.moderation", now, p})
	if err != nil {
		return Answer{}, world.Wrap(op, err)
	}
	ctx, cancel := context.WithTimeout(ctx, s.o.Wait)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, s.o.URL, bytes.NewReader(body))
	if err != nil {
		return Answer{}, world.Wrap(op, err)
	}
	r.Header.Set("Content-Type", "application/json")
	webhooksig.Sign(r.Header, id, now, body, s.secret)
	res, err := s.o.Transport.RoundTrip(r) // no redirect is followed: the question is for one address
	if err != nil {
		return Answer{}, unreached(ctx, op, "The moderation hook", err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return Answer{}, world.E(world.CodeBadUpstream, op, fmt.Sprintf("The moderation hook answered with status %d.", res.StatusCode))
	}
	text, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer+1))
	if err != nil {
		return Answer{}, unreached(ctx, op, "The moderation hook", err)
	}
	a, err := parseAnswer(text)
	return a, world.Wrap(op, err)
}

// parseAnswer reads an answer; what it says beside verdict and reason is for others.
func parseAnswer(text []byte) (Answer, error) {
	var a Answer
	if len(text) > maxAnswer {
		return a, world.E(world.CodeBadUpstream, "webhook.answer", fmt.Sprintf("The moderation hook's answer has more than %d bytes.", maxAnswer))
	}
	if err := json.Unmarshal(text, &a); err != nil {
		return Answer{}, world.Because(world.CodeBadUpstream, "webhook.answer", "The moderation hook's answer is no JSON object with verdict and reason.", err)
	}
	return a, nil
}

func unreached(ctx context.Context, op, who string, err error) error {
	if ctx.Err() != nil {
		return world.Because(world.CodeTimeout, op, who+" did not answer in time.", err)
	}
	return world.Because(world.CodeUnavailable, op, who+" cannot be reached.", err)
}
