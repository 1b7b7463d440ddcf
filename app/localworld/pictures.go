package localworld

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"runtime"
	"slices"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"golang.org/x/sync/errgroup"

	"meridian/adapter/postgres"
	"meridian/platform/httpserver"
	"meridian/platform/netaddr"
	"meridian/world"
)

// wanting is a product that has a drawing and no picture yet.
type wanting struct{ market, slug string }

// hangPictures takes the drawing of every product that has no picture yet,
// uploads it as anybody would, through the PoP nearest the main region, and
// hangs it on the product. progress is told how many of how many are done.
func (p *plan) hangPictures(ctx context.Context, drawn *drawings, progress func(done, of int)) error {
	pools, closePools, err := p.catalogPools(ctx)
	if err != nil {
		return err
	}
	defer closePools()
	arts, err := wantingByArt(ctx, pools)
	if err != nil || len(arts) == 0 {
		return err
	}
	pop := p.nearestPoPs(p.cityNear(p.w.Main))[0]
	client := &http.Client{Transport: netaddr.Transport(p.edgeOf(pop), netaddr.DefaultTransportOptions())}
	done := make(chan struct{}, len(arts))
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(runtime.GOMAXPROCS(0) + 1)                // one waits for a disk or a child
	for _, art := range slices.Sorted(maps.Keys(arts)) { // as they are rendered
		products := arts[art]
		g.Go(func() error {
			defer func() { done <- struct{}{} }()
			return world.Wrap("up.picture "+art, p.hang(gctx, drawn, client, pools, art, products))
		})
	}
	finished := make(chan error, 1)
	go func() { finished <- g.Wait() }()
	for n := 0; ; {
		select {
		case <-done:
			n++
			progress(n, len(arts))
		case err := <-finished:
			return err
		}
	}
}

func (p *plan) hang(ctx context.Context, drawn *drawings, client *http.Client, pools map[string]*pgxpool.Pool, art string, products []wanting) error {
	picture, err := drawn.take(art)
	if err != nil {
		return err
	}
	id, err := p.upload(ctx, client, art+".png", picture)
	if err != nil {
		return err
	}
	for _, q := range products {
		m, _ := p.w.MarketByID(q.market)
		if err := postgres.SetPicture(ctx, pools[m.HomeRegion], q.market, q.slug, id); err != nil {
			return err
		}
	}
	return nil
}

// upload puts a picture and returns its media id.
func (p *plan) upload(ctx context.Context, client *http.Client, name string, picture []byte) (string, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPut, fmt.Sprintf("http://pop/media/%s?name=%s", p.w.App, url.QueryEscape(name)), bytes.NewReader(picture))
	if err != nil {
		return "", err
	}
	r.Header.Set("Authorization", "Bearer "+p.secrets.UploadToken)
	res, err := client.Do(r)
	if err != nil {
		return "", err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(io.LimitReader(res.Body, 1<<20))
	if err != nil {
		return "", err
	}
	if res.StatusCode != http.StatusCreated {
		return "", httpserver.ReadProblem(res.StatusCode, body)
	}
	var out struct {
		MediaID string `json:"media_id"`
	}
	return out.MediaID, json.Unmarshal(body, &out)
}

// catalogPools connect to every region's catalog primary.
func (p *plan) catalogPools(ctx context.Context) (map[string]*pgxpool.Pool, func(), error) {
	pools := map[string]*pgxpool.Pool{}
	closeAll := func() {
		for _, pool := range pools {
			pool.Close()
		}
	}
	for _, r := range p.w.Regions {
		pool, err := p.superPool(ctx, world.CatalogCluster(r.ID), postgres.Catalog)
		if err != nil {
			closeAll()
			return nil, nil, err
		}
		pools[r.ID] = pool
	}
	return pools, closeAll, nil
}

// wantingByArt are the products without a picture, by the drawing they want.
func wantingByArt(ctx context.Context, pools map[string]*pgxpool.Pool) (map[string][]wanting, error) {
	out := map[string][]wanting{}
	for _, pool := range pools {
		rows, err := pool.Query(ctx, "select art, market, slug from product where media_id is null and art <> ''")
		if err != nil {
			return nil, world.Wrap("up.pictures", err)
		}
		var art string
		var q wanting
		if _, err := pgx.ForEachRow(rows, []any{&art, &q.market, &q.slug}, func() error {
			out[art] = append(out[art], q)
			return nil
		}); err != nil {
			return nil, world.Wrap("up.pictures", err)
		}
	}
	return out, nil
}

// cityNear is a city at the region's own site, or the first of all.
func (p *plan) cityNear(region string) string {
	for _, c := range p.w.Cities {
		if c.Site == p.siteOf(region) {
			return c.ID
		}
	}
	return p.w.Cities[0].ID
}

// edgeOf is a PoP's own address.
func (p *plan) edgeOf(pop string) string {
	for i, q := range p.w.PoPs {
		if q.ID == pop {
			return p.edgeAddress(i)
		}
	}
	return ""
}
