// Package owner is the role that franchise owners sign in to: the orders of
// their market, its prices and its pictures.
package owner
