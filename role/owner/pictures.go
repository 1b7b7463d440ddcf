package owner

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"meridian/engine/imagegrid"
	"meridian/engine/signedurl"
	"meridian/world"
)

// Sizes of pictures on the pages, in pixels, of the grid.
const (
	thumbWidth = 160
	tileWidth  = 320
	tileHeight = 240
	linkWidth  = 640 // of the address that is there to be copied

	photoWidth = 1920 // of a customer's photo as it is printed
)

// thumb is a small picture; without Src there is none.
type thumb struct {
	Src           string
	Width, Height int // of Src, so that its place is kept
}

func (o *Owner) variant(p world.Picture, width, height int) string {
	return o.served.Nearest(imagegrid.Request{App: o.cfg.App, MediaID: p.MediaID, Version: p.Version, Format: imagegrid.Auto, Width: width, Height: height}).String()
}

func (o *Owner) thumbOf(p world.Picture) thumb {
	if p.MediaID == "" {
		return thumb{}
	}
	t := thumb{Src: o.variant(p, thumbWidth, 0)}
	t.Width, t.Height, _ = imagegrid.OutputSize(p.Width, p.Height, thumbWidth, 0)
	return t
}

// photoOf shows a customer's photo: a private asset, by an address that holds
// for a while, to be opened in full too.
func (o *Owner) photoOf(mediaID string) (t thumb, full string, err error) {
	if mediaID == "" {
		return thumb{}, "", nil
	}
	signed := func(width, height int) (string, error) {
		path := o.served.Nearest(imagegrid.Request{Private: true, App: o.cfg.App, MediaID: mediaID, Version: 1, Format: imagegrid.Auto, Width: width, Height: height}).String()
		query, err := o.private.Sign(path, signedurl.Until(o.deps.Now(), o.cfg.PhotoLife))
		return path + "?" + query, err
	}
	t = thumb{Width: thumbWidth, Height: thumbWidth}
	if t.Src, err = signed(thumbWidth, thumbWidth); err != nil {
		return thumb{}, "", world.Wrap("owner.photo", err)
	}
	full, err = signed(photoWidth, 0)
	return t, full, world.Wrap("owner.photo", err)
}

// pictureList is a page of the library, or why it cannot be shown.
type pictureList struct {
	Pictures      []tile
	Older, Newest string
	First         bool
	Wrong         string
}

// tile is a picture among others.
type tile struct {
	ID, URL, Name string
	Thumb         thumb
	Src, Srcset   string // 4 : 3
	Ground        ground
	Size          string
	At            moment
	State         state
}

// mediaWait bounds a question to media.
func (o *Owner) mediaWait(v *visit) (context.Context, context.CancelFunc) {
	return context.WithTimeout(v.r.Context(), o.cfg.MediaWait)
}

// pictures are a page of the library, those that take lets through; path is the
// page that they are shown on. That media is away leaves the rest of the page as
// it is.
func (o *Owner) pictures(v *visit, path string, f filter, take func(world.Manifest) bool) pictureList {
	f.Before = v.r.URL.Query().Get("before")
	out := pictureList{First: f.Before == "", Newest: listPath(path, f, "")}
	ctx, cancel := o.mediaWait(v)
	defer cancel()
	page, err := o.library.list(ctx, f, o.cfg.PageSize)
	if err != nil {
		o.logFailure(v, err)
		out.Wrong = "The pictures cannot be shown just now: " + messageOf(err)
		return out
	}
	if page.Next != "" {
		out.Older = listPath(path, f, page.Next)
	}
	if len(page.Missing) > 0 {
		out.Wrong = "Some pictures are missing from this list: a part of the system did not answer. Try again shortly."
	}
	for _, m := range page.Assets {
		if take(m) {
			out.Pictures = append(out.Pictures, o.tile(v, m))
		}
	}
	return out
}

// listPath is the address of a page of a list.
func listPath(path string, f filter, before string) string {
	q := url.Values{}
	if f.Name != "" {
		q.Set("name", f.Name)
	}
	if before != "" {
		q.Set("before", before)
	}
	if len(q) == 0 {
		return path
	}
	return path + "?" + q.Encode()
}

func (o *Owner) tile(v *visit, m world.Manifest) tile {
	n := m.CurrentVersion()
	p := world.Picture{MediaID: m.MediaID, Version: n.Number, Width: n.Width, Height: n.Height}
	t := tile{ID: m.MediaID, URL: picturePath(m.MediaID), Name: m.Name, Ground: groundOf(n), Size: pixels(n), At: v.at.moment(m.CreatedAt), State: stateOf(m)}
	if showable(m) {
		t.Thumb = o.thumbOf(p)
		t.Src = o.variant(p, tileWidth, tileHeight)
		t.Srcset = t.Src + " 1x, " + o.variant(p, 2*tileWidth, 2*tileHeight) + " 2x"
		return t
	}
	t.Src = previewPath(m.MediaID, n.Number)
	return t
}

// picturesBody is the page of pictures.
type picturesBody struct {
	List        pictureList
	Name        string // that is searched for
	Wrong       string // with what was sent
	Most        string // the largest picture that is taken
	MostBytes   int64
	Uploads     string // where resumable uploads begin
	Width       int    // of a tile
	Height      int
	Grants, Own string // where the right to upload is given; this page
	Waiting     string // how many wait for approval; "" for none
	Failed      string // how many pieces of work have failed
}

// todo counts what somebody should look at. What cannot be counted is left out:
// its own page says why.
func (o *Owner) todo(v *visit, b *picturesBody) {
	ctx, cancel := o.mediaWait(v)
	defer cancel()
	if page, err := o.library.list(ctx, filter{State: world.ModerationPending}, o.cfg.PageSize); err == nil {
		n := len(slices.DeleteFunc(page.Assets, func(m world.Manifest) bool { return !inLibrary(m) }))
		b.Waiting = countText(n, page.Next != "")
	}
	if work, err := o.library.jobs(ctx, world.JobFailed, o.cfg.PageSize); err == nil {
		b.Failed = countText(len(work.Jobs), len(work.Jobs) == o.cfg.PageSize)
	}
}

func (o *Owner) showPictures(v *visit) error {
	return o.picturesPage(v, http.StatusOK, "")
}

func (o *Owner) picturesPage(v *visit, status int, wrong string) error {
	pg := page{Title: "Pictures", Section: "pictures"}
	name := strings.TrimSpace(v.r.URL.Query().Get("name"))
	body := picturesBody{
		List: o.pictures(v, picturesPath, filter{Name: name}, inLibrary), Name: name,
		Wrong: wrong, Most: sizeText(o.cfg.UploadBytes), MostBytes: o.cfg.UploadBytes, Uploads: "/media/" + o.cfg.App + "/tus/",
		Width: tileWidth, Height: tileHeight, Grants: picturesPath + "/grants", Own: picturesPath,
	}
	if body.List.Wrong == "" {
		o.todo(v, &body)
	}
	switch query := v.r.URL.Query(); {
	case query.Get("done") == "deleted":
		pg.Notice = notice{Kind: "good", Title: "Deleted", Text: "It is shown no more, and its bytes are being removed in every region."}
	case query.Get("added") != "":
		pg.Notice = addedNotice(body.List.Pictures, strings.Split(query.Get("added"), "."))
	}
	pg.Body = body
	return o.render(v, status, "pictures", pg)
}

// addedNotice tells of pictures that are there: an old or made-up address tells
// nothing.
func addedNotice(list []tile, added []string) notice {
	var names []string
	for _, t := range list {
		for _, id := range added {
			if t.ID == id {
				names = append(names, t.Name)
			}
		}
	}
	if len(names) == 0 {
		return notice{}
	}
	return notice{Kind: "good", Title: "Taken in: " + strings.Join(names, ", "), Text: "On the way to every region. Open a product to use it."}
}
