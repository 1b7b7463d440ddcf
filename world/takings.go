package world

// Takings are what a market took by the orders of a period, in minor units of its
// currency. Orders that were not paid for, or were cancelled, are none.
type Takings struct {
	Orders        int
	GrossMinor    int64 // with tax
	RefundedMinor int64 // what of that was given back since, whenever
	NetMinor      int64 // what is left, without tax
}

// LeftMinor is what is left, with tax.
func (t Takings) LeftMinor() int64 { return t.GrossMinor - t.RefundedMinor }

// TaxMinor is the tax in what is left.
func (t Takings) TaxMinor() int64 { return t.LeftMinor() - t.NetMinor }
