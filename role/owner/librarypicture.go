package owner

import (
	"fmt"
	"html"
	"math"
	"net/http"
	"strconv"
	"strings"

	"meridian/engine/imagegrid"
	"meridian/world"
)

// largeWidth is the width of the picture on its own page where a browser does
// not choose by itself, of the grid.
const largeWidth = 960

// pictureBody is one picture: how it looks, where it lies, what can be done.
type pictureBody struct {
	ID, URL, Name string
	State         state
	Shown         large
	Facts         []fact
	Link, Snippet string // the picture's address, and HTML that shows it; "" while nobody may see it
	Focus         focus
	Crop          crop
	Versions      []versionRow
	Copies        []copyRow
	Work          workBox
	Moderation    moderationBox
	Most          string
	Version       int  // the current one
	CanCrop       bool // not an animation, which would lose its frames
}

// large is a version as its own page shows it.
type large struct {
	Src, Srcset   string
	Width, Height int // of the version
	Ground        ground
}

type fact struct{ Name, Text string }

type versionRow struct {
	Number  int
	What    string
	Size    string
	At      moment
	Now     bool
	State   state
	CanShow bool // it can be shown again
	Src     string
	Width   int // of Src
	Height  int
}

// copyRow is what a region holds of the current version's original.
type copyRow struct {
	Region, Zone string
	Write        bool // it took the picture in
	State        state
	Since        moment
	Verified     moment // zero when it never was
	Error        string
}

// focus is the focal point as it is shown and typed: percent of the width from
// the left, of the height from above.
type focus struct {
	X, Y   string
	CX, CY float64 // in the version's pixels
	R      float64
	Set    bool
}

// showPicture is a picture's own page.
func (o *Owner) showPicture(v *visit) error {
	m, err := o.asset(v)
	if err != nil {
		return err
	}
	return o.picturePage(v, http.StatusOK, m, typedCrop(v.r.URL.Query()), doneNotice(v.r.URL.Query().Get("done"), m))
}

// picturePage shows a picture with the edit that was typed.
func (o *Owner) picturePage(v *visit, status int, m world.Manifest, typed cropTyped, n notice) error {
	now := m.CurrentVersion()
	body := pictureBody{
		ID: m.MediaID, URL: picturePath(m.MediaID), Name: m.Name, State: stateOf(m), Shown: o.large(m, now), Version: now.Number,
		Facts: factsOf(v, m, now), Focus: focusOf(now), Copies: o.copies(v, m), Work: o.workOn(v, m), Versions: o.versions(v, m),
		Most: sizeText(o.cfg.UploadBytes), CanCrop: now.Frames <= 1, Moderation: o.moderationOf(v, m),
	}
	body.Crop = cropOf(now, body.Shown.Src, typed)
	if showable(m) {
		body.Link, body.Snippet = o.snippet(v, m, now)
	}
	return o.render(v, status, "picture", page{Title: m.Name, Section: "pictures", Notice: n, Body: body})
}

func previewPath(id string, version int) string {
	return picturePath(id) + "/preview?version=" + strconv.Itoa(version)
}

// large is a version at the sizes that a browser may choose from; what outsiders
// may not see comes by its owner's right.
func (o *Owner) large(m world.Manifest, n world.Version) large {
	l := large{Src: previewPath(m.MediaID, n.Number), Width: n.Width, Height: n.Height, Ground: groundOf(n)}
	if showable(m) && n.Moderation != world.ModerationPending && n.Moderation != world.ModerationWithheld {
		l.Src, l.Srcset = o.sources(m, n)
	}
	return l
}

func (o *Owner) sources(m world.Manifest, n world.Version) (src, srcset string) {
	r := imagegrid.Request{App: o.cfg.App, MediaID: m.MediaID, Version: n.Number, Format: imagegrid.Auto}
	srcset = o.served.Grid.Srcset(r, imagegrid.Natural, n.Width, n.Height)
	r.Width = largeWidth
	return o.served.Nearest(r).String(), srcset
}

func factsOf(v *visit, m world.Manifest, n world.Version) []fact {
	facts := []fact{
		{"Size", pixels(n) + " pixels"},
		{"File", typeText(n.MediaType) + ", " + sizeText(n.Bytes)},
		{"Added", v.at.moment(m.CreatedAt).Text},
		{"Taken in by", m.WriteRegion},
		{"Id", m.MediaID},
	}
	if n.Frames > 1 {
		facts = append(facts, fact{"Frames", strconv.Itoa(n.Frames)})
	}
	return facts
}

// snippet is a picture's address, and HTML that shows it at whatever width.
func (o *Owner) snippet(v *visit, m world.Manifest, n world.Version) (link, code string) {
	origin := o.cfg.PublicScheme + "://" + v.r.Host
	_, srcset := o.sources(m, n)
	srcset = origin + strings.ReplaceAll(srcset, ", ", ",\n    "+origin)
	link = origin + o.variant(world.Picture{MediaID: m.MediaID, Version: n.Number}, linkWidth, 0)
	code = fmt.Sprintf("<img src=\"%s\"\n  srcset=\"%s\"\n  sizes=\"100vw\" width=\"%d\" height=\"%d\" alt=\"%s\" loading=\"lazy\">", link, srcset, n.Width, n.Height, html.EscapeString(m.Name))
	return link, code
}

// copies are the regions in the world's order, with what each holds.
func (o *Owner) copies(v *visit, m world.Manifest) []copyRow {
	var out []copyRow
	for _, r := range o.deps.World.Regions {
		row := copyRow{Region: r.ID, Zone: r.Zone, Write: r.ID == m.WriteRegion, State: state{"", "Not kept here"}}
		for _, c := range m.Replicas {
			if c.Region == r.ID {
				row.State, row.Since, row.Error = copyText(c.State, !c.VerifiedAt.IsZero()), v.at.moment(c.At), c.Error
				if !c.VerifiedAt.IsZero() {
					row.Verified = v.at.moment(c.VerifiedAt)
				}
			}
		}
		out = append(out, row)
	}
	return out
}

// versions are a picture's, newest first.
func (o *Owner) versions(v *visit, m world.Manifest) []versionRow {
	var out []versionRow
	for i := len(m.Versions) - 1; i >= 0; i-- {
		n := m.Versions[i]
		now := n.Number == m.CurrentVersion().Number
		row := versionRow{Number: n.Number, What: editText(n), Size: pixels(n), At: v.at.moment(n.CreatedAt), Now: now, State: decidedText(n.Moderation)}
		seen := n.Moderation != world.ModerationPending && n.Moderation != world.ModerationWithheld
		row.CanShow = !now && seen
		row.Width, row.Height, _ = imagegrid.OutputSize(n.Width, n.Height, thumbWidth, 0)
		if row.Src = previewPath(m.MediaID, n.Number); seen && showable(m) {
			row.Src = o.variant(world.Picture{MediaID: m.MediaID, Version: n.Number}, thumbWidth, 0)
		}
		out = append(out, row)
	}
	return out
}

// focusOf is a version's focal point; the middle when none is set.
func focusOf(n world.Version) focus {
	at := world.Point{X: 0.5, Y: 0.5}
	if n.Focal != nil {
		at = *n.Focal
	}
	w, h := float64(n.Width), float64(n.Height)
	return focus{X: percent(at.X), Y: percent(at.Y), CX: round(at.X * w), CY: round(at.Y * h), R: round(math.Max(w, h) * 0.022), Set: n.Focal != nil}
}

func round(f float64) float64 { return math.Round(f*10) / 10 }

// percent is a share of 0 to 1 as it is typed, to a tenth.
func percent(share float64) string { return strconv.FormatFloat(round(share*100), 'f', -1, 64) }
