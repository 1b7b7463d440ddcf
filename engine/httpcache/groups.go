package httpcache

import (
	"errors"
	"net/http"
	"slices"
	"strings"
)

// The response fields that name a response's groups.
const (
	fieldSurrogateKey = "Surrogate-Key"
	fieldCacheTag     = "Cache-Tag"
	fieldCacheGroups  = "Cache-Groups" // RFC 9875 §2
)

// errGroups says that a response's groups cannot all be kept. Such a response
// is not stored: a purge could miss it.
var errGroups = errors.New("httpcache: groups malformed or over the limit")

// parseGroups reads the groups of a response from Surrogate-Key (names between
// spaces), Cache-Tag (names between commas) and Cache-Groups (RFC 9875 §2, a List
// of Strings), sorted and once each. No more than maxGroups, none longer than maxBytes.
func parseGroups(h http.Header, maxGroups, maxBytes int) ([]string, error) {
	var groups []string
	for _, v := range h[fieldSurrogateKey] {
		groups = append(groups, strings.Fields(v)...)
	}
	for _, v := range h[fieldCacheTag] {
		for tag := range strings.SplitSeq(v, ",") {
			if tag = strings.TrimSpace(tag); tag != "" {
				groups = append(groups, tag)
			}
		}
	}
	if v := h[fieldCacheGroups]; len(v) > 0 {
		list, err := parseStringList(strings.Join(v, ", "))
		if err != nil {
			return nil, errGroups
		}
		groups = append(groups, list...)
	}
	slices.Sort(groups)
	groups = slices.Compact(groups)
	if len(groups) > maxGroups {
		return nil, errGroups
	}
	for _, g := range groups {
		if len(g) > maxBytes {
			return nil, errGroups
		}
	}
	return groups, nil
}

// originOf is the origin of a request where groups belong to one (RFC 9875
// §2.2.1), else empty.
func (c *Cache) originOf(r *http.Request) string {
	if !c.cfg.GroupsPerOrigin {
		return ""
	}
	scheme := "http"
	if r.TLS != nil {
		scheme = "https"
	}
	return scheme + "://" + hostAndPort(scheme, r.Host)
}

// GroupOf is the name by which [Purge] knows a group of one origin alone, such as
// "https://shop.example", in a cache with GroupsPerOrigin; by its plain name it is
// that of every origin. An origin has no space in it.
func GroupOf(origin, group string) string { return origin + " " + group }

// scoped names groups as those of an origin; of none, as they are.
func scoped(origin string, groups []string) []string {
	if origin == "" {
		return groups
	}
	out := make([]string, len(groups))
	for i, g := range groups {
		out[i] = GroupOf(origin, g)
	}
	return out
}

// bothWays are groups by their plain names, by which the owner of the cache purges
// them whatever their origin, and as those of their origin, if they have one.
func bothWays(origin string, groups []string) []string {
	if origin == "" || len(groups) == 0 {
		return groups
	}
	both := append(scoped(origin, groups), groups...)
	slices.Sort(both)
	return slices.Compact(both)
}

// groupIndex finds the stored responses of a group. It is exact: it holds
// nothing for a response without groups, and nothing of one that is gone.
type groupIndex map[string]map[*entry]struct{}

func (g groupIndex) add(e *entry) {
	for _, name := range e.groups {
		members := g[name]
		if members == nil {
			members = map[*entry]struct{}{}
			g[name] = members
		}
		members[e] = struct{}{}
	}
}

func (g groupIndex) remove(e *entry) {
	for _, name := range e.groups {
		delete(g[name], e)
		if len(g[name]) == 0 {
			delete(g, name)
		}
	}
}
