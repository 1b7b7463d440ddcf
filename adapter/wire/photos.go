package wire

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"meridian/engine/imagegrid"
	"meridian/engine/keyring"
	"meridian/engine/uploadgrant"
	"meridian/world"
)

// PhotoLimits bound what becomes of a visitor's photo.
type PhotoLimits struct {
	Bytes int64         // most bytes of a photo
	Wait  time.Duration // longest time until media has it
}

// photoTypes are the pictures that a visitor's photo may be.
var photoTypes = []string{"image/jpeg", "image/png", "image/webp"}

// Photos hands visitors' photos to the media role of the region, as private
// assets: resident to its zone.
type Photos struct {
	media  caller
	app    string
	region world.Region
	keys   keyring.Ring // of grants
	ids    keyring.Ring // of media ids
	limits PhotoLimits
	now    func() time.Time
}

// NewPhotos makes the client for a region. keys are those of upload grants, as
// media has them: each photo is sent, and deleted, under a grant that is good for
// it alone. Errors: invalid.
func NewPhotos(media http.RoundTripper, app string, region world.Region, keys []keyring.Key, l PhotoLimits, now func() time.Time) (*Photos, error) {
	const op = "wire.photos"
	grants, err := keyring.New(uploadgrant.Purpose, keys)
	if err != nil {
		return nil, world.Wrap(op, err)
	}
	ids, err := keyring.New(uploadgrant.IDPurpose, keys)
	return &Photos{media: caller{transport: media, host: "media"}, app: app, region: region, keys: grants, ids: ids, limits: l, now: now}, world.Wrap(op, err)
}

// Delete has a photo deleted and returns the receipt's id: from then on nobody is
// shown it, and its bytes go from every region of the zone. A photo that is
// deleted already has the same receipt. not_found for one that nobody has put in.
func (p *Photos) Delete(ctx context.Context, mediaID string) (receipt string, err error) {
	const op = "wire.delete_photo"
	ctx, cancel := context.WithTimeout(ctx, p.limits.Wait)
	defer cancel()
	r, err := p.media.request(ctx, http.MethodDelete, "/media/"+p.app+"/"+mediaID, url.Values{"by": {"shop"}}, nil)
	if err != nil {
		return "", world.Wrap(op, err)
	}
	var said world.Deletion
	err = p.ask(r, uploadgrant.Grant{ID: mediaID, Method: uploadgrant.Remove, MaxBytes: 1}, http.StatusAccepted, &said)
	if err == nil {
		err = checkID(said.Receipt)
	}
	if err != nil {
		return "", world.Wrap(op, err)
	}
	return said.Receipt, nil
}

// checkID refuses what is no id of media's making.
func checkID(id string) error {
	if err := imagegrid.CheckMediaID(id); err != nil {
		return badAnswer(err)
	}
	return nil
}

// ask sends a request under a grant that is good for it alone, and reads the
// answer of that status.
func (p *Photos) ask(r *http.Request, g uploadgrant.Grant, status int, answer any) error {
	g.App, g.Visibility, g.Zone = p.app, world.Private, p.region.Zone
	g.Expires = p.now().Add(p.limits.Wait).UTC().Truncate(time.Second).Add(time.Second)
	token, err := g.Token(p.keys)
	if err != nil {
		return err
	}
	r.Header.Set("Authorization", uploadgrant.Authorization(token))
	res, err := p.media.send(r, status)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if err := json.NewDecoder(http.MaxBytesReader(nil, res.Body, maxProblem)).Decode(answer); err != nil {
		return badAnswer(err)
	}
	return nil
}

// Keep stores a photo and returns its media id, once it is durable. note is told
// that id before anything is sent, whatever becomes of the photo then; its error
// ends the upload. Errors: too_large (bytes or pixels), unsupported, unprocessed
// for one that is damaged, busy, and whatever the way to media does.
func (p *Photos) Keep(ctx context.Context, photo []byte, note func(mediaID string) error) (mediaID string, err error) {
	const op = "wire.keep_photo"
	ctx, cancel := context.WithTimeout(ctx, p.limits.Wait)
	defer cancel()
	var random [16]byte
	if _, err := rand.Read(random[:]); err != nil {
		return "", world.Wrap(op, err)
	}
	grant := fmt.Sprintf("%x", random)
	expected := uploadgrant.MediaIDs(p.ids, p.region.Number, p.app, uploadgrant.Key(grant))[0]
	if err := note(expected); err != nil {
		return "", world.Wrap(op, err)
	}
	r, err := p.media.request(ctx, http.MethodPut, "/media/"+p.app, url.Values{}, bytes.NewReader(photo))
	if err != nil {
		return "", world.Wrap(op, err)
	}
	r.Header.Set("Content-Type", "application/octet-stream") // media believes the bytes alone
	var made struct {
		MediaID string `json:"media_id"`
	}
	err = p.ask(r, uploadgrant.Grant{ID: grant, Method: uploadgrant.Plain, MaxBytes: p.limits.Bytes, Types: photoTypes}, http.StatusCreated, &made)
	if err == nil {
		err = checkID(made.MediaID)
	}
	if err == nil && made.MediaID != expected { // the keys are being changed, there before here
		err = note(made.MediaID)
	}
	if err != nil {
		return "", world.Wrap(op, err)
	}
	return made.MediaID, nil
}
