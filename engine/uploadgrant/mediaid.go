package uploadgrant

import (
	"meridian/engine/keyring"
	"meridian/world"
)

// IDPurpose is what the keys of grants sign media ids for.
const IDPurpose = "upload id"

// Key names the upload of a grant.
func Key(grantID string) string { return "grant " + grantID }

// MediaIDs are the media ids that a region of that number gives to an upload of an
// app, by the upload's key: the first now, the others while other keys of the ring
// signed. So whoever makes a grant knows before anything is sent which asset it
// will be, and the same upload is the same asset.
func MediaIDs(ids keyring.Ring, region int, app, key string) []string {
	var out []string
	for _, sum := range ids.All(app, key) {
		out = append(out, world.NewMediaID(region, [world.MediaIDLength - 1]byte(sum)))
	}
	return out
}
