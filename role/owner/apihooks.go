package owner

import (
	"crypto/sha256"
	"net/http"

	"meridian/platform/openapi"
	"meridian/role/owner/api"
	"meridian/world"
)

var (
	exampleEndpoint = api.Endpoint{ID: "aaaaaaaaaaaaaaaaaaaaaaaaaa", URL: "https://shop.example/meridian", Kinds: []string{"order.placed"}, Enabled: true, CreatedAt: exampleSince}
	exampleMessage  = api.Message{ID: 17, Message: "aaaaaaaaaaaaaaaaaaaaaaaaaa.1", Kind: "order.placed", At: exampleSince, State: "sent", Attempts: 1}
	exampleSecret   = api.Secret{ID: exampleEndpoint.ID, Secret: "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"}
)

func (o *Owner) addHooks(a *openapi.API) {
	missing := []world.Code{world.CodeNotFound}
	operate(a, ReadHooks, openapi.Operation{Method: http.MethodGet, Path: "/endpoints", ID: "listEndpoints", Tag: "systems",
		Summary: "The endpoints that are told what happens", Given: api.EndpointList{Endpoints: []api.Endpoint{exampleEndpoint}}}, o.apiEndpoints)
	operate(a, WriteHooks, openapi.Operation{Method: http.MethodPost, Path: "/endpoints", ID: "addEndpoint", Tag: "systems", Status: http.StatusCreated,
		Summary: "Adds an endpoint and tells its secret, this once", Description: "With the same key it is added once: then the answer has its id and no secret. Whoever did not get that asks for a new one.", Sent: api.NewEndpoint{URL: exampleEndpoint.URL, Kinds: exampleEndpoint.Kinds}, Given: exampleSecret, Errors: []world.Code{world.CodeConflict}}, o.apiAddEndpoint)
	operate(a, WriteHooks, openapi.Operation{Method: http.MethodPatch, Path: "/endpoints/{endpoint}", ID: "changeEndpoint", Tag: "systems", Status: http.StatusNoContent,
		Summary: "Turns an endpoint on or off", Description: "What happens while it is off is not kept for it. " + againHarmless, Sent: api.EndpointState{Enabled: true}, Errors: missing}, o.apiChangeEndpoint)
	operate(a, WriteHooks, openapi.Operation{Method: http.MethodDelete, Path: "/endpoints/{endpoint}", ID: "removeEndpoint", Tag: "systems", Status: http.StatusNoContent,
		Summary: "Removes an endpoint, with all that it was told or is owed", Description: againGone, Errors: missing}, o.apiRemoveEndpoint)
	operate(a, WriteHooks, openapi.Operation{Method: http.MethodPost, Path: "/endpoints/{endpoint}/secret", ID: "rotateSecret", Tag: "systems",
		Summary: "Gives an endpoint a new secret and tells it, this once", Description: "For a while messages are signed with the old one, too. A new secret within that time takes the newer one's place, and the older, which the receiver has, stays good. With the same key it is changed once: then the answer has no secret. Whoever did not get it sends another key.",
		Given: exampleSecret, Errors: []world.Code{world.CodeNotFound, world.CodeConflict}}, o.apiRotate)
	operate(a, ReadHooks, openapi.Operation{Method: http.MethodGet, Path: "/endpoints/{endpoint}/messages", ID: "listMessages", Tag: "systems",
		Summary: "What an endpoint is owed and was told", Given: api.MessageList{Messages: []api.Message{exampleMessage}}, Errors: missing}, o.apiMessages)
	operate(a, WriteHooks, openapi.Operation{Method: http.MethodPost, Path: "/endpoints/{endpoint}/replay", ID: "replaySince", Tag: "systems",
		Summary: "Has messages sent again, from a moment on", Description: againTold, Sent: api.ReplaySince{Since: exampleSince}, Given: api.Replayed{Messages: 3}, Errors: missing}, o.apiReplaySince)
	operate(a, WriteHooks, openapi.Operation{Method: http.MethodPost, Path: "/messages/{message}/replay", ID: "replayMessage", Tag: "systems", Status: http.StatusNoContent,
		Summary: "Has a message sent again that was sent or given up", Description: againTold, Errors: missing}, o.apiReplay)
}

func (o *Owner) apiEndpoints(v *visit, _ *struct{}) (*answer[api.EndpointList], error) {
	all, err := o.deps.Hooks.Endpoints(v.r.Context(), v.at.market.ID)
	if err != nil {
		return nil, world.Wrap("owner.api.endpoints", err)
	}
	out := api.EndpointList{Endpoints: []api.Endpoint{}}
	for _, e := range all {
		one := api.Endpoint{ID: e.ID, URL: e.URL, Kinds: []string{}, Enabled: e.Enabled, CreatedAt: e.CreatedAt.UTC(), Waiting: e.Waiting, Failure: e.Failure}
		for _, k := range e.Kinds {
			one.Kinds = append(one.Kinds, string(k))
		}
		if !e.OldUntil.IsZero() {
			one.OldUntil = &e.OldUntil
		}
		out.Endpoints = append(out.Endpoints, one)
	}
	return &answer[api.EndpointList]{Body: out}, nil
}

// endpointSent is a new endpoint.
type endpointSent struct {
	Keyed
	Body api.NewEndpoint
}

// idFor is the id of what is made under a key in a market: the same each time.
func idFor(market, key string) string {
	sum := sha256.Sum256([]byte(market + " " + key))
	return tokenEncoding.EncodeToString(sum[:16])
}

func (o *Owner) apiAddEndpoint(v *visit, in *endpointSent) (*answer[api.Secret], error) {
	e := world.HookEndpoint{ID: idFor(v.at.market.ID, in.apiKey()), URL: in.Body.URL}
	for _, k := range in.Body.Kinds {
		e.Kinds = append(e.Kinds, world.HookKind(k))
	}
	secret, err := o.addEndpoint(v, e, in.apiKey())
	return apiSecret(e.ID, secret), err
}

// EndpointAsked names an endpoint.
type EndpointAsked struct {
	ID string `path:"endpoint" maxLength:"26"`
}

// endpointState turns one on or off.
type endpointState struct {
	EndpointAsked
	Body api.EndpointState
}

func (o *Owner) apiChangeEndpoint(v *visit, in *endpointState) (*struct{}, error) {
	return o.hooked(v, o.deps.Hooks.EnableEndpoint(v.r.Context(), v.at.market.ID, in.ID, in.Body.Enabled))
}

// hooked answers for what was done to endpoints and messages.
func (o *Owner) hooked(v *visit, err error) (*struct{}, error) {
	if err == nil {
		o.owes(v)
	}
	return nil, world.Wrap("owner.api.endpoint", err)
}

func (o *Owner) apiRemoveEndpoint(v *visit, in *EndpointAsked) (*struct{}, error) {
	return o.hooked(v, o.deps.Hooks.RemoveEndpoint(v.r.Context(), v.at.market.ID, in.ID))
}

// secretAsked asks for a new secret.
type secretAsked struct {
	EndpointAsked
	Keyed
}

func (o *Owner) apiRotate(v *visit, in *secretAsked) (*answer[api.Secret], error) {
	secret, err := o.rotate(v, in.ID, in.apiKey())
	return apiSecret(in.ID, secret), err
}

// apiSecret tells a new secret; "" is one that was told before.
func apiSecret(id, secret string) *answer[api.Secret] {
	return &answer[api.Secret]{Body: api.Secret{ID: id, Secret: secret, Again: secret == ""}}
}

// messagesAsked asks for an endpoint's messages.
type messagesAsked struct {
	EndpointAsked
	Numbered
}

func (o *Owner) apiMessages(v *visit, in *messagesAsked) (*answer[api.MessageList], error) {
	if _, err := o.endpointOf(v, in.ID); err != nil {
		return nil, err
	}
	before, limit, err := o.page(in.Numbered)
	if err != nil {
		return nil, err
	}
	all, err := o.deps.Hooks.Messages(v.r.Context(), v.at.market.ID, in.ID, before, limit+1)
	if err != nil {
		return nil, world.Wrap("owner.api.messages", err)
	}
	out := api.MessageList{Messages: []api.Message{}}
	all, out.Next = cut(all, limit, func(m world.HookMessage) int64 { return m.ID })
	for _, m := range all {
		out.Messages = append(out.Messages, api.Message{ID: m.ID, Message: m.Message, Kind: string(m.Kind), At: m.At.UTC(), State: m.State, Attempts: m.Attempts, Failure: m.Failure})
	}
	return &answer[api.MessageList]{Body: out}, nil
}

// sinceAsked asks for messages to be sent again.
type sinceAsked struct {
	EndpointAsked
	Body api.ReplaySince
}

func (o *Owner) apiReplaySince(v *visit, in *sinceAsked) (*answer[api.Replayed], error) {
	n, err := o.deps.Hooks.ReplaySince(v.r.Context(), v.at.market.ID, in.ID, in.Body.Since, in.Body.Sent)
	if _, err := o.hooked(v, err); err != nil {
		return nil, err
	}
	return &answer[api.Replayed]{Body: api.Replayed{Messages: n}}, nil
}

// messageAsked names a message.
type messageAsked struct {
	ID int64 `path:"message" minimum:"1"`
}

func (o *Owner) apiReplay(v *visit, in *messageAsked) (*struct{}, error) {
	return o.hooked(v, o.deps.Hooks.Replay(v.r.Context(), v.at.market.ID, in.ID))
}
