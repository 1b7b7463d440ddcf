package monitor

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"meridian/engine/health"
	"meridian/platform/httpserver"
	"meridian/world"
)

// Status is what an operator is told: the feed, and what lies behind it.
type Status struct {
	world.Health
	Monitors []MonitorStatus          `json:"monitors"`
	Views    map[string][]Held        `json:"views"`  // by target: what each monitor holds of it
	Drains   []health.Order           `json:"drains"` // those that hold
	ByTarget map[string]*health.Order `json:"-"`
}

// MonitorStatus is one monitor as it is heard here.
type MonitorStatus struct {
	Region  string   `json:"region"`
	Here    bool     `json:"here,omitempty"` // it is the one that says this
	Heard   bool     `json:"heard"`          // its views count
	Age     float64  `json:"age_seconds"`    // since its last view came; -1: never
	Hears   []string `json:"hears"`
	Version uint64   `json:"version"` // the number of the version that it holds
}

// Held is one monitor's opinion of a target.
type Held struct {
	Monitor string             `json:"monitor"`
	State   world.HealthState  `json:"state"`
	Reason  world.HealthReason `json:"reason"`
	Since   time.Time          `json:"since"`
}

// status gathers what is known now.
func (m *Monitor) status() Status {
	m.mu.Lock()
	defer m.mu.Unlock()
	now := m.deps.Now()
	s := Status{Health: m.issue, Views: map[string][]Held{}, Drains: []health.Order{}, ByTarget: map[string]*health.Order{}}
	views, ages := m.board.Views(now)
	byName := map[string]int{}
	for i, v := range views {
		byName[v.Monitor] = i
	}
	for _, name := range m.cfg.names() {
		is := MonitorStatus{Region: name, Here: name == m.cfg.Region, Heard: slices.Contains(m.issue.Heard, name), Age: -1, Hears: []string{}}
		i, ok := byName[name]
		switch {
		case is.Here:
			is.Age, is.Hears, is.Version = 0, m.issue.Heard, m.issue.Version.Number
			for _, c := range m.checks {
				s.hold(name, m.detectors[c.target].Opinion())
			}
		case ok:
			is.Age, is.Hears, is.Version = ages[i].Seconds(), views[i].Hears, views[i].Version.Number
			for _, o := range views[i].Says {
				s.hold(name, o)
			}
		}
		s.Monitors = append(s.Monitors, is)
	}
	for _, o := range m.board.Orders() {
		if o.Drain {
			s.Drains = append(s.Drains, o)
			s.ByTarget[o.Target] = &o
		}
	}
	return s
}

func (s *Status) hold(monitor string, o health.Opinion) {
	s.Views[o.Target] = append(s.Views[o.Target], Held{monitor, o.State, o.Reason, o.Since})
}

// show answers with the status: a page for people, JSON for programs.
func (m *Monitor) show(w http.ResponseWriter, r *http.Request) error {
	if !m.cfg.Public {
		if _, err := m.desk.Who(w, r); err != nil {
			return world.Wrap("monitor.show", err)
		}
	}
	if !wantsPage(r) {
		w.Header().Set("Content-Type", "application/json")
		return json.NewEncoder(w).Encode(m.status())
	}
	return writePage(w, http.StatusOK, m.view(""))
}

// wantsPage is whether a browser asks. Programs that do not care get JSON.
func wantsPage(r *http.Request) bool {
	return strings.Contains(r.Header.Get("Accept"), "text/html")
}

// DrainRequest is what an operator asks for.
type DrainRequest struct {
	Target string `json:"target"`
	For    string `json:"for,omitempty"`    // "30m"; "": until it is taken back
	Reason string `json:"reason,omitempty"` // for who reads the page
	Lift   bool   `json:"lift,omitempty"`   // take it back
}

// drain takes an order, by JSON or by a page's form.
func (m *Monitor) drain(w http.ResponseWriter, r *http.Request) error {
	const op = "monitor.drain"
	if err := m.crossOrigin.Check(r); err != nil {
		return world.Because(world.CodeForbidden, op, "This request comes from a page of another site. Open the health page itself.", err)
	}
	i, err := m.desk.Who(w, r)
	if err != nil {
		return world.Wrap(op, err)
	}
	asked, form, err := m.readDrain(w, r)
	if err != nil {
		return err
	}
	o, err := m.order(asked, m.cfg.Tokens[i])
	if err != nil {
		return err
	}
	if form {
		w.Header().Set("Location", world.HealthPagePath)
		w.WriteHeader(http.StatusSeeOther)
		return nil
	}
	w.Header().Set("Content-Type", "application/json")
	return json.NewEncoder(w).Encode(o)
}

func (m *Monitor) readDrain(w http.ResponseWriter, r *http.Request) (asked DrainRequest, form bool, err error) {
	const op = "monitor.drain"
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, m.cfg.MaxBody))
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		return asked, false, world.E(world.CodeTooLarge, op, fmt.Sprintf("A request has at most %d bytes.", m.cfg.MaxBody))
	case err != nil:
		return asked, false, world.Because(world.CodeInvalid, op, "The request's content did not arrive whole. Send it again.", err)
	}
	kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if kind == "application/x-www-form-urlencoded" {
		fields, err := url.ParseQuery(string(body))
		if err != nil {
			return asked, true, world.Because(world.CodeInvalid, op, "The form cannot be read.", err)
		}
		return DrainRequest{fields.Get("target"), fields.Get("for"), strings.TrimSpace(fields.Get("reason")), fields.Get("lift") != ""}, true, nil
	}
	asked, err = ParseDrain(body)
	return asked, false, err
}

// ParseDrain reads an operator's request in JSON. Fields that do not exist are
// refused: a drain without the end that was meant is worse than none.
func ParseDrain(body []byte) (DrainRequest, error) {
	var asked DrainRequest
	d := json.NewDecoder(strings.NewReader(string(body)))
	d.DisallowUnknownFields()
	err := d.Decode(&asked)
	if err == nil && d.More() {
		err = errors.New("there is more behind it")
	}
	if err != nil {
		return DrainRequest{}, world.Because(world.CodeInvalid, "monitor.drain", `Send an object such as {"target": "pop/fra", "for": "30m", "reason": "new disks"}.`, err)
	}
	return asked, nil
}

// order carries a request out, and is heard by the other monitors at once.
func (m *Monitor) order(asked DrainRequest, by Token) (health.Order, error) {
	const op = "monitor.drain"
	bad := func(what string) (health.Order, error) { return health.Order{}, world.E(world.CodeInvalid, op, what) }
	if m.checkOf(asked.Target) == nil {
		return bad(fmt.Sprintf("There is no target %.60q. Write one of the health page, such as pop/fra.", asked.Target))
	}
	if !by.may(asked.Target) {
		return health.Order{}, world.E(world.CodeForbidden, op, fmt.Sprintf("The token %s may not drain %s.", by.Name, asked.Target))
	}
	now := m.deps.Now()
	o := health.Order{Target: asked.Target, Drain: !asked.Lift, By: by.Name, Reason: asked.Reason, At: now.UTC()}
	if asked.For != "" && !asked.Lift {
		d, err := time.ParseDuration(asked.For)
		if err != nil || d <= 0 || d > m.cfg.MaxDrain {
			return bad(fmt.Sprintf("for: write a time such as 30m, at most %v, or leave it out.", m.cfg.MaxDrain))
		}
		o.Until = now.Add(d).UTC()
	}
	if len(o.Reason) > health.MaxOrderReason {
		return bad(fmt.Sprintf("reason: write at most %d bytes.", health.MaxOrderReason))
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	o, err := m.board.Order(o, now)
	if err == nil {
		err = m.speak(false)
	}
	if err != nil {
		return health.Order{}, world.Wrap(op, err)
	}
	m.deps.Log.Info("monitor: an operator's order", "target", o.Target, "drain", o.Drain, "by", o.By, "until", o.Until)
	return o, nil
}

// Handler answers what a region's shield sends to its monitor.
func (m *Monitor) Handler() http.Handler {
	mux := http.NewServeMux()
	on := func(pattern string, do func(http.ResponseWriter, *http.Request) error) {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			h := w.Header()
			h.Set(world.HeaderRegion, m.cfg.Region)
			h.Set("Cache-Control", "no-store")
			if err := do(w, r); err != nil {
				m.fail(w, r, err)
			}
		})
	}
	on("GET "+world.HealthPath, m.feed)
	on("GET "+world.HealthViewsPath, m.viewsFeed)
	on("GET "+world.HealthPagePath, m.show)
	on("POST "+world.DrainsPath, m.drain)
	on("/", func(w http.ResponseWriter, r *http.Request) error {
		switch r.URL.Path {
		case world.HealthPagePath, world.HealthPath, world.HealthViewsPath:
			w.Header().Set("Allow", "GET, HEAD")
			return world.E(world.CodeMethod, "monitor.route", "Ask with GET.")
		case world.DrainsPath:
			w.Header().Set("Allow", "POST")
			return world.E(world.CodeMethod, "monitor.route", "Drain with POST; the drains are shown by GET "+world.HealthPagePath+".")
		}
		return world.E(world.CodeNotFound, "monitor.route", "")
	})
	return mux
}

// fail tells a person by the page, a program by a problem document.
func (m *Monitor) fail(w http.ResponseWriter, r *http.Request, err error) {
	var e *world.Error
	if wantsPage(r) && r.Method == http.MethodPost && errors.As(err, &e) && e.Code != world.CodeInternal && e.Code != world.CodeUnsigned {
		if err := writePage(w, e.Code.Status(), m.view(cmp.Or(e.Message, string(e.Code)))); err == nil {
			return
		}
	}
	httpserver.WriteError(w, r, m.deps.Log, err)
}
