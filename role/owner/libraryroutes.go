package owner

import (
	"net/http"

	"meridian/engine/imagegrid"
	"meridian/world"
)

const picturesPath = ordersPath + "pictures"

func picturePath(id string) string { return picturesPath + "/" + id }

// libraryRoutes are the pages of the media library and what their forms do.
func (o *Owner) libraryRoutes(on func(pattern string, m methods)) {
	get := func(path string, show handler) { on(path, methods{http.MethodGet: o.signedIn(show)}) }
	post := func(path string, do handler) { on(path, methods{http.MethodPost: o.signedIn(do)}) }
	on(picturesPath, methods{http.MethodGet: o.signedIn(o.showPictures), http.MethodPost: o.signedIn(o.upload)})
	post(picturesPath+"/grants", o.form(o.giveGrant))
	get(picturesPath+"/queue", o.showQueue)
	on(workPath, methods{http.MethodGet: o.signedIn(o.showWork), http.MethodPost: o.signedIn(o.form(o.retryWork))})
	get(picturesPath+"/{id}", o.showPicture)
	get(picturesPath+"/{id}/preview", o.showPreview)
	post(picturesPath+"/{id}/focus", o.form(o.setFocus))
	post(picturesPath+"/{id}/edit", o.form(o.editPicture))
	post(picturesPath+"/{id}/replace", o.replacePicture)
	post(picturesPath+"/{id}/rollback", o.form(o.rollBack))
	post(picturesPath+"/{id}/moderation", o.form(o.moderate))
	on(picturesPath+"/{id}/delete", methods{http.MethodGet: o.signedIn(o.askToDelete), http.MethodPost: o.signedIn(o.form(o.deletePicture))})
}

// asset is the picture that a path names: the app's, and not a private one, which
// belongs to a customer's order and not to the library.
func (o *Owner) asset(v *visit) (world.Manifest, error) {
	const op = "owner.asset"
	missing := world.E(world.CodeNotFound, op, "There is no such picture, or it was deleted.")
	id := v.r.PathValue("id")
	if imagegrid.CheckMediaID(id) != nil {
		return world.Manifest{}, missing
	}
	ctx, cancel := o.mediaWait(v)
	defer cancel()
	m, err := o.library.asset(ctx, id)
	switch {
	case world.Is(err, world.CodeNotFound), err == nil && !inLibrary(m):
		return world.Manifest{}, missing
	case err != nil:
		return world.Manifest{}, world.Wrap(op, err)
	}
	return m, nil
}

// inLibrary reports whether owners see a picture in their library.
func inLibrary(m world.Manifest) bool {
	return m.Audience != world.Private && m.Visibility != world.Private && m.DeletedAt.IsZero() && len(m.Versions) > 0
}
