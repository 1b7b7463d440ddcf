package app

import (
	"context"
	"slices"

	"meridian/platform/lifecycle"
	"meridian/world"
)

// Role is a row of the role table: a part of the system that can be started
// on its own.
type Role struct {
	Name    string
	Purpose string
	Needs   []string // roles of the same machine, or of the same world, that must be ready first
	Cred    string   // which credentials it holds, and no others

	has     func(*File) bool
	section func(*File) any
	start   func(context.Context, *machine) (lifecycle.Running, error)
}

// Roles is the role table, in the order that a reader meets them.
func Roles() []Role {
	return []Role{
		{
			Name: "media", Purpose: "uploads, originals, variants and their replication",
			Cred: "catalog as meridian_media, the region's object store, upload token, wire key",
			has:  func(f *File) bool { return f.Media != nil }, section: func(f *File) any { return f.Media }, start: startMedia,
		},
		{
			Name: "shop", Purpose: "catalog pages, carts, checkout, orders; the purge feed",
			Cred: "catalog as meridian_shop (read only), resident as meridian_shop, feed key",
			has:  func(f *File) bool { return f.Shop != nil }, section: func(f *File) any { return f.Shop }, start: startShop,
		},
		{
			Name: "owner", Purpose: "the franchise owners' pages: orders, prices, pictures", Needs: []string{"media"},
			Cred: "catalog as meridian_owner, resident as meridian_owner, upload token",
			has:  func(f *File) bool { return f.Owner != nil }, section: func(f *File) any { return f.Owner }, start: startOwner,
		},
		{
			Name: "shield", Purpose: "a region's door: the second cache tier", Needs: []string{"media", "shop", "owner"},
			Cred: "feed key",
			has:  func(f *File) bool { return f.Shield != nil }, section: func(f *File) any { return f.Shield }, start: startShield,
		},
		{
			Name: "edge", Purpose: "a PoP's cache, near visitors", Needs: []string{"shield"},
			Cred: "feed key",
			has:  func(f *File) bool { return f.Edge != nil }, section: func(f *File) any { return f.Edge }, start: startEdge,
		},
	}
}

// RoleNames are the names of the role table.
func RoleNames() []string {
	var out []string
	for _, r := range Roles() {
		out = append(out, r.Name)
	}
	return out
}

// CheckRoles refuses a name that is not in the table, and a role that the
// file has no section for.
func CheckRoles(f *File, names []string) error {
	for _, n := range names {
		i := slices.IndexFunc(Roles(), func(r Role) bool { return r.Name == n })
		if i < 0 {
			return world.E(world.CodeInvalid, "roles", "There is no role "+n+". `meridian roles` prints them.")
		}
		if f != nil && !Roles()[i].has(f) {
			return world.E(world.CodeInvalid, "roles", "The config file has no section "+n+": add one, or leave the role out.")
		}
	}
	return nil
}
