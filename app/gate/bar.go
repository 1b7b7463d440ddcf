package gate

import (
	"bytes"
	_ "embed"
	"html/template"
	"net/http"
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
	Away    int    // round trip from the city to the PoP, in ms
	Why     string // this PoP
	Tiers   []tierView
	Region  string
	MS      int
	Verdict string // "fast", "fine" or "slow": for the colour
}

type cityView struct {
	ID, Name string
	Here     bool
}

func (g *Gate) bar(t *trip, res *http.Response, took time.Duration) []byte {
	v := barView{
		Back: res.Request.URL.RequestURI(), City: t.city.Name, PoP: t.pop.Name, PoPID: t.pop.ID,
		Away: int(t.pop.RTT.Milliseconds()), Why: t.why, Region: res.Header.Get(world.HeaderRegion),
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
