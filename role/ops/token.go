package ops

import (
	"fmt"
	"net/http"
	"slices"
	"strings"

	"meridian/world"
)

// authorize finds the token that a request shows.
func (o *Ops) authorize(w http.ResponseWriter, r *http.Request) (*Token, error) {
	i, err := o.desk.Who(w, r)
	if err != nil {
		return nil, world.Wrap("ops.token", err)
	}
	return &o.cfg.Tokens[i], nil
}

// may refuses what is outside the token's scope, and names it.
func (t *Token) may(p world.Purge) error {
	refuse := func(what string) error {
		return world.E(world.CodeForbidden, "ops.scope", fmt.Sprintf("The token %s may not purge %s.", t.Name, what))
	}
	if !p.Soft && !t.Hard {
		return refuse("hard: ask for a soft purge")
	}
	if t.All {
		return nil
	}
	if p.All {
		return refuse("everything")
	}
	for _, g := range p.Groups {
		app, isApp := strings.CutPrefix(g, world.GroupApp(""))
		if !hasPrefixOf(g, t.Groups) && !(isApp && slices.Contains(t.Apps, app)) {
			return refuse("the group " + g)
		}
	}
	for _, u := range p.URLs {
		name, err := scopeName(u)
		if err != nil {
			return err
		}
		if !hasPrefixOf(name, t.URLs) {
			return refuse(name)
		}
	}
	return nil
}

func hasPrefixOf(s string, prefixes []string) bool {
	return slices.ContainsFunc(prefixes, func(p string) bool { return strings.HasPrefix(s, p) })
}

// scopeName is a URL as scopes name it: its host, in lower case and without a
// port, and its path. Pictures and manifests are kept whatever the host, so
// theirs is the path alone: else a token for one host could purge another's.
func scopeName(text string) (string, error) {
	u, err := world.ParsePurgeURL(text)
	if err != nil {
		return "", err
	}
	switch world.RouteOf(http.MethodGet, u.Path) {
	case world.RouteImage, world.RouteManifest:
		return u.EscapedPath(), nil
	}
	return strings.ToLower(strings.TrimSuffix(u.Hostname(), ".")) + u.EscapedPath(), nil
}
