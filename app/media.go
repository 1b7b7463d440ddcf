package app

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"path/filepath"
	"time"

	"meridian/adapter/objectstore"
	"meridian/adapter/postgres"
	"meridian/adapter/vips"
	"meridian/adapter/wire"
	"meridian/engine/imagegrid"
	"meridian/platform/lifecycle"
	"meridian/platform/netaddr"
	"meridian/role/media"
	"meridian/world"
)

func startMedia(ctx context.Context, m *machine) (lifecycle.Running, error) {
	s := m.file.Media
	clusters, closeDB, err := m.clusters(ctx, "media", s.Catalogs)
	if err != nil {
		return nil, err
	}
	run, err := m.mediaOver(ctx, s, clusters, closeDB)
	if err != nil {
		closeDB()
	}
	return run, err
}

func (m *machine) mediaOver(ctx context.Context, s *Media, clusters []*postgres.Cluster, closeDB func()) (lifecycle.Running, error) {
	home, err := own(clusters, s.Region)
	if err != nil {
		return nil, err
	}
	manifests, err := postgres.NewMediaStore(m.World, s.Region, clusters)
	if err != nil {
		return nil, err
	}
	store, resident, closeStore, err := m.stores(ctx, s)
	if err != nil {
		return nil, err
	}
	engine, err := m.pictures()
	if err != nil {
		closeStore()
		return nil, err
	}
	role, err := media.New(s.Config, media.Deps{
		World: m.World, Manifests: manifests, Objects: objects{store}, Resident: objects{resident}, Pictures: pictures{engine},
		Peers: wire.NewPeers(transports(s.Peers, netaddr.DefaultTransportOptions(), nil), s.WireKey, wire.DefaultPeerLimits()),
		Now:   now, Random: random, Log: m.tel.Log, Metrics: m.tel.Metrics,
	})
	if err != nil {
		closeStore()
		return nil, err
	}
	work := func(ctx context.Context) error { return m.mediaWork(ctx, role, home) }
	return m.run(ctx, s.Listen, s.HTTP, role.Handler(), work, closeDB, closeStore)
}

// stores opens the region's object stores: the one that other regions may know
// the copies of, and the one of private pictures.
func (m *machine) stores(ctx context.Context, s *Media) (public, resident *objectstore.Store, closeBoth func(), err error) {
	if s.Resident == "" || filepath.Clean(s.Resident) == filepath.Clean(s.Objects) {
		return nil, nil, nil, world.E(world.CodeInvalid, "config", "resident_objects must name a directory, and another one than objects: private pictures are never copied out of their zone.")
	}
	closing := func(store *objectstore.Store) {
		if err := store.Close(); err != nil {
			m.tel.Log.Error("an object store did not close", "err", err)
		}
	}
	if public, err = objectstore.OpenDir(ctx, s.Objects); err != nil {
		return nil, nil, nil, err
	}
	if resident, err = objectstore.OpenDir(ctx, s.Resident); err != nil {
		closing(public)
		return nil, nil, nil, err
	}
	return public, resident, func() { closing(public); closing(resident) }, nil
}

// queueStop is how long the queue may take to stop. It tells its jobs to end
// after two seconds; with its database gone it would go on for seconds more to
// give up its lead, which lapses by itself.
const queueStop = 3 * time.Second

// mediaWork runs the replicate queue beside the role's own background work.
func (m *machine) mediaWork(ctx context.Context, role *media.Media, home *postgres.Cluster) error {
	jobs, err := postgres.StartJobs(ctx, home.Pool, postgres.DefaultJobLimits(), m.tel.Log, postgres.JobWork{
		Replicate: func(ctx context.Context, j postgres.ReplicateJob) error { return role.Replicate(ctx, media.Job(j)) },
	})
	if err != nil {
		return err
	}
	err = role.Run(ctx)
	stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), queueStop)
	defer cancel()
	if stopErr := jobs.Stop(stop); err == nil {
		err = stopErr
	}
	return err
}

// objects hands the role an object store by whole objects: a variant or an
// original fits in memory by the role's own limits.
type objects struct{ store *objectstore.Store }

// Put is durable when it returns.
func (o objects) Put(ctx context.Context, key string, data []byte) error {
	_, err := o.store.Put(ctx, key, bytes.NewReader(data), objectstore.PutOptions{})
	return err
}

// Get is the whole object, or too_large when it has more than most bytes.
func (o objects) Get(ctx context.Context, key string, most int64) ([]byte, error) {
	r, info, err := o.store.Get(ctx, key)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	if info.Size > most {
		return nil, world.E(world.CodeTooLarge, "objects.get", "The stored object is larger than is read here.")
	}
	data, err := io.ReadAll(io.LimitReader(r, most+1))
	return data, world.Wrap("objects.get", err)
}

// pictures hands the role libvips in its own words.
type pictures struct{ engine *vips.Engine }

func limits(l media.PictureLimits) vips.Limits {
	return vips.Limits{MaxBytes: l.MaxBytes, MaxPixels: l.MaxPixels, MaxFrames: l.MaxFrames}
}

// Inspect reads the header alone.
func (p pictures) Inspect(ctx context.Context, data []byte, l media.PictureLimits) (media.PictureInfo, error) {
	i, err := p.engine.Inspect(ctx, data, limits(l))
	return media.PictureInfo{MediaType: i.MediaType, Width: i.Width, Height: i.Height, Frames: i.Frames}, err
}

// Check decodes all of it.
func (p pictures) Check(ctx context.Context, data []byte, l media.PictureLimits) error {
	return p.engine.Check(ctx, data, limits(l))
}

// Average is its average colour.
func (p pictures) Average(ctx context.Context, data []byte) (string, error) {
	return p.engine.Average(ctx, data)
}

// Transform makes a variant for somebody who waits.
func (p pictures) Transform(ctx context.Context, data []byte, format imagegrid.Format, width, height int) ([]byte, error) {
	return p.engine.Transform(ctx, data, vips.Spec{Width: width, Height: height, Format: format})
}

// Variants makes several with one decode.
func (p pictures) Variants(ctx context.Context, data []byte, specs []media.PictureSpec) ([]media.Picture, error) {
	return made(p.engine.TransformAll(ctx, data, vipsSpecs(specs)))
}

// Mezzanine is what most variants are cut from.
func (p pictures) Mezzanine(ctx context.Context, original []byte) ([]byte, bool, error) {
	data, _, ok, err := p.engine.Mezzanine(ctx, original)
	return data, ok, err
}

// FromMezzanine makes variants of it.
func (p pictures) FromMezzanine(ctx context.Context, mezzanine []byte, width, height int, specs []media.PictureSpec) ([]media.Picture, error) {
	return made(p.engine.FromMezzanine(ctx, mezzanine, width, height, vipsSpecs(specs)))
}

func vipsSpecs(specs []media.PictureSpec) []vips.Spec {
	out := make([]vips.Spec, len(specs))
	for i, s := range specs {
		out[i] = vips.Spec{Width: s.Width, Height: s.Height, Format: s.Format, Fit: s.Fit, Focus: s.Focus, Copyright: s.Copyright}
		if s.Thorough {
			out[i].Effort = vips.Thorough
		}
	}
	return out
}

func made(variants []vips.Variant, err error) ([]media.Picture, error) {
	out := make([]media.Picture, len(variants))
	for i, v := range variants {
		out[i] = media.Picture{Data: v.Data, Larger: v.Larger}
	}
	return out, err
}

// ways are transports by region as a function, nil for a region without one.
func ways(m map[string]http.RoundTripper) func(string) http.RoundTripper {
	return func(region string) http.RoundTripper {
		if t, ok := m[region]; ok {
			return t
		}
		return nil
	}
}
