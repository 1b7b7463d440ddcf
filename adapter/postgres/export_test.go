package postgres

import "time"

// Patient makes a feed wait so long for each read, and no longer.
func (f *Feed) Patient(d time.Duration) { f.patience = d }
