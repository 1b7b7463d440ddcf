package world

import (
	"net/url"
	"strings"
)

// What a page may be asked by in its query: what is looked for, and where a list
// goes on. Nothing else is part of a page, so no cache tells pages apart by it.
const (
	QuerySearch = "q"
	QueryAfter  = "after"
)

// SearchPath is the page on which products are looked for.
const SearchPath = "/search"

// CategoryPrefix begins the address of a category's page.
const CategoryPrefix = "/c/"

// Limits of a page's query, in bytes; what is longer is not part of it.
const (
	maxPageQuery = 2048
	maxAfter     = 128
)

// PageQuery is the query of a page in the one form that caches go by: of what the
// page at that path may be asked by, in the order of the names. "" for a page that
// takes none, and for what says nothing.
func PageQuery(path, raw string) string {
	if raw == "" || len(raw) > maxPageQuery {
		return ""
	}
	if rest, ok := APIPath(path); ok {
		return apiQuery(apiTakes[rest], raw)
	}
	search, list := pageTakes(path)
	if !search && !list {
		return ""
	}
	given, _ := url.ParseQuery(raw) // what is well formed of it
	kept := url.Values{}
	if after := given.Get(QueryAfter); isAfter(after) {
		kept.Set(QueryAfter, after)
	}
	if search {
		text := SearchText(given.Get(QuerySearch))
		if text == "" {
			return ""
		}
		kept.Set(QuerySearch, text)
	}
	return kept.Encode()
}

// apiTakes are what resources of the API may be asked by.
var apiTakes = map[string][]string{
	"products": {"category", QuerySearch, QueryAfter, "limit"},
	"slots":    {"kind", "from"},
}

// apiQuery is the query of a resource of the API in one form. A value may be wrong:
// who sent it is told so by the shop. What is too long is cut off where the shop
// sees that it is.
func apiQuery(names []string, raw string) string {
	given, _ := url.ParseQuery(raw) // what is well formed of it
	kept := url.Values{}
	for _, name := range names {
		v := given.Get(name)
		if name == QuerySearch {
			v = SearchText(v)
		} else {
			v = v[:min(len(v), maxAfter+1)]
		}
		if v != "" {
			kept.Set(name, v)
		}
	}
	return kept.Encode()
}

// TakesQuery reports whether the page at a path can be asked by a query at all.
func TakesQuery(path string) bool {
	if rest, ok := APIPath(path); ok {
		return apiTakes[rest] != nil
	}
	search, list := pageTakes(path)
	return search || list
}

// pageTakes tells what the page at a path can be asked by, behind a locale or not.
func pageTakes(path string) (search, list bool) {
	first, rest, more := strings.Cut(strings.TrimPrefix(path, "/"), "/")
	if more && looksLikeLocale(first) {
		path = "/" + rest
	}
	return path == SearchPath, path == "/" || strings.HasPrefix(path, CategoryPrefix)
}

// isAfter reports whether a text may be a place in a list (base64url).
func isAfter(text string) bool {
	if text == "" || len(text) > maxAfter {
		return false
	}
	for i := range len(text) {
		c := text[i]
		if !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '_') {
			return false
		}
	}
	return true
}
