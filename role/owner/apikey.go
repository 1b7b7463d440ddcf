package owner

import (
	"cmp"
	"strconv"

	"meridian/world"
)

// Keyed carries the key that makes a request sent twice one.
type Keyed struct {
	Key string `header:"Idempotency-Key" required:"true" minLength:"8" maxLength:"128" pattern:"^[!-~]+$" doc:"the same again does nothing more; make a new one for each thing that is done"`
}

// What operations say that take no key: why the same sent again does no harm.
const (
	againHarmless = "Sent again it changes nothing more."
	againTaken    = "Sent again it is a conflict, and nothing is made twice: the name that it gives is taken."
	againGone     = "Sent again it is not found any more, and nothing is done."
	againTold     = "Sent again it may have the receiver told once more, by the same `webhook-id`."
)

// apiKey keeps the API's keys apart from those of pages.
func (k Keyed) apiKey() string { return "api/" + k.Key }

// Numbered asks for one page of a list that goes by ids.
type Numbered struct {
	After string `query:"after" maxLength:"19" doc:"goes on where a page ended: its next"`
	Limit int    `query:"limit" minimum:"1" maximum:"100" doc:"most entries; if it is missing, as many as a page of the owners' has"`
}

// page is where a page begins and how many entries it has.
func (o *Owner) page(in Numbered) (before int64, limit int, err error) {
	before, err = placeOf(in.After)
	return before, cmp.Or(in.Limit, min(o.cfg.PageSize, world.MaxList)), err
}

// cut takes a page of what may be one more, and names the next.
func cut[T any](all []T, limit int, id func(T) int64) (page []T, next string) {
	if len(all) <= limit {
		return all, ""
	}
	return all[:limit], strconv.FormatInt(id(all[limit-1]), 10)
}
