package postgres

import (
	"encoding/base64"
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"

	"meridian/world"
)

// listWhere is what each kind of list has, in a form that an index answers: the
// lists differ in their text, so that each has a plan of its own.
var listWhere = map[world.ListKind]string{
	world.ListAll:      ``,
	world.ListFeatured: ` and p.featured`,
	world.ListPlain:    ` and not p.featured`,
	world.ListCategory: ` and p.category = $6`,
	world.ListBeside:   ``,
}

// listQuery is the statement of a list and what it is given. $4 and $5 are the
// place that the page begins behind. Its length is written out: a plan for any
// length is one for a tenth of all products.
func listQuery(m world.Market, q world.ListQuery) (query string, args []any, err error) {
	where, known := listWhere[q.Kind]
	after, ok := spot{n: math.MinInt32}, true
	if q.After != "" {
		after, ok = parseSpot(q.After)
	}
	switch {
	case !known:
		err = world.E(world.CodeInvalid, "postgres.list", fmt.Sprintf("There is no list of the kind %q.", q.Kind))
	case q.Limit < 1 || q.Limit > world.MaxList:
		err = world.E(world.CodeInvalid, "postgres.list", fmt.Sprintf("A page of a list has 1 to %d products, not %d.", world.MaxList, q.Limit))
	case !ok:
		err = world.E(world.CodeInvalid, "postgres.list", "The list does not go on there: begin it anew.")
	}
	if err != nil {
		return "", nil, err
	}
	if !q.Drafts {
		where += forSale
	}
	args = []any{m.ID, wordsOf(m, q.Locale), q.At, after.n, after.slug}
	switch q.Kind {
	case world.ListBeside:
		return besideQuery(where, q.Limit), []any{m.ID, wordsOf(m, q.Locale), q.At, q.Key}, nil
	case world.ListCategory:
		args = append(args, q.Key)
	}
	return `with shown as (select 0 as total, 0 as turn, p.* from product p
 where p.market = $1 and (p.place, p.slug) > ($4, $5)` + where + `
 order by p.place, p.slug limit ` + strconv.Itoa(q.Limit) + `)` + productColumns + noPrior + productTables + byPlace, args, nil
}

// besideQuery is the statement of a list that begins behind the product $4, in the
// market's order as in a ring, so that each product has its turn beside another.
func besideQuery(where string, length int) string {
	limit := " limit " + strconv.Itoa(length) + ")"
	half := func(turn, compare string) string {
		return `(select 0 as total, ` + turn + ` as turn, p.* from product p
  where p.market = $1 and (p.place, p.slug) ` + compare + ` ((select place from this), (select slug from this))` + where + `
  order by p.place, p.slug` + limit
	}
	return `with this as (select place, slug from product where market = $1 and slug = $4), shown as (` +
		half("0", ">") + " union all " + half("1", "<") + ` order by turn, place, slug` + limit + productColumns + noPrior + productTables + byPlace
}

// String is the place as a list's Next has it. It is no secret: whoever makes one
// up begins elsewhere in the same list.
func (p spot) String() string {
	return base64.RawURLEncoding.EncodeToString(fmt.Appendf(nil, "%d/%d/%s", p.turn, p.n, p.slug))
}

// keyForm is how the schema has products, SKUs and categories named.
var keyForm = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,59}$`)

// maxSpot is the most bytes of a place in writing: two numbers of eleven, two
// strokes and sixty of a slug, in base64.
const maxSpot = 112

// parseSpot reads what String wrote; ok is false for anything else.
func parseSpot(text string) (p spot, ok bool) {
	if len(text) > maxSpot {
		return spot{}, false
	}
	plain, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if err != nil {
		return spot{}, false
	}
	part := strings.Split(string(plain), "/")
	if len(part) != 3 {
		return spot{}, false
	}
	turn, err1 := strconv.ParseInt(part[0], 10, 32)
	n, err2 := strconv.ParseInt(part[1], 10, 32)
	p = spot{int32(turn), int32(n), part[2]}
	return p, err1 == nil && err2 == nil && keyForm.MatchString(p.slug) && p.String() == text
}
