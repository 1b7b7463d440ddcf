package owner

import (
	"context"
	"fmt"
	"net/http"
	"net/url"

	"meridian/engine/imagegrid"
	"meridian/engine/signedurl"
	"meridian/world"
)

const picturesPath = ordersPath + "pictures"

// Widths of pictures on the pages, in pixels, of the grid.
const (
	thumbWidth = 160
	linkWidth  = 640 // of the address that is there to be copied

	photoWidth = 1920 // of a customer's photo as it is printed
)

// thumb is a small picture; without Src there is none.
type thumb struct {
	Src           string
	Width, Height int // of Src, so that its place is kept
}

func (o *Owner) variant(p world.Picture, width int) string {
	return imagegrid.Request{App: o.cfg.App, MediaID: p.MediaID, Version: p.Version, Format: imagegrid.Auto, Width: width}.String()
}

func (o *Owner) thumbOf(p world.Picture) thumb {
	if p.MediaID == "" {
		return thumb{}
	}
	t := thumb{Src: o.variant(p, thumbWidth)}
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
		path := imagegrid.Request{Private: true, App: o.cfg.App, MediaID: mediaID, Version: 1, Format: imagegrid.Auto, Width: width, Height: height}.String()
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
	Pictures      []picture
	Older, Newest string
	First         bool
	Wrong         string
}

type picture struct {
	ID, Name, URL, Size string
	Thumb               thumb
	At                  moment
}

// pictures are the newest pictures, or those behind the place that the visit
// names; path is the page that they are shown on. That media is away leaves
// the rest of the page as it is.
func (o *Owner) pictures(v *visit, path string) pictureList {
	before := v.r.URL.Query().Get("before")
	ctx, cancel := context.WithTimeout(v.r.Context(), o.cfg.MediaWait)
	defer cancel()
	page, err := o.library.list(ctx, before, o.cfg.PageSize)
	out := pictureList{First: before == "", Newest: path}
	if err != nil {
		o.logFailure(v, err)
		out.Wrong = "The pictures cannot be shown just now: " + messageOf(err)
		return out
	}
	if page.Next != "" {
		out.Older = path + "?before=" + url.QueryEscape(page.Next)
	}
	if len(page.Missing) > 0 {
		out.Wrong = "Some pictures are missing from this list: a part of the system did not answer. Try again shortly."
	}
	for _, m := range page.Assets {
		if showable(m) {
			out.Pictures = append(out.Pictures, o.picture(v, m))
		}
	}
	return out
}

func (o *Owner) picture(v *visit, m world.Manifest) picture {
	n := m.CurrentVersion()
	p := world.Picture{MediaID: m.MediaID, Version: n.Number, Width: n.Width, Height: n.Height}
	return picture{
		ID: m.MediaID, Name: m.Name, Size: fmt.Sprintf("%d × %d", n.Width, n.Height), Thumb: o.thumbOf(p), At: v.at.moment(m.CreatedAt),
		URL: o.cfg.PublicScheme + "://" + v.r.Host + o.variant(p, linkWidth),
	}
}

// picturesBody is the page of pictures.
type picturesBody struct {
	List  pictureList
	Wrong string // with what was sent
	Most  string // the largest picture that is taken
}

func (o *Owner) showPictures(v *visit) error {
	return o.picturesPage(v, http.StatusOK, "")
}

func (o *Owner) picturesPage(v *visit, status int, wrong string) error {
	pg := page{Title: "Pictures", Section: "pictures"}
	body := picturesBody{List: o.pictures(v, picturesPath), Wrong: wrong, Most: sizeText(o.cfg.UploadBytes)}
	added := v.r.URL.Query().Get("added")
	for _, p := range body.List.Pictures {
		if p.ID == added {
			pg.Notice = notice{Kind: "good", Title: "Taken in: " + p.Name, Text: "It is on its way to every region. Open a product to use it."}
		}
	}
	pg.Body = body
	return o.render(v, status, "pictures", pg)
}

// sizeText is a size for people.
func sizeText(bytes int64) string {
	switch {
	case bytes >= 1<<20:
		return fmt.Sprintf("%d MB", bytes>>20)
	case bytes >= 1<<10:
		return fmt.Sprintf("%d KB", bytes>>10)
	}
	return fmt.Sprintf("%d bytes", bytes)
}
