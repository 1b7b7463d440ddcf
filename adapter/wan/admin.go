package wan

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"meridian/platform/httpserver"
	"meridian/world"
)

// MaxBody is the most bytes that the admin API reads of a request.
const MaxBody = 4 << 10

// linkJSON is a link as the admin API shows it.
type linkJSON struct {
	From          string  `json:"from"`
	To            string  `json:"to"`
	DelayMS       float64 `json:"delay_ms"`
	JitterMS      float64 `json:"jitter_ms"`
	BandwidthMbit float64 `json:"bandwidth_mbit"`
	Loss          float64 `json:"loss"`
	State         State   `json:"state"`
	Bytes         int64   `json:"bytes"`
	InFlight      int64   `json:"in_flight_bytes"`
	Open          int     `json:"open"`
	Total         int64   `json:"total"`
	Refused       int64   `json:"refused"`
}

func toJSON(s LinkStatus) linkJSON {
	return linkJSON{
		From: s.From, To: s.To, State: s.State,
		DelayMS: inMS(s.Delay), JitterMS: inMS(s.Jitter), BandwidthMbit: float64(s.Bandwidth) / megabit, Loss: s.Loss,
		Bytes: s.Bytes, InFlight: s.InFlight, Open: s.Open, Total: s.Total, Refused: s.Refused,
	}
}

func inMS(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// Handler is the admin API; the README lists its requests. It does not ask who
// calls.
func (n *Network) Handler() http.Handler {
	type act = func(*http.Request) (any, error)
	mux := http.NewServeMux()
	for path, methods := range map[string]map[string]act{
		"/links":                  {"GET": n.showAll},
		"/links/{from}/{to}":      {"GET": n.showLink, "PATCH": n.patchLink},
		"/links/{from}/{to}/cut":  {"POST": n.cutLink},
		"/links/{from}/{to}/heal": {"POST": n.healLink},
		"/places/{place}/cut":     {"POST": n.cutPlace},
		"/places/{place}/heal":    {"POST": n.healPlace},
	} {
		for method, h := range methods {
			mux.Handle(method+" "+path, n.answer(h))
		}
		mux.Handle(path, n.otherMethod(slices.Sorted(maps.Keys(methods))))
	}
	mux.Handle("/", n.answer(func(*http.Request) (any, error) {
		return nil, world.E(world.CodeNotFound, "wan.admin", "There are /links, /links/{from}/{to}, its /cut and /heal, and /places/{place}/cut and /heal.")
	}))
	return mux
}

func (n *Network) otherMethod(allowed []string) http.Handler {
	allow := strings.Join(allowed, ", ")
	refuse := n.answer(func(r *http.Request) (any, error) {
		return nil, world.E(world.CodeMethod, "wan.admin", fmt.Sprintf("%s takes %s.", r.URL.Path, allow))
	})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Allow", allow) // RFC 9110 §15.5.6
		refuse.ServeHTTP(w, r)
	})
}

func (n *Network) answer(h func(*http.Request) (any, error)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		v, err := h(r)
		if err != nil {
			httpserver.WriteError(w, r, n.log, err)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Cache-Control", "no-store")
		json.NewEncoder(w).Encode(v)
	})
}

func listJSON(links []LinkStatus) any {
	out := make([]linkJSON, 0, len(links))
	for _, s := range links {
		out = append(out, toJSON(s))
	}
	return map[string][]linkJSON{"links": out}
}

func (n *Network) showAll(*http.Request) (any, error) { return listJSON(n.List()), nil }

func (n *Network) showLink(r *http.Request) (any, error) {
	s, err := n.Get(r.PathValue("from"), r.PathValue("to"))
	return toJSON(s), err
}

func (n *Network) patchLink(r *http.Request) (any, error) {
	body, err := readBody(r)
	if err != nil {
		return nil, err
	}
	p, err := parsePatch(body)
	if err != nil {
		return nil, err
	}
	if err := n.change(r.PathValue("from"), r.PathValue("to"), p.apply); err != nil {
		return nil, err
	}
	return n.showLink(r)
}

func (n *Network) cutLink(r *http.Request) (any, error) {
	mode, err := readMode(r)
	if err != nil {
		return nil, err
	}
	if err := n.Cut(r.PathValue("from"), r.PathValue("to"), mode); err != nil {
		return nil, err
	}
	return n.showLink(r)
}

func (n *Network) healLink(r *http.Request) (any, error) {
	if err := n.Heal(r.PathValue("from"), r.PathValue("to")); err != nil {
		return nil, err
	}
	return n.showLink(r)
}

func (n *Network) cutPlace(r *http.Request) (any, error) {
	mode, err := readMode(r)
	if err != nil {
		return nil, err
	}
	place := r.PathValue("place")
	if err := n.CutPlace(place, mode); err != nil {
		return nil, err
	}
	return listJSON(n.listPlace(place)), nil
}

func (n *Network) healPlace(r *http.Request) (any, error) {
	place := r.PathValue("place")
	if err := n.HealPlace(place); err != nil {
		return nil, err
	}
	return listJSON(n.listPlace(place)), nil
}

func readMode(r *http.Request) (State, error) {
	body, err := readBody(r)
	if err != nil {
		return "", err
	}
	return parseMode(body)
}

func readBody(r *http.Request) ([]byte, error) {
	body, err := io.ReadAll(http.MaxBytesReader(nil, r.Body, MaxBody))
	var tooLarge *http.MaxBytesError
	if errors.As(err, &tooLarge) {
		return nil, world.E(world.CodeTooLarge, "wan.admin", fmt.Sprintf("Send at most %d bytes.", MaxBody))
	}
	if err != nil {
		return nil, world.Because(world.CodeInvalid, "wan.admin", "The body did not arrive whole.", err)
	}
	return body, nil
}
