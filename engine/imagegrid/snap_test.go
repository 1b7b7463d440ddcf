package imagegrid

import (
	"slices"
	"testing"

	"pgregory.net/rapid"

	"meridian/world"
)

func TestResolve(t *testing.T) {
	for _, c := range []struct {
		w, h   int
		policy OffGrid
		want   string // "" for refused
	}{
		{640, 0, Refuse, "640x0"},
		{640, 0, Snap, "640x0"},
		{641, 0, Refuse, ""},
		{641, 0, "", ""},
		{641, 0, Snap, "960x0"}, // not 640: nobody gets less than asked for
		{1, 0, Snap, "160x0"},
		{5000, 0, Snap, "1920x0"}, // there is no more
		{0, 500, Snap, "640x0"},
		{300, 300, Snap, "320x320"},
		{300, 200, Snap, "320x240"},
		{330, 330, Snap, "480x480"},
		{9000, 9000, Snap, "1920x1920"},
		{0, 0, Snap, ""},
		{-1, 640, Snap, ""},
	} {
		got, err := Default().Resolve(Size{Width: c.w, Height: c.h}, c.policy)
		if c.want == "" {
			if !world.Is(err, world.CodeInvalid) {
				t.Errorf("%+v: %s, %v", c, got, err)
			}
		} else if err != nil || got.String() != c.want {
			t.Errorf("%+v: %s, %v", c, got, err)
		}
	}
	if _, err := (Grid{}).Resolve(Size{Width: 640}, Snap); !world.Is(err, world.CodeInvalid) {
		t.Errorf("the zero grid: %v", err)
	}
}

func TestSnapsToTheGrid(t *testing.T) {
	g := Default()
	rapid.Check(t, func(t *rapid.T) {
		w, h := rapid.IntRange(1, MaxDimension).Draw(t, "w"), rapid.IntRange(0, MaxDimension).Draw(t, "h")
		s, err := g.Resolve(Size{Width: w, Height: h}, Snap)
		if err != nil || !slices.Contains(g.Sizes(), s) {
			t.Errorf("%d × %d snaps to %s, %v", w, h, s, err)
		}
	})
}

func TestGridsAreCapped(t *testing.T) {
	widths := make([]int, MaxCells+1)
	for i := range widths {
		widths[i] = i + 1
	}
	if _, err := New(widths[:MaxCells], []Aspect{Natural}); err != nil {
		t.Errorf("%d sizes: %v", MaxCells, err)
	}
	if _, err := New(widths, []Aspect{Natural}); !world.Is(err, world.CodeInvalid) {
		t.Errorf("%d sizes: %v", MaxCells+1, err)
	}
}

func TestAspectsAreReadAsTheyAreWritten(t *testing.T) {
	for _, s := range []string{"natural", "1:1", "4:3", "16:9"} {
		if a, err := ParseAspect(s); err != nil || a.String() != s {
			t.Errorf("%s: %v, %v", s, a, err)
		}
	}
	for _, s := range []string{"", "4", "4:", ":3", "0:3", "4:0", "-4:3", "4:3:2", "04:3", "Natural", "4x3"} {
		if a, err := ParseAspect(s); !world.Is(err, world.CodeInvalid) {
			t.Errorf("%q: %v, %v", s, a, err)
		}
	}
}
