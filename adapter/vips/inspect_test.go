package vips

import (
	"bytes"
	"context"
	"slices"
	"strings"
	"testing"

	"meridian/engine/imagegrid"
	"meridian/world"
)

func TestInspectReadsTheHeader(t *testing.T) {
	e := start(t, Options{})
	photo := jpegOf(t, quarters(80, 60))
	still, err := e.Transform(ctx, photo, Spec{Width: 40, Format: imagegrid.WebP})
	if err != nil {
		t.Fatal(err)
	}
	avif, err := e.Transform(ctx, photo, Spec{Width: 41, Format: imagegrid.AVIF})
	if err != nil {
		t.Fatal(err)
	}
	seeThrough := quarters(8, 6)
	seeThrough.Pix[3] = 0
	for name, c := range map[string]struct {
		data []byte
		want Info
	}{
		"jpeg":          {photo, Info{"image/jpeg", 80, 60, 1, false, 1}},
		"jpeg turned":   {withSecrets(t, photo, 6), Info{"image/jpeg", 60, 80, 1, false, 6}},
		"jpeg flipped":  {withSecrets(t, photo, 2), Info{"image/jpeg", 80, 60, 1, false, 2}},
		"cmyk jpeg":     {testdata(t, "cmyk.jpg"), Info{"image/jpeg", 16, 16, 1, false, 1}},
		"png":           {pngOf(t, quarters(8, 6)), Info{"image/png", 8, 6, 1, false, 1}},
		"png alpha":     {pngOf(t, seeThrough), Info{"image/png", 8, 6, 1, true, 1}},
		"gif animated":  {gifOf(t, 3), Info{"image/gif", 40, 30, 3, false, 1}},
		"webp":          {still, Info{"image/webp", 40, 30, 1, false, 1}},
		"webp animated": {animated(t, 40, 30, still, still), Info{"image/webp", 40, 30, 2, false, 1}},
		"avif":          {avif, Info{"image/avif", 41, 31, 1, false, 1}},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := e.Inspect(ctx, c.data, Limits{})
			if err != nil || got != c.want {
				t.Errorf("Inspect = %+v, %v; want %+v", got, err, c.want)
			}
			if err := e.Check(ctx, c.data, Limits{}); err != nil {
				t.Errorf("Check = %v", err)
			}
		})
	}
}

func TestOtherFormatsAreRefusedByTheirBytes(t *testing.T) {
	e := start(t, Options{})
	for name, data := range map[string][]byte{
		"empty":        nil,
		"text":         []byte("This is named cake.jpg, but it is text."),
		"svg":          []byte(`<svg xmlns="http://www.w3.org/2000/svg" width="4" height="4"/>`),
		"tiff":         []byte("II*\x00\x08\x00\x00\x00"),
		"pdf":          []byte("%PDF-1.7\n"),
		"bmp":          []byte("BM0000000000"),
		"magick":       []byte("push graphic-context\nviewbox 0 0 640 480"),
		"jxl":          {0xFF, 0x0A, 0, 0},
		"mp4":          []byte("\x00\x00\x00\x18ftypisom\x00\x00\x00\x00isommp42"),
		"ftyp too big": []byte("\x7f\xff\xff\xffftypavif\x00\x00\x00\x00avif"),
		"ftyp small":   []byte("\x00\x00\x00\x08ftypavif\x00\x00\x00\x00avif"),
		"riff wave":    []byte("RIFF\x24\x00\x00\x00WAVEfmt "),
	} {
		for what, err := range map[string]error{
			"Inspect":     second(e.Inspect(ctx, data, Limits{})),
			"Check":       e.Check(ctx, data, Limits{}),
			"Transform":   second(e.Transform(ctx, data, Spec{Width: 10, Format: imagegrid.JPEG})),
			"Placeholder": third(e.Placeholder(ctx, data)),
		} {
			if !world.Is(err, world.CodeUnsupported) || !strings.Contains(err.Error(), "send JPEG, PNG, WebP, GIF, AVIF or HEIC") {
				t.Errorf("%s of %s = %v", what, name, err)
			}
		}
	}
}

func second[T any](_ T, err error) error { return err }

func third[T, U any](_ T, _ U, err error) error { return err }

func TestOnlyTheNamedLoadersMayRun(t *testing.T) {
	e := start(t, Options{})
	got := e.Loaders()
	slices.Sort(got)
	want := []string{"gifload_buffer", "heifload_buffer", "jpegload_buffer", "pngload_buffer", "svgload_buffer", "webpload_buffer"}
	if !slices.Equal(got, want) {
		t.Errorf("libvips may run %q, want %q", got, want)
	}
}

func TestLimitsHoldAtTheirEdge(t *testing.T) {
	e := start(t, Options{})
	photo, gif := jpegOf(t, quarters(80, 60)), gifOf(t, 5)
	for name, c := range map[string]struct {
		data   []byte
		limits Limits
		says   string
	}{
		"bytes at":      {photo, Limits{MaxBytes: int64(len(photo))}, ""},
		"bytes beyond":  {photo, Limits{MaxBytes: int64(len(photo)) - 1}, "bytes"},
		"pixels at":     {photo, Limits{MaxPixels: 4800}, ""},
		"pixels beyond": {photo, Limits{MaxPixels: 4799}, "80 × 60 pixels in 1 frame(s), 4800 in all, and at most 4799"},
		"frames at":     {gif, Limits{MaxFrames: 5, MaxPixels: 6000}, ""},
		"frames beyond": {gif, Limits{MaxFrames: 4}, "5 frames, and at most 4"},
		"summed pixels": {gif, Limits{MaxPixels: 5999}, "40 × 30 pixels in 5 frame(s), 6000 in all"},
	} {
		for what, err := range map[string]error{
			"Inspect": second(e.Inspect(ctx, c.data, c.limits)),
			"Check":   e.Check(ctx, c.data, c.limits),
		} {
			if c.says == "" && err != nil {
				t.Errorf("%s, %s: %v", name, what, err)
			}
			if c.says != "" && (!world.Is(err, world.CodeTooLarge) || !strings.Contains(err.Error(), c.says)) {
				t.Errorf("%s, %s: %v, want a too_large that says %q", name, what, err, c.says)
			}
		}
	}
	small := start(t, Options{Limits: Limits{MaxPixels: 4799}})
	for what, err := range map[string]error{
		"Inspect":     second(small.Inspect(ctx, photo, Limits{})),
		"Transform":   second(small.Transform(ctx, photo, Spec{Width: 10, Format: imagegrid.JPEG})),
		"Placeholder": third(small.Placeholder(ctx, photo)),
	} {
		if !world.Is(err, world.CodeTooLarge) {
			t.Errorf("%s beyond the engine's own limits: %v", what, err)
		}
	}
}

func TestBombIsRefusedBeforeItIsDecoded(t *testing.T) {
	e := start(t, Options{})
	bomb := pngHeader(40_000, 40_000)
	for what, err := range map[string]error{
		"Inspect":     second(e.Inspect(ctx, bomb, Limits{})),
		"Check":       e.Check(ctx, bomb, Limits{}),
		"Transform":   second(e.Transform(ctx, bomb, Spec{Width: 640, Format: imagegrid.WebP})),
		"Placeholder": third(e.Placeholder(ctx, bomb)),
	} {
		if !world.Is(err, world.CodeTooLarge) || !strings.Contains(err.Error(), "40000 × 40000") || !strings.Contains(err.Error(), "50000000") {
			t.Errorf("%s = %v", what, err)
		}
	}
}

func TestDamagedPicturesAreRefused(t *testing.T) {
	e := start(t, Options{})
	photo := jpegOf(t, quarters(800, 600))
	webp, err := e.Transform(ctx, photo, Spec{Width: 800, Format: imagegrid.WebP})
	if err != nil {
		t.Fatal(err)
	}
	avif, err := e.Transform(ctx, photo, Spec{Width: 800, Format: imagegrid.AVIF})
	if err != nil {
		t.Fatal(err)
	}
	flipped := bytes.Clone(pngOf(t, quarters(80, 60)))
	flipped[len(flipped)/2] ^= 0xFF
	whole := pngOf(t, quarters(80, 60))
	for name, data := range map[string][]byte{
		"jpeg half":     photo[:len(photo)/2],
		"jpeg last":     photo[:len(photo)-100],
		"jpeg 3 bytes":  photo[:3],
		"png half":      whole[:len(whole)/2],
		"png flipped":   flipped,
		"png signature": whole[:8],
		"webp half":     webp[:len(webp)/2],
		"avif half":     avif[:len(avif)/2],
		"gif header":    gifOf(t, 1)[:20],
	} {
		err := e.Check(ctx, data, Limits{})
		if !world.Is(err, world.CodeUnprocessed) || !strings.Contains(err.Error(), "ends early or is damaged") {
			t.Errorf("Check of %s = %v", name, err)
		}
	}
}

func TestCheckEndsWithItsContext(t *testing.T) {
	e := start(t, Options{})
	over, cancel := context.WithCancel(ctx)
	cancel()
	err := e.Check(over, jpegOf(t, quarters(80, 60)), Limits{})
	if !world.Is(err, world.CodeUnavailable) {
		t.Errorf("Check = %v", err)
	}
}

func FuzzSniffAndCheck(f *testing.F) {
	e, err := Start(Options{Limits: Limits{MaxPixels: 100_000, MaxBytes: 1 << 16, MaxFrames: 20}})
	if err != nil {
		f.Fatal(err)
	}
	photo := jpegOf(f, quarters(16, 12))
	for _, s := range [][]byte{photo, withSecrets(f, photo, 6), pngOf(f, quarters(8, 8)), gifOf(f, 2), pngHeader(9, 9), []byte("\x00\x00\x00\x18ftypavif\x00\x00\x00\x00avifmif1"), nil} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		_, err := e.Inspect(ctx, data, Limits{})
		if err == nil {
			err = e.Check(ctx, data, Limits{})
		}
		switch code := world.CodeOf(err); code {
		case "", world.CodeUnsupported, world.CodeTooLarge, world.CodeUnprocessed:
		default:
			t.Fatalf("an outsider's bytes gave %s: %v", code, err)
		}
	})
}
