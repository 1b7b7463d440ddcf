// Package memfile keeps contents in a file that lies in memory, of whose pages
// the system sends without a copy, as httpcache.Memory asks for it; on Linux.
package memfile

import "meridian/world"

// Stats are a memory's figures.
type Stats struct {
	Rooms   int64 // that are held now
	Bytes   int64 // that they take
	Refused int64 // rooms for which there was no memory, since the start
	Lost    int64 // bytes that the system did not take back
}

func unavailable(err error) error {
	return world.Because(world.CodeUnavailable, "memfile", "The system gives no memory file: contents stay in the process's own memory.", err)
}
