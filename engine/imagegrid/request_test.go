package imagegrid

import (
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"meridian/world"
)

const good = "/img/shop/0123456789abcdef/v3/webp/640x480"

func TestParseReadsEveryPart(t *testing.T) {
	r, err := Parse(good)
	want := Request{App: "shop", MediaID: "0123456789abcdef", Version: 3, Format: WebP, Width: 640, Height: 480}
	if err != nil || r != want {
		t.Fatalf("Parse = %+v, %v", r, err)
	}
	if r.String() != good {
		t.Errorf("String = %q", r)
	}
	if got := r.Key(); got != "shop/0123456789abcdef/v3/webp/640x480" {
		t.Errorf("Key = %q", got)
	}
	alias := strings.Replace(good, "/v3", "", 1)
	current := want
	current.Version = 0
	if r, err := Parse(alias); err != nil || r != current || r.String() != alias || r.Key() != "shop/0123456789abcdef/webp/640x480" {
		t.Errorf("alias: %+v, %v", r, err)
	}
	private := strings.Replace(good, "/img/", "/private/", 1)
	want.Private = true
	if r, err := Parse(private); err != nil || r != want || r.String() != private {
		t.Errorf("private: %+v, %v", r, err)
	}
}

func TestParseRefusesEveryOtherSpelling(t *testing.T) {
	for name, c := range map[string]struct{ path, says string }{
		"empty":               {"", "does not begin with /img/"},
		"other prefix":        {"/images/a", "does not begin with /img/"},
		"private alone":       {"/private/", "five parts"},
		"private, no slash":   {"/privateshop/0123456789abcdef/v3/webp/640x480", "does not begin with"},
		"private img":         {"/private" + good, "five parts"},
		"upper prefix":        {strings.Replace(good, "img", "IMG", 1), "does not begin with"},
		"part missing":        {"/img/shop/0123456789abcdef/v3/webp", "five parts"},
		"private alias":       {strings.Replace(strings.Replace(good, "/img/", "/private/", 1), "/v3", "", 1), "five parts"},
		"part too many":       {good + "/", "five parts"},
		"double slash":        {strings.Replace(good, "/shop", "//shop", 1), "five parts"},
		"query":               {good + "?a=b", "size"},
		"extension":           {good + ".webp", "size"},
		"app empty":           {"/img//0123456789abcdef/v3/webp/640x480", "app"},
		"app digit first":     {strings.Replace(good, "shop", "1shop", 1), "app"},
		"app upper":           {strings.Replace(good, "shop", "Shop", 1), "app"},
		"app dot dot":         {strings.Replace(good, "shop", "..", 1), "app"},
		"app escaped":         {strings.Replace(good, "shop", "%73hop", 1), "app"},
		"app 33":              {strings.Replace(good, "shop", strings.Repeat("a", 33), 1), "app"},
		"id 15":               {strings.Replace(good, "cdef", "cde", 1), "media id"},
		"id 17":               {strings.Replace(good, "cdef", "cdef0", 1), "media id"},
		"id upper":            {strings.Replace(good, "cdef", "CDEF", 1), "media id"},
		"id with i":           {strings.Replace(good, "cdef", "cdei", 1), "media id"},
		"id with l":           {strings.Replace(good, "cdef", "cdel", 1), "media id"},
		"id with o":           {strings.Replace(good, "cdef", "cdeo", 1), "media id"},
		"id with u":           {strings.Replace(good, "cdef", "cdeu", 1), "media id"},
		"version 0":           {strings.Replace(good, "v3", "v0", 1), "version"},
		"version leading 0":   {strings.Replace(good, "v3", "v03", 1), "version"},
		"version bare":        {strings.Replace(good, "v3", "3", 1), "version"},
		"version empty":       {strings.Replace(good, "v3", "v", 1), "version"},
		"version sign":        {strings.Replace(good, "v3", "v+3", 1), "version"},
		"version beyond":      {strings.Replace(good, "v3", "v1000000001", 1), "version"},
		"version wraps":       {strings.Replace(good, "v3", "v18446744073709551617", 1), "version"},
		"format png":          {strings.Replace(good, "webp", "png", 1), "avif, webp, jpeg or auto"},
		"format jpg":          {strings.Replace(good, "webp", "jpg", 1), "avif, webp, jpeg or auto"},
		"size one number":     {strings.Replace(good, "640x480", "640", 1), "size"},
		"size nothing":        {strings.Replace(good, "640x480", "x", 1), "size"},
		"size 0x0":            {strings.Replace(good, "640x480", "0x0", 1), "size"},
		"size leading 0":      {strings.Replace(good, "640x480", "0640x480", 1), "size"},
		"size 00":             {strings.Replace(good, "640x480", "640x00", 1), "size"},
		"size upper X":        {strings.Replace(good, "640x480", "640X480", 1), "size"},
		"size three":          {strings.Replace(good, "640x480", "640x480x2", 1), "size"},
		"size negative":       {strings.Replace(good, "640x480", "-640x480", 1), "size"},
		"mode unknown":        {good + "-fill", "size"},
		"mode empty":          {good + "-", "size"},
		"mode cover":          {good + "-cover", "size"},
		"mode without a box":  {strings.Replace(good, "640x480", "640x0-smart", 1), "size"},
		"ratio 1":             {good + "@1x", "size"},
		"ratio 0":             {good + "@0x", "size"},
		"ratio 5":             {good + "@5x", "size"},
		"ratio half":          {good + "@1.5x", "size"},
		"ratio without x":     {good + "@2", "size"},
		"ratio twice":         {good + "@2x@2x", "size"},
		"ratio before mode":   {good + "@2x-smart", "size"},
		"svg with a size":     {strings.Replace(good, "webp", "svg", 1), "no size"},
		"svg and a slash":     {strings.Replace(good, "webp/640x480", "svg/", 1), "no size"},
		"a size missing":      {strings.Replace(good, "/640x480", "", 1), "five parts"},
		"size beyond":         {strings.Replace(good, "640x480", "16384x480", 1), "size"},
		"too long":            {good + strings.Repeat("0", MaxPathLength-len(good)+1), "too long"},
		"nul":                 {good + "\x00", "size"},
		"not ASCII digit":     {strings.Replace(good, "v3", "v３", 1), "version"},
		"trailing whitespace": {good + " ", "size"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Parse(c.path)
			if !world.Is(err, world.CodeInvalid) || !strings.Contains(err.Error(), c.says) {
				t.Errorf("Parse(%q) = %v, want an invalid that says %q", c.path, err, c.says)
			}
		})
	}
}

func TestLimitsAreTakenAtTheirEdge(t *testing.T) {
	longest := fmt.Sprintf("/private/%s/%s/v%d/avif/%dx%d-contain@%dx", strings.Repeat("a", MaxAppLength), strings.Repeat("z", MediaIDLength), MaxVersion, MaxDimension, MaxDimension, MaxDPR)
	r, err := Parse(longest)
	if err != nil || r.Version != MaxVersion || r.Width != MaxDimension {
		t.Fatalf("Parse(%q) = %+v, %v", longest, r, err)
	}
	if len(longest) > MaxPathLength {
		t.Errorf("the longest valid path has %d bytes, over MaxPathLength %d", len(longest), MaxPathLength)
	}
}

func TestEveryRequestIsReadBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := Request{
			App:     rapid.StringMatching(`[a-z][a-z0-9-]{0,31}`).Draw(t, "app"),
			MediaID: rapid.StringMatching(`[0-9a-hjkmnp-tv-z]{16}`).Draw(t, "id"),
			Version: rapid.IntRange(0, MaxVersion).Draw(t, "version"),
			Format:  rapid.SampledFrom([]Format{AVIF, WebP, JPEG, Auto, SVG}).Draw(t, "format"),
		}
		if r.Version > 0 {
			r.Private = rapid.Bool().Draw(t, "private")
		}
		if r.Format != SVG {
			r.Width, r.Height = rapid.IntRange(0, MaxDimension).Draw(t, "width"), rapid.IntRange(1, MaxDimension).Draw(t, "height")
			r.DPR = rapid.SampledFrom([]int{0, 2, MaxDPR}).Draw(t, "dpr")
			if r.Width > 0 {
				r.Mode = rapid.SampledFrom([]Mode{ModeCover, ModeContain, ModeSmart}).Draw(t, "mode")
			}
		}
		if got, err := Parse(r.String()); err != nil || got != r {
			t.Fatalf("Parse(%q) = %+v, %v", r, got, err)
		}
	})
}

func TestResolveReplacesAutoOnly(t *testing.T) {
	r := Request{Format: Auto}
	if got := r.Resolve("image/avif", Formats()).Format; got != AVIF {
		t.Errorf("auto became %q", got)
	}
	r.Format = JPEG
	if got := r.Resolve("image/avif", Formats()).Format; got != JPEG {
		t.Errorf("jpeg became %q", got)
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{good, good + "-smart@3x", strings.Replace(good, "webp/640x480", "svg", 1), "/img/a/0000000000000000/svg", "", "/img/", "/img/a/0000000000000000/v1/auto/0x1", "/img/a/0/v1/avif/1x1", good + "/..", strings.ToUpper(good)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, path string) {
		r, err := Parse(path)
		if err != nil {
			if !world.Is(err, world.CodeInvalid) {
				t.Fatalf("Parse(%q) failed with %v, not with invalid", path, err)
			}
			return
		}
		if r.String() != path {
			t.Fatalf("Parse(%q).String() = %q", path, r)
		}
	})
}
