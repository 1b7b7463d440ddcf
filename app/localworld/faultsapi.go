package localworld

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"

	"meridian/world"
)

// maxFaultBody bounds what is read of a request about faults.
const maxFaultBody = 4 << 10

// faultsHandler is the API of faults:
//
//	GET    /faults             what can go wrong here, and what does
//	POST   /faults             a Fault begins
//	POST   /faults/{id}/renew  it lives on for {"ttl_s": …} from now
//	DELETE /faults/{id}        it is healed
//	DELETE /faults             all are
//	POST   /restock            the shops are filled up
func (u *up) faultsHandler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /faults", u.answer(func(*http.Request) (any, error) {
		return map[string]any{"kinds": u.faults.kinds, "faults": u.faults.list()}, nil
	}))
	mux.Handle("POST /faults", u.answer(func(r *http.Request) (any, error) {
		var f Fault
		if err := readFault(r, &f); err != nil {
			return nil, err
		}
		ctx, cancel := lasting(r)
		defer cancel()
		return u.faults.begin(ctx, Fault{Kind: f.Kind, Target: f.Target, Mode: f.Mode, DelayMS: f.DelayMS, Loss: f.Loss, SkewMS: f.SkewMS, TTLSeconds: f.TTLSeconds})
	}))
	mux.Handle("POST /faults/{id}/renew", u.answer(func(r *http.Request) (any, error) {
		var f struct {
			TTLSeconds float64 `json:"ttl_s"`
		}
		if err := readFault(r, &f); err != nil {
			return nil, err
		}
		return u.faults.renew(r.PathValue("id"), f.TTLSeconds)
	}))
	mux.Handle("DELETE /faults/{id}", u.answer(func(r *http.Request) (any, error) {
		ctx, cancel := lasting(r)
		defer cancel()
		err := u.faults.end(ctx, r.PathValue("id"))
		return map[string]any{"faults": u.faults.list()}, err
	}))
	mux.Handle("DELETE /faults", u.answer(func(r *http.Request) (any, error) {
		ctx, cancel := lasting(r)
		defer cancel()
		err := u.faults.endAll(ctx)
		return map[string]any{"faults": u.faults.list()}, err
	}))
	mux.Handle("POST /restock", u.answer(func(r *http.Request) (any, error) {
		return map[string]int{"at_least": restocked}, u.restock(r.Context())
	}))
	return mux
}

// lasting is a request's context that its client's end does not end: what was
// begun is carried out.
func lasting(r *http.Request) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(r.Context()), faultLimit)
}

func readFault(r *http.Request, v any) error {
	d := json.NewDecoder(http.MaxBytesReader(nil, r.Body, maxFaultBody))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		return world.Because(world.CodeInvalid, "faults", "Send a JSON object with kind, target and what the kind takes; GET /faults lists the kinds.", err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return world.E(world.CodeInvalid, "faults", "Something follows the JSON object: send one object only.")
	}
	return nil
}
