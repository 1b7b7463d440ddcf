package media

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/semaphore"
	"golang.org/x/sync/singleflight"

	"meridian/engine/imagegrid"
	"meridian/engine/keyring"
	"meridian/engine/pause"
	"meridian/engine/signedurl"
	"meridian/engine/uploadgrant"
	"meridian/platform/httpserver"
	"meridian/world"
)

// Media is one region's media role. It is safe for concurrent use.
type Media struct {
	cfg       Config
	world     *world.World
	region    world.Region
	policies  imagegrid.Policies
	manifests Manifests
	objects   *withRoom
	resident  *withRoom
	private   *signedurl.Ring
	pictures  Pictures
	beside    Pictures
	asked     asked
	makings   makings
	hot       []imagegrid.Size // before they are brought to an app's grid
	peers     Peers
	upkeep    Upkeep
	findings  findings
	claims    claims
	way       func(region string) http.RoundTripper
	health    func() world.HealthView
	judges    Judges
	now       func() time.Time
	random    io.Reader
	log       *slog.Logger
	metrics   *metrics
	grants    keyring.Ring // signs the right to upload
	uploadIDs keyring.Ring // makes media ids of uploads' keys

	tus       ServeTus
	patches   *semaphore.Weighted
	beginning sync.Mutex // held while uploads are counted and one is added

	uploads  *semaphore.Weighted
	receives *semaphore.Weighted
	prepares *semaphore.Weighted
	asks     *semaphore.Weighted
	flights  singleflight.Group // one piece of work for all who wait for it
}

// New makes the role. It fails with invalid for a config that cannot be, or a
// region that the world does not have.
func New(cfg Config, d Deps) (*Media, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	region, ok := d.World.RegionByID(cfg.Region)
	if !ok {
		return nil, world.E(world.CodeInvalid, "media.new", fmt.Sprintf("region: the world has no region %q; use one of its own", cfg.Region))
	}
	grants, err := keyring.New(uploadgrant.Purpose, cfg.UploadKeys)
	if err != nil {
		return nil, world.Wrap("media.new", err)
	}
	uploadIDs, err := keyring.New(uploadgrant.IDPurpose, cfg.UploadKeys)
	if err != nil {
		return nil, world.Wrap("media.new", err)
	}
	hot, err := cfg.Care.hotSizes()
	if err != nil {
		return nil, world.Wrap("media.new", err)
	}
	private, err := signedurl.New(cfg.Private)
	if err != nil {
		return nil, world.Wrap("media.new", err)
	}
	policies, err := imagegrid.PoliciesOf(d.World)
	if err != nil {
		return nil, world.Wrap("media.new", err)
	}
	if d.Health == nil {
		d.Health = func() world.HealthView { return world.HealthView{} }
	}
	return &Media{
		health: d.Health,
		grants: grants, uploadIDs: uploadIDs, resident: &withRoom{Objects: d.Resident}, private: private,
		tus: d.Tus,
		cfg: cfg, world: d.World, region: region, policies: policies,
		manifests: d.Manifests, upkeep: d.Upkeep, objects: &withRoom{Objects: d.Objects}, pictures: d.Pictures, beside: d.Beside, hot: hot, peers: d.Peers, way: d.Way, judges: d.Judges,
		now: d.Now, random: d.Random, log: d.Log, metrics: newMetrics(d.Metrics),
		uploads:  semaphore.NewWeighted(cfg.Limits.Uploads),
		prepares: semaphore.NewWeighted(maxPrepares),
		receives: semaphore.NewWeighted(cfg.Limits.Receives),
		asks:     semaphore.NewWeighted(cfg.Limits.PeerAsks),
		patches:  semaphore.NewWeighted(cfg.Limits.Patches),
	}, nil
}

// Run measures the replication lag, sweeps the object stores and keeps their
// copies good until ctx ends.
func (m *Media) Run(ctx context.Context) error {
	var all sync.WaitGroup
	all.Go(func() { pause.Every(ctx, m.cfg.Limits.SweepEvery, m.sweep) }) // of its own: it may take long
	all.Go(func() { pause.Every(ctx, trialEvery, m.tryRoom) })
	all.Go(func() { m.scrub(ctx) })
	all.Go(func() { m.backfill(ctx) })
	all.Go(func() { pause.Every(ctx, m.cfg.Care.NoteEvery, m.noteAsked) })
	all.Go(func() { pause.Every(ctx, m.cfg.Care.CollectEvery, m.collectAll) })
	m.measureLag(ctx)
	pause.Every(ctx, m.cfg.Limits.LagEvery, m.measureLag)
	all.Wait()
	return nil
}

// action answers a request or says why not; it has written nothing then.
type action func(w http.ResponseWriter, r *http.Request) error

// Handler answers every path of the role; see README.md.
func (m *Media) Handler() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set(world.HeaderRegion, m.region.ID)
		m.tellRoom(w, r)
		if m.crossOrigin(w, r) {
			return
		}
		if err := m.answer(w, r); err != nil {
			m.refuse(w, r, err)
		}
	})
}

func (m *Media) answer(w http.ResponseWriter, r *http.Request) error {
	actions := m.route(r)
	if actions == nil {
		return world.E(world.CodeNotFound, "media.route", "")
	}
	method := r.Method
	if method == http.MethodHead {
		method = http.MethodGet
	}
	do, ok := actions[method]
	if !ok {
		w.Header().Set("Allow", allowed(actions))
		return world.E(world.CodeMethod, "media.route", "This address takes "+allowed(actions)+".")
	}
	return do(w, r)
}

// route finds what can be done with a path and sets its parts as path values.
// It is not an http.ServeMux, which answers an unclean path with a redirect
// and a wrong method with plain text.
func (m *Media) route(r *http.Request) map[string]action {
	switch world.RouteOf(http.MethodGet, r.URL.Path) {
	case world.RouteImage:
		return map[string]action{http.MethodGet: m.image}
	case world.RoutePrivate:
		return map[string]action{http.MethodGet: m.privateImage}
	}
	internal := strings.HasPrefix(r.URL.Path, world.InternalPrefix)
	part := strings.Split(strings.TrimPrefix(strings.TrimPrefix(r.URL.Path, "/-"), "/"), "/")
	if part[0] != "media" || len(part) < 2 || part[1] == "" {
		return nil
	}
	switch {
	case internal && len(part) == 3 && part[1] == "originals":
		r.SetPathValue("sha256", part[2])
		return map[string]action{http.MethodPut: m.wire(m.receive), http.MethodGet: m.wire(m.verifyHeld)}
	case internal && len(part) == 4 && part[1] == "resident":
		r.SetPathValue("id", part[2])
		r.SetPathValue("sha256", part[3])
		return map[string]action{http.MethodPut: m.wire(m.receive)}
	case internal && len(part) == 4 && part[1] == "originals" && part[3] == "arrived":
		r.SetPathValue("sha256", part[2])
		return map[string]action{http.MethodGet: m.wire(m.showArrived)}
	case internal && len(part) == 5 && part[1] == "resident" && part[4] == "arrived":
		r.SetPathValue("id", part[2])
		r.SetPathValue("sha256", part[3])
		return map[string]action{http.MethodGet: m.wire(m.showArrived)}
	case internal && len(part) == 3 && part[1] == "checked":
		r.SetPathValue("region", part[2])
		return map[string]action{http.MethodPost: m.wire(m.receiveChecks)}
	case !internal && len(part) == 2 && part[1] == "openapi.json":
		return map[string]action{http.MethodGet: m.describe}
	case !internal && len(part) == 2:
		r.SetPathValue("app", part[1])
		return map[string]action{http.MethodPut: m.upload, http.MethodPost: m.upload, http.MethodGet: m.list}
	case !internal && len(part) == 3 && part[2] == "grants":
		r.SetPathValue("app", part[1])
		return map[string]action{http.MethodPost: m.mint}
	case !internal && (len(part) == 3 || len(part) == 4) && part[2] == "tus":
		return m.tusActions(r, part[1], strings.Join(part[3:], ""))
	case len(part) == 3 && isOrder(part[2]):
		r.SetPathValue("app", part[1])
		return m.orders(internal, part[2])
	case !internal && len(part) == 4 && part[2] == "receipts":
		r.SetPathValue("app", part[1])
		r.SetPathValue("id", part[3])
		return map[string]action{http.MethodGet: m.showReceipt}
	case len(part) == 3 && part[2] == "manifest": // the short form
		r.SetPathValue("id", part[1])
		return m.assetActions(internal, part[2])
	case !internal && len(part) == 3:
		r.SetPathValue("app", part[1])
		r.SetPathValue("id", part[2])
		return map[string]action{
			http.MethodGet:    m.atHome(m.cfg.UploadToken, m.showAsset),
			http.MethodDelete: m.atHomeFor(m.mayRemove, m.remove),
		}
	case len(part) == 4:
		r.SetPathValue("app", part[1])
		r.SetPathValue("id", part[2])
		return m.assetActions(internal, part[3])
	}
	return nil
}

func (m *Media) assetActions(internal bool, what string) map[string]action {
	switch {
	case internal && what == "original":
		return map[string]action{http.MethodGet: m.wire(m.giveOriginal)}
	case internal && what == "manifest":
		return map[string]action{http.MethodGet: m.wire(m.giveManifest)}
	case internal && what == "resend":
		return map[string]action{http.MethodPost: m.wire(m.resend)}
	case internal && what == "claim":
		return map[string]action{http.MethodPost: m.wire(m.answerClaim)}
	case internal && what == "remove":
		return map[string]action{http.MethodPost: m.wire(m.removeOrdered)}
	case internal:
		return nil
	}
	token := m.cfg.UploadToken
	switch what {
	case "manifest":
		return map[string]action{http.MethodGet: m.showManifest}
	case "versions":
		return map[string]action{http.MethodPost: m.atHome(token, m.addVersion)}
	case "rollback":
		return map[string]action{http.MethodPost: m.atHome(token, m.rollback)}
	case "original":
		return map[string]action{http.MethodGet: m.atHome(token, m.download)}
	case "preview":
		return map[string]action{http.MethodGet: m.atHome(token, m.preview)}
	case "deletion":
		return map[string]action{http.MethodGet: m.atHome(token, m.showDeletion)}
	case "moderation":
		return map[string]action{http.MethodPost: m.atHome(m.cfg.Moderation.Token, m.moderate)}
	}
	return nil
}

// wire guards an action with the wire key.
func (m *Media) wire(do action) action {
	return func(w http.ResponseWriter, r *http.Request) error {
		if err := httpserver.CheckBearer(r, m.cfg.WireKey); err != nil {
			return err
		}
		return do(w, r)
	}
}

func allowed(actions map[string]action) string {
	var names []string
	for name := range actions {
		names = append(names, name)
		if name == http.MethodGet {
			names = append(names, http.MethodHead)
		}
	}
	slices.Sort(names)
	return strings.Join(names, ", ")
}

// refuse answers with an error. What is not there is remembered briefly by
// the cache tiers, so that asking again and again does not reach this far.
func (m *Media) refuse(w http.ResponseWriter, r *http.Request, err error) {
	h := w.Header()
	for _, name := range []string{"Cache-Control", "CDN-Cache-Control", "Surrogate-Key", "Vary", "Content-Type"} {
		h.Del(name)
	}
	if _, ok := uploadApp(r.URL.Path); ok {
		h.Set("Vary", "Origin")
	}
	switch world.CodeOf(err) {
	case world.CodeUnsigned:
		h.Set("WWW-Authenticate", "Bearer") // RFC 9110 §15.5.2 demands one
	case world.CodeNotFound:
		if !strings.HasPrefix(r.URL.Path, world.InternalPrefix) && !errors.Is(err, errHidden) {
			w = briefly{w}
		}
	}
	httpserver.WriteError(w, r, m.log, err)
}

// briefly lets shared caches keep an answer that is an error.
type briefly struct{ http.ResponseWriter }

func (b briefly) WriteHeader(status int) {
	b.Header().Set("Cache-Control", "public, s-maxage=5")
	b.ResponseWriter.WriteHeader(status)
}

func (m *Media) knownApp(app string) error {
	if !slices.Contains(m.cfg.Apps, app) {
		return world.E(world.CodeNotFound, "media.app", "There is no app of this name here; see the apps setting.")
	}
	return nil
}

// originalKey is where an original lies in the object store.
func originalKey(sha256 string) string {
	return originals + sha256[:2] + "/" + sha256[2:4] + "/" + sha256
}
