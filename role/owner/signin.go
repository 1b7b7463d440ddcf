package owner

import (
	"context"
	"crypto/sha256"
	"fmt"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"

	"meridian/world"
)

// Limits of what is typed to sign in, in bytes. An e-mail address has at most
// 254 (RFC 5321 §4.5.3.1.3, without the brackets).
const (
	maxEmail    = 254
	maxPassword = 200
)

const signInPath = "/owner/sign-in"

// signInBody is the sign-in page.
type signInBody struct {
	Email, Next, Wrong string
	Ended              bool // sent here from a page that needs a session
}

func (o *Owner) showSignIn(v *visit) error {
	email, err := o.whoIs(v)
	if err != nil {
		return err
	}
	next := v.r.URL.Query().Get("next")
	if email != "" {
		seeOther(v, ownPage(next))
		return nil
	}
	return o.signInPage(v, http.StatusOK, signInBody{Next: ownPage(next), Ended: next != "" && ownPage(next) != ordersPath})
}

func (o *Owner) signInPage(v *visit, status int, body signInBody) error {
	return o.render(v, status, "signin", page{Title: "Sign in", Body: body})
}

func (o *Owner) signIn(v *visit) error {
	form := v.r.PostForm
	email, password := strings.ToLower(strings.TrimSpace(form.Get("email"))), form.Get("password")
	body := signInBody{Email: email, Next: ownPage(form.Get("next"))}
	if email == "" || password == "" || len(email) > maxEmail || len(password) > maxPassword || strings.ContainsRune(email, 0) {
		body.Wrong = "Type your e-mail address and your password."
		return o.signInPage(v, http.StatusUnprocessableEntity, body)
	}
	if wait := o.mayTry(v, email); wait > 0 {
		seconds := int(math.Ceil(wait.Seconds()))
		v.w.Header().Set("Retry-After", strconv.Itoa(seconds))
		body.Wrong = fmt.Sprintf("Too many attempts to sign in. Wait %d seconds, then try again.", seconds)
		return o.signInPage(v, http.StatusTooManyRequests, body)
	}
	ok, err := o.verify(v.r.Context(), v.at.market.ID, email, password)
	if err != nil {
		return err
	}
	if !ok {
		body.Wrong = "This e-mail address and password do not belong together. Check both and try again."
		return o.signInPage(v, http.StatusUnprocessableEntity, body)
	}
	if err := o.startSession(v, email); err != nil {
		return err
	}
	seeOther(v, body.Next)
	return nil
}

// mayTry counts an attempt to sign in; how long to wait when there were too many.
// The network is asked first: made-up addresses are bounded by it.
func (o *Owner) mayTry(v *visit, email string) time.Duration {
	now := o.deps.Now()
	if _, wait := o.networks.Try(v.r.Header.Get(world.HeaderClient), now); wait > 0 {
		return wait
	}
	_, wait := o.accounts.Try(v.at.market.ID+" "+email, now)
	return wait
}

func (o *Owner) verify(ctx context.Context, market, email, password string) (bool, error) {
	hash, err := o.deps.Accounts.PasswordHash(ctx, market, email)
	if err != nil && !world.Is(err, world.CodeNotFound) {
		return false, world.Wrap("owner.signin", err)
	}
	return o.passwords.check(ctx, password, hash)
}

// startSession signs in under a new token; the one that the browser came with
// ends, whoever had set it.
func (o *Owner) startSession(v *visit, email string) error {
	if err := o.endSession(v); err != nil {
		return err
	}
	token, err := newToken(o.deps.Random)
	if err != nil {
		return err
	}
	until := o.deps.Now().Add(o.cfg.SessionAge)
	err = o.deps.Accounts.StartSession(v.r.Context(), sha256.Sum256([]byte(token)), v.at.market.ID, email, until)
	if err != nil {
		return world.Wrap("owner.signin", err)
	}
	http.SetCookie(v.w, o.cookie(token, o.cfg.SessionAge))
	return nil
}

func (o *Owner) endSession(v *visit) error {
	token := o.tokenOf(v.r)
	if token == "" {
		return nil
	}
	return world.Wrap("owner.signout", o.deps.Accounts.EndSession(v.r.Context(), sha256.Sum256([]byte(token))))
}

func (o *Owner) signOut(v *visit) error {
	if err := o.endSession(v); err != nil {
		return err
	}
	http.SetCookie(v.w, o.cookie("", -time.Second))
	seeOther(v, signInPath)
	return nil
}
