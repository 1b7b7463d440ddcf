package monitor

import (
	"bytes"
	"cmp"
	_ "embed"
	"fmt"
	"html/template"
	"net/http"
	"strings"
	"time"

	"meridian/world"
)

//go:embed page.html
var pageHTML string

var pageTemplate = template.Must(template.New("health").Parse(pageHTML))

// pageView is what the page shows.
type pageView struct {
	World, Region, At string
	Version           world.HealthVersion
	Isolated          bool
	Wrong             string // why the last order was not carried out
	Ill               []targetView
	Groups            []groupView
	Monitors          []monitorView
	Drains            []drainView
	Targets           []string // all, for the form
	Action            string
}

type groupView struct {
	Title   string
	Targets []targetView
}

type targetView struct {
	Target, Place, State, Says, Since, By string
	Views                                 []heldView
	Split                                 bool // the monitors do not agree
}

type heldView struct{ Monitor, State, Says string }

type monitorView struct{ Region, State, Says, Hears string }

type drainView struct{ Target, By, Since, Until, Reason string }

// says puts reasons into words.
var says = map[world.HealthReason]string{
	world.ReasonAnswers:    "answers as it should",
	world.ReasonRefused:    "takes no connection",
	world.ReasonTimeout:    "does not answer in time",
	world.ReasonStatus:     "answers with an error",
	world.ReasonContent:    "answers with wrong content",
	world.ReasonSlow:       "answers slowly",
	world.ReasonStale:      "lives on what it has stored",
	world.ReasonFlapping:   "answers again, but has come and gone too often",
	world.ReasonRecovering: "answers again, and is not trusted yet",
	world.ReasonFull:       "has no room left",
	world.ReasonDrained:    "drained by an operator",
	world.ReasonUnknown:    "not looked at yet",
}

func inWords(r world.HealthReason) string {
	if s, ok := says[r]; ok {
		return s
	}
	return string(r) // of a newer monitor
}

// view is the page as things stand now.
func (m *Monitor) view(wrong string) pageView {
	s, now := m.status(), m.deps.Now()
	region, _ := m.deps.World.RegionByID(m.cfg.Region)
	v := pageView{
		World: m.deps.World.Name, Region: cmp.Or(region.Name, region.ID), At: now.UTC().Format("2006-01-02 15:04:05 UTC"),
		Version: s.Version, Isolated: s.Isolated, Wrong: wrong, Action: world.DrainsPath,
	}
	for _, g := range []struct{ kind, title string }{
		{world.TargetPoP, "PoPs"}, {world.TargetShield, "Shields"}, {world.TargetMedia, "Media"}, {world.TargetShop, "Shops"}, {world.TargetIdentity, "Identity"}, {world.TargetCDN, "Outside CDNs"},
	} {
		group := groupView{Title: g.title}
		for _, t := range s.Targets {
			kind, place, _ := world.SplitTarget(t.Target)
			if kind != g.kind {
				continue
			}
			one := m.targetView(t, place, s.Views[t.Target], now)
			group.Targets = append(group.Targets, one)
			if t.State != world.Healthy || one.Split {
				v.Ill = append(v.Ill, one)
			}
		}
		if len(group.Targets) > 0 {
			v.Groups = append(v.Groups, group)
		}
	}
	for _, c := range m.checks {
		v.Targets = append(v.Targets, c.target)
	}
	for _, is := range s.Monitors {
		v.Monitors = append(v.Monitors, m.monitorView(is))
	}
	for _, o := range s.Drains {
		d := drainView{Target: o.Target, By: o.By, Since: ago(now, o.At), Until: "until it is taken back", Reason: o.Reason}
		if !o.Until.IsZero() {
			d.Until = "for another " + span(o.Until.Sub(now))
		}
		v.Drains = append(v.Drains, d)
	}
	return v
}

func (m *Monitor) targetView(t world.TargetHealth, place string, held []Held, now time.Time) targetView {
	one := targetView{Target: t.Target, Place: m.placeName(place), State: string(t.State), Says: inWords(t.Reason), Since: ago(now, t.Since), By: strings.Join(t.By, ", ")}
	if len(t.By) == len(m.cfg.Keys) && len(t.By) > 1 {
		one.By = "all monitors"
	}
	for _, h := range held {
		one.Views = append(one.Views, heldView{h.Monitor, string(h.State), inWords(h.Reason)})
		if h.Reason != world.ReasonUnknown && (h.State == world.Down) != (held[0].State == world.Down) {
			one.Split = true
		}
	}
	return one
}

func (m *Monitor) placeName(id string) string {
	if q, ok := m.deps.World.PoPByID(id); ok {
		return q.Name
	}
	if r, ok := m.deps.World.RegionByID(id); ok {
		return r.Name
	}
	return ""
}

func (m *Monitor) monitorView(is MonitorStatus) monitorView {
	v := monitorView{Region: is.Region, State: "heard", Hears: strings.Join(is.Hears, ", ")}
	switch {
	case is.Here:
		v.State, v.Says = "here", "answers this page"
	case is.Age < 0:
		v.State, v.Says = "silent", "never heard since this monitor started"
	case !is.Heard:
		v.State, v.Says = "silent", fmt.Sprintf("last heard %s ago", span(time.Duration(is.Age*float64(time.Second))))
	default:
		v.Says = fmt.Sprintf("heard %.1f s ago", is.Age)
	}
	return v
}

// ago is how long something has been so; "" when it is not known since when.
func ago(now, since time.Time) string {
	if since.IsZero() {
		return ""
	}
	return span(now.Sub(since))
}

// span is a time as people say it: the two largest of its units.
func span(d time.Duration) string {
	d = max(d, 0).Round(time.Second)
	switch {
	case d < time.Minute:
		return fmt.Sprintf("%d s", d/time.Second)
	case d < time.Hour:
		return fmt.Sprintf("%d min %d s", d/time.Minute, d%time.Minute/time.Second)
	case d < 48*time.Hour:
		return fmt.Sprintf("%d h %d min", d/time.Hour, d%time.Hour/time.Minute)
	}
	return fmt.Sprintf("%d days", d/(24*time.Hour))
}

// writePage sends the page. Its error means that nothing was written.
func writePage(w http.ResponseWriter, status int, v pageView) error {
	var b bytes.Buffer
	if err := pageTemplate.Execute(&b, v); err != nil {
		return world.Wrap("monitor.page", err)
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Vary", "Accept")
	w.WriteHeader(status)
	_, _ = w.Write(b.Bytes()) // an error means that the reader has gone
	return nil
}
