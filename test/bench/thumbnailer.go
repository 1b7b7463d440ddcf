package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"text/tabwriter"
	"time"

	"meridian/adapter/vips"
	"meridian/engine/imagegrid"
)

// thumbnailer is vipsthumbnail, the command that comes with libvips.
type thumbnailer struct{ path, dir string }

func newThumbnailer() (*thumbnailer, error) {
	path, err := exec.LookPath("vipsthumbnail")
	if err != nil {
		return nil, errors.New("vipsthumbnail is not installed: it comes with libvips-tools, or run scripts/install-deps bench")
	}
	dir, err := os.MkdirTemp("", "meridian-thumbnails-")
	return &thumbnailer{path, dir}, err
}

func (t *thumbnailer) close() { _ = os.RemoveAll(t.dir) }

// more is how many pictures are made beside the first, to tell what one costs
// from what the start of the program costs.
const more = 3

// measure is the CPU time that one picture takes, and its bytes.
func (t *thumbnailer) measure(ctx context.Context, photo string, spec vips.Spec) (time.Duration, int, error) {
	one, err := t.run(ctx, photo, spec, 1)
	if err != nil {
		return 0, 0, err
	}
	many, err := t.run(ctx, photo, spec, 1+more)
	if err != nil {
		return 0, 0, err
	}
	stem := strings.TrimSuffix(filepath.Base(photo), filepath.Ext(photo))
	made, err := os.Stat(filepath.Join(t.dir, stem+suffixes[spec.Format]))
	if err != nil {
		return 0, 0, err
	}
	d := (many.SystemTime() + many.UserTime() - one.SystemTime() - one.UserTime()) / more
	return max(d, time.Microsecond), int(made.Size()), nil
}

var suffixes = map[imagegrid.Format]string{imagegrid.JPEG: ".jpg", imagegrid.WebP: ".webp", imagegrid.AVIF: ".avif"}

// run makes the same picture n times in one process, of one thread and with no
// cache of operations. Quality and effort are those of ours, answering somebody
// who waits.
func (t *thumbnailer) run(ctx context.Context, photo string, spec vips.Spec, n int) (*os.ProcessState, error) {
	cmd := exec.CommandContext(ctx, t.path, t.arguments(photo, spec, n)...)
	if said, err := cmd.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("vipsthumbnail: %w: %s", err, said)
	}
	return cmd.ProcessState, nil
}

func (t *thumbnailer) arguments(photo string, spec vips.Spec, n int) []string {
	how := map[imagegrid.Format]string{imagegrid.JPEG: "[Q=%d,strip]", imagegrid.WebP: "[Q=%d,effort=2,strip]", imagegrid.AVIF: "[Q=%d,effort=0,strip]"}
	target := filepath.Join(t.dir, "%s"+suffixes[spec.Format]) + fmt.Sprintf(how[spec.Format], vips.DefaultQuality(spec.Format))
	args := []string{"--vips-concurrency=1", "--vips-cache-max=0", "--size", strconv.Itoa(spec.Width) + "x", "-o", target}
	for range n {
		args = append(args, photo)
	}
	return args
}

// transformOnce makes one picture in a process of its own, for its memory:
// "transform FILE WIDTH FORMAT".
func transformOnce(ctx context.Context, args []string) error {
	if len(args) != 3 {
		return errors.New("transform needs a file, a width and a format")
	}
	data, err := os.ReadFile(args[0])
	if err != nil {
		return err
	}
	width, err := strconv.Atoi(args[1])
	if err != nil {
		return err
	}
	engine, err := vips.Start(vips.Options{MaxWorkers: 1})
	if err != nil {
		return err
	}
	defer engine.Close()
	_, err = engine.Transform(ctx, data, vips.Spec{Width: width, Format: imagegrid.Format(args[2])})
	return err
}

// peak runs a command from this process, which is small, and prints the greatest
// memory of that in MB: "peak PROGRAM ARGUMENTS". Started by the large process that
// measures, a child would count what that had at the fork.
func peak(ctx context.Context, args []string) error {
	if len(args) == 0 {
		return errors.New("peak needs a program")
	}
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	if said, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%w: %s", err, said)
	}
	u, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage)
	if !ok {
		return errors.New("this system does not tell a process's memory")
	}
	fmt.Printf("%.0f\n", float64(u.Maxrss)/1024) // getrusage(2): in kB on Linux
	return nil
}

// peaks tell how much memory a process takes at most that makes one picture: the
// greatest of all photographs, both measured alike.
func peaks(ctx context.Context, peer *thumbnailer, photos []photograph, out io.Writer) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	fmt.Fprintln(out, "\nPeak memory of a process that makes one picture, cold, its start included (MB): the greatest of all photographs")
	w := tabwriter.NewWriter(out, 0, 0, 3, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "width\tformat\tours\tvipsthumbnail\t")
	for _, size := range transformWidths {
		for _, f := range []imagegrid.Format{imagegrid.JPEG, imagegrid.WebP, imagegrid.AVIF} {
			spec := vips.Spec{Width: size.width, Format: f}
			var ours, theirs float64
			for _, p := range photos {
				mine, err := peakOf(ctx, self, self, "transform", p.path, strconv.Itoa(size.width), string(f))
				if err != nil {
					return err
				}
				its, err := peakOf(ctx, self, peer.path, peer.arguments(p.path, spec, 1)...)
				if err != nil {
					return err
				}
				ours, theirs = max(ours, mine), max(theirs, its)
			}
			fmt.Fprintf(w, "%d\t%s\t%.0f\t%.0f\t\n", size.width, f, ours, theirs)
		}
	}
	return w.Flush()
}

// peakOf runs a program by way of [peak], in a process of its own.
func peakOf(ctx context.Context, self, program string, args ...string) (float64, error) {
	cmd := exec.CommandContext(ctx, self, append([]string{"peak", program}, args...)...)
	said, err := cmd.Output()
	if err != nil {
		return 0, fmt.Errorf("peak of %s: %w", program, err)
	}
	return strconv.ParseFloat(string(bytes.TrimSpace(said)), 64)
}
