package cli

import (
	"cmp"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"meridian/engine/imagegrid"
	"meridian/world"
)

// getWanted is what is to be fetched.
type getWanted struct {
	size, format, output string
	version              int
}

// variant reports whether a variant is wanted, and not the original.
func (w getWanted) variant() bool { return w.size != "" || w.format != "" }

func (c *cli) mediaGet(t *mediaTarget) *cobra.Command {
	var want getWanted
	cmd := &cobra.Command{
		Use: "get MEDIA_ID|URL", Short: "Fetch a picture's original, or a variant of it",
		Long: `Fetches the original by the upload token, as it came in. With --size or
--format, or for the URL of a variant, it fetches that variant, as anybody can. The
URL of a private picture is fetched as it is: another variant has another signature.`,
		Example: `  meridian media get 14h0t2c9x7q3mv8k -o cake.jpg
  meridian media get 14h0t2c9x7q3mv8k --size 640x0 --format webp -o cake.webp
  meridian media get https://shop.example/img/sweet-crumbs/14h0t2c9x7q3mv8k/v1/auto/640x0 -o -`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return c.get(cmd, t, args[0], want) },
	}
	f := cmd.Flags()
	f.StringVar(&want.size, "size", "", "variant: width x height, such as 640x0; 0 keeps the shape")
	f.StringVar(&want.format, "format", "", "variant: avif, webp, jpeg or auto; svg for a drawing, where the app gives those out")
	f.IntVar(&want.version, "version", 0, "the asset's version (default: the current one)")
	f.StringVarP(&want.output, "output", "o", "", "file to write; - for standard output (default: MEDIA_ID.type)")
	return cmd
}

func (c *cli) get(cmd *cobra.Command, t *mediaTarget, what string, want getWanted) error {
	r, name, err := t.getRequest(what, want)
	if err != nil {
		return err
	}
	res, body, err := send(cmd.Context(), r, maxPicture)
	if err != nil {
		return wrongToken(err)
	}
	kind := res.Header.Get("Content-Type")
	output := cmp.Or(want.output, filepath.Base(name+"."+ending(kind)))
	if output == "-" {
		_, err = c.out.Write(body)
		return world.Wrap("media.get", err)
	}
	if err := os.WriteFile(output, body, 0o644); err != nil {
		return world.Because(world.CodeInvalid, "media.get", "The file cannot be written: "+output, err)
	}
	status := res.Header.Get("Cache-Status")
	return c.print(map[string]any{"file": output, "bytes": len(body), "type": kind, "cache_status": status}, func(w io.Writer) {
		fmt.Fprintf(w, "%s  %d bytes, %s\n", output, len(body), kind)
		if status != "" { // an original comes past the caches
			fmt.Fprintln(w, status)
		}
	})
}

// ending is what the names of files of a media type end in.
func ending(kind string) string {
	kind, _, _ = strings.Cut(kind, ";")
	kind, _, _ = strings.Cut(strings.TrimPrefix(kind, "image/"), "+") // svg+xml
	return strings.TrimSpace(kind)
}

// getRequest is the request for what is to be fetched, and the name of its file.
func (t *mediaTarget) getRequest(what string, want getWanted) (*http.Request, string, error) {
	id := what
	if strings.Contains(what, "/") {
		base, pic, err := pictureURL(what)
		if err != nil {
			return nil, "", err
		}
		if pic.Private {
			return t.getPrivate(base, what, pic, want)
		}
		id = pic.MediaID
		t.app = pic.App
		t.url = cmp.Or(base, t.url)
		if pic.Format != imagegrid.SVG {
			want.size = cmp.Or(want.size, pic.Size().String())
		}
		want.format = cmp.Or(want.format, string(pic.Format))
		want.version = cmp.Or(want.version, pic.Version)
	}
	id, err := mediaID(id)
	if err != nil {
		return nil, "", err
	}
	if want.variant() {
		path := "/img/{app}/" + id
		if want.version != 0 {
			path += fmt.Sprintf("/v%d", want.version)
		}
		path += "/" + cmp.Or(want.format, string(imagegrid.Auto))
		if want.format != string(imagegrid.SVG) {
			path += "/" + cmp.Or(want.size, "640x0")
		}
		r, err := t.request(http.MethodGet, path, nil)
		return r, id, err
	}
	path := "/media/{app}/" + id + "/original"
	if want.version != 0 {
		path += fmt.Sprintf("?version=%d", want.version)
	}
	r, err := t.request(http.MethodGet, path, nil)
	if err == nil {
		err = t.authorize(r)
	}
	return r, id, err
}

// getPrivate is the request for a private picture by its signed address.
func (t *mediaTarget) getPrivate(base, address string, pic imagegrid.Request, want getWanted) (*http.Request, string, error) {
	if want.variant() || want.version != 0 {
		return nil, "", world.E(world.CodeInvalid, "media.get", "The address of a private picture is signed for one variant: fetch it without --size, --format and --version.")
	}
	t.app, t.url = pic.App, cmp.Or(base, t.url)
	_, query, _ := strings.Cut(address, "?")
	r, err := t.request(http.MethodGet, pic.String()+"?"+query, nil)
	return r, pic.MediaID, err
}

// pictureURL reads the address of a variant: where it is asked for, "" when the
// address does not say, and what it names.
func pictureURL(s string) (base string, r imagegrid.Request, err error) {
	u, err := url.Parse(s)
	if err != nil || !strings.HasPrefix(u.Path, "/") {
		return "", r, world.E(world.CodeInvalid, "media", "Write a media id, 16 characters such as 14h0t2c9x7q3mv8k, or the URL of a picture.")
	}
	if r, err = imagegrid.Parse(u.Path); err != nil {
		return "", r, err
	}
	if u.Host != "" {
		base = u.Scheme + "://" + u.Host
	}
	return base, r, nil
}
