package api

import "time"

// Offer is what a promotion is, as it is sent and kept.
type Offer struct {
	_           struct{}          `additionalProperties:"false"`
	Labels      map[string]string `json:"labels" doc:"what buyers read, by locale; one in the market's first language is needed" example:"{\"de-DE\":\"Advent: 10 % auf Stollen\"}"`
	Kind        string            `json:"kind" enum:"percent,amount,buy_x_get_y" doc:"a share of the lines that it is about, a sum off them together, or the cheapest pieces for free"`
	Percent     string            `json:"percent,omitempty" maxLength:"12" doc:"of percent: above 0, at most 100" example:"10"`
	AmountMinor int64             `json:"amount_minor,omitempty" minimum:"0" doc:"of amount: in minor units of the market's currency"`
	Buy         int               `json:"buy,omitempty" minimum:"0" maximum:"99" doc:"of buy_x_get_y: pieces that are paid for"`
	Get         int               `json:"get,omitempty" minimum:"0" maximum:"99" doc:"and pieces that are free with them"`
	Code        string            `json:"code,omitempty" maxLength:"40" doc:"what a buyer types for it; without one it applies of itself" example:"ADVENT"`
	SKUs        []string          `json:"skus" nullable:"false" maxItems:"500" doc:"what it is about; with no SKU and no category, everything"`
	Categories  []string          `json:"categories" nullable:"false" maxItems:"500"`
	MinMinor    int64             `json:"min_minor,omitempty" minimum:"0" doc:"the least that what it is about comes to, before any discount"`
	From        *time.Time        `json:"from,omitempty" doc:"its first moment; always, if it is missing"`
	Until       *time.Time        `json:"until,omitempty" doc:"the first moment after it; never, if it is missing"`
	Exclusive   bool              `json:"exclusive,omitempty" doc:"never beside another"`
	Rank        int               `json:"rank,omitempty" minimum:"0" maximum:"1000000" doc:"of those that go together the highest comes first"`
	MaxUses     int               `json:"max_uses,omitempty" minimum:"0" maximum:"1000000" doc:"orders that may have it; 0 for any number"`
	MaxPerBuyer int               `json:"max_per_buyer,omitempty" minimum:"0" maximum:"1000000" doc:"and orders of one buyer"`
}

// Promotion is a promotion as it is kept.
type Promotion struct {
	Promotion string `json:"promotion" doc:"names it in its market for ever" example:"advent"`
	Version   int64  `json:"version" doc:"counts its changes" example:"1"`
	State     string `json:"state" enum:"to_come,in_force,ended" example:"in_force"`
	Used      int    `json:"used" doc:"orders that have it; without a limit counted up to 10,000" example:"12"`
	Terms     Offer  `json:"terms"`
}

// PromotionList is one page of a market's promotions.
type PromotionList struct {
	Promotions []Promotion `json:"promotions" nullable:"false" doc:"those that end last first"`
	Next       string      `json:"next,omitempty" doc:"send it as after for the next page; none on the last"`
}

// Week is when a market hands goods over.
type Week struct {
	_      struct{}    `additionalProperties:"false"`
	Slots  []WeekSlot  `json:"slots" nullable:"false" maxItems:"700"`
	Closed []ClosedDay `json:"closed" nullable:"false" maxItems:"400" doc:"days that are out of the table"`
}

// WeekSlot is a window of every week, on the market's clocks.
type WeekSlot struct {
	_        struct{} `additionalProperties:"false"`
	Kind     string   `json:"kind" enum:"pickup,delivery"`
	Weekday  int      `json:"weekday" minimum:"0" maximum:"6" doc:"0 is Sunday" example:"1"`
	Start    string   `json:"start" pattern:"^[0-9]{2}:[0-9]{2}$" example:"09:00"`
	End      string   `json:"end" pattern:"^[0-9]{2}:[0-9]{2}$" doc:"24:00 for the day's end" example:"10:00"`
	Capacity int      `json:"capacity" minimum:"1" maximum:"10000" doc:"orders that it takes" example:"4"`
	Cutoff   int      `json:"cutoff" minimum:"0" maximum:"86400" doc:"minutes before its start until which orders are taken" example:"90"`
}

// ClosedDay is a day on which nothing is handed over.
type ClosedDay struct {
	_    struct{} `additionalProperties:"false"`
	Day  string   `json:"day" format:"date" maxLength:"10" example:"2026-12-25"`
	Kind string   `json:"kind,omitempty" enum:"pickup,delivery" doc:"the one way that is closed; all, if it is missing"`
}

// Bookings are the slots of the next days.
type Bookings struct {
	Slots []Booking `json:"slots" nullable:"false" doc:"of today and the six days after, also those that cannot be chosen any more"`
}

// Booking is a slot of a day.
type Booking struct {
	ID       string    `json:"id" example:"pickup-2026-11-23-0900"`
	Start    time.Time `json:"start"`
	End      time.Time `json:"end"`
	Capacity int       `json:"capacity" example:"4"`
	Booked   int       `json:"booked" doc:"orders that it has" example:"3"`
}
