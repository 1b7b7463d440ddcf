package cli

import (
	"cmp"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"meridian/world"
)

// jobPage is the list of jobs, as the media role gives it.
type jobPage struct {
	Jobs    []world.Job `json:"jobs"`
	Missing []string    `json:"missing_regions,omitempty"`
}

// jobsWanted is what media jobs shows, or does.
type jobsWanted struct {
	failed                bool
	state, picture, retry string
	limit                 int
}

func (c *cli) mediaJobs(t *mediaTarget) *cobra.Command {
	var want jobsWanted
	cmd := &cobra.Command{
		Use: "jobs", Short: "List background work, and try again what has failed", Args: cobra.NoArgs,
		Long: `Lists copies, variants, verdicts and removals that wait, run or have failed,
newest first. What would fail each time is parked with its error, and shown for
90 days; --retry has it tried again once its cause is gone.`,
		Example: `  meridian media jobs --failed
  meridian media jobs --picture 14h0t2c9x7q3mv8k
  meridian media jobs --retry eu-central/57`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if want.retry != "" {
				return c.retryJob(cmd, t, want.retry)
			}
			return c.listJobs(cmd, t, want)
		},
	}
	f := cmd.Flags()
	f.BoolVar(&want.failed, "failed", false, "only those that nobody tries again by itself")
	f.StringVar(&want.state, "state", "", "only those that are waiting, running, retrying, failed or done")
	f.StringVar(&want.picture, "picture", "", "only those about this picture: its media id or URL")
	f.StringVar(&want.retry, "retry", "", "have this job tried again: its region and number, as the list shows them")
	f.IntVar(&want.limit, "limit", 50, "how many at most")
	cmd.MarkFlagsMutuallyExclusive("failed", "state", "retry")
	cmd.MarkFlagsMutuallyExclusive("picture", "retry")
	cmd.MarkFlagsMutuallyExclusive("limit", "retry")
	return cmd
}

func (c *cli) listJobs(cmd *cobra.Command, t *mediaTarget, want jobsWanted) error {
	q := url.Values{"limit": {strconv.Itoa(want.limit)}}
	if want.failed {
		want.state = world.JobFailed
	}
	if want.state != "" {
		q.Set("state", want.state)
	}
	if want.picture != "" {
		id, err := mediaID(want.picture)
		if err != nil {
			return err
		}
		q.Set("media_id", id)
	}
	var page jobPage
	if err := t.ask(cmd, http.MethodGet, "/media/{app}/jobs?"+q.Encode(), &page); err != nil {
		return err
	}
	return c.print(page, func(w io.Writer) { jobsText(w, page) })
}

func jobsText(w io.Writer, page jobPage) {
	if len(page.Jobs) == 0 {
		fmt.Fprintln(w, "No jobs.")
	}
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for i, j := range page.Jobs {
		if i == 0 {
			fmt.Fprintln(tw, "JOB\tWORK\tSTATE\tPICTURE\tTO\tTRIED\tAT\tERROR")
		}
		fmt.Fprintf(tw, "%s/%d\t%s\t%s\t%s\t%s\t%d\t%s\t%s\n", j.Region, j.ID, j.Kind, j.State, pictureText(j), cmp.Or(j.Target, "-"), j.Attempts, j.At.Format(time.RFC3339), oneLine(j.Error))
	}
	tw.Flush()
	if i := slices.IndexFunc(page.Jobs, func(j world.Job) bool { return j.State == world.JobFailed }); i >= 0 {
		fmt.Fprintf(w, "To have one that failed tried again: meridian media jobs --retry %s/%d\n", page.Jobs[i].Region, page.Jobs[i].ID)
	}
	for _, region := range page.Missing {
		fmt.Fprintf(w, "The jobs of %s could not be read.\n", region)
	}
}

func pictureText(j world.Job) string {
	if j.Version == 0 {
		return j.MediaID
	}
	return fmt.Sprintf("%s v%d", j.MediaID, j.Version)
}

// oneLine keeps a table's row together, whatever an error holds.
func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }

func (c *cli) retryJob(cmd *cobra.Command, t *mediaTarget, job string) error {
	region, number, _ := strings.Cut(job, "/")
	id, err := strconv.ParseInt(number, 10, 64)
	if err != nil || id < 1 || region == "" {
		return world.E(world.CodeInvalid, "media.jobs", "--retry takes a job as the list shows it: its region and number, such as eu-central/57.")
	}
	var done struct {
		Region string `json:"region"`
		ID     int64  `json:"id"`
	}
	q := url.Values{"region": {region}, "id": {number}}
	if err := t.ask(cmd, http.MethodPost, "/media/{app}/retry?"+q.Encode(), &done); err != nil {
		return err
	}
	return c.print(done, func(w io.Writer) { fmt.Fprintf(w, "%s/%d is tried again.\n", done.Region, done.ID) })
}
