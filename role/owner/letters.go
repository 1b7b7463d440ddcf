package owner

import (
	"net/http"
	"strconv"

	"meridian/world"
)

const lettersPath = ordersPath + "letters"

// mailWords are what the pages call letters to buyers.
var mailWords = map[world.MailKind]string{
	world.MailPlaced: "Order received", world.MailPaymentFailed: "Payment failed", world.MailReady: "Ready",
	world.MailCancelled: "Cancelled", world.MailRefunded: "Refunded",
}

type letterList struct {
	Rows          []letterRow
	First         bool
	Newest, Older string
}

type letterRow struct {
	ID                         int64
	What, Number, URL, Failure string
	Owed, Since                moment
	Attempts                   int
}

func (o *Owner) listLetters(v *visit) error {
	before, err := placeOf(v.r.Form.Get("before"))
	if err != nil {
		return err
	}
	parked, err := o.deps.Letters.ParkedMails(v.r.Context(), v.at.market.ID, before, o.cfg.PageSize+1)
	if err != nil {
		return world.Wrap("owner.letters", err)
	}
	body := letterList{First: before == 0, Newest: lettersPath}
	if len(parked) > o.cfg.PageSize {
		parked = parked[:o.cfg.PageSize]
		body.Older = lettersPath + "?before=" + strconv.FormatInt(parked[len(parked)-1].ID, 10)
	}
	for _, m := range parked {
		body.Rows = append(body.Rows, letterRow{ID: m.ID, What: mailWords[m.Kind], Number: m.Number, URL: ordersPath + "orders/" + m.OrderID, Failure: m.Failure,
			Owed: v.at.moment(m.At), Since: v.at.moment(m.Since), Attempts: m.Attempts})
	}
	return o.render(v, http.StatusOK, "letters", page{Title: "Letters that were given up", Section: "orders", Body: body})
}

func (o *Owner) retryLetter(v *visit) error {
	id, err := strconv.ParseInt(v.r.PostForm.Get("letter"), 10, 64)
	if err != nil {
		return world.E(world.CodeInvalid, "owner.letters", "The form names no letter. Open the list again.")
	}
	if err := o.deps.Letters.RetryMail(v.r.Context(), v.at.market.ID, id); err != nil {
		return world.Wrap("owner.letters", err)
	}
	o.owes(v)
	seeOther(v, lettersPath)
	return nil
}
