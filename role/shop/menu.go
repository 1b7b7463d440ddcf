package shop

import (
	"net/http"
	"sync"
	"time"

	"meridian/world"
)

// menu is what every page of the catalogue leads to: a market's categories that have
// something for sale, in the words of a locale.
type menu struct {
	categories []world.Category // shared by pages: not to be changed
	until      time.Time        // when the calendar alone may make others of them; zero for never
	met        world.Position   // that was demanded of the market's cluster when it was read; zero for none
	kept       time.Time        // until when it is taken for what the catalog says
}

// menus are kept for a moment, for to read one costs as much as the page's product: of
// each category it must be found out that something is for sale. There is at most one
// for each market and locale.
type menus struct {
	mu  sync.Mutex
	all map[menuKey]menu
}

type menuKey struct{ market, locale string }

func (k *menus) of(key menuKey, demanded world.Position, now time.Time) (m menu, ok bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	m, ok = k.all[key]
	return m, ok && now.Before(m.kept) && (demanded.Zero() || m.met.Covers(demanded))
}

func (k *menus) keep(key menuKey, m menu) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.all[key] = m
}

// menu is the one for a request, which [Shop.newEnough] has been asked about: one that
// was kept for an older demand is not for this one, as a cache demands what it was told
// to forget pages for.
func (s *Shop) menu(r *http.Request, at *site) (menu, error) {
	position, err := ownDemand(r, at)
	if err != nil {
		return menu{}, err
	}
	key, now := menuKey{at.market.ID, at.locale()}, s.deps.Now()
	if m, ok := s.menus.of(key, position, now); ok {
		return m, nil
	}
	all, until, err := s.deps.Catalog.Categories(r.Context(), key.market, key.locale, now)
	if err != nil {
		return menu{}, world.Wrap("shop.menu", err)
	}
	m := menu{categories: all, until: until, met: position, kept: soonest(now.Add(s.cfg.MenuKeep), until)}
	s.menus.keep(key, m)
	return m, nil
}

// ownDemand is the position that a request demands of the market's own cluster; zero for
// none.
func ownDemand(r *http.Request, at *site) (world.Position, error) {
	all, err := world.ParsePositions(r.Header.Get(world.HeaderMinPosition))
	for _, p := range all {
		if p.Cluster == world.CatalogCluster(at.market.HomeRegion) {
			return p, nil
		}
	}
	return world.Position{}, world.Wrap("shop.menu", err)
}
