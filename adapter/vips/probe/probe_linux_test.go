package probe

import (
	"bytes"
	"context"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"meridian/adapter/vips"
	"meridian/engine/imagegrid"
	"meridian/world"
)

// bounds of the tests: wide enough for a machine that is busy, since none but those
// of which a test is about may be reached.
func wide() Limits {
	return Limits{Children: 2, Memory: 256 << 20, CPU: 60 * time.Second, Time: time.Minute, Start: time.Minute}
}

func pool(t testing.TB, how string, change func(*Limits)) *Pool {
	t.Helper()
	l := wide()
	if change != nil {
		change(&l)
	}
	p, err := New([]string{"/proc/self/exe", asChild, how}, l)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func pngOf(t testing.TB, w, h int) []byte {
	t.Helper()
	img := image.NewNRGBA(image.Rect(0, 0, w, h))
	for i := range img.Pix {
		img.Pix[i] = byte(i)
	}
	img.Set(0, 0, color.NRGBA{255, 0, 0, 255})
	var b bytes.Buffer
	if err := png.Encode(&b, img); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// children are the processes that this one has started and that are not gone.
func children(t testing.TB) (pids []string) {
	t.Helper()
	all, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range all {
		text, err := os.ReadFile(path)
		if err != nil {
			continue // it has ended
		}
		_, rest, _ := strings.Cut(string(text), ") ") // proc_pid_stat(5): state, ppid
		var state string
		var parent int
		if _, err := fmt.Sscan(rest, &state, &parent); err == nil && parent == os.Getpid() {
			pids = append(pids, path+" "+state)
		}
	}
	return pids
}

func noneLeft(t testing.TB) {
	t.Helper()
	if left := children(t); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestWhatBringsAChildDownIsRefusedWithAReason(t *testing.T) {
	t.Setenv("MERIDIAN_SECRET", "a key")
	picture := pngOf(t, 40, 30)
	for how, want := range map[string]struct {
		end     End
		code    world.Code
		message string
		limit   func(*Limits)
	}{
		"abort":         {Crashed, world.CodeUnprocessed, vips.Damaged, nil},
		"fault":         {Crashed, world.CodeUnprocessed, vips.Damaged, nil},
		"panic":         {Crashed, world.CodeUnprocessed, vips.Damaged, nil},
		"complain":      {Crashed, world.CodeUnprocessed, vips.Damaged, nil},
		"chatter":       {Crashed, world.CodeUnprocessed, vips.Damaged, nil},
		"hang":          {Hung, world.CodeUnprocessed, "could not be decoded within 5s", func(l *Limits) { l.Time = 5 * time.Second }}, // a hundredth is many times what it takes to come to hang
		"work on":       {Busy, world.CodeTimeout, "try again", func(l *Limits) { l.Time = time.Second }},
		"spin":          {CPU, world.CodeTooLarge, "more than 1s of work", func(l *Limits) { l.CPU = time.Second }},
		"eat":           {Memory, world.CodeTooLarge, "more than 64 MB", func(l *Limits) { l.Memory = 64 << 20 }},
		"be killed":     {Memory, world.CodeTooLarge, "more than 256 MB", nil},
		"lie":           {Answered, world.CodeUnprocessed, vips.Damaged, nil},
		"lie at length": {Answered, world.CodeUnprocessed, vips.Damaged, nil},
		"give orders":   {Answered, world.CodeUnprocessed, vips.Damaged, nil},
		"grasp":         {Answered, world.CodeUnprocessed, "hold of", nil},
		"unready":       {Unstarted, world.CodeUnavailable, "", nil},
	} {
		t.Run(how, func(t *testing.T) {
			_, end, err := pool(t, how, want.limit).Examine(t.Context(), picture, vips.Limits{})
			if end != want.end || !world.Is(err, want.code) || !strings.Contains(err.Error(), want.message) {
				t.Errorf("%s: %v", end, err)
			}
			if how == "grasp" && !strings.Contains(err.Error(), ": hold of: ") {
				t.Error(err)
			}
			if how == "unready" && !strings.Contains(err.Error(), "no libvips here") {
				t.Errorf("its operator is not told why: %v", err)
			}
			noneLeft(t)
		})
	}
}

// TestAKillThatComesTooLateIsNotOurs: the system had ended the child before.
func TestAKillThatComesTooLateIsNotOurs(t *testing.T) {
	p := pool(t, "be killed", nil)
	c, err := p.start(t.Context(), examine)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := c.ask(t.Context(), question{}, pngOf(t, 4, 4), p.limits.Time); err == nil {
		t.Error("it answered")
	}
	ended := c.end()
	c.kill()
	if got := c.verdict(p.limits); got != Memory {
		t.Errorf("%s, after %v", got, ended)
	}
}

// TestTheNextPictureIsTaken: one pool, children that fail between others that do
// not, more at once than there are places.
func TestTheNextPictureIsTaken(t *testing.T) {
	good, p := pngOf(t, 40, 30), pool(t, "well", nil)
	bad := pool(t, "abort", nil)
	bad.places = p.places
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			if _, end, err := bad.Examine(t.Context(), good, vips.Limits{}); end != Crashed {
				t.Errorf("%s: %v", end, err)
			}
		})
		all.Go(func() {
			found, _, err := p.Examine(t.Context(), good, vips.Limits{})
			if err != nil || found.Info.Width != 40 || found.Info.Height != 30 || found.Info.MediaType != "image/png" || len(found.Thumb) == 0 {
				t.Errorf("%+v, %v", found, err)
			}
		})
	}
	all.Wait()
	if p.Peak() < 1<<20 {
		t.Errorf("a child says that it held %d bytes", p.Peak())
	}
	noneLeft(t)
}

func TestAChildFindsWhatTheEngineFinds(t *testing.T) {
	e, err := vips.Start(vips.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(e.Close)
	photo := pngOf(t, 600, 400)
	inputs := map[string][]byte{"PNG": photo, "cut off": photo[:len(photo)/2], "nothing": nil, "text": []byte("no picture at all")}
	for _, name := range []string{"cmyk.jpg", "p3.png", "patches-10bit.heic", "patches-12bit-alpha.avif"} {
		if inputs[name], err = os.ReadFile("../testdata/" + name); err != nil {
			t.Fatal(err)
		}
	}
	for _, f := range []imagegrid.Format{imagegrid.WebP, imagegrid.AVIF} {
		if inputs[string(f)], err = e.Transform(t.Context(), photo, vips.Spec{Width: 200, Format: f}); err != nil {
			t.Fatal(err)
		}
	}
	p, limits := pool(t, "well", nil), vips.Limits{MaxPixels: 300_000}
	for name, data := range inputs {
		want, wanted := Within(t.Context(), e, data, limits)
		got, end, err := p.Examine(t.Context(), data, limits)
		if end != Answered || world.CodeOf(err) != world.CodeOf(wanted) || (err == nil && fmt.Sprint(got) != fmt.Sprint(want)) {
			t.Errorf("%s: %+v, %v (%s); the engine finds %+v, %v", name, got, err, end, want, wanted)
		}
	}
	_, _, err = p.Examine(t.Context(), photo, vips.Limits{MaxPixels: 600*400 - 1})
	if !world.Is(err, world.CodeTooLarge) || !strings.Contains(err.Error(), "at most 239999") {
		t.Errorf("beyond the limit: %v", err)
	}
}

// TestMemoryIsBoundedWhereLibrariesTakeIt: a progressive JPEG is held whole while it
// is decoded, at 3 bytes a pixel (two for each coefficient, half of them colour).
func TestMemoryIsBoundedWhereLibrariesTakeIt(t *testing.T) {
	e, err := vips.Start(vips.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(e.Close)
	photo, err := e.Transform(t.Context(), pngOf(t, 2400, 1800), vips.Spec{Width: 2400, Format: imagegrid.JPEG, Effort: vips.Thorough})
	if err != nil {
		t.Fatal(err)
	}
	_, end, err := pool(t, "well", func(l *Limits) { l.Memory = 10 << 20 }).Examine(t.Context(), photo, vips.Limits{})
	if end != Memory || !world.Is(err, world.CodeTooLarge) {
		t.Errorf("in 10 MB: %s, %v", end, err)
	}
	if _, end, err = pool(t, "well", nil).Examine(t.Context(), photo, vips.Limits{}); err != nil {
		t.Errorf("in 256 MB: %s, %v", end, err)
	}
	noneLeft(t)
}

// TestWantOfMemoryIsKnownByItsWords: which library lacks memory first is a matter of
// chance, so what each of them says is looked at here.
func TestWantOfMemoryIsKnownByItsWords(t *testing.T) {
	for text, want := range map[string]bool{
		"vips: out of memory -- size == 3MB":                                    true,
		"VipsJpeg: Insufficient memory (case 4)":                                true,
		"GLib-ERROR **: ../glib/gmem.c:106: failed to allocate 4096 bytes":      true,
		"heif: Memory allocation error: Security limit exceeded":                true,
		"runtime: cannot allocate memory":                                       true,
		"runtime/cgo: pthread_create failed: Resource temporarily unavailable":  true,
		"glib: Error creating thread: Resource temporarily unavailable":         true,
		"fatal error: runtime: Not enough memory":                               true,
		"VipsJpeg: Premature end of JPEG file":                                  false,
		"heif: Invalid input: Unspecified: Resource temporarily not in the box": false,
		"": false,
	} {
		if got := outOfMemory([]byte(text)); got != want {
			t.Errorf("%q: %v", text, got)
		}
	}
}

func TestADrawingHasItsFonts(t *testing.T) {
	svg := func(text string) []byte {
		return []byte(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 100 50"><text x="5" y="40" font-size="40">` + text + `</text></svg>`)
	}
	p := pool(t, "well", nil)
	empty, end, err := p.Rasterise(t.Context(), svg(""), 200, vips.Limits{})
	if err != nil {
		t.Fatal(end, err)
	}
	drawn, end, err := p.Rasterise(t.Context(), svg("cake"), 200, vips.Limits{})
	if err != nil || vipsType(drawn) != "image/png" || bytes.Equal(drawn, empty) {
		t.Errorf("%d bytes, %s, %v", len(drawn), end, err)
	}
	if _, _, err := p.Rasterise(t.Context(), []byte("<svg"), 200, vips.Limits{}); !world.Is(err, world.CodeUnprocessed) {
		t.Error(err)
	}
	noneLeft(t)
}

func vipsType(data []byte) string {
	mediaType, _ := vips.Screen(data, vips.Limits{})
	return mediaType
}

func TestWhoGivesUpLeavesNoChild(t *testing.T) {
	p := pool(t, "hang", func(l *Limits) { l.Children = 1 })
	ctx, cancel := context.WithCancel(t.Context())
	first := make(chan error, 1)
	go func() {
		_, end, err := p.Examine(ctx, pngOf(t, 4, 4), vips.Limits{})
		if end != Left {
			t.Errorf("it ended %q", end)
		}
		first <- err
	}()
	for len(children(t)) == 0 {
	}
	waits, gone := context.WithTimeout(t.Context(), time.Millisecond)
	defer gone()
	if _, end, err := p.Examine(waits, pngOf(t, 4, 4), vips.Limits{}); end != Left || !world.Is(err, world.CodeTimeout) {
		t.Errorf("who waits for a place: %s, %v", end, err)
	}
	cancel()
	if err := <-first; !world.Is(err, world.CodeUnavailable) {
		t.Error(err)
	}
	noneLeft(t)
}

func TestWhatHasNoMagicCostsNoChild(t *testing.T) {
	p, err := New([]string{"/nowhere"}, wide())
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := p.Examine(t.Context(), []byte("text"), vips.Limits{}); !world.Is(err, world.CodeUnsupported) {
		t.Error(err)
	}
	if _, end, err := p.Examine(t.Context(), pngOf(t, 4, 4), vips.Limits{}); end != Unstarted || !world.Is(err, world.CodeUnavailable) {
		t.Errorf("%s, %v", end, err)
	}
}

func TestLimitsThatNothingCouldKeepAreRefused(t *testing.T) {
	for _, change := range []func(*Limits){
		func(l *Limits) { l.Children = 0 }, func(l *Limits) { l.Memory = 0 }, func(l *Limits) { l.CPU = time.Second - 1 },
		func(l *Limits) { l.Time = 0 }, func(l *Limits) { l.Start = 0 },
	} {
		l := wide()
		change(&l)
		if _, err := New([]string{"/proc/self/exe"}, l); !world.Is(err, world.CodeInvalid) {
			t.Errorf("%+v: %v", l, err)
		}
	}
	if _, err := New(nil, wide()); !world.Is(err, world.CodeInvalid) {
		t.Error(err)
	}
}

// BenchmarkExamine is what one upload costs beyond its decoding.
func BenchmarkExamine(b *testing.B) {
	e, err := vips.Start(vips.Options{})
	if err != nil {
		b.Fatal(err)
	}
	data := pngOf(b, 40, 30)
	if path := os.Getenv("MERIDIAN_PHOTO"); path != "" {
		if data, err = os.ReadFile(path); err != nil {
			b.Fatal(err)
		}
	}
	b.Run("here", func(b *testing.B) {
		for b.Loop() {
			if _, err := Within(b.Context(), e, data, vips.Limits{}); err != nil {
				b.Fatal(err)
			}
		}
	})
	p := pool(b, "well", nil)
	b.Run("child", func(b *testing.B) {
		for b.Loop() {
			if _, _, err := p.Examine(b.Context(), data, vips.Limits{}); err != nil {
				b.Fatal(err)
			}
		}
	})
}
