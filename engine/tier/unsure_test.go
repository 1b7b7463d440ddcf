package tier

import (
	"net/http/httptest"
	"testing"
	"time"

	"meridian/engine/purge"
	"meridian/world"
)

// What is unsure while a feed is lost is what that feed would purge.
func TestWhatALostFeedGoverns(t *testing.T) {
	start := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	later := start.Add(time.Minute)
	tier := &Tier{
		cfg: Config{
			World: &world.World{
				Regions: []world.Region{{ID: "us", Number: 1}, {ID: "eu", Number: 2}},
				Markets: []world.Market{{ID: "us", Host: "us.localhost", HomeRegion: "us"}, {ID: "de", Host: "de.localhost", HomeRegion: "eu"}},
			},
			Now: func() time.Time { return later },
		},
		feeds: purge.New(5*time.Second, "catalog-us", "catalog-eu"),
	}
	if err := tier.feeds.Take("catalog-eu", world.Event{Kind: world.EventHeartbeat, Cursor: "1.0"}, later); err != nil {
		t.Fatal(err)
	}
	for target, unsure := range map[string]bool{
		"http://us.localhost/p/cake":                                         true,
		"http://de.localhost:8080/p/cake":                                    false,
		"http://de.localhost/img/sweet-crumbs/1000000000000000/v1/webp/64x0": true, // uploaded in us, shown in de
		"http://us.localhost/img/sweet-crumbs/2000000000000000/v1/webp/64x0": false,
		"http://de.localhost/media/sweet-crumbs/1000000000000000/manifest":   true,
		"http://us.localhost/media/sweet-crumbs/2000000000000000/manifest":   false,
		"http://de.localhost/img/sweet-crumbs/9000000000000000/v1/webp/64x0": true, // of a region that is not known: of any
		"http://elsewhere.example/p/cake":                                    true,
	} {
		if got := tier.unsure(httptest.NewRequest("GET", target, nil)); got != unsure {
			t.Errorf("%s: %v", target, got)
		}
	}
}
