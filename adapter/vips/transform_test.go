package vips

import (
	"bytes"
	"context"
	"errors"
	"image"
	"image/color"
	"image/png"
	"strings"
	"sync"
	"testing"

	"meridian/engine/imagegrid"
	"meridian/world"
)

func TestEveryVariantHasItsExactSizeAndColours(t *testing.T) {
	e := start(t, Options{})
	photo := jpegOf(t, quarters(1000, 750))
	for _, c := range []struct{ reqW, reqH, w, h int }{
		{640, 0, 640, 480}, {160, 0, 160, 120}, {0, 333, 444, 333}, {333, 0, 333, 250},
		{320, 320, 320, 320}, {161, 121, 161, 121}, {1600, 0, 1000, 750}, {1920, 1920, 750, 750}, {999, 0, 999, 749},
	} {
		for _, f := range imagegrid.Formats() {
			out, err := e.Transform(ctx, photo, Spec{Width: c.reqW, Height: c.reqH, Format: f})
			if err != nil {
				t.Fatal(err)
			}
			if got := mediaTypes[sniff(out)]; got != f.MediaType() {
				t.Fatalf("%s came out as %s", f, got)
			}
			m := decoded(t, e, out, f)
			if b := m.Bounds(); b.Dx() != c.w || b.Dy() != c.h {
				t.Errorf("%dx%d %s is %v, want %d × %d", c.reqW, c.reqH, f, b, c.w, c.h)
			}
			looks(t, string(f), m, .1, .1, red)
			looks(t, string(f), m, .9, .1, green)
			looks(t, string(f), m, .1, .9, blue)
			looks(t, string(f), m, .9, .9, grey)
		}
	}
}

func TestTransformAllGivesWhatTransformGives(t *testing.T) {
	e := start(t, Options{})
	photo := withSecrets(t, jpegOf(t, quarters(600, 900)), 6)
	var specs []Spec
	for _, s := range []imagegrid.Size{{Width: 480}, {Width: 160, Height: 160}, {Width: 320, Height: 240}} {
		for _, f := range imagegrid.Formats() {
			specs = append(specs, Spec{Width: s.Width, Height: s.Height, Format: f})
		}
	}
	all, err := e.TransformAll(ctx, photo, specs)
	if err != nil || len(all) != len(specs) {
		t.Fatalf("%d outputs, %v", len(all), err)
	}
	for i, s := range specs {
		m := decoded(t, e, all[i].Data, s.Format)
		w, h, _ := imagegrid.OutputSize(900, 600, s.Width, s.Height)
		if b := m.Bounds(); b.Dx() != w || b.Dy() != h {
			t.Errorf("%+v is %v, want %d × %d", s, b, w, h)
		}
		looks(t, "turned", m, .1, .1, blue) // 6: the stored left side is the top
	}
	if none, err := e.TransformAll(ctx, photo, nil); err != nil || none != nil {
		t.Errorf("no specs gave %v, %v", none, err)
	}
}

func TestPicturesAreTurnedUpright(t *testing.T) {
	e := start(t, Options{})
	stored := jpegOf(t, quarters(400, 200))
	// By EXIF 2.32 §4.6.4 A: what is seen at the top left, and whether the sides swap.
	for orientation, c := range map[int]struct {
		topLeft, topRight color.NRGBA
		swapped           bool
	}{
		1: {red, green, false}, 2: {green, red, false}, 3: {grey, blue, false}, 4: {blue, grey, false},
		5: {red, blue, true}, 6: {blue, red, true}, 7: {grey, green, true}, 8: {green, grey, true},
	} {
		out, err := e.Transform(ctx, withSecrets(t, stored, orientation), Spec{Width: 100, Format: imagegrid.WebP})
		if err != nil {
			t.Fatal(err)
		}
		m := decoded(t, e, out, imagegrid.WebP)
		if wide := m.Bounds().Dx() > m.Bounds().Dy(); wide == c.swapped {
			t.Errorf("orientation %d is %v", orientation, m.Bounds())
		}
		looks(t, "top left", m, .2, .2, c.topLeft)
		looks(t, "top right", m, .8, .2, c.topRight)
	}
}

// tellTales are bytes that no output may hold.
var tellTales = []string{"Exif", "EXIF", "GPS", cameraMaker, cameraSerial, xmpSecret, "xmpmeta", "XMP ", "8BIM", "Photoshop", "ICCP", "ICC_PROFILE", "II*\x00", "MM\x00*"}

func bare(t *testing.T, what string, out []byte) {
	t.Helper()
	for _, s := range tellTales {
		if bytes.Contains(out, []byte(s)) {
			t.Errorf("%s still holds %q", what, s)
		}
	}
}

func TestNothingButPixelsGetsOut(t *testing.T) {
	e := start(t, Options{})
	photo := withSecrets(t, jpegOf(t, quarters(640, 480)), 6)
	for _, s := range tellTales[:1] {
		if !bytes.Contains(photo, []byte(s)) {
			t.Fatalf("the test's photo holds no %q", s)
		}
	}
	p3 := testdata(t, "p3.png")
	for _, f := range imagegrid.Formats() {
		for name, data := range map[string][]byte{"photo": photo, "profile": p3} {
			out, err := e.Transform(ctx, data, Spec{Width: 320, Format: f})
			if err != nil {
				t.Fatal(err)
			}
			bare(t, name+" as "+string(f), out)
			if info, err := e.Inspect(ctx, out, Limits{}); err != nil || info.Orientation != 1 {
				t.Errorf("%s as %s: %+v, %v", name, f, info, err)
			}
		}
	}
}

func TestColoursReachSRGB(t *testing.T) {
	e := start(t, Options{})
	deep := image.NewNRGBA64(image.Rect(0, 0, 20, 20))
	for y := range 20 {
		for x := range 20 {
			deep.Set(x, y, color.NRGBA64{0xC000, 0x8000, 0x4000, 0xFFFF})
		}
	}
	deepClear := image.NewNRGBA64(image.Rect(0, 0, 20, 20))
	copy(deepClear.Pix, deep.Pix)
	for at := 6; at < len(deepClear.Pix); at += 8 {
		deepClear.Pix[at], deepClear.Pix[at+1] = 0x80, 0x00
	}
	greyPic := image.NewGray(image.Rect(0, 0, 20, 20))
	for i := range greyPic.Pix {
		greyPic.Pix[i] = 90
	}
	for name, c := range map[string]struct {
		data []byte
		want color.NRGBA
	}{
		// Made with libvips' p3 profile: the numbers (200, 100, 50) of Display P3
		// are (215, 93, 32) in sRGB.
		"wide gamut":    {testdata(t, "p3.png"), color.NRGBA{215, 93, 32, 255}},
		"16 bits":       {pngOf(t, deep), color.NRGBA{0xC0, 0x80, 0x40, 255}},
		"16 bits alpha": {pngOf(t, deepClear), color.NRGBA{0xC0, 0x80, 0x40, 0x80}},
		"grey png":      {pngOf(t, greyPic), color.NRGBA{90, 90, 90, 255}},
		"grey jpeg":     {jpegOf(t, greyPic), color.NRGBA{90, 90, 90, 255}},
		// Full cyan, no profile: a printing blue, never the inverted red.
		"cmyk": {testdata(t, "cmyk.jpg"), color.NRGBA{0, 156, 228, 255}},
	} {
		out, err := e.Transform(ctx, c.data, Spec{Width: 10, Format: imagegrid.WebP, Quality: 100})
		if err != nil {
			t.Fatal(name, err)
		}
		looks(t, name, decoded(t, e, out, imagegrid.WebP), .3, .5, c.want)
	}
}

func TestTransparencyStaysExceptInJPEG(t *testing.T) {
	e := start(t, Options{})
	m := image.NewNRGBA(image.Rect(0, 0, 200, 100)) // clear black on the left
	for y := range 100 {
		for x := 100; x < 200; x++ {
			m.Set(x, y, green)
		}
	}
	data := pngOf(t, m)
	for f, want := range map[imagegrid.Format]color.NRGBA{
		imagegrid.WebP: {}, imagegrid.AVIF: {}, imagegrid.JPEG: {255, 255, 255, 255},
	} {
		out, err := e.Transform(ctx, data, Spec{Width: 50, Format: f})
		if err != nil {
			t.Fatal(err)
		}
		bare(t, string(f), out)
		got := decoded(t, e, out, f)
		_, _, _, alpha := got.At(5, 12).RGBA()
		if f == imagegrid.JPEG {
			looks(t, "jpeg", got, .1, .5, want)
		} else if alpha > 0x0800 {
			t.Errorf("%s: the clear half has alpha %#x", f, alpha)
		}
		looks(t, string(f), got, .9, .5, green)
	}
}

func TestAnimationsGiveTheirFirstFrame(t *testing.T) {
	e := start(t, Options{})
	first, err := e.Transform(ctx, jpegOf(t, quarters(80, 60)), Spec{Width: 80, Format: imagegrid.WebP})
	if err != nil {
		t.Fatal(err)
	}
	second, err := e.Transform(ctx, gifOf(t, 1), Spec{Width: 80, Format: imagegrid.WebP})
	if err != nil {
		t.Fatal(err)
	}
	for name, data := range map[string][]byte{"gif": gifOf(t, 3), "webp": animated(t, 80, 60, first, second)} {
		out, err := e.Transform(ctx, data, Spec{Width: 20, Format: imagegrid.JPEG})
		if err != nil {
			t.Fatal(name, err)
		}
		m := decoded(t, e, out, imagegrid.JPEG)
		if b := m.Bounds(); b.Dx() != 20 || b.Dy() != 15 {
			t.Errorf("%s: %v", name, b)
		}
		looks(t, name, m, .1, .1, red)
	}
}

func TestWrongSpecsAreRefused(t *testing.T) {
	e := start(t, Options{})
	photo := jpegOf(t, quarters(8, 8))
	for name, s := range map[string]Spec{
		"auto":        {Width: 10, Format: imagegrid.Auto},
		"no format":   {Width: 10},
		"no size":     {Format: imagegrid.JPEG},
		"negative":    {Width: -1, Height: 5, Format: imagegrid.JPEG},
		"too wide":    {Width: imagegrid.MaxDimension + 1, Format: imagegrid.JPEG},
		"quality 101": {Width: 10, Format: imagegrid.JPEG, Quality: 101},
		"effort 2":    {Width: 10, Format: imagegrid.JPEG, Effort: 2},
	} {
		if _, err := e.Transform(ctx, photo, s); !world.Is(err, world.CodeInvalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestThoroughMakesAVIFSmaller(t *testing.T) {
	e := start(t, Options{})
	m := image.NewNRGBA(image.Rect(0, 0, 256, 256))
	for y := range 256 {
		for x := range 256 {
			m.Set(x, y, color.NRGBA{uint8(x ^ y), uint8(x * y >> 6), uint8(x + y), 255})
		}
	}
	sizes := [2]int{}
	for i, effort := range []Effort{Quick, Thorough} {
		out, err := e.Transform(ctx, pngOf(t, m), Spec{Width: 256, Format: imagegrid.AVIF, Effort: effort})
		if err != nil {
			t.Fatal(err)
		}
		sizes[i] = len(out)
	}
	if sizes[1] >= sizes[0] {
		t.Errorf("quick %d bytes, thorough %d", sizes[0], sizes[1])
	}
}

func TestWaitingForAPlaceEndsWithTheContext(t *testing.T) {
	e := start(t, Options{MaxWorkers: 1})
	if err := e.workers.Acquire(ctx, 1); err != nil {
		t.Fatal(err)
	}
	short, cancel := context.WithTimeout(ctx, 0)
	defer cancel()
	_, err := e.Transform(short, jpegOf(t, quarters(8, 8)), Spec{Width: 4, Format: imagegrid.JPEG})
	if !world.Is(err, world.CodeTimeout) || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Transform = %v", err)
	}
	e.workers.Release(1)
	if _, err := e.Transform(ctx, jpegOf(t, quarters(8, 8)), Spec{Width: 4, Format: imagegrid.JPEG}); err != nil {
		t.Errorf("after the place is free: %v", err)
	}
}

func TestWorkStopsInTheMiddleWhenTheContextEnds(t *testing.T) {
	e := start(t, Options{})
	for k, big := range map[kind][]byte{kindPNG: pngOf(t, quarters(3000, 3000)), kindJPEG: jpegOf(t, quarters(3000, 3000))} {
		info, err := e.Inspect(ctx, big, Limits{})
		if err != nil {
			t.Fatal(err)
		}
		over, cancel := context.WithCancel(ctx)
		cancel()
		// The header has been read and a place given: only the decoder is left to notice.
		if _, err := decode(over, "test", big, k, info, notes{}, 2900, 2900, false); !world.Is(err, world.CodeUnavailable) {
			t.Errorf("%s: decode = %v", mediaTypes[k], err)
		}
	}
}

func TestManyAtOnce(t *testing.T) {
	e := start(t, Options{MaxWorkers: 3, MaxPixels: 100_000})
	good, bad := jpegOf(t, quarters(300, 200)), jpegOf(t, quarters(300, 200))
	bad = bad[:len(bad)/2]
	var wg sync.WaitGroup
	for i := range 24 {
		wg.Go(func() {
			if i%3 == 0 {
				if err := e.Check(ctx, bad, Limits{}); !world.Is(err, world.CodeUnprocessed) {
					t.Errorf("the damaged one: %v", err)
				}
				return
			}
			out, err := e.Transform(ctx, good, Spec{Width: 64, Format: imagegrid.Formats()[i%3]})
			if err != nil || len(out) == 0 {
				t.Errorf("the good one: %v", err)
			}
		})
	}
	wg.Wait()
}

func TestNothingIsLeftInMemory(t *testing.T) {
	e := start(t, Options{MaxWorkers: 1})
	photo, clear := jpegOf(t, quarters(300, 200)), pngOf(t, image.NewNRGBA(image.Rect(0, 0, 300, 200)))
	turned, p3 := withSecrets(t, photo, 6), testdata(t, "p3.png")
	hlg := lit(t, testdata(t, "patches-12bit-alpha.avif"), primariesBT2020, transferHLG)
	damaged := pngOf(t, quarters(300, 200))
	damaged = damaged[:len(damaged)/2]
	svg := []byte(`<svg xmlns="http://www.w3.org/2000/svg" width="300" height="200"/>`)
	round := func() {
		for _, data := range [][]byte{photo, clear, turned, p3, hlg, damaged} {
			for _, f := range []imagegrid.Format{imagegrid.WebP, imagegrid.JPEG} {
				_, _ = e.Transform(ctx, data, Spec{Width: 290, Height: 190, Format: f})
			}
			_ = e.Check(ctx, data, Limits{})
			_, _, _ = e.Placeholder(ctx, data)
			_, _ = e.Edit(ctx, data, world.Edit{Crop: &world.Crop{X: 1, Y: 1, Width: 9, Height: 9}, Rotate: 1})
		}
		_, _ = e.RenderSVG(ctx, svg, 300, 300)
		_, _ = e.RenderSVG(ctx, svg[:20], 300, 300)
	}
	round()
	before := e.Memory()
	for range 10 {
		round()
	}
	// libvips keeps a few row buffers a thread; one picture of the above left
	// behind in each round would be ten times 150 kB.
	if grown := e.Memory() - before; grown > 300_000 {
		t.Errorf("libvips holds %d bytes more than after the first round", grown)
	}
}

func TestAClosedEngineRefuses(t *testing.T) {
	e := start(t, Options{})
	e.Close()
	_, err := e.Inspect(ctx, jpegOf(t, quarters(8, 8)), Limits{})
	if !world.Is(err, world.CodeUnavailable) {
		t.Errorf("Inspect = %v", err)
	}
}

func TestWarningsGoWhereTheyAreSent(t *testing.T) {
	var mu sync.Mutex
	var lines []string
	e := start(t, Options{Log: func(domain, message string) {
		mu.Lock()
		defer mu.Unlock()
		lines = append(lines, domain+": "+message)
	}})
	data := jpegOf(t, quarters(200, 200))
	if _, err := e.Transform(ctx, data[:len(data)/2], Spec{Width: 20, Format: imagegrid.JPEG}); err != nil {
		t.Fatal(err)
	}
	mu.Lock()
	defer mu.Unlock()
	if !strings.Contains(strings.Join(lines, "\n"), "jpeg: ") {
		t.Errorf("a picture that ends early gave no warning: %q", lines)
	}
}

func TestRenderSVG(t *testing.T) {
	e := start(t, Options{})
	svg := []byte(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 100 50" width="100" height="50">
		<rect width="50" height="50" fill="rgb(220,30,30)"/><rect x="50" width="50" height="50" fill="rgb(30,30,220)"/></svg>`)
	for _, size := range []imagegrid.Size{{Width: 400, Height: 200}, {Width: 30, Height: 15}, {Width: 301, Height: 301}} {
		out, err := e.RenderSVG(ctx, svg, size.Width, size.Height)
		if err != nil {
			t.Fatal(err)
		}
		m, err := png.Decode(bytes.NewReader(out))
		if err != nil {
			t.Fatal(err)
		}
		if b := m.Bounds(); b.Dx() != size.Width || b.Dy() != size.Height {
			t.Errorf("%s is %v", size, b)
		}
		looks(t, "left", m, .2, .5, red)
		looks(t, "right", m, .8, .5, blue)
	}
	for name, c := range map[string]struct {
		svg  string
		w, h int
		code world.Code
	}{
		"no svg":    {"", 10, 10, world.CodeInvalid},
		"no size":   {string(svg), 0, 10, world.CodeInvalid},
		"too large": {string(svg), 16000, 16000, world.CodeTooLarge},
		"thin":      {`<svg xmlns="http://www.w3.org/2000/svg" width="10000" height="1"/>`, 10, 1000, world.CodeTooLarge},
		"not svg":   {"<svg", 10, 10, world.CodeUnprocessed},
	} {
		if _, err := e.RenderSVG(ctx, []byte(c.svg), c.w, c.h); !world.Is(err, c.code) {
			t.Errorf("%s: %v, want %s", name, err, c.code)
		}
	}
}
