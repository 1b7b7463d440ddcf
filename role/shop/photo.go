package shop

import (
	"bytes"
	"context"
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"meridian/engine/imagegrid"
	"meridian/engine/signedurl"
	"meridian/platform/httpserver"
	"meridian/world"
)

// A product may be made with a photo of its buyer's. It is a private asset in
// the market's zone: only pages of the browser that gave it, and the owner's
// page of the order, have addresses by which it is shown, for a while.

// photoField is the field of a form that holds a photo.
const photoField = "photo"

// Limits of a form with a photo, beside the photo itself.
const (
	maxFormFields = 8
	maxFormField  = 256 // bytes of one field
)

// isMultipart reports whether a request's form may bring a file.
func isMultipart(r *http.Request) bool {
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	return err == nil && kind == "multipart/form-data"
}

// readPhoto reads a form that may bring a photo; its other fields become the
// request's. Without one the photo is empty. Only so many are held at once.
func (s *Shop) readPhoto(w http.ResponseWriter, r *http.Request) (photo []byte, err error) {
	const op = "shop.photo"
	if !isMultipart(r) {
		return nil, nil
	}
	if !s.photos.TryAcquire(1) {
		return nil, world.E(world.CodeBusy, op, "")
	}
	defer s.photos.Release(1)
	r.Body = http.MaxBytesReader(w, r.Body, s.cfg.MaxPhoto+s.cfg.MaxForm)
	form, err := r.MultipartReader()
	if err != nil {
		return nil, world.Because(world.CodeInvalid, op, "", err)
	}
	for range maxFormFields {
		part, err := form.NextPart()
		if errors.Is(err, io.EOF) {
			return photo, nil
		}
		if err != nil {
			return nil, formError(err)
		}
		most := int64(maxFormField)
		if part.FormName() == photoField {
			most = s.cfg.MaxPhoto
		}
		var held bytes.Buffer
		switch n, err := held.ReadFrom(io.LimitReader(part, most+1)); {
		case err != nil:
			return nil, formError(err)
		case n > most:
			return nil, world.E(world.CodeTooLarge, op, "")
		case part.FormName() == photoField:
			photo = held.Bytes()
		default:
			r.PostForm.Set(part.FormName(), held.String())
		}
	}
	return nil, world.E(world.CodeTooLarge, op, "")
}

// photoFault is the text for a photo that was not taken; "" for what is not the
// visitor's to mend.
func (s *Shop) photoFault(at *site, p world.Product, err error) string {
	key := map[world.Code]string{
		world.CodeNotFound: "photo.missing",
		world.CodeTooLarge: "photo.too_large", world.CodeUnsupported: "photo.unsupported",
		world.CodeUnprocessed: "photo.broken", world.CodeInvalid: "photo.broken", world.CodeBusy: "photo.busy",
	}[world.CodeOf(err)]
	if key == "" {
		return ""
	}
	return at.texts.Text(key, "Max", s.photoMegabytes(), "Name", p.Name)
}

func (s *Shop) photoMegabytes() int64 { return s.cfg.MaxPhoto >> 20 }

// photoHint says what a photo may be.
func (s *Shop) photoHint(at *site) string {
	return at.texts.Text("photo.hint", "Max", s.photoMegabytes())
}

// photoError is why a photo was not taken, which is not why a product was not.
type photoError struct{ err error }

func (e *photoError) Error() string { return e.err.Error() }
func (e *photoError) Unwrap() error { return e.err }

// keepPhoto has media keep the photo for a product. It is noted before it is
// sent: whatever becomes of the upload and the cart, it is not kept for ever.
func (s *Shop) keepPhoto(ctx context.Context, photo []byte) (mediaID string, err error) {
	if len(photo) == 0 {
		return "", &photoError{world.E(world.CodeNotFound, "shop.photo", "")}
	}
	mediaID, err = s.deps.Photos.Keep(ctx, photo, func(id string) error { return s.deps.Orders.NotePhoto(ctx, id) })
	if err != nil {
		return "", &photoError{world.Wrap("shop.photo", err)}
	}
	return mediaID, nil
}

// changePhoto gives a product in the cart another photo.
func (s *Shop) changePhoto(r *http.Request, at *site, slug string, photo []byte) error {
	id := s.cartID(r)
	if id == "" {
		return nil // there is nothing to change: the empty cart says so
	}
	lines, err := s.deps.Orders.Cart(r.Context(), id, at.market.ID)
	if err != nil {
		return world.Wrap("shop.photo", err)
	}
	if !slices.ContainsFunc(lines, func(l world.CartLine) bool { return l.SKU == slug }) {
		return nil // nobody keeps photos here for other things
	}
	media, err := s.keepPhoto(r.Context(), photo)
	if err != nil {
		return err
	}
	return world.Wrap("shop.photo", s.deps.Orders.SetPhoto(r.Context(), id, at.market.ID, slug, media))
}

// photoRefused shows where the photo was chosen, with what was wrong with it.
func (s *Shop) photoRefused(w http.ResponseWriter, r *http.Request, at *site, slug string, err error) error {
	if !slugForm.MatchString(slug) {
		return err
	}
	p, readErr := s.triedProduct(r, at, slug)
	if world.Is(readErr, world.CodeNotFound) {
		return err
	}
	if readErr != nil {
		return readErr
	}
	text := s.photoFault(at, p, err)
	if text == "" {
		return err
	}
	httpserver.LogError(r.Context(), s.deps.Log, r, err)
	if r.PostForm.Get("action") == "photo" {
		return s.cartPage(w, r, at, cartView{id: s.cartID(r), status: http.StatusUnprocessableEntity, notices: []notice{{ID: wrongID, Kind: "bad", Text: text}}})
	}
	return s.productWrong(w, r, at, p, tried{Status: http.StatusUnprocessableEntity, At: photoField, Wrong: text})
}

// Where photos stand on the pages.
const (
	photoSizes = "12rem"
	photoWidth = 320
)

// photoShot is a buyer's photo for a product, by addresses that hold for a while.
func (s *Shop) photoShot(at *site, mediaID, name string) (shot, error) {
	out := shot{Alt: at.texts.Text("photo.yours", "Name", name), Class: "photo"}
	if mediaID == "" {
		return shot{}, nil
	}
	req := imagegrid.Request{Private: true, App: s.world.App, MediaID: mediaID, Version: 1, Format: imagegrid.Auto, Width: photoWidth, Height: photoWidth}
	var srcset []string
	for _, width := range []int{photoWidth, 2 * photoWidth} {
		req = s.served.Nearest(req.WithSize(imagegrid.Size{Width: width, Height: width}))
		query, err := s.private.Sign(req.String(), signedurl.Until(s.deps.Now(), s.cfg.PhotoLife))
		if err != nil {
			return shot{}, world.Wrap("shop.photo", err)
		}
		address := req.String() + "?" + query
		if width == photoWidth {
			out.Src = address
		}
		srcset = append(srcset, address+" "+strconv.Itoa(width)+"w")
	}
	out.Srcset, out.Sizes, out.Width, out.Height = strings.Join(srcset, ", "), photoSizes, photoWidth, photoWidth
	return out, nil
}

// photoShots are the photos of some lines.
func (s *Shop) photoShots(at *site, lines []world.OrderLine) (out []shot, err error) {
	for _, l := range lines {
		p, err := s.photoShot(at, l.Photo, l.Name)
		if err != nil {
			return nil, err
		}
		if p.Src != "" {
			out = append(out, p)
		}
	}
	return out, nil
}

// photos are the cart's, as order lines.
func (b basket) photos() (out []world.OrderLine) {
	for _, l := range b.lines {
		if !l.gone() {
			out = append(out, world.OrderLine{SKU: l.SKU, Name: l.product.Label(), Photo: l.madeWith()})
		}
	}
	return out
}

// withPhotos puts the cart's photos to the lines that are ordered.
func (b basket) withPhotos(lines []world.OrderLine) []world.OrderLine {
	for i := range lines {
		for _, l := range b.lines {
			if l.SKU == lines[i].SKU {
				lines[i].Photo = l.madeWith()
			}
		}
	}
	return lines
}

// emptyForm is what a form's fields are put into as they are read.
func emptyForm(r *http.Request) { r.Form, r.PostForm = url.Values{}, url.Values{} }
