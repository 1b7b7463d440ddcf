// Package media is the role that takes pictures in, keeps their originals in
// every region that may hold them, and gives out their variants.
package media
