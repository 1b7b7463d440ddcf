package main

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"sync"
	"text/tabwriter"
	"time"

	"meridian/app"
	"meridian/app/localworld"
	"meridian/drill/judge"
	"meridian/world"
)

// The load of two million users a day, as far as it reaches the shop's pages. How
// often people come, what they read and how many buy are assumptions, chosen high:
// a visit a day, eight pages a visit, three of a hundred visits buy, and the
// busiest moments of a day are three times its mean.
const (
	dailyUsers    = 2_000_000
	visitsEach    = 1.0
	pagesEach     = 8.0
	buyersEach    = 0.03
	peakOverMean  = 3.0
	secondsOfADay = 86_400

	wholePages     = dailyUsers * visitsEach * pagesEach / secondsOfADay * peakOverMean  // a second: 556
	wholeCheckouts = dailyUsers * visitsEach * buyersEach / secondsOfADay * peakOverMean // a second: 2.1
)

// shopperScale is the share of the pages that is asked of a machine of two cores,
// on which the whole world and all its customers run. Checkouts are not scaled:
// with a tenth of them there would be too few to tell a percentile.
const shopperScale = 0.1

// What is aimed for, in milliseconds, for customers in their own market.
const (
	browseAim   = 100.0
	checkoutAim = 200.0
)

// Times of the section.
const (
	shoppersWarmUp = 20 * time.Second // at the same rates, not counted
	shoppersMost   = 256              // requests under way at once; those beyond have failed
)

// shoppers measures how long customers in every city wait for pages and for the
// steps of a checkout, at the emulated round trips.
func shoppers(ctx context.Context, o options, out io.Writer) error {
	if o.scale <= 0 || o.shopping <= 0 {
		return fmt.Errorf("--scale and --shopping must be above 0")
	}
	return inEmptyDir(ctx, o.dir, func(bin string) error {
		w, _, err := start(ctx, bin, o.dir, o.port, true)
		if err != nil {
			return err
		}
		err = shopping(ctx, o, out)
		if _, stopErr := w.stop(); err == nil {
			err = stopErr
		}
		return err
	})
}

func shopping(ctx context.Context, o options, out io.Writer) error {
	plan, err := app.ReadWorld("")
	if err != nil {
		return err
	}
	run, err := localworld.ReadRun(o.dir)
	if err != nil {
		return err
	}
	if err := atRest(ctx, o.port); err != nil {
		return err
	}
	var towns []*town
	for _, city := range plan.Cities {
		town, err := newTown(plan, run, city)
		if err != nil {
			return err
		}
		defer town.way.CloseIdleConnections()
		towns = append(towns, town)
	}
	pages := wholePages * o.scale
	fmt.Fprintf(out, "\nShoppers: %.0f pages and %.1f checkouts a second at the peak of a day of %d users; here %.0f pages (%g of them) and all the checkouts, for %v\n",
		wholePages, wholeCheckouts, dailyUsers, pages, o.scale, o.shopping)
	crowd(ctx, towns, pages, wholeCheckouts, shoppersWarmUp, 1)
	for _, t := range towns {
		t.forget()
	}
	crowd(ctx, towns, pages, wholeCheckouts, o.shopping, 2)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	printTowns(out, towns)
	return nil
}

// crowd sends readers and buyers for a while, from all towns alike, whether or not
// earlier ones have been answered.
func crowd(ctx context.Context, towns []*town, pages, checkouts float64, length time.Duration, seed uint64) {
	ctx, cancel := context.WithTimeout(ctx, length)
	defer cancel()
	var both sync.WaitGroup
	send := func(rate float64, stream uint64, do func(*town, *rand.Rand)) {
		both.Go(func() {
			var mu sync.Mutex
			random := rand.New(rand.NewPCG(seed, stream))
			judge.Open(ctx, rate, shoppersMost, rand.New(rand.NewPCG(seed, stream+1)), func(_ time.Time, over bool) {
				mu.Lock()
				t, mine := towns[random.IntN(len(towns))], rand.New(rand.NewPCG(random.Uint64(), stream))
				mu.Unlock()
				if over {
					t.fail("more were under way than can be")
					return
				}
				do(t, mine)
			})
		})
	}
	send(pages, 10, (*town).browse)
	send(checkouts, 20, (*town).buy)
	both.Wait()
}

// printTowns tells each city's figures, each continent's, and whether what is aimed
// for is reached.
func printTowns(out io.Writer, towns []*town) {
	w := tabwriter.NewWriter(out, 0, 0, 3, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "where\tshop\tto PoP, home (ms)\tpages\tp50\tp95\tsteps\tp50\tp95\torder p95\twhole p50\tby 303\tp95\tfailed\t")
	byContinent := map[string][]*town{}
	var own []*town
	for _, t := range towns {
		shop := t.market.ID
		if !t.own {
			shop += " *"
		} else {
			own = append(own, t)
		}
		byContinent[t.continent] = append(byContinent[t.continent], t)
		printFigures(w, t.city.Name, shop, fmt.Sprintf("%d, %d", t.toPoP.Milliseconds(), t.toHome.Milliseconds()), []*town{t})
	}
	for _, c := range world.Continents {
		if of := byContinent[c]; len(of) > 0 {
			printFigures(w, c, "", "", of)
		}
	}
	printFigures(w, "all in their own market", "", "", own)
	w.Flush()
	fmt.Fprintln(out, "* no market of its own: the shop whose city is nearest by round trip. A step of a checkout is what a customer waits for: cart, form, quote, order; from the request sent to the last byte, over kept connections. by 303: cart and order in a browser without script, which asks twice.")
	for _, a := range []struct {
		what  string
		aim   float64
		kinds []string
	}{{"a page", browseAim, readings}, {"a step of a checkout", checkoutAim, steps}, {"a step without script, its redirect followed", checkoutAim, plain}} {
		p95 := share(joined(own, a.kinds...), 0.95)
		fmt.Fprintf(out, "  p95 of %s, in their own market: %.0f ms, aim < %.0f: %s", a.what, p95, a.aim, reached(p95 < a.aim))
		for _, t := range own {
			if p := share(joined([]*town{t}, a.kinds...), 0.95); p >= a.aim {
				fmt.Fprintf(out, "; %s has %.0f", t.city.Name, p)
			}
		}
		fmt.Fprintln(out)
	}
	for _, t := range towns {
		for why, n := range t.failures {
			fmt.Fprintf(out, "  failed in %s: %d × %s\n", t.city.Name, n, why)
		}
	}
}

func printFigures(w io.Writer, where, shop, away string, of []*town) {
	pages, asked := joined(of, readings...), joined(of, steps...)
	failed := 0
	for _, t := range of {
		for _, n := range t.failures {
			failed += n
		}
	}
	fmt.Fprintf(w, "%s\t%s\t%s\t%d\t%.0f\t%.0f\t%d\t%.0f\t%.0f\t%.0f\t%.0f\t%d\t%.0f\t%d\t\n", where, shop, away,
		len(pages), share(pages, 0.5), share(pages, 0.95), len(asked), share(asked, 0.5), share(asked, 0.95),
		share(joined(of, stepOrder), 0.95), share(joined(of, wholeCheckout), 0.5), len(joined(of, plain...)), share(joined(of, plain...), 0.95), failed)
}

// joined are what towns have of some kinds, sorted.
func joined(of []*town, kinds ...string) (ms []float64) {
	for _, t := range of {
		for _, k := range kinds {
			ms = append(ms, t.ms[k]...)
		}
	}
	slices.Sort(ms)
	return ms
}

// share is a percentile of sorted values; 0 of none.
func share(ms []float64, part float64) float64 {
	if len(ms) == 0 {
		return 0
	}
	return ms[min(len(ms)-1, int(part*float64(len(ms))))]
}
