package openapi

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"meridian/world"
)

// Context is a request's; [Raw] finds the request in it.
type Context = context.Context

// ErrAnswered is what a function returns that has answered the request itself.
var ErrAnswered = errors.New("answered already")

// exchange is one request and what becomes of it. The answer is held back until it
// is whole: so an error leaves nothing half written, and a validator can be made of
// the content.
type exchange struct {
	w       http.ResponseWriter
	r       *http.Request
	reached bool // an operation was found
	err     error
	status  int
	content bytes.Buffer
}

type exchangeKey struct{}

func exchangeOf(ctx context.Context) *exchange {
	x, _ := ctx.Value(exchangeKey{}).(*exchange)
	return x
}

// Raw is the request that an operation answers, and where its answer goes. Fields
// may be set on the header at any time.
func Raw(ctx Context) (http.ResponseWriter, *http.Request) {
	x := exchangeOf(ctx)
	return x.w, x.r
}

// Header, WriteHeader and Write are those of [http.ResponseWriter].
func (x *exchange) Header() http.Header { return x.w.Header() }

// WriteHeader notes the status.
func (x *exchange) WriteHeader(status int) {
	if x.status == 0 {
		x.status = status
	}
}

// Write keeps content.
func (x *exchange) Write(b []byte) (int, error) {
	x.WriteHeader(http.StatusOK)
	return x.content.Write(b)
}

// ServeHTTP answers a request under the base path.
func (a *API) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	x := &exchange{w: w}
	x.r = r.WithContext(context.WithValue(r.Context(), exchangeKey{}, x))
	a.mux.ServeHTTP(x, x.r)
	if !x.reached && x.status >= http.StatusBadRequest {
		x.err = world.E(world.CodeForStatus(x.status), "openapi.route", "")
	}
	switch safe := r.Method == http.MethodGet || r.Method == http.MethodHead; {
	case errors.Is(x.err, ErrAnswered):
	case x.err != nil:
		w.Header().Del("Content-Type")
		a.cfg.Fail(w, r, x.err)
	case safe && x.status == http.StatusOK:
		a.cfg.Send(w, r, x.content.Bytes())
	default:
		w.WriteHeader(max(x.status, http.StatusOK))
		_, _ = w.Write(x.content.Bytes()) // the client has gone: nobody to tell
	}
}

// reached notes that an operation answers: what it says is its own.
func reached(ctx huma.Context, next func(huma.Context)) {
	exchangeOf(ctx.Context()).reached = true
	next(ctx)
}

// mostFaults is how many faults of a request are told at once.
const mostFaults = 5

// keepError takes what huma says of a request that it refuses for an error of ours.
// Values are not told again: one may be a secret.
func keepError(ctx huma.Context, _ string, v any) (any, error) {
	refusal, ok := v.(*huma.ErrorModel)
	if !ok {
		return v, nil
	}
	code := world.CodeForStatus(refusal.Status)
	var faults []string
	for i, fault := range refusal.Errors {
		if fault.Message == errDepth.Error() {
			code = world.CodeTooLarge
		}
		if i < mostFaults {
			faults = append(faults, strings.TrimPrefix(fault.Location+": "+fault.Message, ": "))
		}
	}
	if code == world.CodeUnprocessed { // it is not what the document says: that is known before anything is tried
		code = world.CodeInvalid
	}
	message := "The request is not as the API's document says it must be."
	if len(faults) > 0 {
		message = "Change the request: " + strings.Join(faults, "; ") + "."
	}
	exchangeOf(ctx.Context()).err = world.Because(code, "openapi.request", message, fmt.Errorf("%d: %s", refusal.Status, refusal.Detail))
	return v, nil
}

func itoa(status int) string { return strconv.Itoa(status) }
