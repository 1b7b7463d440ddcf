package media

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"sync"

	"meridian/engine/imagegrid"
	"meridian/world"
)

// Two regions that take the upload of one key at the same time would make two
// assets of it, since each asks its own database. So a region claims the key
// before it makes the asset: it notes that, then asks every other region. One that
// has the asset gives it. One that is making it is in the way, and so is one that
// claims the key too and has the lower number; of a higher number it gives way.
// Since each notes its claim before it asks, of two regions at least one hears of
// the other. A region that cannot be reached is in nobody's way: an upload is not
// refused because of a cut.
//
// A claim is in memory alone. It only has to last until the asset is made, and
// whoever dies before that makes none.

type claims struct {
	mu  sync.Mutex
	all map[string]*claim
}

// claim is this region's claim of a key.
type claim struct {
	uploads int  // that make it together here: among them the database decides
	making  bool // nobody was in the way
	yielded bool // to a region of a lower number
}

// enter notes a claim before anybody is asked.
func (c *claims) enter(name string) *claim {
	c.mu.Lock()
	defer c.mu.Unlock()
	own := c.all[name]
	if own == nil {
		if c.all == nil {
			c.all = map[string]*claim{}
		}
		own = &claim{}
		c.all[name] = own
	}
	own.uploads++
	return own
}

// leave ends a claim, when the asset is made or was not.
func (c *claims) leave(name string, own *claim) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if own.uploads--; own.uploads == 0 {
		delete(c.all, name)
	}
}

// make reports whether the asset may be made: nobody was in the way who was asked,
// and none that goes first has asked meanwhile.
func (c *claims) make(own *claim) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	own.making = own.making || !own.yielded
	return own.making
}

// inTheWay answers a region that claims a key: whether this one goes first. If it
// does not, it gives way.
func (c *claims) inTheWay(name string, ours, theirs int) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	own := c.all[name]
	switch {
	case own == nil:
		return false
	case own.making || ours < theirs:
		return true
	}
	own.yielded = true
	return false
}

// claimName is what the claims of one key have in common in every region: the
// media ids that it gives differ in the region alone.
func claimName(app, mediaID string) string { return app + "/" + mediaID[1:] }

// claiming is a claim while the other regions are asked.
type claiming struct {
	end  func()
	done chan struct{}
	made world.Manifest // what another region has made
	err  error          // not_found: nobody has, and it may be made here
}

// claim begins to claim a right's key. The caller ends it.
func (m *Media) claim(ctx context.Context, by right) *claiming {
	c := &claiming{end: func() {}, done: make(chan struct{}), err: world.E(world.CodeNotFound, "media.claim", "")}
	if by.key == "" {
		close(c.done)
		return c
	}
	ctx, cancel := context.WithTimeout(ctx, m.cfg.Limits.Claim)
	name := claimName(by.App, m.idsOf(m.region.Number, by.App, by.key)[0])
	own := m.claims.enter(name)
	c.end = func() {
		cancel()
		<-c.done
		m.claims.leave(name, own)
	}
	go func() {
		defer close(c.done)
		made, err := m.askClaims(ctx, by)
		if world.Is(err, world.CodeNotFound) && !m.claims.make(own) {
			err = underWay()
		}
		c.made, c.err = made, err
	}()
	return c
}

func underWay() error {
	return world.E(world.CodeBusy, "media.claim", "This upload is being taken in another region; send it again in a moment.")
}

// askClaims asks the other regions, all at once: the asset that one of them has
// made, busy while one is in the way, else not_found.
func (m *Media) askClaims(ctx context.Context, by right) (made world.Manifest, err error) {
	err = world.E(world.CodeNotFound, "media.claim", "")
	var mu sync.Mutex
	var all sync.WaitGroup
	for _, r := range m.world.Regions {
		if r.ID == m.region.ID || by.Visibility == world.Private && r.Zone != m.region.Zone {
			continue
		}
		all.Go(func() {
			found, askErr := m.askClaim(ctx, r, by)
			mu.Lock()
			defer mu.Unlock()
			switch {
			case askErr == nil:
				made, err = found, nil
			case world.Is(askErr, world.CodeBusy) && err != nil:
				err = underWay()
			case !world.Is(askErr, world.CodeNotFound) && ctx.Err() == nil:
				m.log.InfoContext(ctx, "a region cannot be asked whether it takes the same upload", "region", r.ID, "err", askErr)
			}
		})
	}
	all.Wait()
	return made, err
}

func (m *Media) askClaim(ctx context.Context, r world.Region, by right) (found world.Manifest, err error) {
	id := m.idsOf(r.Number, by.App, by.key)[0]
	answer, err := m.peers.Order(ctx, r.ID, by.App+"/"+id+"/claim", url.Values{"by": {m.region.ID}})
	if err == nil {
		err = json.Unmarshal(answer, &found)
	}
	if err == nil {
		err = found.Validate()
	}
	return found, err
}

// answerClaim answers a region that claims a key: with the asset that was made of
// it here, busy when this region goes first, not_found when that one may.
func (m *Media) answerClaim(w http.ResponseWriter, r *http.Request) error {
	const op = "media.claim"
	app, id := r.PathValue("app"), r.PathValue("id")
	by, ok := m.world.RegionByID(r.URL.Query().Get("by"))
	if !ok || by.ID == m.region.ID {
		return world.E(world.CodeInvalid, op, "by names the other region that claims the key.")
	}
	if err := imagegrid.CheckMediaID(id); err != nil {
		return err
	}
	if err := m.knownApp(app); err != nil {
		return err
	}
	// The claim first: one that has ended by now has made its asset before.
	if m.claims.inTheWay(claimName(app, id), m.region.Number, by.Number) {
		return underWay()
	}
	found, err := m.acknowledged(r.Context(), app, id)
	if err != nil {
		return world.Wrap(op, err)
	}
	return writeJSON(w, http.StatusOK, found)
}
