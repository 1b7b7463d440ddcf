// Package shop is the role that visitors buy from: catalogue pages that every
// cache may hold, carts, checkout and orders that none may, and the feed by
// which caches learn what to forget.
package shop
