package app

import (
	"context"
	"net/http"
	"time"

	"meridian/adapter/postgres"
	"meridian/adapter/tus"
	"meridian/adapter/vips"
	"meridian/adapter/wire"
	"meridian/engine/pause"
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
	engine, err := m.Pictures()
	if err != nil {
		closeStore()
		return nil, err
	}
	foreign, err := m.outsiders(s.Probe, engine)
	if err != nil {
		closeStore()
		return nil, err
	}
	resumable, err := tus.New(tus.Limits{MaxBytes: s.Limits.MaxBytes, Checked: s.Limits.Checked, Silence: s.Limits.Silence})
	if err != nil {
		closeStore()
		return nil, err
	}
	ask, err := newJudges(s.Moderation)
	if err != nil {
		closeStore()
		return nil, err
	}
	view, unfollow, err := m.health(s.Health, s.Peers)
	if err != nil {
		closeStore()
		return nil, err
	}
	peers := transports(s.Peers, netaddr.DefaultTransportOptions(), nil)
	role, err := media.New(s.Config, media.Deps{
		World: m.World, Manifests: manifests, Upkeep: manifests, Objects: objects{store, m.trouble}, Resident: objects{resident, m.trouble}, Tus: serveTus(resumable), Pictures: pictures{engine, foreign}, Beside: pictures{engine.Beside(), foreign},
		Peers: wire.NewPeers(peers, s.WireKey, wire.DefaultPeerLimits()), Way: ways(peers), Judges: ask, Health: view,
		Now: m.now, Random: random, Log: m.tel.Log, Metrics: m.tel.Metrics,
	})
	if err != nil {
		unfollow()
		closeStore()
		return nil, err
	}
	work := func(ctx context.Context) error { return m.mediaWork(ctx, role, home) }
	run, err := m.run(ctx, s.Listen, s.HTTP, inRegion(world.TargetMedia, s.Region, s.HTTP, role.Handler()), work, closeDB, closeStore, unfollow)
	if err != nil {
		unfollow()
	}
	return run, err
}

// serveTus hands the role the protocol of resumable uploads.
func serveTus(h *tus.Handler) media.ServeTus {
	return func(w http.ResponseWriter, r *http.Request, base, id string, u media.Resumable) error {
		return h.Serve(w, r, base, id, u)
	}
}

// queueStop is how long the queue may take to stop. It tells its jobs to end
// after two seconds; with its database gone it would go on for seconds more to
// give up its lead, which lapses by itself.
const queueStop = 3 * time.Second

// queueRetry is how long after a failure the queue is started again.
const queueRetry = 500 * time.Millisecond

// mediaWork runs the replicate queue beside the role's own background work. The
// role may be up before its database, which starts beside it or takes a moment
// after a crash: pictures are given out meanwhile, and the queue waits for it.
func (m *machine) mediaWork(ctx context.Context, role *media.Media, home *postgres.Cluster) error {
	limits := postgres.DefaultJobLimits()
	limits.Apps = m.file.Media.Apps
	jobs, err := m.startQueue(ctx, home, limits, postgres.JobWork{
		Replicate: func(ctx context.Context, j postgres.ReplicateJob) error { return role.Replicate(ctx, media.Job(j)) },
		Judge:     func(ctx context.Context, j postgres.JudgeJob) error { return role.Judge(ctx, media.JudgeJob(j)) },
		Prepare:   func(ctx context.Context, j postgres.PrepareJob) error { return role.Prepare(ctx, media.PrepareJob(j)) },
		Remove:    func(ctx context.Context, j postgres.RemoveJob) error { return role.Remove(ctx, media.RemoveJob(j)) },
	})
	if err != nil || jobs == nil {
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

// startQueue starts the queue as soon as the database can be reached. It returns
// nil and no error when ctx ends before.
func (m *machine) startQueue(ctx context.Context, home *postgres.Cluster, limits postgres.JobLimits, work postgres.JobWork) (*postgres.Jobs, error) {
	for told := false; ; {
		jobs, err := postgres.StartJobs(ctx, home.Pool, limits, m.tel.Log, work)
		switch {
		case err == nil:
			return jobs, nil
		case ctx.Err() != nil:
			return nil, nil
		case !world.Is(err, world.CodeUnavailable) && !world.Is(err, world.CodeTimeout):
			return nil, err
		}
		if !told {
			m.tel.Log.Warn("the queue waits for its database", "err", err)
			told = true
		}
		if !pause.For(ctx, queueRetry) {
			return nil, nil
		}
	}
}

// pictures hands the role libvips in its own words.
type pictures struct {
	engine    *vips.Engine
	outsiders outsiders
}

// Edit cuts and turns it.
func (p pictures) Edit(ctx context.Context, data []byte, e world.Edit) ([]byte, error) {
	return p.engine.Edit(ctx, data, e)
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
