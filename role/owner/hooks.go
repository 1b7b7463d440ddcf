package owner

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"meridian/engine/webhooksig"
	"meridian/world"
)

const systemsPath = ordersPath + "systems"

// secretBytes is how many random bits, in bytes, messages are signed with.
const secretBytes = 32

type hookList struct {
	Rows  []hookRow
	Form  hookForm
	Most  int
	Wrong string
}

// hookForm is what stands in the fields of a new endpoint.
type hookForm struct {
	Key, Address string
	Kinds        []ticked
}

type hookRow struct {
	URL, Address, State, Failure string
	Off                          bool
	Waiting                      string
}

func (o *Owner) listHooks(v *visit) error { return o.hooksPage(v, http.StatusOK, url.Values{}, "") }

func (o *Owner) hooksPage(v *visit, status int, form url.Values, wrong string) error {
	all, err := o.deps.Hooks.Endpoints(v.r.Context(), v.at.market.ID)
	if err != nil {
		return world.Wrap("owner.systems", err)
	}
	body := hookList{Most: world.MaxHookEndpoints, Wrong: wrong, Form: hookForm{Key: form.Get("key"), Address: form.Get("address")}}
	if !validToken(body.Form.Key) {
		if body.Form.Key, err = newToken(o.deps.Random); err != nil {
			return err
		}
	}
	for _, k := range world.HookKinds {
		body.Form.Kinds = append(body.Form.Kinds, ticked{string(k), string(k), wrong == "" || slices.Contains(form["kind"], string(k))})
	}
	for _, e := range all {
		body.Rows = append(body.Rows, hookRowOf(e))
	}
	return o.render(v, status, "hooks", page{Title: "Systems", Section: "systems", Body: body})
}

func hookRowOf(e world.HookEndpoint) hookRow {
	row := hookRow{URL: systemsPath + "/" + e.ID, Address: e.URL, State: "On", Off: !e.Enabled, Failure: e.Failure, Waiting: strconv.Itoa(e.Waiting)}
	if e.Waiting >= world.MaxHookWaiting {
		row.Waiting += " or more"
	}
	if row.Off {
		row.State = "Off"
	}
	return row
}

// addHook adds an endpoint and shows its secret, this once. The form's key is the
// endpoint's id, too.
func (o *Owner) addHook(v *visit) error {
	form := v.r.PostForm
	if !validToken(form.Get("key")) {
		return world.E(world.CodeInvalid, "owner.systems", "The form has no key. Open the page again.")
	}
	e := world.HookEndpoint{ID: form.Get("key"), URL: strings.TrimSpace(form.Get("address"))}
	for _, k := range form["kind"] {
		e.Kinds = append(e.Kinds, world.HookKind(k))
	}
	secret, err := o.addEndpoint(v, e, e.ID)
	if err == nil {
		return o.hookPage(v, http.StatusCreated, e.ID, secretTold(secret))
	}
	if wrong := mendable(err); wrong != "" {
		if world.Is(err, world.CodeConflict) {
			form.Del("key") // what is sent next is another one
		}
		return o.hooksPage(v, world.CodeOf(err).Status(), form, wrong)
	}
	return err
}

// addEndpoint keeps an endpoint with a new secret, once for each key. It returns the
// secret the first time only: a secret is shown once.
func (o *Owner) addEndpoint(v *visit, e world.HookEndpoint, key string) (secret string, err error) {
	e.Market = v.at.market.ID
	return o.withSecret(func(secret string) (bool, error) {
		return o.deps.Hooks.AddEndpoint(v.r.Context(), e, secret, key, o.cfg.HooksHTTP)
	})
}

// withSecret does something with a new secret and returns that; "" where it was done
// before.
func (o *Owner) withSecret(do func(secret string) (again bool, err error)) (string, error) {
	secret, err := o.newSecret()
	if err != nil {
		return "", err
	}
	again, err := do(secret)
	if err != nil || again {
		return "", world.Wrap("owner.systems", err)
	}
	return secret, nil
}

// secretTold shows a new secret; "" is one that was shown before.
func secretTold(secret string) told {
	if secret == "" {
		return told{Done: "This was sent before, and the secret was shown then. If nobody has it, make a new one: until it is in use the one that your system has stays good."}
	}
	return told{Secret: secret}
}

func (o *Owner) newSecret() (string, error) {
	key := make([]byte, secretBytes)
	if _, err := io.ReadFull(o.deps.Random, key); err != nil {
		return "", world.Wrap("owner.secret", err)
	}
	return webhooksig.NewSecret(key), nil
}

// endpointOf is one of the market's endpoints.
func (o *Owner) endpointOf(v *visit, id string) (world.HookEndpoint, error) {
	all, err := o.deps.Hooks.Endpoints(v.r.Context(), v.at.market.ID)
	if err != nil {
		return world.HookEndpoint{}, world.Wrap("owner.systems", err)
	}
	for _, e := range all {
		if e.ID == id {
			return e, nil
		}
	}
	return world.HookEndpoint{}, world.E(world.CodeNotFound, "owner.systems", "The market has no such endpoint. Look at the list.")
}

// told is what a page says of what was just done.
type told struct {
	Secret string // shown once
	Done   string
	Wrong  string
}

type hookBody struct {
	hookRow
	told
	Kinds         []string
	OldUntil      *moment
	Messages      []messageRow
	First         bool
	Newest, Older string
	Since         string // what stands in the field
	Key           string // makes a new secret one, however often the form is sent
}

type messageRow struct {
	ID                   int64
	Kind, State, Failure string
	At                   moment
	Attempts             int
	Settled              bool
}

func (o *Owner) showHook(v *visit) error {
	return o.hookPage(v, http.StatusOK, v.r.PathValue("id"), told{})
}

func (o *Owner) hookPage(v *visit, status int, id string, says told) error {
	e, err := o.endpointOf(v, id)
	if err != nil {
		return err
	}
	before, err := placeOf(v.r.Form.Get("before"))
	if err != nil {
		return err
	}
	body := hookBody{hookRow: hookRowOf(e), told: says, First: before == 0, Newest: systemsPath + "/" + e.ID, Since: v.at.clockText(o.deps.Now().Add(-24 * time.Hour))}
	if body.Key, err = newToken(o.deps.Random); err != nil {
		return err
	}
	for _, k := range e.Kinds {
		body.Kinds = append(body.Kinds, string(k))
	}
	if !e.OldUntil.IsZero() {
		m := v.at.moment(e.OldUntil)
		body.OldUntil = &m
	}
	messages, err := o.deps.Hooks.Messages(v.r.Context(), v.at.market.ID, e.ID, before, o.cfg.PageSize+1)
	if err != nil {
		return world.Wrap("owner.systems", err)
	}
	if len(messages) > o.cfg.PageSize {
		messages = messages[:o.cfg.PageSize]
		body.Older = body.Newest + "?before=" + strconv.FormatInt(messages[len(messages)-1].ID, 10)
	}
	for _, m := range messages {
		body.Messages = append(body.Messages, messageRow{ID: m.ID, Kind: string(m.Kind), State: m.State, Failure: m.Failure, At: v.at.moment(m.At), Attempts: m.Attempts, Settled: m.State != "waiting"})
	}
	return o.render(v, status, "hook", page{Title: "Endpoint", Section: "systems", Body: body})
}

// changeHook does what an endpoint's page offers.
func (o *Owner) changeHook(v *visit) error {
	ctx, market, id, form := v.r.Context(), v.at.market.ID, v.r.PathValue("id"), v.r.PostForm
	var err error
	switch form.Get("do") {
	case "on", "off":
		err = o.deps.Hooks.EnableEndpoint(ctx, market, id, form.Get("do") == "on")
	case "rotate":
		if !validToken(form.Get("key")) {
			return world.E(world.CodeInvalid, "owner.systems", "The form has no key. Open the endpoint again.")
		}
		var secret string
		if secret, err = o.rotate(v, id, form.Get("key")); err == nil {
			return o.hookPage(v, http.StatusOK, id, secretTold(secret))
		}
	case "remove":
		if err = o.deps.Hooks.RemoveEndpoint(ctx, market, id); err == nil {
			seeOther(v, systemsPath)
			return nil
		}
	case "replay":
		var n int64
		if n, err = strconv.ParseInt(form.Get("message"), 10, 64); err != nil {
			return world.E(world.CodeInvalid, "owner.systems", "The form names no message. Open the endpoint again.")
		}
		err = o.deps.Hooks.Replay(ctx, market, n)
	case "replay-since":
		r := &formReader{at: v.at, form: form}
		since := r.clock("since", "Since")
		if r.wrong != "" || since.IsZero() {
			return o.hookPage(v, http.StatusUnprocessableEntity, id, told{Wrong: "Since: write a date and time like 2026-12-01T09:00."})
		}
		var n int
		if n, err = o.deps.Hooks.ReplaySince(ctx, market, id, since, form.Get("sent") != ""); err == nil {
			o.owes(v)
			return o.hookPage(v, http.StatusOK, id, told{Done: replayedText(n)})
		}
	default:
		return world.E(world.CodeInvalid, "owner.systems", "The form says nothing to do. Open the endpoint again.")
	}
	if err != nil {
		return world.Wrap("owner.systems", err)
	}
	o.owes(v)
	seeOther(v, systemsPath+"/"+id)
	return nil
}

func replayedText(n int) string {
	text := fmt.Sprintf("Messages that are sent again: %d.", n)
	if n >= world.MaxHookReplay {
		text += " There may be more: do it again when these are sent."
	}
	return text
}

// rotate gives an endpoint a new secret, once for each key, and returns it as
// [Owner.addEndpoint] does; the old one is good for a while longer.
func (o *Owner) rotate(v *visit, id, key string) (string, error) {
	return o.withSecret(func(secret string) (bool, error) {
		return o.deps.Hooks.RotateSecret(v.r.Context(), v.at.market.ID, id, secret, key, o.cfg.SecretOverlap)
	})
}
