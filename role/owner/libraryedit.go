package owner

import (
	"context"
	"fmt"
	"math"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"meridian/world"
)

// doneNotice says what was done, if the picture still is as that has made it.
func doneNotice(done string, m world.Manifest) notice {
	what, version, _ := strings.Cut(done, ".")
	if version != strconv.Itoa(m.CurrentVersion().Number) {
		return notice{}
	}
	good := func(title, text string) notice { return notice{Kind: "good", Title: title, Text: text} }
	switch what {
	case "focus":
		return good("The focal point is saved", "Pictures that are cut to a shape keep it in view from now on.")
	case "edit":
		return good("Saved as version "+version, "The one before is kept: you can go back to it below.")
	case "replace":
		return good("Replaced: version "+version, "The one before is kept: you can go back to it below.")
	case "rollback":
		return good("Version "+version+" is shown again", "Products show it as soon as it is chosen for them.")
	case "moderation":
		return good("Decided", "Every cache is told at once.")
	case "retry":
		return good("It is tried again", "What comes of it is told here.")
	}
	return notice{}
}

// changeAsset carries out what changes the picture of the visit, and shows its
// page again: with what was done, or with why not and what was typed.
func (o *Owner) changeAsset(v *visit, done string, typed cropTyped, change func(ctx context.Context, m world.Manifest) (world.Manifest, error)) error {
	m, err := o.asset(v)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(v.r.Context(), o.cfg.UploadWait)
	defer cancel()
	to, err := change(ctx, m)
	if err != nil {
		o.logFailure(v, err)
		n := notice{Kind: "bad", Title: "Nothing was changed", Text: messageOf(err)}
		return o.picturePage(v, world.CodeOf(err).Status(), m, typed, n)
	}
	seeOther(v, fmt.Sprintf("%s?done=%s.%d", picturePath(m.MediaID), done, to.CurrentVersion().Number))
	return nil
}

// setFocus gives a picture its focal point, in a version of its own.
func (o *Owner) setFocus(v *visit) error {
	return o.changeAsset(v, "focus", cropTyped{}, func(ctx context.Context, m world.Manifest) (world.Manifest, error) {
		at, err := typedPoint(v.r.PostForm)
		if err != nil {
			return m, err
		}
		return o.library.edit(ctx, m.MediaID, versionWanted{From: m.CurrentVersion().Number, Focal: &at})
	})
}

// typedPoint reads a point as it is typed, in percent.
func typedPoint(form url.Values) (world.Point, error) {
	var at world.Point
	for name, to := range map[string]*float64{"x": &at.X, "y": &at.Y} {
		f, err := strconv.ParseFloat(strings.Replace(strings.TrimSpace(form.Get(name)), ",", ".", 1), 64)
		if err != nil || math.IsNaN(f) || f < 0 || f > 100 {
			return at, world.E(world.CodeInvalid, "owner.focus", "Type the focal point as two numbers from 0 to 100: percent from the left, and percent from above.")
		}
		*to = f / 100
	}
	return at, nil
}

// editPicture crops and turns a picture, in a version of its own.
func (o *Owner) editPicture(v *visit) error {
	typed := typedCrop(v.r.PostForm)
	return o.changeAsset(v, "edit", typed, func(ctx context.Context, m world.Manifest) (world.Manifest, error) {
		want, err := typed.read(m.CurrentVersion())
		if err != nil {
			return m, err
		}
		want.From = m.CurrentVersion().Number
		return o.library.edit(ctx, m.MediaID, want)
	})
}

// rollBack shows another version of a picture.
func (o *Owner) rollBack(v *visit) error {
	return o.changeAsset(v, "rollback", cropTyped{}, func(ctx context.Context, m world.Manifest) (world.Manifest, error) {
		n, err := strconv.Atoi(v.r.PostForm.Get("version"))
		if err != nil {
			return m, world.E(world.CodeInvalid, "owner.rollback", "Choose one of the versions.")
		}
		return o.library.rollback(ctx, m.MediaID, n)
	})
}

// replacePicture makes a picture's next version of the file that is sent.
func (o *Owner) replacePicture(v *visit) error {
	return o.changeAsset(v, "replace", cropTyped{}, func(ctx context.Context, m world.Manifest) (world.Manifest, error) {
		files, err := o.files(v)
		if err != nil {
			return m, err
		}
		part, err := files.next()
		if err != nil {
			return m, err
		}
		return part.deliver(func() (world.Manifest, error) { return o.library.replace(ctx, m.MediaID, part.from) })
	})
}

// showPreview shows a version that outsiders may not see to the owner.
func (o *Owner) showPreview(v *visit) error {
	m, err := o.asset(v)
	if err != nil {
		return err
	}
	n := m.CurrentVersion().Number
	if s := v.r.URL.Query().Get("version"); s != "" {
		if n, err = strconv.Atoi(s); err != nil {
			return world.E(world.CodeInvalid, "owner.preview", "")
		}
	}
	ctx, cancel := o.mediaWait(v)
	defer cancel()
	return o.library.previewTo(ctx, v.w, m.MediaID, n)
}

// askToDelete shows what would be deleted.
func (o *Owner) askToDelete(v *visit) error {
	m, err := o.asset(v)
	if err != nil {
		return err
	}
	return o.render(v, http.StatusOK, "remove", page{Title: "Delete " + m.Name, Section: "pictures", Body: o.tile(v, m)})
}

// deletePicture deletes a picture everywhere, by the name of who is signed in.
func (o *Owner) deletePicture(v *visit) error {
	m, err := o.asset(v)
	if err != nil {
		return err
	}
	ctx, cancel := o.mediaWait(v)
	defer cancel()
	if err := o.library.remove(ctx, m.MediaID, byName(v.email)); err != nil {
		return world.Wrap("owner.delete", err)
	}
	seeOther(v, picturesPath+"?done=deleted")
	return nil
}

// byName is an owner as media's records name one: an e-mail address may be longer
// than they take.
func byName(email string) string {
	if len(email) <= world.MaxModeratedBy {
		return email
	}
	return strings.ToValidUTF8(email[:world.MaxModeratedBy], "") // the cut may lie within a character
}
