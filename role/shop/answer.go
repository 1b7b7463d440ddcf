package shop

import "net/http"

// A form that has done something is answered with 303 and the address of a page
// that shows it, so that to load that page again repeats nothing. A buyer who lives
// far from the market's home waits for two round trips then. The pages' script
// spares one of them: it asks for the page itself, and puts its address into the
// browser's history, so that to load it again, or to go back to it, is a GET all the
// same. Without the script nobody would do that, and it stays with 303.

// A form whose answerField is answerPage asks for the page.
const (
	answerField = "answer"
	answerPage  = "page"
)

func asksPage(r *http.Request) bool { return r.PostForm.Get(answerField) == answerPage }

// lead answers a form that was done: with the address of the page that shows it, or
// with that page, which names its address for the script and, as Content-Location
// (RFC 9110 §8.7), for programs. A page that cannot be made is led to as well: what
// was done is done.
func lead(w http.ResponseWriter, r *http.Request, to string, show func() error) {
	if asksPage(r) {
		w.Header().Set("Content-Location", to)
		if show() == nil {
			return
		}
		w.Header().Del("Content-Location")
	}
	http.Redirect(w, r, to, http.StatusSeeOther)
}
