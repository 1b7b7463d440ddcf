// Package testpay is a payment provider to try things out with, in a process of
// its own: it keeps its payments over a kill, shows buyers a page, signs webhooks,
// and fails as it is told to by the number of the card. It moves no money.
//
// README.md has the cards and the interface; adapter/testpay is its client.
package testpay
