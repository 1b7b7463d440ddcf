package faults

import (
	"context"
	"encoding/json"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strings"
	"time"

	"meridian/engine/money"
	"meridian/world"
)

// reprice changes prices as the market's owner, and after each change hears from
// the tiers that they have taken it.
func (r *run) reprice(ctx context.Context, st *stall, random *rand.Rand) {
	for !r.ended() {
		slug := st.priced[random.IntN(len(st.priced))]
		if r.save(st, slug) {
			r.people.Go(func() { r.hear(ctx, st) })
		}
		r.rest(random, ownerRest)
	}
}

// save sets a product's price to what it never was. It reports whether it was told
// that it is saved.
func (r *run) save(st *stall, slug string) bool {
	path := "/owner/products/" + slug
	page, err := st.owner.ReadPage(path)
	if err != nil {
		r.count("owner page failed")
		return false
	}
	st.highest[slug]++
	w := PriceWrite{Market: st.market.ID, Slug: slug, Minor: st.highest[slug], Ack: Forever}
	st.mu.Lock()
	st.amounts[st.owner.Money(w.Minor)] = w.Minor
	st.mu.Unlock()
	w.Call = r.now()
	a, err := st.owner.PostForm(path, url.Values{"version": {page.Value("version")}, "price": {money.Amount{Minor: w.Minor, Currency: st.market.Currency}.Decimal()}})
	saved := err == nil && a.Status == http.StatusSeeOther && strings.Contains(a.Header.Get("Location"), "saved=")
	what := "price unknown"
	switch {
	case saved:
		w.Ack, what = r.now(), "price saved"
	case err == nil && a.Status == http.StatusConflict:
		what = "price refused" // an earlier one, of which nothing was heard, has been carried out
	}
	r.count(what)
	st.mu.Lock()
	defer st.mu.Unlock()
	st.writes = append(st.writes, w)
	return saved
}

// heardWithin is how long tiers are waited for that are to acknowledge a price.
const heardWithin = 4 * time.Second

// hear puts a purge of nothing behind the price in the feed and notes who takes
// it: whoever does has taken the price before.
func (r *run) hear(ctx context.Context, st *stall) {
	ctx, cancel := context.WithTimeout(ctx, heardWithin+answerWithin)
	defer cancel()
	posted := r.now()
	err := r.purge(ctx, st, heardWithin, func(n world.PurgeNews) {
		if n.Event == world.PurgeTaken {
			t := Taken{Tier: n.Tier, Region: st.market.HomeRegion, Posted: posted, At: r.now()}
			r.mu.Lock()
			r.taken = append(r.taken, t)
			r.report.Outcomes["price taken by a tier"]++
			r.mu.Unlock()
		}
	})
	if err != nil {
		r.count("purge unheard")
	}
}

// purge asks for a purge of what no page has in the market's region and calls each
// with every news of it.
func (r *run) purge(ctx context.Context, st *stall, wait time.Duration, each func(world.PurgeNews)) error {
	body, err := json.Marshal(map[string]any{"groups": []string{world.GroupProduct(st.market.ID, "of-no-page")}, "wait": wait.String()})
	if err != nil {
		return err
	}
	way := st.ways[st.edges[r.schedule.Seed%uint64(len(st.edges))]].Within(wait + answerWithin)
	return way.Stream(ctx, http.MethodPost, "/purges", body, func(line []byte) {
		var n world.PurgeNews
		if json.Unmarshal(line, &n) == nil {
			each(n)
		}
	}, "Authorization", "Bearer "+r.secrets.purge, "Content-Type", "application/json")
}

// read reads the prices at one tier.
func (r *run) read(st *stall, tier string, random *rand.Rand) {
	for i := random.IntN(2); !r.ended(); i++ {
		r.readOnce(st, tier, st.priced[i%len(st.priced)])
		r.rest(random, readerRest)
	}
}

// readOnce reads one price at a tier and writes it down.
func (r *run) readOnce(st *stall, tier, slug string) (got PriceRead, ok bool) {
	got = PriceRead{Tier: tier, Market: st.market.ID, Slug: slug, Asked: r.now()}
	a, err := st.ways[tier].Do(http.MethodGet, "/p/"+slug, nil, "Accept", "text/html")
	got.Came = r.now()
	if err != nil || a.Status != http.StatusOK {
		r.count("price unread")
		return got, false
	}
	page, err := a.ReadPage()
	if err != nil {
		r.fail("%s gave what is no page for %s: %v", tier, slug, err)
		return got, false
	}
	got.Status = strings.Join(a.Header.Values("Cache-Status"), ", ")
	st.mu.Lock()
	defer st.mu.Unlock()
	if got.Minor, ok = st.amounts[page.Price()]; !ok {
		got.Minor = -1
		got.Status += " (it says " + page.Price() + ")"
	}
	st.reads = append(st.reads, got)
	return got, true
}
