package cli

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"sync"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"meridian/adapter/tus"
	"meridian/platform/httpserver"
	"meridian/world"
)

// Limits of media put.
const (
	defaultAtOnce = 3
	maxAtOnce     = 16
)

func (c *cli) mediaPut(t *mediaTarget) *cobra.Command {
	p := &putting{cli: c, target: t}
	cmd := &cobra.Command{
		Use: "put FILE|GLOB|DIRECTORY...", Short: "Upload pictures to the nearest region",
		Long: `Uploads each file in parts. Where a link breaks it is tried again and goes on
from what has arrived. After a run that was broken off, or in which some were not
taken, the same command goes on with the rest: what was taken stays one picture.

Exit codes: 0 all were taken, 1 some were not, 2 the command line is wrong.`,
		Example: `  meridian media put cake.jpg
  meridian media put --from tokyo *.jpg
  meridian media put --recursive photos/ --at-once 8`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			files, err := expand(args, p.recursive)
			if err == nil && (p.atOnce < 1 || p.atOnce > maxAtOnce) {
				err = world.E(world.CodeInvalid, "media.put", fmt.Sprintf("--at-once is a number from 1 to %d.", maxAtOnce))
			}
			if err != nil {
				return err
			}
			return p.all(cmd.Context(), files)
		},
	}
	cmd.Flags().BoolVarP(&p.recursive, "recursive", "r", false, "upload the pictures in directories, and in theirs")
	cmd.Flags().IntVar(&p.atOnce, "at-once", defaultAtOnce, "how many files are sent at the same time")
	return cmd
}

// putting is one run of media put.
type putting struct {
	*cli
	target    *mediaTarget
	recursive bool
	atOnce    int

	mu      sync.Mutex
	taken   []putResult
	refused []refusal
	notes   []*note // of those that were taken
}

// all uploads each file; one that is refused does not keep the rest back.
func (p *putting) all(ctx context.Context, files []string) error {
	base, err := p.target.base()
	if err != nil {
		return err
	}
	if err := p.target.authorize(&http.Request{Header: http.Header{}}); err != nil {
		return err // before any file is read
	}
	bar := newBar(p.err, len(files), !p.json)
	p.taken, p.refused = []putResult{}, []refusal{}
	work := errgroup.Group{}
	work.SetLimit(p.atOnce)
	for _, file := range files {
		if ctx.Err() != nil {
			break
		}
		work.Go(func() error {
			p.one(ctx, base, file, bar)
			return nil
		})
	}
	_ = work.Wait() // what failed is in p.refused
	bar.end()
	if p.json {
		if err := p.print(map[string]any{"taken": p.taken, "refused": p.refused}, nil); err != nil {
			return err
		}
	}
	return p.verdict(ctx, len(files))
}

// verdict says how a run has ended. After one that did not end well what was taken
// stays noted, so that the same command does not put it in once more.
func (p *putting) verdict(ctx context.Context, files int) error {
	switch {
	case ctx.Err() != nil:
		return world.E(world.CodeUnavailable, "media.put", fmt.Sprintf("Broken off: %d of %d pictures were taken. The same command goes on with the rest.", len(p.taken), files))
	case len(p.refused) == 0:
		for _, n := range p.notes {
			n.forget()
		}
		return nil
	}
	code := p.refused[0].Code
	if code == world.CodeInvalid { // of a file, not of the command line
		code = world.CodeUnprocessed
	}
	return world.E(code, "media.put", fmt.Sprintf("%d of %d pictures were not taken.", len(p.refused), files))
}

// one uploads a file and tells of it.
func (p *putting) one(ctx context.Context, base, file string, bar *bar) {
	res, note, err := p.put(ctx, base, file, bar.file(file))
	err = wrongToken(err)
	p.mu.Lock()
	defer p.mu.Unlock()
	bar.done(err == nil)
	if err != nil && ctx.Err() != nil {
		return // the end of the run tells of it
	}
	if err != nil {
		problem := httpserver.ProblemOf(err, "")
		p.refused = append(p.refused, refusal{file, problem.Code, problem.Detail, problem.ID})
		bar.line(p.err, !p.json, fmt.Sprintf("%s: %s", file, plainMessage(err)))
		return
	}
	p.taken, p.notes = append(p.taken, res), append(p.notes, note)
	bar.line(p.out, !p.json, fmt.Sprintf("%s  %s", res.URL, filepath.Base(file)))
}

// put uploads a file and asks what it has become.
func (p *putting) put(ctx context.Context, base, file string, progress func(done, size int64)) (out putResult, _ *note, err error) {
	f, err := os.Open(file)
	if err != nil {
		return out, nil, world.Because(world.CodeInvalid, "media.put", "The file cannot be read.", err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil || !info.Mode().IsRegular() {
		return out, nil, world.Because(world.CodeInvalid, "media.put", "This is no file. For a directory's pictures add --recursive.", err)
	}
	sum, err := sumOf(f)
	if err != nil {
		return out, nil, err
	}
	collection := tus.Collection(base, p.target.app)
	note := noteFor(collection, file, sum)
	client := &tus.Client{HTTP: newClient(mediaTimeout), Prepare: p.target.prepare, Limits: tus.DefaultClientLimits()}
	at, err := p.send(ctx, client, collection, note, f, info, sum, progress)
	if err == nil {
		err = client.Retry(ctx, func() error { return p.told(ctx, at, &out) })
	}
	if refusedForGood(err) {
		note.forget()
	}
	out.File, out.URL = file, base+out.URL
	return out, note, err
}

// refusedForGood reports whether a picture was not taken, and never will be.
func refusedForGood(err error) bool {
	switch world.CodeOf(err) {
	case world.CodeInvalid, world.CodeTooLarge, world.CodeUnsupported, world.CodeUnprocessed:
		return true
	}
	return false
}

// send goes on with the upload that the note tells of, or begins one.
func (p *putting) send(ctx context.Context, client *tus.Client, collection string, note *note, f *os.File, info os.FileInfo, sum string, progress func(done, size int64)) (string, error) {
	tell := func(n int64) { progress(n, info.Size()) }
	if at := note.at(); at != "" {
		err := client.Send(ctx, at, f, info.Size(), tell)
		if !world.Is(err, world.CodeNotFound) {
			return at, err
		}
	}
	key, err := note.begin()
	if err != nil {
		return "", err
	}
	at, err := client.Begin(ctx, collection, key, info.Size(), map[string]string{"filename": filepath.Base(f.Name()), "sha256": sum})
	if err != nil {
		return "", err
	}
	note.remember(at)
	return at, client.Send(ctx, at, f, info.Size(), tell)
}

// told asks an upload that has ended what it is.
func (p *putting) told(ctx context.Context, at string, out *putResult) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, at, nil)
	if err == nil {
		err = p.target.prepare(r)
	}
	if err != nil {
		return err
	}
	_, body, err := send(ctx, r, maxAnswer)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(body, out); err != nil || out.MediaID == "" {
		return world.Because(world.CodeBadUpstream, "media.put", "The answer is not understood.", err)
	}
	return nil
}

func sumOf(f *os.File) (string, error) {
	sum := sha256.New()
	if _, err := io.Copy(sum, f); err != nil {
		return "", world.Because(world.CodeInvalid, "media.put", "The file cannot be read.", err)
	}
	return hex.EncodeToString(sum.Sum(nil)), nil
}

// prepare gives a request its credentials and the city it comes from.
func (t *mediaTarget) prepare(r *http.Request) error {
	if t.from != "" {
		r.AddCookie(&http.Cookie{Name: "traveller", Value: t.from})
	}
	return t.authorize(r)
}

// base is the URL of the edge that is asked, without a slash at its end.
func (t *mediaTarget) base() (string, error) {
	r, err := t.request(http.MethodGet, "/", nil)
	if err != nil {
		return "", err
	}
	return (&url.URL{Scheme: r.URL.Scheme, Host: r.URL.Host}).String(), nil
}
