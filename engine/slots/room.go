package slots

// Room is how much of a slot is left, as buyers are told.
type Room string

// The rooms.
const (
	Free Room = "free"
	Few  Room = "few" // a fifth of the slot or less, or the last of it
	Full Room = "full"
)

// fewShare is the part of a slot that is called few: one in so many.
const fewShare = 5

// Offer is a slot with its room.
type Offer struct {
	Slot
	Left int // orders that still fit, never below zero
	Room Room
}

// Offers tells the room of slots, given how many orders each has by its id.
func Offers(calendar []Slot, booked map[string]int) []Offer {
	offers := make([]Offer, len(calendar))
	for i, s := range calendar {
		offers[i] = Offer{Slot: s, Left: max(0, s.Capacity-booked[s.ID])}
		offers[i].Room = roomOf(s.Capacity, offers[i].Left)
	}
	return offers
}

func roomOf(capacity, left int) Room {
	switch {
	case left <= 0:
		return Full
	case left < capacity && left <= max(1, capacity/fewShare):
		return Few
	}
	return Free
}
