package app

import (
	"context"
	"slices"
	"strings"
	"testing"

	"meridian/platform/lifecycle"
	"meridian/world"
)

func TestRoleTableIsWellFormed(t *testing.T) {
	var parts []lifecycle.Component
	for _, r := range Roles() {
		if r.Purpose == "" || r.Cred == "" {
			t.Errorf("%s lacks its purpose or credentials", r.Name)
		}
		f := NewFile(r.Name)
		if !r.has(f) || r.section(f) == nil || !slices.Equal(f.Roles(), []string{r.Name}) {
			t.Errorf("%s: a new file with its section holds %v", r.Name, f.Roles())
		}
		if len(r.Settings()) < 5 {
			t.Errorf("%s has only %d settings", r.Name, len(r.Settings()))
		}
		parts = append(parts, lifecycle.Component{Name: r.Name, Needs: r.Needs, Start: func(context.Context) (lifecycle.Running, error) { return nil, nil }})
	}
	waves, err := lifecycle.Order(parts)
	if err != nil {
		t.Fatal(err)
	}
	last := waves[len(waves)-1]
	if !slices.Equal(last, []string{"edge"}) {
		t.Errorf("%v start last: visitors come in when all else is up", last)
	}
	for name := range sections() {
		if !slices.Contains(RoleNames(), name) {
			t.Errorf("a config file may have a section %s, which is no role", name)
		}
	}
}

func TestOnlyOneRolesSection(t *testing.T) {
	whole := NewFile(RoleNames()...)
	whole.Place, whole.World, whole.Admin, whole.Log.Level = "eu-central", "/w.yaml", "unix:/a", "debug"
	for _, r := range RoleNames() {
		one := whole.Only(r)
		if !slices.Equal(one.Roles(), []string{r}) || one.Place != whole.Place || one.World != whole.World || one.Admin != whole.Admin || one.Log != whole.Log {
			t.Errorf("only %s: %+v", r, one)
		}
	}
}

func TestComponentsAndTheirNeeds(t *testing.T) {
	group := []string{"media@eu", "shop@eu", "owner@eu", "shield@eu", "media@us", "shield@us", "edge@fra"}
	region, pop := NewFile("media", "shop", "owner", "shield"), NewFile("edge")
	region.Place, pop.Place = "eu", "fra"
	for name, c := range map[string]struct {
		file         *File
		roles, group []string
		want         map[string]string
	}{
		"a region":                {region, region.Roles(), group, map[string]string{"media@eu": "", "shop@eu": "", "owner@eu": "media@eu", "shield@eu": "media@eu shop@eu owner@eu"}},
		"an edge waits for all":   {pop, pop.Roles(), group, map[string]string{"edge@fra": "shield@eu shield@us"}},
		"others run elsewhere":    {region, []string{"shield", "shop"}, []string{"shop@eu", "shield@eu"}, map[string]string{"shop@eu": "", "shield@eu": "shop@eu"}},
		"an edge alone":           {pop, pop.Roles(), []string{"edge@fra"}, map[string]string{"edge@fra": ""}},
		"no section, no instance": {pop, RoleNames(), group, map[string]string{"edge@fra": "shield@eu shield@us"}},
	} {
		got := map[string]string{}
		for _, part := range (&Process{}).Components(c.file, c.roles, c.group) {
			got[part.Name] = strings.Join(part.Needs, " ")
		}
		if len(got) != len(c.want) {
			t.Errorf("%s: %v", name, got)
		}
		for part, needs := range c.want {
			if g, ok := got[part]; !ok || !sameWords(g, needs) {
				t.Errorf("%s: %s needs %q, want %q", name, part, g, needs)
			}
		}
	}
}

func sameWords(a, b string) bool {
	x, y := strings.Fields(a), strings.Fields(b)
	slices.Sort(x)
	slices.Sort(y)
	return slices.Equal(x, y)
}

func TestCheckRoles(t *testing.T) {
	f := NewFile("shop", "edge")
	f.Place, f.Shop.Region, f.Edge.PoP = "eu-central", "eu-central", "fra"
	for _, c := range []struct {
		file  *File
		names []string
		want  string // "" for no error
	}{
		{f, []string{"shop"}, ""}, {f, nil, ""}, {nil, []string{"media", "edge"}, ""},
		{nil, []string{"baker"}, "no role baker. `meridian roles`"},
		{f, []string{"shop", "media"}, "no section media"},
		{f, []string{"edge"}, `section edge is for "fra", but place is "eu-central"`},
	} {
		err := CheckRoles(c.file, c.names)
		if c.want == "" && err != nil || c.want != "" && (!world.Is(err, world.CodeInvalid) || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%v: %v, want %q", c.names, err, c.want)
		}
	}
}
