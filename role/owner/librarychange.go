package owner

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strconv"

	"meridian/platform/httpserver"
	"meridian/world"
)

const mediaJSON = "application/json"

// maxPreview is the most bytes of a preview.
const maxPreview = 4 << 20

// asset is all that is known of a picture, from the region where it is kept.
// not_found when the app has none of that id, or it was deleted.
func (l library) asset(ctx context.Context, id string) (world.Manifest, error) {
	var m world.Manifest
	err := l.ask(ctx, question{rest: "/" + id}, &m)
	return m, err
}

// put takes a picture in.
func (l library) put(ctx context.Context, name string, body io.Reader) (world.Manifest, error) {
	return l.deliver(ctx, question{method: http.MethodPut, rest: "?name=" + url.QueryEscape(name)}, body)
}

// replace makes a picture's next version of other bytes.
func (l library) replace(ctx context.Context, id string, body io.Reader) (world.Manifest, error) {
	q := question{method: http.MethodPost, rest: "/" + id + "/versions", contentType: "application/octet-stream"}
	return l.deliver(ctx, q, body)
}

// changed is media's answer to what changes a picture.
type changed struct {
	Manifest world.Manifest `json:"manifest"`
}

// deliver puts a question with a picture as its content, which is read here, not
// behind the transport's back: when deliver returns nobody reads it any more,
// also when media has answered before the end of it.
func (l library) deliver(ctx context.Context, q question, body io.Reader) (world.Manifest, error) {
	var answer changed
	from, to := io.Pipe()
	done := make(chan error, 1)
	q.body = from
	go func() {
		err := l.ask(ctx, q, &answer)
		from.CloseWithError(io.ErrClosedPipe)
		done <- err
	}()
	_, err := io.Copy(to, body)
	to.CloseWithError(err) // nil ends it well
	err = <-done
	return answer.Manifest, err
}

// versionWanted is what a picture's next version shall be.
type versionWanted struct {
	From   int          `json:"from,omitempty"` // the version to make it of
	Crop   *world.Crop  `json:"crop,omitempty"`
	Rotate int          `json:"rotate,omitempty"` // quarter turns clockwise
	Focal  *world.Point `json:"focal,omitempty"`
}

// edit makes a picture's next version.
func (l library) edit(ctx context.Context, id string, want versionWanted) (world.Manifest, error) {
	return l.change(ctx, id, "versions", l.token, want)
}

// rollback shows another version of a picture.
func (l library) rollback(ctx context.Context, id string, version int) (world.Manifest, error) {
	return l.change(ctx, id, "rollback", l.token, map[string]int{"version": version})
}

// decision is what a person decides about a picture; Version 0 is all of it.
type decision struct {
	State   world.ModerationState `json:"state"`
	Version int                   `json:"version,omitempty"`
	By      string                `json:"by"`
	Reason  string                `json:"reason,omitempty"`
}

// moderate takes a person's decision, by the token of those who may decide.
func (l library) moderate(ctx context.Context, id string, d decision) (world.Manifest, error) {
	return l.change(ctx, id, "moderation", l.judge, d)
}

func (l library) change(ctx context.Context, id, what, token string, want any) (world.Manifest, error) {
	var answer changed
	body, err := json.Marshal(want)
	if err != nil {
		return world.Manifest{}, world.Wrap("owner.media", err)
	}
	q := question{method: http.MethodPost, rest: "/" + id + "/" + what, contentType: mediaJSON, body: bytes.NewReader(body), token: token}
	err = l.ask(ctx, q, &answer)
	return answer.Manifest, err
}

// remove deletes a picture everywhere.
func (l library) remove(ctx context.Context, id, by string) error {
	var receipt struct{}
	return l.ask(ctx, question{method: http.MethodDelete, rest: "/" + id + "?by=" + url.QueryEscape(by)}, &receipt)
}

// granted is the right to send one picture, to be shown to media.
type granted struct {
	Authorization string `json:"authorization"`
}

// grant is the right to send one resumable upload of at most most bytes.
func (l library) grant(ctx context.Context, most int64) (granted, error) {
	var g granted
	body, err := json.Marshal(map[string]any{"method": "resumable", "max_bytes": most})
	if err != nil {
		return g, world.Wrap("owner.media", err)
	}
	err = l.ask(ctx, question{method: http.MethodPost, rest: "/grants", contentType: mediaJSON, body: bytes.NewReader(body)}, &g)
	return g, err
}

// previewTo answers with a version that outsiders may not be shown: a JPEG.
func (l library) previewTo(ctx context.Context, w http.ResponseWriter, id string, version int) error {
	const op = "owner.preview"
	res, err := l.send(ctx, question{rest: "/" + id + "/preview?version=" + strconv.Itoa(version)})
	if err != nil {
		return err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(io.LimitReader(res.Body, maxPreview))
	if err != nil {
		return httpserver.UpstreamError(op, err)
	}
	if res.StatusCode != http.StatusOK {
		return refusal(op, httpserver.ReadProblem(res.StatusCode, body))
	}
	w.Header().Set("Content-Type", "image/jpeg")
	_, _ = w.Write(body) // the owner has gone: nobody to tell
	return nil
}
