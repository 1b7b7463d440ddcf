// Package geodns is role geodns: a zone's authoritative name server, which
// answers each client with the PoPs, ours or another CDN's, that serve it best.
package geodns
