// Package probe is the first to decode what outsiders send, in child processes
// that may fail: one for each picture, with bounds on memory, processor time and
// time, without files, sockets or secrets. What it lets through is decoded by
// the process itself from then on.
//
// A decoder written in C that meets hostile bytes may crash, hang, or write where
// it should not. Then a child ends, the picture is refused, and nothing else has
// happened.
package probe
