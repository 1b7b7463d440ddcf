package ops

import (
	"context"
	"net/http"
	"slices"

	"meridian/world"
)

// providersShown is the answer to GET /purges/providers.
type providersShown struct {
	Providers []world.ProviderState `json:"providers"`
	Missing   []string              `json:"missing_regions,omitempty"` // whose feeds' state could not be read
}

// providers answers GET /purges/providers: how far each is in each region's feed.
func (o *Ops) providers(w http.ResponseWriter, r *http.Request) error {
	if _, err := o.authorize(w, r); err != nil {
		return err
	}
	out := providersShown{Providers: []world.ProviderState{}}
	if len(o.outside) > 0 {
		states, missing, err := o.deps.Ledger.Providers(r.Context())
		if err != nil {
			return world.Wrap("ops.providers", err)
		}
		out.Missing = missing
		out.Providers = append(out.Providers, slices.DeleteFunc(states, func(s world.ProviderState) bool { return !o.isProvider(s.Provider) })...)
	}
	return writeJSON(w, http.StatusOK, out)
}

func (o *Ops) isProvider(name string) bool {
	return slices.ContainsFunc(o.deps.Providers, func(p Provider) bool { return p.Name == name })
}

// states are how far the providers are; none when that cannot be read: what is
// told by it is told as it was before.
func (o *Ops) states(ctx context.Context) []world.ProviderState {
	if len(o.outside) == 0 {
		return nil
	}
	states, missing, err := o.deps.Ledger.Providers(ctx)
	if err != nil || len(missing) > 0 {
		o.deps.Log.Warn("how far providers are cannot be read everywhere", "missing", missing, "err", err)
	}
	return states
}

// whyNot says of each provider among the missing why it does not get on.
func whyNot(missing []string, states []world.ProviderState) map[string]string {
	var out map[string]string
	for _, s := range states {
		if s.Error != "" && slices.Contains(missing, s.Provider) {
			if out == nil {
				out = map[string]string{}
			}
			out[s.Provider] = s.Error
		}
	}
	return out
}

// since fills in what has become of a purge's missing providers: those that have
// taken it everywhere by now, and why the others have not.
func since(p world.PurgeAsked, states []world.ProviderState) world.PurgeAsked {
	if !p.Result.Done || len(p.Result.Missing) == 0 || len(states) == 0 {
		return p
	}
	reached := map[string]int{} // provider → feeds in which it has
	for _, s := range states {
		at, err := world.ParseCursor(s.Cursor)
		placed, err2 := world.ParseCursor(p.Result.Placed[s.Region])
		if err == nil && err2 == nil && s.Cursor != "" && p.Result.Placed[s.Region] != "" && !at.Less(placed) {
			reached[s.Provider]++
		}
	}
	var still []string
	for _, name := range p.Result.Missing {
		if n := reached[name]; n > 0 && n == len(p.Regions) {
			p.Result.Late = append(p.Result.Late, name)
		} else {
			still = append(still, name)
		}
	}
	p.Result.Errors = whyNot(still, states)
	return p
}
