package gate

import (
	"bytes"
	_ "embed"
	"html/template"
	"net/http"
	"strings"
	"time"

	"meridian/world"
)

// Paths of the bar. They are internal ones, so no shop can have them.
const (
	visitPath  = world.InternalPrefix + "visit"
	stylePath  = world.InternalPrefix + "bar.css"
	scriptPath = world.InternalPrefix + "bar.js"
)

//go:embed bar.css
var style []byte

//go:embed bar.js
var script []byte

//go:embed bar.html
var barHTML string

var barTemplate = template.Must(template.New("bar").Parse(barHTML))

// barView is what the bar shows.
type barView struct {
	Cities  []cityView
	Back    string
	City    string
	PoP     string
	PoPID   string
	Away    int // round trip from the city to the PoP, in ms
	Tiers   []tierView
	Region  string
	MS      int
	Verdict string // "fast", "fine" or "slow": for the colour
}

type cityView struct {
	ID, Name string
	Here     bool
}

// tierView is one cache's part in the answer, nearest the visitor first.
type tierView struct {
	Name string // "edge", "shield"
	Hit  bool
	Text string // "hit, fresh for 297 s", "miss, stored"
}

func (g *Gate) bar(t *trip, res *http.Response, took time.Duration) []byte {
	v := barView{
		Back: res.Request.URL.RequestURI(), City: t.city.Name, PoP: t.pop.Name, PoPID: t.pop.ID,
		Away: int(t.pop.RTT.Milliseconds()), Region: res.Header.Get(world.HeaderRegion),
		Tiers: tiers(res.Header.Values("Cache-Status")), MS: int(took.Round(time.Millisecond).Milliseconds()),
	}
	v.Verdict = verdict(took)
	for _, c := range g.order {
		v.Cities = append(v.Cities, cityView{c.ID, c.Name, c == t.city})
	}
	var b bytes.Buffer
	if err := barTemplate.Execute(&b, v); err != nil {
		g.cfg.Log.Error("the traveller's bar cannot be drawn", "err", err)
		return nil
	}
	return b.Bytes()
}

// verdict measures a page against the aims: under 100 ms, at most 200 ms.
func verdict(took time.Duration) string {
	switch {
	case took < 100*time.Millisecond:
		return "fast"
	case took <= 200*time.Millisecond:
		return "fine"
	}
	return "slow"
}

// tiers reads Cache-Status (RFC 9211): one member a cache, the one nearest the
// origin first. The bar tells them in the visitor's order.
func tiers(fields []string) []tierView {
	var out []tierView
	for _, member := range strings.Split(strings.Join(fields, ","), ",") {
		parts := strings.Split(member, ";")
		name, _, _ := strings.Cut(strings.TrimSpace(parts[0]), "-")
		if name == "" {
			continue
		}
		out = append([]tierView{tier(name, parts[1:])}, out...)
	}
	return out
}

func tier(name string, params []string) tierView {
	t := tierView{Name: name}
	var notes []string
	for _, p := range params {
		key, value, _ := strings.Cut(strings.TrimSpace(p), "=")
		switch key {
		case "hit":
			t.Hit = true
		case "ttl":
			notes = append(notes, "fresh for "+value+" s")
		case "fwd":
			notes = append(notes, fwdWords(value))
		case "stored":
			notes = append(notes, "stored")
		case "collapsed":
			notes = append(notes, "shared")
		case "detail":
			notes = append(notes, strings.Trim(value, `"`))
		}
	}
	if t.Hit {
		notes = append([]string{"hit"}, notes...)
	}
	t.Text = strings.Join(notes, ", ")
	return t
}

// fwdWords says why a cache asked upstream (RFC 9211 §2.2) in plain words.
func fwdWords(v string) string {
	switch v {
	case "uri-miss", "vary-miss", "miss":
		return "miss"
	case "method", "bypass", "request":
		return "passed on"
	case "stale":
		return "revalidated"
	}
	return v
}

func serveAsset(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "no-cache")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	body := style
	w.Header().Set("Content-Type", "text/css; charset=utf-8")
	if r.URL.Path == scriptPath {
		body = script
		w.Header().Set("Content-Type", "text/javascript; charset=utf-8")
	}
	w.Write(body)
}
