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
	zone   string
	keys   keyring.Ring
	limits PhotoLimits
	now    func() time.Time
}

// NewPhotos makes the client for a region of a zone. keys are those of upload grants: each photo is
// sent under one that is good for it alone. Errors: invalid.
func NewPhotos(media http.RoundTripper, app, zone string, keys []keyring.Key, l PhotoLimits, now func() time.Time) (*Photos, error) {
	ring, err := keyring.New(uploadgrant.Purpose, keys)
	return &Photos{media: caller{transport: media, host: "media"}, app: app, zone: zone, keys: ring, limits: l, now: now}, world.Wrap("wire.photos", err)
}

// Keep stores a photo and returns its media id, once it is durable. Errors:
// too_large (bytes or pixels), unsupported, unprocessed for one that is
// damaged, busy, and whatever the way to media does.
func (p *Photos) Keep(ctx context.Context, photo []byte) (mediaID string, err error) {
	const op = "wire.keep_photo"
	ctx, cancel := context.WithTimeout(ctx, p.limits.Wait)
	defer cancel()
	token, err := p.grant()
	if err != nil {
		return "", world.Wrap(op, err)
	}
	r, err := p.media.request(ctx, http.MethodPut, "/media/"+p.app, url.Values{}, bytes.NewReader(photo))
	if err != nil {
		return "", world.Wrap(op, err)
	}
	r.Header.Set("Authorization", uploadgrant.Authorization(token))
	r.Header.Set("Content-Type", "application/octet-stream") // media believes the bytes alone
	res, err := p.media.send(r, http.StatusCreated)
	if err != nil {
		return "", world.Wrap(op, err)
	}
	defer res.Body.Close()
	var made struct {
		MediaID string `json:"media_id"`
	}
	err = json.NewDecoder(http.MaxBytesReader(nil, res.Body, maxProblem)).Decode(&made)
	if err == nil {
		err = imagegrid.CheckMediaID(made.MediaID)
	}
	if err != nil {
		return "", world.Wrap(op, badAnswer(err))
	}
	return made.MediaID, nil
}

func (p *Photos) grant() (string, error) {
	var id [16]byte
	if _, err := rand.Read(id[:]); err != nil {
		return "", err
	}
	return uploadgrant.Grant{
		ID: fmt.Sprintf("%x", id), App: p.app, Method: uploadgrant.Plain, Expires: p.now().Add(p.limits.Wait).UTC().Truncate(time.Second).Add(time.Second),
		MaxBytes: p.limits.Bytes, Types: photoTypes, Visibility: world.Private, Zone: p.zone,
	}.Token(p.keys)
}
