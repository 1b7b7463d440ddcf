// Package health is how monitors come to one word about what is well: each
// judges by its own probes, a quorum of them decides, and what they decide is
// signed. (What is picked by it is georoute's and placement's.)
package health
