package imagegrid

import "testing"

func TestMezzanineSize(t *testing.T) {
	for _, c := range []struct {
		srcW, srcH, w, h int
		ok               bool
	}{
		{4000, 3000, 2560, 1920, true},
		{3000, 4000, 1920, 2560, true},
		{5120, 3413, 2560, 1707, true},
		{6000, 4000, 3000, 2000, true}, // the half is more
		{4000, 6001, 2000, 3001, true},
		{3136, 2352, 2560, 1920, true},  // 1.5 times the pixels
		{3134, 2350, 2560, 1920, false}, // less
		{640, 480, 640, 480, false},
		{0, 480, 0, 0, false},
		{640, -1, 0, 0, false},
	} {
		if w, h, ok := MezzanineSize(c.srcW, c.srcH); w != c.w || h != c.h || ok != c.ok {
			t.Errorf("%+v gives %d × %d, %v", c, w, h, ok)
		}
	}
}

func TestWhatIsCutFromTheMezzanine(t *testing.T) {
	for _, c := range []struct {
		srcW, srcH, reqW, reqH int
		want                   bool
	}{
		{4000, 3000, 640, 0, true},
		{4000, 3000, 1920, 0, true},
		{4000, 3000, 1969, 0, true},  // 2560 ÷ 1.3
		{4000, 3000, 1970, 0, false}, // too close
		{4000, 3000, 1600, 1600, false},
		{4000, 3000, 1280, 1280, true}, // covers 1707
		{3000, 4000, 1600, 0, false},   // the mezzanine is 1920 wide
		{3000, 4000, 1280, 0, true},
		{800, 600, 160, 0, false}, // has none
		{4000, 3000, 0, 0, false},
		{4000, 3000, -1, 0, false},
	} {
		if got := FromMezzanine(Cover, c.srcW, c.srcH, c.reqW, c.reqH); got != c.want {
			t.Errorf("%+v: %v", c, got)
		}
	}
	if !FromMezzanine(Contain, 4000, 3000, 1600, 1600) {
		t.Error("1600 × 1200, which is inside 1600 × 1600, is refused")
	}
}
