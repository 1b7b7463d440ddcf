package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"text/tabwriter"
	"time"

	"meridian/adapter/vips"
	"meridian/engine/imagegrid"
)

// photosVariable names a directory of photographs, as in the tests.
const photosVariable = "MERIDIAN_PHOTOS"

// What is made of the photographs of 12 megapixels: those of the folder whose
// pixels lie between these.
const (
	leastPixels = 11_000_000
	mostPixels  = 13_000_000
)

// transformWidths and what is aimed for at them: times vipsthumbnail's CPU, from
// the original and from the mezzanine (0: no aim).
var transformWidths = []struct {
	width                 int
	coldAim, mezzanineAim float64
}{{320, 1.3, 3}, {640, 1.3, 2}, {1280, 1.3, 0}}

const gridAim = 2.7

// photograph is a source with its mezzanine.
type photograph struct {
	path          string
	data          []byte
	width, height int
	mezzanine     []byte
}

// transforms sets ours beside vipsthumbnail, on one thread each.
func transforms(ctx context.Context, o options, out io.Writer) error {
	if o.photos == "" {
		fmt.Fprintf(out, "\nTransforms: left out, because no photographs are named; give -photos DIRECTORY or set %s\n", photosVariable)
		return nil
	}
	engine, err := vips.Start(vips.Options{MaxWorkers: 1, Concurrency: 1})
	if err != nil {
		return err
	}
	defer engine.Close()
	photos, err := photographs(ctx, engine, o.photos)
	if err != nil {
		return err
	}
	if len(photos) == 0 {
		fmt.Fprintf(out, "\nTransforms: left out, because %s holds no JPEG of 11 to 13 megapixels\n", o.photos)
		return nil
	}
	peer, err := newThumbnailer()
	if err != nil {
		return err
	}
	defer peer.close()
	fmt.Fprintf(out, "\nTransforms of %d photographs of 12 megapixels, CPU ms on one thread, decoding included: the least of %d for each photograph, summed up\n", len(photos), o.rounds)
	fmt.Fprintln(out, "vipsthumbnail has the same quality and effort, and none of the cost of its start")
	if err := sideBySide(ctx, engine, peer, photos, o.rounds, out); err != nil {
		return err
	}
	if err := peaks(ctx, peer, photos, out); err != nil {
		return err
	}
	return wholeGrid(ctx, engine, photos, o.rounds, out)
}

// photographs are those of the folder that are measured.
func photographs(ctx context.Context, engine *vips.Engine, dir string) ([]photograph, error) {
	files, err := filepath.Glob(filepath.Join(dir, "*.[jJ][pP]*[gG]"))
	if err != nil {
		return nil, err
	}
	slices.Sort(files)
	var out []photograph
	for _, path := range files {
		p := photograph{path: path}
		if p.data, err = os.ReadFile(path); err != nil {
			return nil, err
		}
		info, err := engine.Inspect(ctx, p.data, vips.Limits{})
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		if info.Pixels() < leastPixels || info.Pixels() > mostPixels {
			continue
		}
		p.width, p.height = info.Width, info.Height
		var ok bool
		if p.mezzanine, _, ok, err = engine.Mezzanine(ctx, p.data); err != nil || !ok {
			return nil, errors.Join(fmt.Errorf("%s has no mezzanine", path), err)
		}
		out = append(out, p)
	}
	return out, nil
}

// transformFigure is one width and format over all photographs.
type transformFigure struct {
	cold, mezzanine, peer time.Duration
	bytes, peerBytes      int
	least, most           float64 // ratio of a photograph, from the original
}

func sideBySide(ctx context.Context, engine *vips.Engine, peer *thumbnailer, photos []photograph, rounds int, out io.Writer) error {
	w := tabwriter.NewWriter(out, 0, 0, 3, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "width\tformat\tours, cold\tmezzanine\tvipsthumbnail\t×, cold\tby photograph\taim\t\t×, mezzanine\taim\t\tours, a core-s\tvipsthumbnail\tkB ours\tkB theirs\t")
	for _, size := range transformWidths {
		for _, f := range []imagegrid.Format{imagegrid.JPEG, imagegrid.WebP, imagegrid.AVIF} {
			t, err := compare(ctx, engine, peer, photos, vips.Spec{Width: size.width, Format: f}, rounds)
			if err != nil {
				return fmt.Errorf("%d %s: %w", size.width, f, err)
			}
			n := float64(len(photos))
			cold, mezzanine := ratio(t.peer, t.cold), ratio(t.peer, t.mezzanine)
			rate := func(d time.Duration) float64 { return n / d.Seconds() }
			fmt.Fprintf(w, "%d\t%s\t%.0f\t%.0f\t%.0f\t%.2f\t%.2f-%.2f\t%s\t%.2f\t%s\t%.1f\t%.1f\t%d\t%d\t\n",
				size.width, f, ms(t.cold)/n, ms(t.mezzanine)/n, ms(t.peer)/n, cold, t.least, t.most, aimed(cold, size.coldAim),
				mezzanine, aimed(mezzanine, size.mezzanineAim), rate(t.cold), rate(t.peer), t.bytes/1000/len(photos), t.peerBytes/1000/len(photos))
		}
	}
	return w.Flush()
}

// aimed is two cells: the aim and whether it is reached.
func aimed(got, aim float64) string {
	if aim == 0 {
		return "-\t"
	}
	return fmt.Sprintf("%.1f\t%s", aim, reached(got >= aim))
}

func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

func ratio(theirs, ours time.Duration) float64 { return float64(theirs) / float64(ours) }

func compare(ctx context.Context, engine *vips.Engine, peer *thumbnailer, photos []photograph, spec vips.Spec, rounds int) (transformFigure, error) {
	var t transformFigure
	for _, p := range photos {
		var cold, mezzanine, theirs least
		var ours, peers int
		for range rounds { // in turn, so that a busy neighbour meets all three
			err := errors.Join(
				cold.of(func() error {
					made, err := engine.Transform(ctx, p.data, spec)
					ours = len(made)
					return err
				}),
				mezzanine.of(func() error {
					_, err := engine.FromMezzanine(ctx, p.mezzanine, p.width, p.height, []vips.Spec{spec})
					return err
				}),
			)
			if err != nil {
				return t, err
			}
			d, n, err := peer.measure(ctx, p.path, spec)
			if err != nil {
				return t, err
			}
			theirs.add(d)
			peers = n
		}
		t.cold, t.mezzanine, t.peer = t.cold+cold.d, t.mezzanine+mezzanine.d, t.peer+theirs.d
		t.bytes, t.peerBytes = t.bytes+ours, t.peerBytes+peers
		r := ratio(theirs.d, cold.d)
		if t.least == 0 || r < t.least {
			t.least = r
		}
		t.most = max(t.most, r)
	}
	return t, nil
}

// least is the smallest of several times: what others take of the machine only adds.
type least struct{ d time.Duration }

func (l *least) add(d time.Duration) {
	if l.d == 0 || d < l.d {
		l.d = d
	}
}

// of adds the CPU time that this process takes for f.
func (l *least) of(f func() error) error {
	before := cpuTime()
	err := f()
	l.add(cpuTime() - before)
	return err
}

// cpuTime is what this process has used so far, threads that have ended included.
func cpuTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// wholeGrid sets one decode beside one for each variant.
func wholeGrid(ctx context.Context, engine *vips.Engine, photos []photograph, rounds int, out io.Writer) error {
	sizes := imagegrid.Default().Sizes()
	fmt.Fprintf(out, "\nThe whole grid, %d sizes in each format, CPU ms a photograph\n", len(sizes))
	w := tabwriter.NewWriter(out, 0, 0, 3, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "formats\tone decode\tone decode each\t×\taim\t\t")
	for _, formats := range [][]imagegrid.Format{{imagegrid.JPEG}, {imagegrid.WebP}, {imagegrid.JPEG, imagegrid.WebP}, {imagegrid.AVIF}} {
		var specs []vips.Spec
		for _, s := range sizes {
			for _, f := range formats {
				specs = append(specs, vips.Spec{Width: s.Width, Height: s.Height, Format: f})
			}
		}
		var one, each time.Duration
		for _, p := range photos {
			var together, apart least
			for range max(1, rounds/2) {
				err := errors.Join(
					together.of(func() error { _, err := engine.TransformAll(ctx, p.data, specs); return err }),
					apart.of(func() error { return oneByOne(ctx, engine, p.data, specs) }),
				)
				if err != nil {
					return err
				}
			}
			one, each = one+together.d, each+apart.d
		}
		aim := gridAim
		if len(formats) < 2 {
			aim = 0
		}
		n := float64(len(photos))
		fmt.Fprintf(w, "%s\t%.0f\t%.0f\t%.2f\t%s\t\n", names(formats), ms(one)/n, ms(each)/n, ratio(each, one), aimed(ratio(each, one), aim))
	}
	return w.Flush()
}

func oneByOne(ctx context.Context, engine *vips.Engine, data []byte, specs []vips.Spec) error {
	for _, s := range specs {
		if _, err := engine.Transform(ctx, data, s); err != nil {
			return err
		}
	}
	return nil
}

func names(formats []imagegrid.Format) string {
	var all []string
	for _, f := range formats {
		all = append(all, string(f))
	}
	return strings.Join(all, " and ")
}
