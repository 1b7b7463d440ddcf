package media

import (
	"context"
	"io"
	"net/http"
	"strconv"

	"meridian/world"
)

// A large original that another region sends is kept in parts while it arrives,
// as uploads are, so that a copy which was cut goes on from what has arrived. It
// becomes the original only when all of it has the SHA-256 that names it. A part
// is an object of its own: stores that cannot append to one do it alike.

// fromWhole is the place to go on from of an original that is sent in one piece.
const fromWhole = -1

// copyStage is the name of an original's parts among the stages. No upload has
// one of this length.
func copyStage(sha256 string) string { return "copy-" + sha256 }

// arrived is how far an original has come.
type arrived struct {
	Bytes int64 `json:"bytes"` // durable here, from the first
	Held  bool  `json:"held"`  // all of it is, and verified
}

// arrival is where a request's original belongs, and how large it may be.
type arrival struct {
	store Objects
	sha   string
	most  int64
}

// arrivalOf finds out about an original that another region sends or asks for.
// misdirected for a private one of another zone.
func (m *Media) arrivalOf(r *http.Request) (arrival, error) {
	const op = "media.receive"
	a := arrival{m.objects, r.PathValue("sha256"), m.cfg.Limits.MaxBytes}
	if id := r.PathValue("id"); id != "" {
		if !m.resides(id) {
			return a, world.E(world.CodeMisdirected, op, "This original is resident in another zone and must not come here.")
		}
		a.store, a.most = m.resident, m.cfg.Limits.MaxBytes+saltBytes
	}
	if !world.ValidSHA256(a.sha) {
		return a, world.E(world.CodeInvalid, op, "An original is named by the 64 lower-case hexadecimal digits of its SHA-256.")
	}
	return a, nil
}

// showArrived tells another region how much of an original is here.
func (m *Media) showArrived(w http.ResponseWriter, r *http.Request) error {
	const op = "media.arrived"
	a, err := m.arrivalOf(r)
	if err != nil {
		return err
	}
	var is arrived
	err = a.store.Verify(r.Context(), originalKey(a.sha))
	if is.Held = err == nil; !is.Held && !world.Is(err, world.CodeNotFound) && !world.Is(err, world.CodeUnprocessed) {
		return world.Wrap(op, err)
	}
	is.Bytes, _, err = a.store.Staged(r.Context(), copyStage(a.sha))
	if err != nil && !world.Is(err, world.CodeNotFound) {
		return world.Wrap(op, err)
	}
	return writeJSON(w, http.StatusOK, is)
}

// receive takes an original from another region, or the rest of one: 204 once it
// is durable and verified.
func (m *Media) receive(w http.ResponseWriter, r *http.Request) error {
	const op = "media.receive"
	a, err := m.arrivalOf(r)
	if err != nil {
		return err
	}
	from, size, err := restOf(r)
	switch {
	case err != nil:
		return err
	case size > a.most || r.ContentLength > a.most:
		return tooLarge(a.most)
	case from == fromWhole && r.ContentLength == 0:
		return world.E(world.CodeInvalid, op, "The request has no body; send the original's bytes as they are.")
	}
	if !m.receives.TryAcquire(1) {
		return world.E(world.CodeBusy, op, "Too many originals arrive at once; send it again in a moment.")
	}
	defer m.receives.Release(1)
	body := m.heard(w, r.Body)
	if from == fromWhole {
		var n int64
		n, err = a.store.PutFrom(r.Context(), originalKey(a.sha), body, a.most)
		m.metrics.bytes.WithLabelValues("received").Add(float64(n))
	} else {
		err = m.receiveRest(r.Context(), a, body, from, size)
	}
	if err != nil {
		return world.Wrap(op, m.bodyError(err))
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// restOf is from which byte on a request sends an original of how many: fromWhole
// for one that says nothing of it.
func restOf(r *http.Request) (from, size int64, err error) {
	q := r.URL.Query()
	if !q.Has("from") {
		return fromWhole, 0, nil
	}
	from, err = strconv.ParseInt(q.Get("from"), 10, 64)
	if err == nil {
		size, err = strconv.ParseInt(q.Get("size"), 10, 64)
	}
	if err != nil || from < 0 || size < max(from, 1) {
		return 0, 0, world.E(world.CodeInvalid, "media.receive", "from and size are the byte to go on from and the bytes of the whole.")
	}
	return from, size, nil
}

// receiveRest keeps what comes of an original, whatever becomes of the rest, and
// makes the original of it when that was all.
func (m *Media) receiveRest(ctx context.Context, a arrival, body io.Reader, from, size int64) error {
	id := copyStage(a.sha)
	n, err := a.store.Append(ctx, id, from, body, size)
	m.metrics.bytes.WithLabelValues("received").Add(float64(n))
	if err != nil {
		return err
	}
	if from+n < size {
		return world.E(world.CodeInvalid, "media.receive", "The original ended early; send the rest.")
	}
	whole, _, err := a.store.ReadStaged(ctx, id)
	if err != nil {
		return err
	}
	_, err = a.store.PutFrom(ctx, originalKey(a.sha), whole, a.most)
	if closeErr := whole.Close(); err == nil {
		err = closeErr
	}
	if err != nil && !world.Is(err, world.CodeUnprocessed) {
		return err
	}
	// Bytes that are not the original's are of no use to who goes on.
	if dropErr := a.store.DropStaged(context.WithoutCancel(ctx), id); dropErr != nil {
		m.log.WarnContext(ctx, "an original that has arrived is still kept in parts too", "sha256", a.sha, "err", dropErr) // until it is swept
	}
	return err
}

// heard is a body whose sender may be silent for so long, and may take so long in
// all: one that is cut off must not keep others waiting.
func (m *Media) heard(w http.ResponseWriter, body io.Reader) io.Reader {
	c := http.NewResponseController(w)
	end := m.now().Add(m.cfg.Limits.Upload)
	return heard{body, func() {
		next := m.now().Add(m.cfg.Limits.Silence)
		if end.Before(next) {
			next = end
		}
		_ = c.SetReadDeadline(next) // a server that cannot has its own limit on a whole request
	}}
}

type heard struct {
	body   io.Reader
	extend func()
}

func (h heard) Read(p []byte) (int, error) {
	h.extend()
	return h.body.Read(p)
}
