package testpay

import (
	_ "embed"
	"fmt"
	"html/template"
	"net/http"
	"net/url"
	"strings"
	"time"

	"meridian/engine/money"
	"meridian/platform/httpserver"
	"meridian/world"
)

const (
	pagePath  = "/pay/"
	stylePath = "/style.css"
	maxForm   = 4 << 10 // bytes
)

//go:embed page.html
var pageText string

//go:embed page.css
var styleText []byte

var pageTemplate = template.Must(template.New("page").Parse(pageText))

// pageView is what the page shows.
type pageView struct {
	W                     words
	Number, Description   string
	Amount, Pay, BankText string
	Here, Back, Forward   string
	Problem               string
	State                 world.PaymentState
	Cards                 []conduct
	Open, Asks, Paid      bool
}

// page answers for one buyer's page.
func (s *Server) page(do func(w http.ResponseWriter, r *http.Request, e *entry) error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Cache-Control", "no-store")
		h.Set("Referrer-Policy", "no-referrer") // the address is for this buyer alone
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; base-uri 'none'; frame-ancestors 'none'; form-action 'self'")
		e, err := s.book.page(r.PathValue("page"))
		if err == nil {
			err = s.csrf.Check(r)
		}
		if err == nil && r.Method == http.MethodPost {
			r.Body = http.MaxBytesReader(w, r.Body, maxForm)
			err = r.ParseForm()
		}
		if err != nil {
			if world.CodeOf(err) == world.CodeInternal { // not ours: the form, or where it came from
				err = world.Because(world.CodeInvalid, "testpay.page", "The form did not arrive as this page sends it. Go back and try again.", err)
			}
			httpserver.WriteError(w, r, s.log, err)
			return
		}
		if err := do(w, r, e); err != nil {
			httpserver.WriteError(w, r, s.log, err)
		}
	}
}

func (s *Server) showPage(w http.ResponseWriter, _ *http.Request, e *entry) error {
	p, err := s.book.look(e)
	if err != nil {
		return err
	}
	return s.render(w, p, "")
}

// payPage takes the card. One that the bank declines leaves the buyer here.
func (s *Server) payPage(w http.ResponseWriter, r *http.Request, e *entry) error {
	c, ok := cardByNumber(r.PostForm.Get("number"))
	var took bool
	p, err := s.book.change(e, func(p *payment, now time.Time) error {
		if took = ok && p.State == world.PaymentOpened; took {
			p.pay(c, s.book.rules, now)
		}
		return nil
	})
	if err != nil {
		return err
	}
	if !ok && p.State == world.PaymentOpened {
		return s.render(w, p, wordsFor(p.Asked.Locale).Unknown)
	}
	if took && p.State == world.PaymentAuthorised {
		s.dawdle(r, c.Page)
	}
	return s.onward(w, r, p)
}

// bankPage takes the buyer's answer to the bank.
func (s *Server) bankPage(w http.ResponseWriter, r *http.Request, e *entry) error {
	p, err := s.book.change(e, func(p *payment, now time.Time) error {
		if p.State == world.PaymentActionRequired {
			p.bank(r.PostForm.Get("answer") == "yes", s.book.rules, now)
		}
		return nil
	})
	if err != nil {
		return err
	}
	return s.onward(w, r, p)
}

// dawdle makes the answer late, or lets it never come.
func (s *Server) dawdle(r *http.Request, how answer) {
	switch how {
	case answerLate:
		select {
		case <-time.After(s.c.Late):
		case <-r.Context().Done():
		}
	case answerNever:
		panic(http.ErrAbortHandler)
	}
}

// onward leads a buyer who has paid back to the shop, and any other to the page.
func (s *Server) onward(w http.ResponseWriter, r *http.Request, p payment) error {
	to := pagePath + p.Page
	if p.State == world.PaymentAuthorised || p.State == world.PaymentCaptured {
		to = p.Asked.ReturnURL
	}
	http.Redirect(w, r, to, http.StatusSeeOther)
	return nil
}

func (s *Server) render(w http.ResponseWriter, p payment, problem string) error {
	words := wordsFor(p.Asked.Locale)
	amount := money.Amount{Minor: p.Asked.Minor, Currency: p.Asked.Currency}.Format(p.Asked.Locale)
	v := pageView{
		W: words, Number: p.Asked.Number, Description: p.Asked.Description, Amount: amount,
		Pay: fmt.Sprintf(words.Pay, amount), BankText: fmt.Sprintf(words.Bank, amount),
		Here: pagePath + p.Page, Back: p.Asked.CancelURL, Forward: p.Asked.ReturnURL, State: p.State, Cards: cards,
		Open: p.State == world.PaymentOpened, Asks: p.State == world.PaymentActionRequired,
		Paid: p.State == world.PaymentAuthorised || p.State == world.PaymentCaptured, Problem: problem,
	}
	if v.Problem == "" && p.Failure != "" && !v.Asks {
		v.Problem = words.failure(p.Failure)
	}
	var out strings.Builder
	if err := pageTemplate.Execute(&out, v); err != nil {
		return world.Wrap("testpay.page", err)
	}
	h := w.Header()
	// Browsers hold the redirect that follows a form to form-action too.
	h.Set("Content-Security-Policy", strings.Replace(h.Get("Content-Security-Policy"), "form-action 'self'", "form-action 'self' "+origin(p.Asked.ReturnURL), 1))
	h.Set("Content-Type", "text/html; charset=utf-8")
	if problem != "" {
		w.WriteHeader(http.StatusUnprocessableEntity)
	}
	_, _ = w.Write([]byte(out.String())) // who has gone needs no page
	return nil
}

// origin is the scheme and host of an address that was checked when it came.
func origin(text string) string {
	u, err := url.Parse(text)
	if err != nil {
		return ""
	}
	return (&url.URL{Scheme: u.Scheme, Host: u.Host}).String()
}

func style(w http.ResponseWriter, _ *http.Request) {
	h := w.Header()
	h.Set("Content-Type", "text/css; charset=utf-8")
	h.Set("Cache-Control", "public, max-age=300")
	_, _ = w.Write(styleText)
}
