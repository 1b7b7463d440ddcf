// Package world holds the nouns and contracts that several roles share: the
// world file's places and markets, errors, positions, feed events, pictures,
// products and orders. It imports nothing but the standard library.
package world
