//go:build race

package front

// underRace: the race detector has sync.Pool drop some of what it is given.
const underRace = true
