package cli

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"meridian/app/localworld"
	"meridian/platform/httpserver"
	"meridian/world"
)

// Limits of the media commands.
const (
	mediaTimeout = 2 * time.Minute
	maxAnswer    = 4 << 20
	maxPicture   = 64 << 20
)

// UploadVariable is the environment variable that holds an upload token.
const UploadVariable = "MERIDIAN_UPLOAD_TOKEN"

// mediaTarget is where the media commands go: a local world by its directory,
// or any edge by its URL.
type mediaTarget struct {
	dir, url, app, from string
}

func (c *cli) media() *cobra.Command {
	t := &mediaTarget{}
	cmd := &cobra.Command{
		Use: "media", Short: "Put pictures in, get, list, edit and delete them, and see to their upkeep", Args: cobra.NoArgs,
		Long: `Works on the world that runs on this machine, or on another by --url with the
upload token in ` + UploadVariable + `.`,
		Example: `  meridian media put cake.jpg
  meridian media show 14h0t2c9x7q3mv8k
  meridian media ls --url https://shop.example --app sweet-crumbs`,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	f := cmd.PersistentFlags()
	f.StringVar(&t.dir, "dir", localworld.DefaultDir(), "directory of the local world")
	f.StringVar(&t.url, "url", "", "an edge elsewhere, such as https://shop.example")
	f.StringVar(&t.app, "app", "", "app that the pictures belong to (default: the local world's)")
	f.StringVar(&t.from, "from", "", "city to stand in, in the local world")
	cmd.AddCommand(c.mediaPut(t), c.mediaGet(t), c.mediaList(t), c.mediaShow(t), c.mediaEdit(t), c.mediaPurge(t), c.mediaFootprint(t), c.mediaGC(t), c.mediaVerify(t), c.mediaJobs(t))
	return cmd
}

// request makes a request to the nearest region, by way of an edge.
func (t *mediaTarget) request(method, path string, body io.Reader) (*http.Request, error) {
	base := strings.TrimSuffix(t.url, "/")
	if base == "" {
		run, err := localworld.ReadRun(t.dir)
		if err != nil {
			return nil, err
		}
		base = strings.TrimSuffix(run.Door, "/")
		if t.app == "" {
			t.app = run.App
		}
	}
	if t.app == "" {
		return nil, world.E(world.CodeInvalid, "media", "--app is needed with --url.")
	}
	r, err := http.NewRequest(method, base+strings.ReplaceAll(path, "{app}", url.PathEscape(t.app)), body)
	if err != nil {
		return nil, world.Because(world.CodeInvalid, "media", "--url is not a URL.", err)
	}
	if t.from != "" {
		r.AddCookie(&http.Cookie{Name: "traveller", Value: t.from})
	}
	return r, nil
}

func (t *mediaTarget) authorize(r *http.Request) error {
	token := os.Getenv(UploadVariable)
	if token == "" && t.url == "" {
		s, err := localworld.ReadSecrets(t.dir)
		if err != nil {
			return err
		}
		token = s.UploadToken
	}
	if token == "" {
		return world.E(world.CodeUnsigned, "media", "Set "+UploadVariable+" to the upload token.")
	}
	r.Header.Set("Authorization", "Bearer "+token)
	return nil
}

// wrongToken says of a token that was not taken which one that is.
func wrongToken(err error) error {
	if !world.Is(err, world.CodeUnsigned) {
		return err
	}
	return world.E(world.CodeUnsigned, "media", "The upload token is not that of this world. Set "+UploadVariable+" to it.")
}

// send carries out a request and reads its answer, at most limit bytes.
func send(ctx context.Context, r *http.Request, limit int64) (*http.Response, []byte, error) {
	return sendBy(newClient(mediaTimeout), r.WithContext(ctx), limit)
}

// sendBy is [send] by another client.
func sendBy(client *http.Client, r *http.Request, limit int64) (*http.Response, []byte, error) {
	res, err := client.Do(r)
	if err != nil {
		return nil, nil, world.Because(world.CodeUnavailable, "media", "Nobody answers there. Is the world up?", err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(io.LimitReader(res.Body, limit+1))
	switch {
	case err != nil:
		return nil, nil, world.Because(world.CodeBadUpstream, "media", "The answer broke off. Try again.", err)
	case res.StatusCode >= 300:
		return nil, nil, httpserver.ReadProblem(res.StatusCode, body)
	case int64(len(body)) > limit:
		return nil, nil, world.E(world.CodeTooLarge, "media", fmt.Sprintf("The answer is larger than %d bytes.", limit))
	}
	return res, body, nil
}

// putResult is what the media role says of an upload, with the whole URL.
type putResult struct {
	File     string         `json:"file"`
	MediaID  string         `json:"media_id"`
	Version  int            `json:"version"`
	URL      string         `json:"url"`
	Manifest world.Manifest `json:"manifest"`
}

// refusal is a file that was not taken, and why.
type refusal struct {
	File    string     `json:"file"`
	Code    world.Code `json:"code"`
	Message string     `json:"message"`
	ID      string     `json:"id,omitempty"`
}

func plainMessage(err error) string {
	p := httpserver.ProblemOf(err, "")
	if p.ID != "" {
		return fmt.Sprintf("%s (%s, id %s)", p.Detail, p.Code, p.ID)
	}
	return fmt.Sprintf("%s (%s)", p.Detail, p.Code)
}
