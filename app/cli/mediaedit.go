package cli

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"meridian/world"
)

// editWanted is a new version as flags say it.
type editWanted struct {
	crop, focus, replace string
	rotate, from, show   int
}

// versionOrder is the body of a demand for a version.
type versionOrder struct {
	From   int          `json:"from,omitempty"`
	Crop   *world.Crop  `json:"crop,omitempty"`
	Rotate int          `json:"rotate,omitempty"`
	Focal  *world.Point `json:"focal,omitempty"`
}

func (c *cli) mediaEdit(t *mediaTarget) *cobra.Command {
	var want editWanted
	cmd := &cobra.Command{
		Use: "edit MEDIA_ID", Short: "Make a picture's next version: crop, turn, replace, go back",
		Long: `Makes a new version; those before it stay, and --show goes back to one. The
crop comes before the turn.`,
		Example: `  meridian media edit 14h0t2c9x7q3mv8k --crop 100,50,800,600 --rotate 90
  meridian media edit 14h0t2c9x7q3mv8k --focus 0.3,0.6
  meridian media edit 14h0t2c9x7q3mv8k --replace better.jpg
  meridian media edit 14h0t2c9x7q3mv8k --show 1`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return c.edit(cmd, t, args[0], want) },
	}
	f := cmd.Flags()
	f.StringVar(&want.crop, "crop", "", "part to keep: left,top,width,height in pixels of the upright picture")
	f.IntVar(&want.rotate, "rotate", 0, "degrees to turn clockwise: 90, 180 or 270")
	f.StringVar(&want.focus, "focus", "", "what crops to a shape keep in view: x,y from 0,0 (upper left) to 1,1")
	f.IntVar(&want.from, "of", 0, "the version that the edit is made of (default: the current one)")
	f.StringVar(&want.replace, "replace", "", "file that becomes the next version")
	f.IntVar(&want.show, "show", 0, "show this version again")
	cmd.MarkFlagsMutuallyExclusive("replace", "show", "crop")
	cmd.MarkFlagsMutuallyExclusive("replace", "show", "rotate")
	cmd.MarkFlagsMutuallyExclusive("replace", "show", "focus")
	cmd.MarkFlagsOneRequired("replace", "show", "crop", "rotate", "focus")
	return cmd
}

func (c *cli) edit(cmd *cobra.Command, t *mediaTarget, what string, want editWanted) error {
	id, err := mediaID(what)
	if err != nil {
		return err
	}
	r, err := t.editRequest("/media/{app}/"+id, want)
	if err != nil {
		return err
	}
	if err := t.authorize(r); err != nil {
		return err
	}
	var out putResult
	if err := askFor(cmd.Context(), r, &out); err != nil {
		return err
	}
	out.URL = r.URL.Scheme + "://" + r.URL.Host + out.URL
	return c.print(out, func(w io.Writer) { fmt.Fprintf(w, "version %d  %s\n", out.Version, out.URL) })
}

// editRequest is the demand that the flags make.
func (t *mediaTarget) editRequest(path string, want editWanted) (*http.Request, error) {
	if want.show != 0 {
		return t.demand(path+"/rollback", map[string]int{"version": want.show})
	}
	if want.replace == "" {
		order, err := want.order()
		if err != nil {
			return nil, err
		}
		return t.demand(path+"/versions", order)
	}
	data, err := readPicture(want.replace)
	if err != nil {
		return nil, err
	}
	r, err := t.request(http.MethodPost, path+"/versions", bytes.NewReader(data))
	if err == nil {
		r.Header.Set("Content-Type", "application/octet-stream")
	}
	return r, err
}

func readPicture(file string) ([]byte, error) {
	data, err := readLimited(file, maxPicture+1)
	switch {
	case err != nil:
		return nil, world.Because(world.CodeInvalid, "media.edit", "The file cannot be read.", err)
	case len(data) > maxPicture:
		return nil, world.E(world.CodeTooLarge, "media.edit", fmt.Sprintf("%s has more than %d bytes.", file, maxPicture))
	}
	return data, nil
}

func (t *mediaTarget) demand(path string, what any) (*http.Request, error) {
	body, err := json.Marshal(what)
	if err != nil {
		return nil, world.Wrap("media", err)
	}
	r, err := t.request(http.MethodPost, path, bytes.NewReader(body))
	if err == nil {
		r.Header.Set("Content-Type", "application/json")
	}
	return r, err
}

// order reads the flags of an edit.
func (want editWanted) order() (versionOrder, error) {
	out := versionOrder{From: want.from}
	bad := func(fix string) (versionOrder, error) { return out, world.E(world.CodeInvalid, "media.edit", fix) }
	if want.rotate%90 != 0 || want.rotate < 0 || want.rotate > 270 {
		return bad("--rotate is 90, 180 or 270.")
	}
	out.Rotate = want.rotate / 90
	if want.crop != "" {
		n, ok := numbers(want.crop, 4, strconv.Atoi)
		if !ok {
			return bad("--crop is left,top,width,height in whole pixels, such as 100,50,800,600.")
		}
		out.Crop = &world.Crop{X: n[0], Y: n[1], Width: n[2], Height: n[3]}
	}
	if want.focus != "" {
		n, ok := numbers(want.focus, 2, func(s string) (float64, error) { return strconv.ParseFloat(s, 64) })
		if !ok || !(world.Point{X: n[0], Y: n[1]}).Valid() {
			return bad("--focus is x,y, each from 0 to 1, such as 0.3,0.6.")
		}
		out.Focal = &world.Point{X: n[0], Y: n[1]}
	}
	return out, nil
}

// numbers reads so many numbers with commas between them.
func numbers[N any](s string, count int, parse func(string) (N, error)) ([]N, bool) {
	parts := strings.Split(s, ",")
	out := make([]N, len(parts))
	for i, p := range parts {
		n, err := parse(strings.TrimSpace(p))
		if err != nil {
			return nil, false
		}
		out[i] = n
	}
	return out, len(out) == count
}
