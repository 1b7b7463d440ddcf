package imagegrid

import (
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"meridian/world"
)

// policyOf is the policy of settings that are good.
func policyOf(t *testing.T, s world.Pictures) *Policy {
	t.Helper()
	s.App = "shop"
	all, problems := NewPolicies([]world.Pictures{s})
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	return all.For("shop")
}

const picturePath = "/img/shop/0123456789abcdef/"

func TestEveryRequestHasOneCell(t *testing.T) {
	refuse := policyOf(t, world.Pictures{Fits: []string{"cover", "contain", "smart"}})
	snap := policyOf(t, world.Pictures{OffGrid: "snap", Formats: []string{"jpeg", "webp"}, SVG: "sanitise"})
	for _, c := range []struct {
		policy     *Policy
		path, cell string // cell "" is a refusal, which says what is served
		says       string
	}{
		{refuse, "v1/webp/640x480", "v1/webp/640x480", ""},
		{refuse, "auto/640x0", "auto/640x0", ""},
		{refuse, "v1/webp/640x480-smart", "v1/webp/640x480-smart", ""},
		{refuse, "v1/webp/640x480-contain", "v1/webp/640x480-contain", ""},
		{refuse, "v1/webp/320x240@2x", "v1/webp/640x480", ""},
		{refuse, "webp/320x240-smart@3x", "webp/960x720-smart", ""},
		{refuse, "v1/webp/320x0@2x", "v1/webp/640x0", ""},
		{refuse, "v1/webp/320x240@4x", "v1/webp/1280x960", ""},
		{refuse, "v1/webp/640x479", "", "640x480, "},
		{refuse, "v1/webp/641x479-smart", "", "640x480-smart, "},
		{refuse, "v1/webp/480x0@3x", "", "1280x0, 1600x0, "}, // 1440 is between two
		{refuse, "v1/svg", "", "avif, webp, jpeg or auto"},
		{snap, "v1/webp/641x0", "v1/webp/960x0", ""},
		{snap, "v1/auto/640x480-smart", "v1/auto/640x480", ""},
		{snap, "v1/auto/640x480-contain", "v1/auto/640x480", ""},
		{snap, "v1/avif/640x0", "v1/auto/640x0", ""},
		{snap, "v1/jpeg/9000x0@4x", "v1/jpeg/1920x0", ""},
		{snap, "v1/jpeg/480x0@3x", "v1/jpeg/1600x0", ""},
		{snap, "v1/svg", "v1/svg", ""},
		{snap, "svg", "svg", ""},
	} {
		r, err := Parse(picturePath + c.path)
		if err != nil {
			t.Fatal(err)
		}
		cell, err := c.policy.Resolve(r)
		switch {
		case c.cell == "":
			if !world.Is(err, world.CodeInvalid) || !strings.Contains(err.Error(), c.says) {
				t.Errorf("%s: %s, %v; want %q", c.path, cell, err, c.says)
			}
		case err != nil || cell.String() != picturePath+c.cell:
			t.Errorf("%s has the cell %s, %v; want %s", c.path, cell, err, c.cell)
		}
	}
}

func TestACellIsItsOwn(t *testing.T) {
	policies := []*Policy{DefaultPolicy(), policyOf(t, world.Pictures{OffGrid: "snap", Widths: []int{100, 333}, Aspects: []string{"16:9"}, Fits: []string{"smart"}})}
	rapid.Check(t, func(t *rapid.T) {
		p := rapid.SampledFrom(policies).Draw(t, "policy")
		r := Request{App: "shop", MediaID: "0123456789abcdef", Version: 1, Format: rapid.SampledFrom(append(Formats(), Auto)).Draw(t, "format")}
		r.Width, r.Height = rapid.IntRange(1, MaxDimension).Draw(t, "width"), rapid.IntRange(0, MaxDimension).Draw(t, "height")
		r.DPR = rapid.SampledFrom([]int{0, 2, 3, 4}).Draw(t, "dpr")
		cell, err := p.Resolve(r)
		if err != nil {
			if p.OffGrid == Snap {
				t.Fatalf("%s does not snap: %v", r, err)
			}
			return
		}
		if !slices.Contains(p.Grid.Sizes(), cell.Size()) || cell.DPR != 0 {
			t.Fatalf("%s has the cell %s, which is not on the grid", r, cell)
		}
		if again, err := p.Resolve(cell); err != nil || again != cell {
			t.Fatalf("the cell %s of %s leads on to %s, %v", cell, r, again, err)
		}
		if near := p.Nearest(r); !slices.Contains(p.Grid.Sizes(), near.Size()) {
			t.Fatalf("nearest to %s is %s", r, near)
		}
	})
}

func TestPoliciesAreReadAsWritten(t *testing.T) {
	p := policyOf(t, world.Pictures{
		Widths: []int{100, 200}, Aspects: []string{"natural", "16:9"}, Fits: []string{"contain", "cover"}, Formats: []string{"jpeg", "avif"},
		OffGrid: "snap", SVG: "rasterise", Copyright: "keep",
	})
	want := []Size{{100, 0, ""}, {200, 0, ""}, {100, 56, "contain"}, {200, 113, "contain"}, {100, 56, ""}, {200, 113, ""}}
	if !slices.Equal(p.Grid.Sizes(), want) {
		t.Errorf("sizes: %v", p.Grid.Sizes())
	}
	if !slices.Equal(p.Formats, []Format{AVIF, JPEG}) || p.OffGrid != Snap || p.SVG != SVGRasterise || !p.Copyright {
		t.Errorf("%+v", p)
	}
	all, _ := NewPolicies([]world.Pictures{{App: "faces", Widths: []int{64}}})
	other, own := all.For("shop"), all.For("faces")
	if len(other.Grid.Sizes()) != 24 || other.OffGrid != Refuse || other.SVG != SVGRefuse || other.Copyright || len(own.Grid.Sizes()) != 3 {
		t.Errorf("the apps have each other's settings: %+v, %+v", other, own)
	}
}

func TestPoliciesThatCannotBe(t *testing.T) {
	rising := make([]int, MaxCells/3+1)
	for i := range rising {
		rising[i] = i + 1
	}
	for name, c := range map[string]struct {
		s    world.Pictures
		at   string
		says string
	}{
		"no app":            {world.Pictures{}, "pictures[0].app", "app's name"},
		"falling widths":    {world.Pictures{App: "a", Widths: []int{2, 1}}, "pictures[0].widths[1]", "rising"},
		"a width of 0":      {world.Pictures{App: "a", Widths: []int{0}}, "pictures[0].widths[0]", "from 1"},
		"too wide":          {world.Pictures{App: "a", Widths: []int{MaxDimension + 1}}, "pictures[0].widths[0]", "16383"},
		"no aspect":         {world.Pictures{App: "a", Aspects: []string{"wide"}}, "pictures[0].aspects[0]", "natural"},
		"an aspect twice":   {world.Pictures{App: "a", Aspects: []string{"1:1", "1:1"}}, "pictures[0].aspects[1]", "twice"},
		"a fit unknown":     {world.Pictures{App: "a", Fits: []string{"fill"}}, "pictures[0].fits[0]", "contain"},
		"a fit twice":       {world.Pictures{App: "a", Fits: []string{"cover", "cover"}}, "pictures[0].fits[1]", "twice"},
		"png":               {world.Pictures{App: "a", Formats: []string{"jpeg", "png"}}, "pictures[0].formats[1]", "avif"},
		"auto is no format": {world.Pictures{App: "a", Formats: []string{"jpeg", "auto"}}, "pictures[0].formats[1]", "avif"},
		"no jpeg":           {world.Pictures{App: "a", Formats: []string{"webp"}}, "pictures[0].formats", "jpeg"},
		"off_grid":          {world.Pictures{App: "a", OffGrid: "stretch"}, "pictures[0].off_grid", "refuse, snap"},
		"svg":               {world.Pictures{App: "a", SVG: "yes"}, "pictures[0].svg", "sanitise"},
		"copyright":         {world.Pictures{App: "a", Copyright: "yes"}, "pictures[0].copyright", "drop, keep"},
		"cells":             {world.Pictures{App: "a", Widths: rising, Aspects: []string{"natural"}}, "pictures[0].widths", "at most 192"},
		"sizes":             {world.Pictures{App: "a", Widths: rising, Aspects: []string{"1:1"}, Fits: []string{"cover", "contain", "smart"}, Formats: []string{"jpeg"}}, "pictures[0].widths", "at most 192"},
	} {
		_, problems := NewPolicies([]world.Pictures{c.s})
		if len(problems) == 0 || problems[0].Path != c.at || !strings.Contains(problems[0].String(), c.says) {
			t.Errorf("%s: %v", name, problems)
		}
		if _, err := PoliciesOf(&world.World{Pictures: []world.Pictures{c.s}}); !world.Is(err, world.CodeInvalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
	most := world.Pictures{App: "a", Widths: rising[:MaxCells/3], Aspects: []string{"natural"}}
	if _, problems := NewPolicies([]world.Pictures{most}); len(problems) > 0 {
		t.Errorf("%d cells: %v", MaxCells, problems)
	}
	if _, problems := NewPolicies([]world.Pictures{most, most}); len(problems) != 1 || problems[0].Path != "pictures[1].app" {
		t.Errorf("an app twice: %v", problems)
	}
	if _, problems := NewPolicies(make([]world.Pictures, MaxPolicies+1)); len(problems) == 0 || problems[0].Path != "pictures" {
		t.Errorf("%d apps: %v", MaxPolicies+1, problems[:min(1, len(problems))])
	}
}

func TestAnAppsFormatsAreNegotiated(t *testing.T) {
	for _, c := range []struct {
		accept  string
		formats []Format
		want    Format
	}{
		{"image/avif,image/webp,*/*;q=0.8", []Format{AVIF, WebP, JPEG}, AVIF},
		{"image/avif,image/webp,*/*;q=0.8", []Format{WebP, JPEG}, WebP},
		{"image/avif,image/webp,*/*;q=0.8", []Format{JPEG}, JPEG},
		{"image/avif;q=0.1,image/webp;q=0.9,*/*;q=0.5", []Format{AVIF, JPEG}, JPEG},
		{"image/avif", []Format{WebP, JPEG}, JPEG},
		{"", []Format{AVIF, WebP, JPEG}, JPEG},
	} {
		if got := Prefer(c.accept).Among(c.formats); got != c.want {
			t.Errorf("%q of %v: %s, want %s", c.accept, c.formats, got, c.want)
		}
	}
}

func TestModesSayWhatACropKeeps(t *testing.T) {
	for _, c := range []struct {
		mode  Mode
		set   bool
		fit   Fit
		focus Focus
	}{
		{ModeCover, false, Cover, Focus{}},
		{ModeCover, true, Cover, At(0.2, 0.7)},
		{ModeSmart, false, Cover, Focus{Gravity: Smart}},
		{ModeSmart, true, Cover, At(0.2, 0.7)},
		{ModeContain, false, Contain, Focus{}},
		{ModeContain, true, Contain, Focus{}},
	} {
		if fit, focus := c.mode.Fit(), c.mode.Focus(0.2, 0.7, c.set); fit != c.fit || focus != c.focus {
			t.Errorf("%q, %v: %v, %+v", c.mode, c.set, fit, focus)
		}
	}
}

func TestSrcsetTakesTheNearestShape(t *testing.T) {
	p := policyOf(t, world.Pictures{Widths: []int{90, 180}, Aspects: []string{"natural", "3:2", "1:1"}})
	r := Request{App: "shop", MediaID: "0123456789abcdef", Version: 2, Format: Auto}
	if got, want := p.Grid.Srcset(r, Landscape, 0, 0), picturePath+"v2/auto/90x60 90w, "+picturePath+"v2/auto/180x120 180w"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}
