package app

import (
	"context"
	"fmt"
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
	at      func(*File) string // the place that the section is for
	start   func(context.Context, *machine) (lifecycle.Running, error)
}

// Roles is the role table, in the order that a reader meets them.
func Roles() []Role {
	return []Role{
		{
			Name: "media", Purpose: "uploads, originals, variants and their replication",
			Cred: "catalog as meridian_media, the region's object stores, signing keys of private pictures, upload token, wire key, feed key (of the health feeds)",
			has:  func(f *File) bool { return f.Media != nil }, section: func(f *File) any { return f.Media },
			at: func(f *File) string { return f.Media.Region }, start: startMedia,
		},
		{
			Name: "shop", Purpose: "catalog pages, carts, checkout, orders; the purge feed",
			Cred: "catalog as meridian_shop (read only), resident as meridian_shop, feed key, upload keys, signing keys of private pictures",
			has:  func(f *File) bool { return f.Shop != nil }, section: func(f *File) any { return f.Shop },
			at: func(f *File) string { return f.Shop.Region }, start: startShop,
		},
		{
			Name: "owner", Purpose: "the franchise owners' pages: orders, prices, pictures", Needs: []string{"media"},
			Cred: "catalog as meridian_owner, resident as meridian_owner, upload token, the tokens' hashes, signing keys of private pictures",
			has:  func(f *File) bool { return f.Owner != nil }, section: func(f *File) any { return f.Owner },
			at: func(f *File) string { return f.Owner.Region }, start: startOwner,
		},
		{
			Name: "ops", Purpose: "what operators ask for: purges, who has carried them out, and the list of them",
			Cred: "catalog as meridian_ops, the tokens' hashes, feed key",
			has:  func(f *File) bool { return f.Ops != nil }, section: func(f *File) any { return f.Ops },
			at: func(f *File) string { return f.Ops.Region }, start: startOps,
		},
		{
			Name: "monitor", Purpose: "the health feed: what is well, agreed on with the other regions' monitors; drains",
			Cred: "its own signing key, the monitors' public keys, the tokens' hashes, feed key",
			has:  func(f *File) bool { return f.Monitor != nil }, section: func(f *File) any { return f.Monitor },
			at: func(f *File) string { return f.Monitor.Region }, start: startMonitor,
		},
		{
			Name: "shield", Purpose: "a region's door: the second cache tier", Needs: []string{"media", "shop", "owner", "ops"},
			Cred: "feed key, signing keys of private pictures",
			has:  func(f *File) bool { return f.Shield != nil }, section: func(f *File) any { return f.Shield },
			at: func(f *File) string { return f.Shield.Region }, start: startShield,
		},
		{
			Name: "edge", Purpose: "a PoP's cache, near visitors", Needs: []string{"shield"},
			Cred: "feed key, signing keys of private pictures",
			has:  func(f *File) bool { return f.Edge != nil }, section: func(f *File) any { return f.Edge },
			at: func(f *File) string { return f.Edge.PoP }, start: startEdge,
		},
		{
			Name: "geodns", Purpose: "the zone's name server: each client gets the PoPs that serve it best",
			Cred: "cookie keys, the zone's signing keys, feed key (of the health feeds)",
			has:  func(f *File) bool { return f.GeoDNS != nil }, section: func(f *File) any { return f.GeoDNS },
			at: func(f *File) string { return f.GeoDNS.Place }, start: startGeoDNS,
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

// CheckRoles refuses a name that is not in the table, a role that the file has
// no section for, and a section that is for another place than the file's: what
// a machine may hold is decided by where it stands. f nil checks the names alone.
func CheckRoles(f *File, names []string) error {
	bad := func(format string, args ...any) error {
		return world.E(world.CodeInvalid, "roles", fmt.Sprintf(format, args...))
	}
	table := Roles()
	for _, n := range names {
		i := slices.IndexFunc(table, func(r Role) bool { return r.Name == n })
		switch {
		case i < 0:
			return bad("There is no role %s. `meridian roles` prints them.", n)
		case f == nil:
		case !table[i].has(f):
			return bad("The config file has no section %s: add one, or leave the role out.", n)
		case table[i].at(f) != f.Place:
			return bad("The section %s is for %q, but place is %q: write the same place in both.", n, table[i].at(f), f.Place)
		}
	}
	return nil
}
