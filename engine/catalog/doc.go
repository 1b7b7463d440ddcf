// Package catalog has what owners write of a market's catalog: it checks products,
// lists and categories, plans changes of many at once, and brings products of head
// office up to date without losing what a market has made of them.
package catalog
