package world

import (
	"slices"
	"strings"
)

// MaxPageGroups is the most groups that one response may name. One that shows
// more says so by [GroupPictures] and [GroupProducts] in their place: a cache
// that cannot index a response's groups does not store it.
const MaxPageGroups = 200

// GroupProduct is the group of everything that shows a product.
func GroupProduct(market, slug string) string { return market + "/p/" + slug }

// GroupCategory is the group of everything that shows what is in a category.
func GroupCategory(market, category string) string { return market + "/c/" + category }

// GroupMarket is the group of every cached page of a market.
func GroupMarket(market string) string { return market + "/pages" }

// How the groups of assets begin, and how that of an asset's alias ends.
const (
	mediaGroups = "media/"
	aliasSuffix = "/alias"
)

// GroupMedia is the group of everything cut from one asset.
func GroupMedia(app, mediaID string) string { return mediaGroups + app + "/" + mediaID }

// GroupAlias is the group of what shows how an asset stands now: its alias, its
// manifest, and pages with its picture. What names a version is in [GroupMedia]
// alone, for it never changes. Pages are in this one alone: when an asset may not
// be shown any more, both are purged.
func GroupAlias(app, mediaID string) string { return GroupMedia(app, mediaID) + aliasSuffix }

// GroupApp is the group of everything that an app's visitors are shown.
func GroupApp(app string) string { return "app/" + app }

// GroupProducts is the group of a page that shows more of a market's products
// than one response can name.
func GroupProducts(market string) string { return market + "/p/" }

// GroupPictures is the group of a page that shows more of an app's pictures than
// one response can name.
func GroupPictures(app string) string { return mediaGroups + app + "/" }

// PageGroups are the groups of a page that shows the given products of a market
// with their pictures: how each of both stands now. Where they are too many, the
// pictures go by [GroupPictures], and where the products alone are too many they
// go by [GroupProducts]: a price changes more often than a picture.
func PageGroups(app, market string, shown []Product) []string {
	groups := []string{GroupMarket(market), GroupApp(app)}
	var products, pictures []string
	known := map[string]bool{}
	add := func(list *[]string, group string) {
		if !known[group] {
			known[group] = true
			*list = append(*list, group)
		}
	}
	for _, p := range shown {
		add(&products, GroupProduct(market, p.Slug))
		if p.PictureID != "" {
			add(&pictures, GroupAlias(app, p.PictureID))
		}
	}
	if len(groups)+len(products)+len(pictures) > MaxPageGroups {
		pictures = pictures[:min(len(pictures), 1)]
		for i := range pictures {
			pictures[i] = GroupPictures(app)
		}
	}
	if len(groups)+len(products)+len(pictures) > MaxPageGroups {
		products = []string{GroupProducts(market)}
	}
	return slices.Concat(groups, products, pictures)
}

// WithPages adds to a purge's groups those of the pages that could not name each
// product and picture: whatever is purged by the group of one is purged on them
// too.
func WithPages(groups []string) []string {
	out := slices.Clone(groups)
	added := map[string]bool{}
	for _, g := range groups {
		if all := manyOf(g); all != "" && !added[all] {
			added[all] = true
			out = append(out, all)
		}
	}
	return out
}

// manyOf is the group of a page that shows too much to name the given one; ""
// where there is none.
func manyOf(group string) string {
	if rest, ok := strings.CutPrefix(group, mediaGroups); ok {
		app, rest, _ := strings.Cut(rest, "/")
		if id, ok := strings.CutSuffix(rest, aliasSuffix); ok && id != "" {
			return GroupPictures(app)
		}
	}
	if market, rest, ok := strings.Cut(group, "/"); ok && strings.HasPrefix(rest, "p/") {
		return GroupProducts(market)
	}
	return ""
}
