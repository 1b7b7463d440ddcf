package drill

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"time"

	"meridian/drill/judge"
	"meridian/world"
)

// crowd is everybody who uses the world in a drill.
type crowd struct {
	readers    []*visitor // a city's of each class
	travellers []*visitor // a city's, in a shop that is at home elsewhere; none in most drills
	uploaders  []*visitor
	buyers     []*visitor // one in each home region
	sellers    []*seller  // likewise
	shops      map[string]*shop
	series     uint64 // sets this drill's pictures and addresses apart from others'
	fresh      uint64
}

// shop is what a market shows.
type shop struct {
	slugs, pictures []string
	sold            []string // those that a cart takes without a photo
	watched         string   // the product whose price changes; "" for none
	prices          *history
}

// shares of the classes, in ten.
var classes = []judge.Class{judge.Browser, judge.Browser, judge.Browser, judge.Browser, judge.Browser, judge.Browser, judge.Plain, judge.Plain, judge.Pinned, judge.Pinned}

// travels is how many reads there are for one of a traveller's, where there are some.
const travels = 6

// newCrowd gathers everybody and looks around: what the shops show, what it costs.
func newCrowd(ctx context.Context, t *Target, random *rand.Rand) (*crowd, error) {
	c := &crowd{shops: map[string]*shop{}, series: uint64(time.Now().UnixNano()) &^ 0xfffff}
	for _, city := range t.World.Cities {
		for _, class := range []judge.Class{judge.Browser, judge.Plain, judge.Pinned} {
			c.readers = append(c.readers, newVisitor(t, t.resolver, class, city))
		}
	}
	for _, v := range c.readers {
		if v.class == judge.Browser {
			c.uploaders = append(c.uploaders, v)
		}
		if c.shops[v.market.ID] != nil {
			continue
		}
		within, cancel := context.WithTimeout(ctx, 2*giveUp)
		slugs, pictures, err := productsOf(within, v)
		cancel()
		if err != nil {
			return nil, world.Because(world.CodeUnavailable, "drill.crowd", "The shop "+v.market.Host+" does not show its products: the world is not well.", err)
		}
		c.shops[v.market.ID] = &shop{slugs: slugs, pictures: pictures}
	}
	for _, r := range t.World.Regions {
		if err := c.trade(ctx, t, r.ID); err != nil {
			return nil, err
		}
	}
	return c, nil
}

// trade finds a buyer and an owner for one of the markets that a region is home of.
func (c *crowd) trade(ctx context.Context, t *Target, region string) error {
	for _, v := range c.readers {
		s := c.shops[v.market.ID]
		if v.market.HomeRegion != region || v.class != judge.Browser || v.city.ID != v.market.City {
			continue
		}
		if err := s.tryOut(ctx, v); err != nil {
			return err
		}
		c.buyers = append(c.buyers, v)
		password := t.Secrets.Owners[v.market.ID]
		if password == "" {
			return nil
		}
		s.watched = s.slugs[len(s.slugs)-1]
		owner := newSeller(v, s.watched, password)
		within, cancel := context.WithTimeout(ctx, 2*giveUp)
		defer cancel()
		if err := owner.open(within); err != nil {
			return world.Because(world.CodeUnavailable, "drill.crowd", "The owner of "+v.market.ID+" cannot work: the world is not well.", err)
		}
		s.prices = owner.history
		c.sellers = append(c.sellers, owner)
		return nil
	}
	return nil
}

// enough is how many products the buyers of a market choose among.
const enough = 6

// tryOut finds products that can be bought as they are: some take a photo.
func (s *shop) tryOut(ctx context.Context, v *visitor) error {
	within, cancel := context.WithTimeout(ctx, 4*giveUp)
	defer cancel()
	var last error
	for _, slug := range s.slugs {
		if len(s.sold) == enough {
			break
		}
		if _, err := newSession(v).fill(within, slug); err != nil {
			last = err
		} else {
			s.sold = append(s.sold, slug)
		}
	}
	if len(s.sold) == 0 {
		return world.Because(world.CodeUnavailable, "drill.crowd", "Nothing can be bought at "+v.market.Host+": the world is not well.", last)
	}
	return nil
}

// addTravellers has somebody of each city read a shop whose home is not the region
// of his own: one whose prices change, where there is any. Cities take turns
// through these shops.
func (c *crowd) addTravellers(t *Target) {
	for i, city := range t.World.Cities {
		v := newVisitor(t, t.resolver, judge.Browser, city)
		var away, watched []world.Market
		for _, m := range t.World.Markets {
			if s := c.shops[m.ID]; s != nil && m.HomeRegion != v.market.HomeRegion {
				away = append(away, m)
				if s.watched != "" {
					watched = append(watched, m)
				}
			}
		}
		if len(watched) > 0 {
			away = watched
		}
		if len(away) == 0 {
			continue
		}
		v.market = away[i%len(away)]
		c.travellers = append(c.travellers, v)
	}
}

func (c *crowd) close() {
	for _, v := range slices.Concat(c.readers, c.travellers) {
		v.close()
	}
}

// wish is what a reader asks for next, and what a good answer looks like.
type wish struct {
	by           *visitor
	kind         judge.Kind
	path, accept string
	look         func(got reply, due time.Time, bound time.Duration) (failed, stale bool, why string)
}

// wish draws one.
func (c *crowd) wish(random *rand.Rand) wish {
	class := classes[random.IntN(len(classes))]
	v := c.readers[random.IntN(len(c.readers))]
	for v.class != class {
		v = c.readers[random.IntN(len(c.readers))]
	}
	if len(c.travellers) > 0 && random.IntN(travels) == 0 {
		v = c.travellers[random.IntN(len(c.travellers))]
	}
	s := c.shops[v.market.ID]
	switch n := random.IntN(10); {
	case n < 2 && s.watched != "":
		return wish{v, judge.Page, "/p/" + s.watched, "text/html", s.showsPrice}
	case n < 5:
		return wish{v, judge.Page, "/p/" + s.slugs[random.IntN(len(s.slugs))], "text/html", showsPage}
	case n < 7:
		c.fresh++
		return wish{v, judge.Fresh, fmt.Sprintf("/p/drill-%d-%d", c.series>>20, c.fresh), "text/html", showsNothing}
	default:
		return wish{v, judge.Picture, s.pictures[random.IntN(len(s.pictures))], "image/avif,image/webp,*/*", showsPicture}
	}
}

func showsPage(got reply, _ time.Time, _ time.Duration) (failed, stale bool, why string) {
	return !(got.status == http.StatusOK && strings.Contains(string(got.body), "</html>")), false, status(got)
}

func showsPicture(got reply, _ time.Time, _ time.Duration) (failed, stale bool, why string) {
	return !(got.status == http.StatusOK && strings.HasPrefix(got.header.Get("Content-Type"), "image/") && len(got.body) > 0), false, status(got)
}

func showsNothing(got reply, _ time.Time, _ time.Duration) (failed, stale bool, why string) {
	return got.status != http.StatusNotFound, false, status(got)
}

func status(got reply) string { return fmt.Sprintf("status %d", got.status) }

// showsPrice looks at the price of the watched product.
func (s *shop) showsPrice(got reply, due time.Time, bound time.Duration) (failed, stale bool, why string) {
	if failed, _, why := showsPage(got, due, bound); failed {
		return true, false, why
	}
	p := readPage(got.body)
	if len(p.prices) == 0 {
		return true, false, "a page without a price"
	}
	stale, unknown := s.prices.judge(p.prices[0], due, bound)
	if unknown {
		return true, false, "a price that was never set"
	}
	return false, stale, "stale"
}
