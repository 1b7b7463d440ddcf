package main

import (
	"bytes"
	"context"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"io"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"text/tabwriter"
	"time"

	"meridian/adapter/vips"
	"meridian/engine/imagegrid"
)

// What is made of a picture, and how often.
const (
	variantWidth  = 640
	pictureRounds = 3
	drawnWidth    = 4000
	drawnHeight   = 3000
)

// photosVariable names a directory of photographs to use in place of the
// picture that is drawn here.
const photosVariable = "MERIDIAN_PHOTOS"

// pictures tells what one variant costs by format, decoding included, with one
// worker of one thread.
func pictures(ctx context.Context, out io.Writer) error {
	sources, err := pictureSources()
	if err != nil {
		return err
	}
	engine, err := vips.Start(vips.Options{MaxWorkers: 1, Concurrency: 1})
	if err != nil {
		return err
	}
	defer engine.Close()
	fmt.Fprintf(out, "\nOne variant of %d px, CPU time with decoding, best of %d\n", variantWidth, pictureRounds)
	w := tabwriter.NewWriter(out, 0, 0, 3, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "picture\tformat\tCPU (ms)\tto JPEG\tkB\tto JPEG\t")
	for _, s := range sources {
		var base result
		for _, f := range []imagegrid.Format{imagegrid.JPEG, imagegrid.WebP, imagegrid.AVIF} {
			r, err := variant(ctx, engine, s.data, f)
			if err != nil {
				return fmt.Errorf("%s as %s: %w", s.name, f, err)
			}
			if f == imagegrid.JPEG {
				base = r
			}
			fmt.Fprintf(w, "%s\t%s\t%.0f\t%.1f×\t%.1f\t%.2f×\t\n", s.name, f, float64(r.cpu)/1e6, float64(r.cpu)/float64(base.cpu), float64(r.bytes)/1000, float64(r.bytes)/float64(base.bytes))
		}
	}
	w.Flush()
	fmt.Fprintln(out)
	return nil
}

type result struct {
	cpu   time.Duration
	bytes int
}

func variant(ctx context.Context, engine *vips.Engine, data []byte, f imagegrid.Format) (result, error) {
	best := result{cpu: math.MaxInt64}
	for range pictureRounds {
		before := cpuTime()
		made, err := engine.Transform(ctx, data, vips.Spec{Width: variantWidth, Format: f})
		if err != nil {
			return best, err
		}
		best.cpu, best.bytes = min(best.cpu, cpuTime()-before), len(made)
	}
	return best, nil
}

// cpuTime is what this process has used so far.
func cpuTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

type source struct {
	name string
	data []byte
}

// pictureSources are the photographs that the environment names, or a drawn picture.
func pictureSources() ([]source, error) {
	dir := os.Getenv(photosVariable)
	if dir == "" {
		data, err := draw()
		return []source{{"drawn", data}}, err
	}
	files, err := filepath.Glob(filepath.Join(dir, "*.[jJ][pP]*[gG]"))
	if err != nil {
		return nil, err
	}
	if len(files) == 0 {
		return nil, fmt.Errorf("%s names %s, which holds no *.jpg", photosVariable, dir)
	}
	slices.Sort(files)
	var out []source
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		out = append(out, source{filepath.Base(file), data})
	}
	return out, nil
}

// draw is a picture with what photographs have: soft slopes, edges and grain.
func draw() ([]byte, error) {
	grain := rand.New(rand.NewPCG(1, 2))
	img := image.NewRGBA(image.Rect(0, 0, drawnWidth, drawnHeight))
	for y := range drawnHeight {
		for x := range drawnWidth {
			fx, fy := float64(x)/drawnWidth, float64(y)/drawnHeight
			light := 0.5 + 0.3*math.Sin(9*fx+4*fy) + 0.2*math.Cos(17*fy-5*fx*fx)
			if math.Mod(math.Hypot(fx-0.5, fy-0.5)*12, 1) < 0.4 {
				light = 1 - light
			}
			noise := grain.Float64()*0.06 - 0.03
			shade := func(of float64) uint8 { return uint8(255 * min(1, max(0, light*of+noise))) }
			img.SetRGBA(x, y, color.RGBA{shade(1), shade(0.85), shade(0.6 + 0.3*fx), 255})
		}
	}
	var b bytes.Buffer
	err := jpeg.Encode(&b, img, &jpeg.Options{Quality: 92})
	return b.Bytes(), err
}
