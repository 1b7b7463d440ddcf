package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"meridian/world"
)

// mediaPage is a page of the list, as the media role gives it.
type mediaPage struct {
	Assets  []world.Manifest `json:"assets"`
	Next    string           `json:"next,omitempty"`
	Missing []string         `json:"missing_regions,omitempty"`
}

func (c *cli) mediaList(t *mediaTarget) *cobra.Command {
	var limit int
	var name, state, before string
	cmd := &cobra.Command{
		Use: "ls", Short: "List the newest pictures", Args: cobra.NoArgs,
		Example: `  meridian media ls --limit 10
  meridian media ls --name wedding
  meridian media ls --state pending --json`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			q := url.Values{"limit": {strconv.Itoa(limit)}}
			for key, value := range map[string]string{"name": name, "moderation": state, "before": before} {
				if value != "" {
					q.Set(key, value)
				}
			}
			var page mediaPage
			if err := t.ask(cmd, http.MethodGet, "/media/{app}?"+q.Encode(), &page); err != nil {
				return err
			}
			return c.print(page, func(w io.Writer) { listText(w, page) })
		},
	}
	f := cmd.Flags()
	f.IntVar(&limit, "limit", 50, "how many at most")
	f.StringVar(&name, "name", "", "only those whose name holds this text")
	f.StringVar(&state, "state", "", "only those that are pending, approved or withheld, or have a version that is")
	f.StringVar(&before, "before", "", "go on behind this place, which the page before has named")
	return cmd
}

// askFor carries out a request that is answered with JSON.
func askFor(ctx context.Context, r *http.Request, into any) error {
	_, answer, err := send(ctx, r, maxAnswer)
	if err != nil {
		return wrongToken(err)
	}
	if err := json.Unmarshal(answer, into); err != nil {
		return world.Because(world.CodeBadUpstream, "media", "The answer is not understood.", err)
	}
	return nil
}

func listText(w io.Writer, page mediaPage) {
	if len(page.Assets) == 0 {
		fmt.Fprintln(w, "No pictures. Put one in: meridian media put PHOTO")
	}
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for i, m := range page.Assets {
		if i == 0 {
			fmt.Fprintln(tw, "MEDIA ID\tNAME\tSIZE\tTYPE\tVERSION\tSEEN BY\tWRITTEN IN\tCOPIES")
		}
		v := m.CurrentVersion()
		fmt.Fprintf(tw, "%s\t%s\t%d × %d\t%s\t%d\t%s\t%s\t%s\n", m.MediaID, m.Name, v.Width, v.Height, v.MediaType, v.Number, seenBy(m), m.WriteRegion, copiesText(m.Replicas))
	}
	tw.Flush()
	for _, region := range page.Missing {
		fmt.Fprintf(w, "The pictures of %s could not be read.\n", region)
	}
	if page.Next != "" {
		fmt.Fprintf(w, "There are more: --before %s\n", page.Next)
	}
}

// seenBy says who is shown a picture, and why nobody is.
func seenBy(m world.Manifest) string {
	switch {
	case m.Visibility != world.Withheld:
		return string(m.Visibility)
	case m.Moderation.State == world.ModerationPending:
		return "nobody yet"
	}
	return "nobody"
}

func copiesText(replicas []world.Replica) string {
	copied := 0
	for _, r := range replicas {
		if r.State == world.ReplicaCopied {
			copied++
		}
	}
	return fmt.Sprintf("%d of %d", copied, len(replicas))
}
