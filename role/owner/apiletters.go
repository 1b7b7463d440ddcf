package owner

import (
	"net/http"

	"meridian/platform/openapi"
	"meridian/role/owner/api"
	"meridian/world"
)

var exampleLetters = api.LetterList{Letters: []api.Letter{{ID: 17, Order: "aaaaaaaaaaaaaaaaaaaaaaaaaa", Number: "SC-DE-7K3M9Q", Kind: "placed", At: exampleSince, Attempts: 8, Failure: "550 no such mailbox"}}}

func (o *Owner) addLetters(a *openapi.API) {
	operate(a, ReadOrders, openapi.Operation{Method: http.MethodGet, Path: "/letters", ID: "listLetters", Tag: "orders",
		Summary: "Letters to buyers that were given up", Given: exampleLetters}, o.apiLetters)
	operate(a, WriteOrders, openapi.Operation{Method: http.MethodPost, Path: "/letters/{letter}/retry", ID: "retryLetter", Tag: "orders", Status: http.StatusNoContent,
		Summary: "Has a letter that was given up tried again", Description: againGone, Errors: []world.Code{world.CodeNotFound}}, o.apiRetryLetter)
}

func (o *Owner) apiLetters(v *visit, in *Numbered) (*answer[api.LetterList], error) {
	before, limit, err := o.page(*in)
	if err != nil {
		return nil, err
	}
	all, err := o.deps.Letters.ParkedMails(v.r.Context(), v.at.market.ID, before, limit+1)
	if err != nil {
		return nil, world.Wrap("owner.api.letters", err)
	}
	out := api.LetterList{Letters: []api.Letter{}}
	all, out.Next = cut(all, limit, func(m world.ParkedMail) int64 { return m.ID })
	for _, m := range all {
		out.Letters = append(out.Letters, api.Letter{ID: m.ID, Order: m.OrderID, Number: m.Number, Kind: string(m.Kind), At: m.At.UTC(), Attempts: m.Attempts, Failure: m.Failure})
	}
	return &answer[api.LetterList]{Body: out}, nil
}

// letterAsked names a letter.
type letterAsked struct {
	ID int64 `path:"letter" minimum:"1"`
}

func (o *Owner) apiRetryLetter(v *visit, in *letterAsked) (*struct{}, error) {
	err := o.deps.Letters.RetryMail(v.r.Context(), v.at.market.ID, in.ID)
	if err == nil {
		o.owes(v)
	}
	return nil, world.Wrap("owner.api.letters", err)
}
