package api

import "time"

// Slot is a window for handing goods over.
type Slot struct {
	ID     string    `json:"id" doc:"names the slot in a quote" example:"pickup-2026-11-23-0900"`
	Start  time.Time `json:"start" doc:"with the market's offset from UTC" example:"2026-11-23T09:00:00+01:00"`
	End    time.Time `json:"end" example:"2026-11-23T10:00:00+01:00"`
	Closes time.Time `json:"closes" doc:"until when it can be chosen, by a cart without a product that takes longer" example:"2026-11-23T07:00:00+01:00"`
}

// SlotList has the slots of one way to get an order.
type SlotList struct {
	Slots []Slot `json:"slots" nullable:"false" doc:"in order; empty where the market has none, and orders are for no set time. Whether there is room left a quote says"`
}
