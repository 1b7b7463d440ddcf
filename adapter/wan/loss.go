package wan

import "time"

// What a lost packet costs a stream is the time until it has come after all:
// nothing behind it is read before (head of line).
const (
	packetBytes = 1448                   // of a stream in one packet: Ethernet's 1500 less IP, TCP and its timestamps
	fastRepair  = 4                      // packets in a row of which a lost one is told by three duplicate ACKs (RFC 5681 §3.2)
	minRTO      = 200 * time.Millisecond // Linux' TCP_RTO_MIN
	initialRTO  = time.Second            // of a SYN (RFC 6298 §2)
	maxRepairs  = 8                      // repeats, each after twice as long; then it counts as come
)

// repair draws how much later n bytes are all there, for the packets of theirs
// that are lost: the first time a round trip, where enough others follow to tell
// of it, else a retransmission timeout; then timeouts, each twice as long. The
// caller holds mu.
func (l *link) repair(n int) (late time.Duration) {
	if l.params.Loss == 0 || n == 0 {
		return 0
	}
	left := (n + packetBytes - 1) / packetBytes
	rtt := 2 * l.params.Delay
	rto := max(minRTO, rtt+4*l.params.Jitter)
	wait := rto
	if left >= fastRepair {
		wait = rtt
	}
	for range maxRepairs {
		if left = l.drop(left); left == 0 {
			break
		}
		late += wait
		wait, rto = rto, 2*rto
	}
	return late
}

// repairSYN draws how much later a packet of the handshake is there.
func (l *link) repairSYN() (late time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.params.Loss == 0 {
		return 0
	}
	wait := initialRTO
	for range maxRepairs {
		if l.drop(1) == 0 {
			break
		}
		late += wait
		wait *= 2
	}
	return late
}

// drop is how many of so many packets are lost.
func (l *link) drop(packets int) (lost int) {
	for range packets {
		if l.rng.Float64() < l.params.Loss {
			lost++
		}
	}
	return lost
}
