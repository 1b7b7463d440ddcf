package media

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"meridian/engine/imagegrid"
	"meridian/world"
)

// Deps are the parts that a media role is given.
type Deps struct {
	World     *world.World
	Manifests Manifests
	Upkeep    Upkeep
	Objects   Objects // of what may be anywhere
	Resident  Objects // of private pictures: a store that nothing outside the zone can reach
	Tus       ServeTus
	Pictures  Pictures
	Beside    Pictures // the same for work that nobody waits for: it gives way
	Peers     Peers
	Way       func(region string) http.RoundTripper // to another region's shield; nil for one without a link
	Judges    Judges                                // asked in the hook mode; else nil
	Health    func() world.HealthView               // what the monitors say; nil: everything is healthy
	Now       func() time.Time
	Random    io.Reader // of cryptographic quality: a media id is hard to guess
	Log       *slog.Logger
	Metrics   prometheus.Registerer // nil: nothing is reported
}

// ServeTus answers a request by tus 1.0: for the upload of that id, or with ""
// for a new one, whose address is base and its id. When it fails it has answered
// nothing.
type ServeTus func(w http.ResponseWriter, r *http.Request, base, id string, u Resumable) error

// Manifests keeps what is known of assets: those made here in the region's
// own catalog, the others' in its replicas.
type Manifests interface {
	// Create stores an asset with its replicas and a replicate job for each
	// that is not copied, all or nothing. It returns the manifest as stored
	// and a position from which on a replica knows it; the zero position when
	// that could not be told. conflict when the media id is taken.
	Create(ctx context.Context, m world.Manifest) (world.Manifest, world.Position, error)
	// Confirm waits until what is known of an asset of this region is durable, also
	// on the database's standby: it can be seen a moment before.
	Confirm(ctx context.Context, mediaID string) error
	// Manifest is what this region knows of an asset, any app's when app is "";
	// not_found when it has not heard of it.
	Manifest(ctx context.Context, app, mediaID string) (world.Manifest, error)
	// WaitFor waits, at most for limit, until this region knows of an asset what
	// the positions name; true when it does.
	WaitFor(ctx context.Context, mediaID string, positions []world.Position, limit time.Duration) (bool, error)
	// Change lets apply change an asset of this region, one change after the
	// other: what it makes of the manifest and what it asks for beside are done
	// together or not at all. misdirected for another region's asset; apply's
	// error is handed through.
	Change(ctx context.Context, app, mediaID string, apply func(*world.Manifest) (world.AssetChange, error)) (world.Manifest, world.Position, error)
	// Deletion is the receipt of an asset's deletion; not_found for one that is
	// not deleted.
	Deletion(ctx context.Context, app, mediaID string) (world.Deletion, error)
	// List is an app's assets, newest first, at most limit, without those that
	// the filter leaves out. missing names regions that could not be read.
	List(ctx context.Context, app string, f world.AssetFilter, limit int) (page []world.Manifest, missing []string, err error)
	// MarkReplica records how far a copy of an original has come; a copy that
	// is copied stays so. not_found when there is no such replica.
	MarkReplica(ctx context.Context, sha256 string, r world.Replica) error
	// Uncopied calls each with the region's replicas that are not copied, by
	// target and state: how many, and since when the oldest.
	Uncopied(ctx context.Context, each func(region string, state world.ReplicaState, count int, oldest time.Time)) error
}

// PictureInfo is what a picture's header says.
type PictureInfo struct {
	MediaType     string // by its magic bytes
	Width, Height int    // pixels, upright
	Frames        int    // 1 for a still
}

// PictureLimits bound what a picture may declare.
type PictureLimits struct {
	MaxBytes, MaxPixels int64
	MaxFrames           int
}

// Examined is what there is to know of a picture before it is taken.
type Examined struct {
	PictureInfo
	Placeholder
	// End is how the work on it ended, for the metrics: answered, or why no answer
	// came. It is set whatever the error is.
	End string
}

// Placeholder stands for a picture until it is there.
type Placeholder struct {
	Color     string // average, "#rrggbb"
	Thumbhash string // ThumbHash in base 64
}

// PictureSpec is a variant to make of a picture.
type PictureSpec struct {
	Format        imagegrid.Format // never auto
	Width, Height int              // as a URL says them
	Fit           imagegrid.Fit
	Focus         imagegrid.Focus
	Thorough      bool // nobody waits: fewer bytes for more work
	Copyright     bool // the source's copyright notice is kept
}

// Picture is a variant that was made.
type Picture struct {
	Data []byte
	// Larger marks an AVIF that is no smaller than another format of the same
	// size in the same call: it is better not used.
	Larger bool
}

// Pictures reads and makes pictures. A picture that is not taken, or damaged,
// is unsupported, too_large or unprocessed; never internal.
type Pictures interface {
	// Examine decodes all of a picture that nobody has decoded before, where it can
	// harm nothing. The others are given only what this has let through.
	Examine(ctx context.Context, data []byte, limits PictureLimits) (Examined, error)
	// Draw draws an SVG, where it can harm nothing, as a PNG whose longer side is side
	// pixels, whatever the drawing says of itself. What is not harmless is left out
	// of it. end is as that of Examined.
	Draw(ctx context.Context, svg []byte, side int, limits PictureLimits) (png []byte, end string, err error)
	// Edit cuts and turns a picture, at full size and as good as can be kept.
	Edit(ctx context.Context, data []byte, e world.Edit) ([]byte, error)
	// Variants makes several with one decode, in the order of specs.
	Variants(ctx context.Context, data []byte, specs []PictureSpec) ([]Picture, error)
	// Mezzanine is a smaller picture of high quality from which those variants
	// can be cut that imagegrid.FromMezzanine names; false for an original that
	// needs none.
	Mezzanine(ctx context.Context, original []byte) (data []byte, ok bool, err error)
	// FromMezzanine is Variants from the mezzanine of an original of width ×
	// height pixels, upright.
	FromMezzanine(ctx context.Context, mezzanine []byte, width, height int, specs []PictureSpec) ([]Picture, error)
}

// Peers is the media role of the other regions.
type Peers interface {
	// PushOriginal gives a region an original of size bytes, durable there on return:
	// what body gives from the byte from on, behind what has arrived there before;
	// fromWhole sends it in one piece. mediaID names a private asset, whose original
	// goes to a region of the same zone; it is "" for a public one.
	PushOriginal(ctx context.Context, region, mediaID, sha256 string, body io.Reader, from, size int64) error
	// Arrived is how much of an original has come to a region in parts, and whether
	// it holds all of it, verified.
	Arrived(ctx context.Context, region, mediaID, sha256 string) (bytes int64, held bool, err error)
	// Resend has a region that holds an original give it to the region of a
	// placing, which is durable there on return.
	Resend(ctx context.Context, region string, p world.Placing) error
	// Order has a region do something that an operator has asked for, by its path
	// behind /-/media/, and gives its answer.
	Order(ctx context.Context, region, path string, query url.Values) ([]byte, error)
	// VerifyOriginal has a region read its copy of a public original: nil when it
	// is good, not_found without one, unprocessed when it is damaged.
	VerifyOriginal(ctx context.Context, region, sha256 string) error
	// Checked tells a write region what was found of the copies of its originals
	// that the region holder has.
	Checked(ctx context.Context, region, holder string, checks []world.CopyCheck) error
	// Original fetches an original that a region holds.
	Original(ctx context.Context, region, app, mediaID string, version int) ([]byte, error)
	// Variant reads a variant, by its path and for a private one its query, through
	// a region's shield. The tag is its entity tag, as the region tells it.
	Variant(ctx context.Context, region, path string) (body []byte, tag string, err error)
	// Manifest asks what a region itself knows of an asset, any app's when app
	// is "".
	Manifest(ctx context.Context, region, app, mediaID string) (world.Manifest, error)
}

// Job asks for an original to be copied to a region.
type Job struct {
	SHA256  string // of the original
	App     string // of an asset that it belongs to
	MediaID string
	Version int
	Target  string // the region that shall hold the copy
	Attempt int    // from 1
	Last    bool   // nobody tries again by itself
}
