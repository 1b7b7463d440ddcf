package mailbox

import (
	_ "embed"
	"encoding/json"
	"html/template"
	"io"
	"net/http"
	"strconv"
	"time"

	"meridian/platform/httpserver"
	"meridian/world"
)

//go:embed mailbox.html
var source string

var pages = template.Must(template.New("mailbox").Funcs(template.FuncMap{
	"moment":  func(t time.Time) string { return t.Format("2006-01-02 15:04:05 UTC") },
	"machine": func(t time.Time) string { return t.Format(time.RFC3339) },
}).Parse(source))

// The pages' policies. A letter's HTML may style itself and do nothing else.
const (
	policy       = "default-src 'none'; style-src 'unsafe-inline'; frame-src 'self'; frame-ancestors 'none'"
	letterPolicy = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'self'; sandbox"
)

// Handler answers GET /mail, /mail/{region}/{n} and /mail/{region}/{n}/html with
// pages, and GET /mails with all letters as JSON.
func (p *Post) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /mail", func(w http.ResponseWriter, _ *http.Request) { p.show(w, "list", p.listed()) })
	mux.HandleFunc("GET /mail/{region}/{n}", p.one(func(w http.ResponseWriter, l Letter) { p.show(w, "letter", l) }))
	mux.HandleFunc("GET /mail/{region}/{n}/html", p.one(func(w http.ResponseWriter, l Letter) {
		head(w, "text/html; charset=utf-8", letterPolicy)
		if _, err := io.WriteString(w, l.HTML); err != nil {
			p.log.Debug("a letter was not sent whole", "err", err)
		}
	}))
	mux.HandleFunc("GET /mails", func(w http.ResponseWriter, _ *http.Request) {
		head(w, "application/json", policy)
		all := p.Letters()
		if all == nil {
			all = []Letter{}
		}
		if err := json.NewEncoder(w).Encode(map[string]any{"mails": all}); err != nil {
			p.log.Debug("the letters were not sent whole", "err", err)
		}
	})
	return mux
}

// listing is one region's mailbox on the list.
type listing struct {
	Region
	Letters []Letter
}

func (p *Post) listed() []listing {
	var all []listing
	for _, b := range p.boxes {
		all = append(all, listing{b.Region, b.list()})
	}
	return all
}

func (p *Post) one(show func(http.ResponseWriter, Letter)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		n, err := strconv.Atoi(r.PathValue("n"))
		if err != nil {
			n = 0 // no letter has it
		}
		l, err := p.letter(r.PathValue("region"), n)
		if err != nil {
			httpserver.WriteError(w, r, p.log, world.Wrap("mailbox", err))
			return
		}
		show(w, l)
	}
}

func (p *Post) show(w http.ResponseWriter, name string, data any) {
	head(w, "text/html; charset=utf-8", policy)
	if err := pages.ExecuteTemplate(w, name, data); err != nil {
		p.log.Debug("a page was not sent whole", "err", err)
	}
}

func head(w http.ResponseWriter, contentType, policy string) {
	h := w.Header()
	h.Set("Content-Type", contentType)
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Security-Policy", policy)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
}
