package owner

import (
	"context"
	"fmt"
	"net/http"

	"meridian/world"
)

const queuePath = picturesPath + "/queue"

// moderationBox is what was decided about a picture, and the form to decide.
type moderationBox struct {
	URL       string
	State     world.ModerationState
	By, Why   string
	At        moment
	MayDecide bool
	From      string // the page that the form is on, by its name: "queue" or "picture"
	MaxReason int
}

func (o *Owner) moderationOf(v *visit, m world.Manifest) moderationBox {
	d := m.Moderation
	return moderationBox{
		URL: picturePath(m.MediaID) + "/moderation", State: d.State, By: d.By, Why: d.Reason, At: v.at.moment(d.At),
		MayDecide: o.cfg.ModerationToken != "", From: "picture", MaxReason: world.MaxModeratedWhy,
	}
}

// queueBody are the pictures that wait for a decision.
type queueBody struct {
	Waiting   []waiting
	List      pictureList
	MayDecide bool
}

type waiting struct {
	Tile tile
	Box  moderationBox
}

// showQueue shows what waits for somebody to decide.
func (o *Owner) showQueue(v *visit) error {
	body := queueBody{MayDecide: o.cfg.ModerationToken != ""}
	body.List = o.pictures(v, queuePath, filter{State: world.ModerationPending}, func(m world.Manifest) bool {
		if !inLibrary(m) {
			return false
		}
		box := o.moderationOf(v, m)
		box.From = "queue"
		body.Waiting = append(body.Waiting, waiting{o.tile(v, m), box})
		return true
	})
	pg := page{Title: "Waiting for approval", Section: "pictures", Body: body}
	switch v.r.URL.Query().Get("done") {
	case "approved":
		pg.Notice = notice{Kind: "good", Title: "Approved", Text: "It can be seen everywhere now."}
	case "withheld":
		pg.Notice = notice{Kind: "good", Title: "Withheld", Text: "Nobody outside can see it, from any cache."}
	}
	return o.render(v, http.StatusOK, "queue", pg)
}

// moderate takes an owner's decision about a picture.
func (o *Owner) moderate(v *visit) error {
	const op = "owner.moderate"
	form := v.r.PostForm
	d := decision{State: world.ModerationState(form.Get("state")), By: byName(v.email), Reason: form.Get("reason")}
	decide := func(ctx context.Context, m world.Manifest) (world.Manifest, error) {
		switch {
		case o.cfg.ModerationToken == "":
			return m, world.E(world.CodeForbidden, op, "Who may decide is set by whoever runs this system, and it has not been given to these pages.")
		case d.State != world.ModerationApproved && d.State != world.ModerationWithheld:
			return m, world.E(world.CodeInvalid, op, "Approve it or withhold it.")
		case d.State == world.ModerationWithheld && d.Reason == "":
			return m, world.E(world.CodeInvalid, op, "Write why it is withheld: others will ask.")
		case len(d.Reason) > world.MaxModeratedWhy:
			return m, world.E(world.CodeInvalid, op, fmt.Sprintf("Write the reason in at most %d bytes.", world.MaxModeratedWhy))
		}
		return o.library.moderate(ctx, m.MediaID, d)
	}
	if form.Get("from") != "queue" {
		return o.changeAsset(v, "moderation", cropTyped{}, decide)
	}
	m, err := o.asset(v)
	if err != nil {
		return err
	}
	ctx, cancel := o.mediaWait(v)
	defer cancel()
	if _, err := decide(ctx, m); err != nil {
		return world.Wrap(op, err)
	}
	seeOther(v, queuePath+"?done="+string(d.State))
	return nil
}
