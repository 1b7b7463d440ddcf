package world

import (
	"fmt"
	"slices"
	"testing"
)

func shown(n, pictures int) (out []Product) {
	for i := range n {
		p := Product{Slug: fmt.Sprintf("cake-%d", i)}
		if i < pictures {
			p.PictureID = fmt.Sprintf("2%015d", i)
		}
		out = append(out, p)
	}
	return out
}

// A page that shows too much to name it all is still purged by the group of any
// product and of any picture on it, and by no other.
func TestAPageOfManyProductsStaysPurgeable(t *testing.T) {
	const room = MaxPageGroups - 2 // beside market and app
	for _, c := range []struct {
		products, pictures int
		byName, byPicture  bool
	}{
		{0, 0, true, true}, {1, 0, true, true}, {1, 1, true, true},
		{room / 2, room / 2, true, true}, {room/2 + 1, room / 2, true, false}, {room, 0, true, true}, {room, 1, false, false},
		{room - 1, room - 1, true, false}, {room + 1, 0, false, true}, {5000, 5000, false, false},
	} {
		products := shown(c.products, c.pictures)
		page := PageGroups("crumbs", "de", products)
		purgedBy := func(group string) bool {
			purged := WithPages([]string{"x", group})
			return slices.ContainsFunc(page, func(g string) bool { return slices.Contains(purged, g) })
		}
		if len(page) > MaxPageGroups || !slices.Contains(page, GroupMarket("de")) || !slices.Contains(page, GroupApp("crumbs")) {
			t.Errorf("%+v: %d groups", c, len(page))
		}
		if slices.Contains(page, GroupProducts("de")) == c.byName || c.pictures > 0 && slices.Contains(page, GroupPictures("crumbs")) == c.byPicture {
			t.Errorf("%+v: %v", c, page)
		}
		for _, p := range products {
			if !purgedBy(GroupProduct("de", p.Slug)) || p.PictureID != "" && !purgedBy(GroupAlias("crumbs", p.PictureID)) {
				t.Fatalf("%+v: a purge of %s or its picture misses the page", c, p.Slug)
			}
		}
		for _, other := range []string{GroupProduct("gb", "cake-0"), GroupAlias("pies", "2000000000000000"), GroupMedia("crumbs", "2000000000000000"), GroupMarket("gb")} {
			if purgedBy(other) {
				t.Errorf("%+v: a purge of %s takes the page", c, other)
			}
		}
	}
}

// What one picture shows on many products is named once.
func TestAPictureOfManyProductsIsNamedOnce(t *testing.T) {
	products := shown(MaxPageGroups-3, 0)
	for i := range products {
		products[i].PictureID = "2000000000000000"
	}
	if page := PageGroups("crumbs", "de", products); len(page) != MaxPageGroups || page[len(page)-1] != GroupAlias("crumbs", "2000000000000000") {
		t.Errorf("%d groups, the last %s", len(page), page[len(page)-1])
	}
}

func TestWithPagesAddsEachOnce(t *testing.T) {
	in := []string{"de/p/a", "de/p/b", "media/x/1", "de/pages", GroupAlias("x", "1"), GroupAlias("x", "2"), "media/x//alias", "media/p/a", "/alias"}
	if got := WithPages(in); !slices.Equal(got[len(in):], []string{"de/p/", "media/x/", "media/p/"}) {
		t.Errorf("%v", got[len(in):])
	}
}
