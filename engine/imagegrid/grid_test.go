package imagegrid

import (
	"slices"
	"strings"
	"testing"

	"meridian/world"
)

func TestDefaultGridHoldsWhatItSays(t *testing.T) {
	g := Default()
	if n := len(g.Sizes()); n != 24 {
		t.Errorf("%d sizes, want 8 widths × 3 aspects", n)
	}
	for _, s := range []Size{{160, 0, ""}, {1920, 0, ""}, {320, 320, ""}, {640, 480, ""}, {1920, 1440, ""}, {160, 120, ""}} {
		if err := g.Allowed(s); err != nil {
			t.Errorf("%s: %v", s, err)
		}
	}
	for _, s := range g.Sizes() {
		if err := g.Allowed(s); err != nil {
			t.Errorf("the grid refuses its own %s: %v", s, err)
		}
	}
}

func TestSizesOffTheGridAreRefusedWithTheNearest(t *testing.T) {
	for _, c := range []struct {
		w, h int
		near string
	}{
		{641, 0, "640x0, 480x0, 960x0"},
		{1, 0, "160x0, 320x0, 480x0"},
		{16383, 0, "1920x0, 1600x0, 1280x0"},
		{0, 480, "480x0, 320x0, 640x0"},
		{640, 479, "640x480,"},
		{300, 300, "320x320,"},
	} {
		err := Default().Allowed(Size{Width: c.w, Height: c.h})
		if !world.Is(err, world.CodeInvalid) || !strings.Contains(err.Error(), "nearest that are: "+c.near) {
			t.Errorf("Allowed(%d, %d) = %v, want it to name %q", c.w, c.h, err, c.near)
		}
	}
	if err := (Grid{}).Allowed(Size{Width: 640}); !world.Is(err, world.CodeInvalid) {
		t.Errorf("the zero grid allows a size: %v", err)
	}
}

func TestSizesAreCopies(t *testing.T) {
	g := Default()
	g.Sizes()[0] = Size{Width: 1, Height: 1}
	g.Widths()[0] = 1
	if !slices.Equal(g.Sizes(), Default().Sizes()) || !slices.Equal(g.Widths(), Default().Widths()) {
		t.Error("a caller can change the grid")
	}
}

func TestNewRefusesBadGrids(t *testing.T) {
	natural := []Aspect{Natural}
	for name, c := range map[string]struct {
		widths  []int
		aspects []Aspect
	}{
		"no widths":   {nil, natural},
		"no aspects":  {[]int{1}, nil},
		"zero":        {[]int{0}, natural},
		"not rising":  {[]int{2, 2}, natural},
		"too wide":    {[]int{MaxDimension + 1}, natural},
		"half aspect": {[]int{2}, []Aspect{{1, 0}}},
	} {
		if _, err := New(c.widths, c.aspects); !world.Is(err, world.CodeInvalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := New([]int{1, MaxDimension}, natural); err != nil {
		t.Errorf("at the edges: %v", err)
	}
}

func TestSrcset(t *testing.T) {
	g, err := New([]int{100, 200, 400}, []Aspect{Natural, Landscape})
	if err != nil {
		t.Fatal(err)
	}
	r := Request{App: "shop", MediaID: "0123456789abcdef", Version: 2, Format: Auto}
	base := "/img/shop/0123456789abcdef/v2/auto/"
	for name, c := range map[string]struct {
		aspect     Aspect
		srcW, srcH int
		want       string
	}{
		"unknown source": {Natural, 0, 0, base + "100x0 100w, " + base + "200x0 200w, " + base + "400x0 400w"},
		"large source":   {Landscape, 4000, 3000, base + "100x75 100w, " + base + "200x150 200w, " + base + "400x300 400w"},
		"middle source":  {Natural, 250, 100, base + "100x0 100w, " + base + "200x0 200w, " + base + "400x0 250w"},
		"exact source":   {Natural, 200, 100, base + "100x0 100w, " + base + "200x0 200w"},
		"small source":   {Natural, 50, 50, base + "100x0 50w"},
		"low source":     {Landscape, 400, 120, base + "100x75 100w, " + base + "200x150 160w"},
	} {
		if got := g.Srcset(r, c.aspect, c.srcW, c.srcH); got != c.want {
			t.Errorf("%s:\n got %s\nwant %s", name, got, c.want)
		}
	}
}

func TestFormatsAndMediaTypes(t *testing.T) {
	for _, f := range Formats() {
		if got, ok := ParseFormat(string(f)); !ok || got != f || f.MediaType() != "image/"+string(f) {
			t.Errorf("%s: %s, %v, %s", f, got, ok, f.MediaType())
		}
	}
	if Auto.MediaType() != "" || SVG.MediaType() != "image/svg+xml" {
		t.Error("auto has a media type, or svg another one")
	}
}
