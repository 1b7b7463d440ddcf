package world

import (
	"testing"

	"pgregory.net/rapid"
)

func TestPositionSurvivesItsText(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := Position{
			Cluster: rapid.StringMatching(`[a-z][a-z0-9-]{0,20}`).Draw(t, "cluster"),
			Epoch:   rapid.Uint32().Draw(t, "epoch"),
			LSN:     rapid.Uint64().Draw(t, "lsn"),
		}
		got, err := ParsePosition(p.String())
		if err != nil || got != p {
			t.Fatalf("%v came back as %v, %v", p, got, err)
		}
	})
}

func TestCovers(t *testing.T) {
	p := Position{"c", 2, 100}
	cases := []struct {
		q    Position
		want bool
	}{
		{Position{"c", 2, 100}, true},
		{Position{"c", 2, 101}, false},
		{Position{"c", 1, 999}, true}, // an older primary's history has ended
		{Position{"c", 3, 1}, false},
		{Position{"d", 2, 1}, false},
	}
	for _, c := range cases {
		if got := p.Covers(c.q); got != c.want {
			t.Errorf("%v covers %v: %v", p, c.q, got)
		}
	}
}

func FuzzParsePositions(f *testing.F) {
	f.Add("catalog-us-east@1:0/16B3748 catalog-eu@2:1/0")
	f.Add("@:/")
	f.Fuzz(func(t *testing.T, s string) {
		ps, err := ParsePositions(s)
		if err != nil {
			return
		}
		again, err := ParsePositions(FormatPositions(ps))
		if err != nil || len(again) != len(ps) {
			t.Fatalf("%q: %v", s, err)
		}
	})
}

func TestMediaIDNamesItsRegion(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, MaxRegions).Draw(t, "region")
		var random [MediaIDLength - 1]byte
		copy(random[:], rapid.SliceOfN(rapid.Byte(), len(random), len(random)).Draw(t, "random"))
		id := NewMediaID(n, random)
		if got, ok := MediaIDRegion(id); !ok || got != n {
			t.Fatalf("%s: %d %v", id, got, ok)
		}
	})
	for _, bad := range []string{"", "1", "il00000000000000", "0000000000000000", "100000000000000", "10000000000000000", "1ABCDEFGHJKMNPQR"} {
		if _, ok := MediaIDRegion(bad); ok {
			t.Errorf("%q was taken for a media id", bad)
		}
	}
}

func TestWrapKeepsTheCodeAndJoinsTheOps(t *testing.T) {
	err := Wrap("shop.place", Wrap("postgres.place", E(CodeConflict, "tx", "Again.")))
	if CodeOf(err) != CodeConflict || err.Error() != "shop.place: postgres.place: tx: conflict: Again." {
		t.Errorf("got %v", err)
	}
	if Wrap("x", nil) != nil {
		t.Error("no error became one")
	}
}
