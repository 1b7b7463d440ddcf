package api

// NewCart is a cart that was just made, with what opens it.
type NewCart struct {
	Cart
	Token string `json:"token" doc:"opens the cart and the orders that are placed from it: shown this once, sent as Authorization: Bearer. A secret of the buyer's; it belongs in no URL and no log" example:"a2b3c4d5e6f7g2h3i4j5k6l7m2"`
}

// Cart is what a buyer has chosen. What it costs, a quote says.
type Cart struct {
	ID    string     `json:"id" doc:"names the cart; opens nothing" example:"q7r2s3t4u5v6w7x2"`
	Lines []CartLine `json:"lines" nullable:"false" doc:"in the order in which they were put there"`
}

// CartLine is how many of a SKU there are.
type CartLine struct {
	SKU      string `json:"sku" example:"schwarzwaelder-kirschtorte"`
	Quantity int    `json:"quantity" minimum:"1" example:"2"`
	Photo    bool   `json:"photo" doc:"whether a photo of the buyer's goes with it"`
}

// LineChange is how many of a SKU there shall be.
type LineChange struct {
	_        struct{} `additionalProperties:"false"`
	Quantity int      `json:"quantity" minimum:"1" maximum:"99" doc:"at most what the market's max_quantity says" example:"2"`
}

// CartMerge names the cart whose lines are put into another.
type CartMerge struct {
	_    struct{} `additionalProperties:"false"`
	From string   `json:"from" minLength:"26" maxLength:"26" pattern:"^[a-z2-7]*$" writeOnly:"true" doc:"the token of the cart that is empty afterwards: a secret of the buyer's" example:"n2m7l6k5j4i3h2g7f6e5d4c3b2"`
}

// MergedCart is the cart that stays, with what did not fit into it.
type MergedCart struct {
	Cart
	Cut []CutLine `json:"cut" nullable:"false" doc:"what was past max_quantity, and is in neither cart any more; none when the same is sent again"`
}

// CutLine is how many of a SKU were left out.
type CutLine struct {
	SKU      string `json:"sku" example:"schwarzwaelder-kirschtorte"`
	Quantity int    `json:"quantity" minimum:"1" doc:"pieces that were left out" example:"2"`
}
