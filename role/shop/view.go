package shop

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"html/template"
	"io/fs"
	"net/http"
	"regexp"
	"strings"
	"time"

	"meridian/platform/i18n"
	"meridian/web"
	"meridian/world"
)

// pageNames are the templates that fill the layout.
var pageNames = []string{"list", "category", "search", "product", "cart", "checkout", "order", "orders", "error"}

// keyInTemplate finds the texts that a template asks for by name.
var keyInTemplate = regexp.MustCompile(`\.T "([a-z0-9_.]+)"`)

// loadPages parses the templates and lists the text keys that they use.
func (s *Shop) loadPages() (keys []string, err error) {
	files, err := web.Templates("shop")
	if err != nil {
		return nil, err
	}
	layout, err := template.ParseFS(files, "layout.html")
	if err != nil {
		return nil, err
	}
	s.pages = map[string]*template.Template{}
	for _, name := range pageNames {
		t, err := layout.Clone()
		if err != nil {
			return nil, err
		}
		if s.pages[name], err = t.ParseFS(files, name+".html"); err != nil {
			return nil, err
		}
	}
	err = fs.WalkDir(files, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		source, err := fs.ReadFile(files, name)
		for _, m := range keyInTemplate.FindAllSubmatch(source, -1) {
			keys = append(keys, string(m[1]))
		}
		return err
	})
	return keys, err
}

// view is what every page's template is given.
type view struct {
	World, Prefix, Section string
	Shop, About            string // the shop's name, and what it says of itself
	Title, Description     string
	Market                 world.Market
	CSS, JS, Icon          string
	Canonical              string
	Address                string // of this page, where another was asked for; see answerField
	Alternates, Languages  []link
	Categories             []link
	Searched               string // what was looked for
	Shops                  []link
	Preload                shot          // fetched before the page is read to its end, on wide screens
	First                  shot          // the page's own picture, on every screen
	Style                  template.HTML // the page's own colours, named in its policy by their hash
	CartCount              int           // how many things are in the cart,
	Counted                bool          // where the page may know it
	Sums                   *sums
	Also                   *also // currencies that prices may be shown in beside their own
	Body                   any

	texts  i18n.Locale
	colors colors
}

// link leads to a page in another language or market.
type link struct {
	Name, Locale, URL string
	Here              bool
}

// T is a text of the page's locale; see [i18n.Locale.Text].
func (v *view) T(key string, pairs ...any) string { return v.texts.Text(key, pairs...) }

// Locale is the page's language, BCP 47.
func (v *view) Locale() string { return v.texts.Tag }

// view makes the frame of a page at path, an address without a locale.
func (s *Shop) view(at *site, path string) *view {
	v := &view{
		World: s.world.Name, Shop: at.name(s.world.Name), About: at.texts.Text("site.footer", "Brand", s.world.Name), Prefix: at.prefix, Market: at.market, texts: at.texts,
		CSS: s.assets.URL("site.css"), JS: s.assets.URL("site.js"), Icon: s.assets.URL("favicon.svg"),
	}
	for _, l := range at.market.Locales {
		if len(at.market.Locales) < 2 {
			break
		}
		other := s.siteIn(at.market, l)
		v.Languages = append(v.Languages, link{Name: other.texts.Name(), Locale: l, URL: other.prefix + path, Here: l == at.locale()})
	}
	for _, m := range s.world.Markets {
		v.Shops = append(v.Shops, link{Name: m.Name, Locale: m.Locales[0], URL: s.origin(m.Host) + "/", Here: m.ID == at.market.ID})
	}
	return v
}

func (s *Shop) siteIn(m world.Market, locale string) *site {
	for _, other := range s.sites[m.ID] {
		if other.locale() == locale {
			return other
		}
	}
	return s.sites[m.ID][""]
}

// find adds what search engines want of a page that may be found.
func (s *Shop) find(v *view, at *site, path string) {
	v.Also = s.also(at)
	origin := s.origin(at.market.Host)
	v.Canonical = origin + at.prefix + path
	for _, l := range v.Languages {
		v.Alternates = append(v.Alternates, link{Locale: l.Locale, URL: origin + l.URL})
	}
}

// render answers with a page. Its ETag is made of its bytes, so that the same
// page from two regions is the same to a cache.
func (s *Shop) render(w http.ResponseWriter, r *http.Request, status int, name string, v *view) error {
	h := w.Header()
	if block := v.colors.css(); block != "" {
		v.Style = template.HTML("<style>" + block + "</style>\n")
		sum := sha256.Sum256([]byte(block))
		h.Set("Content-Security-Policy", s.policy()+" 'sha256-"+base64.StdEncoding.EncodeToString(sum[:])+"'")
	}
	v.Address = h.Get("Content-Location")
	var page bytes.Buffer
	if err := s.pages[name].ExecuteTemplate(&page, "layout", v); err != nil {
		return world.Wrap("shop.render "+name, err)
	}
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Language", v.Locale())
	h["Link"] = v.preloads()
	if status != http.StatusOK {
		w.WriteHeader(status)
		if r.Method != http.MethodHead {
			_, _ = w.Write(page.Bytes()) // the visitor has gone: nobody to tell
		}
		return nil
	}
	send(w, r, page.Bytes())
	return nil
}

// send answers with content that is whole, or with 304. What caches may hold is
// given a strong ETag of its bytes.
func send(w http.ResponseWriter, r *http.Request, content []byte) {
	h := w.Header()
	if h.Get("ETag") == "" && !strings.Contains(h.Get("Cache-Control"), "no-store") {
		sum := sha256.Sum256(content)
		h.Set("ETag", `"`+hex.EncodeToString(sum[:16])+`"`)
	}
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(content))
}
