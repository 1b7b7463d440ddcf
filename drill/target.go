package drill

import (
	"context"
	"net"
	"net/http"

	"meridian/app"
	"meridian/app/localworld"
	"meridian/platform/netaddr"
	"meridian/world"
)

// Target is the world that is rehearsed on.
type Target struct {
	World   *world.World
	API     *API
	Port    string // of the shops' URLs, ":8080"; "" for the scheme's own
	Secrets localworld.Secrets
	HA      bool

	kinds     map[string]Kind
	parts     []Part
	primaries map[string]string // by cluster: the server that is its primary

	resolver *resolvers
	health   func(context.Context) (world.HealthView, error)

	// dial reaches a PoP from a city, over its last mile.
	dial func(ctx context.Context, city, pop string) (net.Conn, error)
}

// Local is the world that runs on a directory of this machine: its PoPs are reached
// over the last miles of its cities.
func Local(ctx context.Context, dir string) (*Target, error) {
	run, err := localworld.ReadRun(dir)
	if err != nil {
		return nil, err
	}
	secrets, err := localworld.ReadSecrets(dir)
	if err != nil {
		return nil, err
	}
	t, err := Remote(ctx, run.URL, secrets)
	if err != nil {
		return nil, err
	}
	t.dial = func(ctx context.Context, city, pop string) (net.Conn, error) {
		return netaddr.Dial(ctx, run.LastMile(city, pop))
	}
	return t, nil
}

// Remote is a world elsewhere, by its API. Its PoPs are reached as the API says,
// over the real way; what a credential is lacking for is not done: uploads, purges,
// changes of prices.
func Remote(ctx context.Context, base string, secrets localworld.Secrets) (*Target, error) {
	api, err := NewAPI(base)
	if err != nil {
		return nil, err
	}
	var about localworld.About
	if err := api.do(ctx, http.MethodGet, "/world", nil, &about); err != nil {
		return nil, err
	}
	w, err := app.ParseWorld("GET /world", about.World)
	if err != nil {
		return nil, err
	}
	t := &Target{
		World: w, API: api, Port: about.Port, HA: about.HA, Secrets: secrets,
		dial: func(ctx context.Context, _, pop string) (net.Conn, error) {
			return netaddr.Dial(ctx, "tcp:"+about.PoPs[pop])
		},
	}
	t.health = func(ctx context.Context) (world.HealthView, error) {
		var v localworld.View
		err := api.do(ctx, http.MethodGet, "/view", nil, &v)
		return v.HealthView(), err
	}
	t.resolver, err = newResolvers(about.DNS)
	return t, err
}

// market is the shop that a city's customers go to: the one whose own city is
// nearest.
func (t *Target) market(city world.City) world.Market {
	best, least := t.World.Markets[0], -1.0
	for _, m := range t.World.Markets {
		for _, c := range t.World.Cities {
			if c.ID != m.City {
				continue
			}
			ms := 0.0
			if c.Site != city.Site {
				d, ok := t.World.RoundTrip(c.Site, city.Site)
				if !ok {
					continue
				}
				ms = d.Seconds()
			}
			if least < 0 || ms < least {
				best, least = m, ms
			}
		}
	}
	return best
}
