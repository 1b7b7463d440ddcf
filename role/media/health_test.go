package media

import (
	"slices"
	"testing"

	"meridian/world"
)

func says(target string, state world.HealthState) world.HealthView {
	return world.HealthView{Health: world.Health{Targets: []world.TargetHealth{{Target: target, State: state}}}}
}

// An original is read from the nearest region that the feed has as healthy; one
// that is down is not waited for.
func TestWhoseOriginalIsReadGoesByHealth(t *testing.T) {
	both := []string{"eu-central 320x0", "us-east 320x0"}
	for name, c := range map[string]struct {
		view world.HealthView
		bend string // whose answer is damaged, so that the next is asked
		want []string
	}{
		"nothing is known":            {world.HealthView{}, "eu-central", both},
		"the nearer one's media down": {says("media/eu-central", world.Down), "", []string{"us-east 320x0"}},
		"its shield down":             {says("shield/eu-central", world.Down), "", []string{"us-east 320x0"}},
		"its shop down":               {says("shop/eu-central", world.Down), "eu-central", both},
		"degraded":                    {says("media/eu-central", world.Degraded), "us-east", []string{"us-east 320x0", "eu-central 320x0"}},
		"draining":                    {says("media/eu-central", world.Draining), "us-east", []string{"us-east 320x0", "eu-central 320x0"}},
		"the write region down":       {says("media/us-east", world.Down), "eu-central", both},
	} {
		places := newPlaces(t, nil)
		us, ap := places["us-east"], places["ap-southeast"]
		m := us.put(t, picture(400, 300, 7))
		if err := us.Replicate(t.Context(), jobFor(us, "eu-central")); err != nil {
			t.Fatal(err)
		}
		ap.health = c.view
		ap.peers.bend = map[string]func([]byte) []byte{c.bend: func(b []byte) []byte { return append(b, 0) }}
		if w := ap.do("GET", imageURL(m, "webp"), nil); w.Code != 200 {
			t.Errorf("%s: %d %s", name, w.Code, w.Body)
		}
		if !slices.Equal(ap.peers.asked, c.want) {
			t.Errorf("%s: asked %v, want %v", name, ap.peers.asked, c.want)
		}
	}
}

// What only a lost region knows, or may change, is refused at once and not asked for.
func TestALostWriteRegionIsNotWaitedFor(t *testing.T) {
	places := newPlaces(t, nil)
	us, eu := places["us-east"], places["eu-central"]
	us.manifests.lagging = true
	m := us.put(t, picture(400, 300, 7))
	eu.health = says("shield/us-east", world.Down)
	for what, answer := range map[string]int{
		"its manifest": eu.do("GET", imageURL(m, "webp"), nil).Code,
		"a change":     post(eu, m, "rollback", `{"version":1}`).Code,
	} {
		if answer != 503 {
			t.Errorf("%s: %d", what, answer)
		}
	}
	if len(eu.peers.asked) != 0 {
		t.Errorf("it was asked: %v", eu.peers.asked)
	}
}
