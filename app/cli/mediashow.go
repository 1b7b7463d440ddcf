package cli

import (
	"cmp"
	"fmt"
	"io"
	"net/http"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"meridian/engine/imagegrid"
	"meridian/world"
)

func (c *cli) mediaShow(t *mediaTarget) *cobra.Command {
	return &cobra.Command{
		Use: "show MEDIA_ID", Short: "Show all that is known of a picture: versions, copies, decisions",
		Example: `  meridian media show 14h0t2c9x7q3mv8k
  meridian media show 14h0t2c9x7q3mv8k --json`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			id, err := mediaID(args[0])
			if err != nil {
				return err
			}
			var m world.Manifest
			if err := t.ask(cmd, http.MethodGet, "/media/{app}/"+id, &m); err != nil {
				return err
			}
			return c.print(m, func(w io.Writer) { showText(w, m) })
		},
	}
}

// mediaID is a media id, or the one in the address of a picture.
func mediaID(s string) (string, error) {
	if err := imagegrid.CheckMediaID(s); err == nil {
		return s, nil
	}
	_, r, err := pictureURL(s)
	return r.MediaID, err
}

func showText(w io.Writer, m world.Manifest) {
	fmt.Fprintf(w, "%s  %s\n", m.MediaID, m.Name)
	fmt.Fprintf(w, "seen by %s, written in %s, since %s\n", seenBy(m), m.WriteRegion, m.CreatedAt.Format(time.RFC3339))
	d := m.Moderation
	fmt.Fprintf(w, "moderation: %s by %s, %s", d.State, cmp.Or(d.By, "nobody"), d.At.Format(time.RFC3339))
	if d.Reason != "" {
		fmt.Fprintf(w, ": %s", d.Reason)
	}
	fmt.Fprintln(w)
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(tw, "\nVERSION\tSIZE\tTYPE\tBYTES\tFOCAL POINT\tSTATE\tMADE")
	for _, v := range m.Versions {
		shown := ""
		if v.Number == m.Current {
			shown = " (shown)"
		}
		fmt.Fprintf(tw, "%d%s\t%d × %d\t%s\t%d\t%s\t%s\t%s\n", v.Number, shown, v.Width, v.Height, v.MediaType, v.Bytes, focalText(v.Focal), v.Moderation, v.CreatedAt.Format(time.RFC3339))
	}
	fmt.Fprintln(tw, "\nREGION\tCOPY\tSINCE\tVERIFIED\tERROR")
	for _, r := range m.Replicas {
		verified := "never"
		if !r.VerifiedAt.IsZero() {
			verified = r.VerifiedAt.Format(time.RFC3339)
		}
		fmt.Fprintf(tw, "%s\t%s\t%s\t%s\t%s\n", r.Region, r.State, r.At.Format(time.RFC3339), verified, r.Error)
	}
	tw.Flush()
}

func focalText(p *world.Point) string {
	if p == nil {
		return "centre"
	}
	return fmt.Sprintf("%.3g,%.3g", p.X, p.Y)
}
