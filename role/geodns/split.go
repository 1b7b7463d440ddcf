package geodns

import (
	"math"
	"net/netip"
)

// split is the share of one client among several: by a hash of its network, so
// that it stays where it is, and so that when weights change only those move who
// have to (weighted rendezvous hashing). All of that network get the same.
func split(shares []share, client netip.Addr) *share {
	network, _ := client.Unmap().Prefix(networkBits(client))
	raw := network.Addr().As16()
	var best *share
	most := math.Inf(-1)
	for i := range shares {
		h := shares[i].seed
		for _, b := range raw {
			h = (h ^ uint64(b)) * fnvPrime
		}
		u := (float64(mix(h)>>11) + 0.5) / (1 << 53) // above 0 and below 1
		if score := shares[i].weight / -math.Log(u); score > most {
			best, most = &shares[i], score
		}
	}
	return best
}

// networkBits is how long the network is that a client shares its lot with, as
// [world.NetworkOf] has it.
func networkBits(client netip.Addr) int {
	if client.Unmap().Is6() {
		return 48
	}
	return 24
}

// FNV-1a of 64 bits.
const (
	fnvOffset = 14695981039346656037
	fnvPrime  = 1099511628211
)

// seed is another one for each provider.
func seed(name string) uint64 {
	h := uint64(fnvOffset)
	for _, b := range []byte(name) {
		h = (h ^ uint64(b)) * fnvPrime
	}
	return h
}

// mix spreads a hash over all its bits, as SplitMix64 ends.
func mix(h uint64) uint64 {
	h = (h ^ h>>30) * 0xbf58476d1ce4e5b9
	h = (h ^ h>>27) * 0x94d049bb133111eb
	return h ^ h>>31
}
