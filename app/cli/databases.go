package cli

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"meridian/app/localworld"
	"meridian/engine/failover"
	"meridian/world"
)

func (c *cli) databases() *cobra.Command {
	var dir string
	cmd := &cobra.Command{
		Use: "databases", Short: "Show the database clusters, and have another region take one over",
		Long: `Shows each cluster of the world that runs on this machine: its primary, where that
is, its state and epoch, and what its last promotion has left behind.`,
		Example: `  meridian databases
  meridian databases --json
  meridian databases promote eu-central --region us-east --dry-run`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			var answer struct {
				Databases []localworld.Database `json:"databases"`
			}
			if err := askWorld(cmd, dir, http.MethodGet, "databases", nil, &answer); err != nil {
				return err
			}
			return c.print(answer, func(w io.Writer) { databasesTable(w, answer.Databases) })
		},
	}
	cmd.PersistentFlags().StringVar(&dir, "dir", localworld.DefaultDir(), "directory of the local world")
	cmd.AddCommand(c.promote(&dir))
	return cmd
}

func databasesTable(w io.Writer, list []localworld.Database) {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "CLUSTER\tSTATE\tEPOCH\tPRIMARY\tIN\tREASON")
	for _, d := range list {
		fmt.Fprintf(t, "%s\t%s\t%d\t%s\t%s\t%s\n", d.Cluster, d.State, d.Epoch, d.Primary, d.PrimaryRegion, d.Reason)
	}
	t.Flush()
	for _, d := range list {
		if n := len(d.Promotions); n > 0 {
			leftText(w, d.Promotions[n-1])
		}
	}
}

func (c *cli) promote(dir *string) *cobra.Command {
	var asked localworld.PromotionAsked
	cmd := &cobra.Command{
		Use: "promote HOME", Short: "Have another region's replica take the place of a lost region's catalog primary",
		Long: `Has the replica of HOME's catalog in another region take writes in the place of
HOME's primary. It says what the replica is known to lack. While HOME's primary is
there it hands over, and nothing is lost; when it is lost, what had not crossed
stays behind with it.

When the lost primary returns it takes no writes: it follows the new one, and the
rows that it alone had are written to a file first. "meridian databases" names it.

--region HOME takes the catalog home again.`,
		Example: `  meridian databases promote eu-central --region us-east --dry-run
  meridian databases promote eu-central --region us-east
  meridian databases promote eu-central --region eu-central`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			body, err := json.Marshal(asked)
			if err != nil {
				return world.Wrap("promote", err)
			}
			var p failover.Promotion
			if err := askWorld(cmd, *dir, http.MethodPost, "databases/"+url.PathEscape(args[0])+"/promotion", body, &p); err != nil {
				return err
			}
			if err := c.print(p, func(w io.Writer) { promotionText(w, p) }); err != nil {
				return err
			}
			if p.Refused != "" {
				return world.E(world.CodeConflict, "promote", "It would be refused: "+p.Refused)
			}
			return nil
		},
	}
	cmd.Flags().StringVar(&asked.Region, "region", "", "whose replica takes over")
	cmd.Flags().BoolVar(&asked.DryRun, "dry-run", false, "tell what would come of it, and change nothing")
	cmd.Flags().BoolVar(&asked.Abandon, "abandon", false, "also where more could be had: give it up")
	cmd.MarkFlagRequired("region")
	return cmd
}

func promotionText(w io.Writer, p failover.Promotion) {
	verb := "takes writes in the place of"
	if p.DryRun {
		verb = "would take writes in the place of"
	}
	fmt.Fprintf(w, "%s in %s %s %s, epoch %d.\n", p.To, p.ToRegion, verb, p.From, p.Epoch)
	if p.Seconds > 0 {
		fmt.Fprintf(w, "It took %.1f s.\n", p.Seconds)
	}
	if p.LastCommit != nil {
		fmt.Fprintf(w, "It has everything up to %s, the last commit of %s.\n", p.Has, p.LastCommit.UTC().Format(time.RFC3339Nano))
	} else {
		fmt.Fprintf(w, "It has everything up to %s.\n", p.Has)
	}
	if p.Planned {
		fmt.Fprintf(w, "%s was there and handed over.\n", p.From)
		if p.DryRun {
			return
		}
	} else {
		fmt.Fprintf(w, "What %s acknowledged behind that is not here. What is known of it:\n", p.From)
		for _, k := range p.Known {
			fmt.Fprintf(w, "  %s has it up to %s\n", k.By, k.Position)
		}
		if p.Missing > 0 {
			fmt.Fprintf(w, "  at least %d bytes of log\n", p.Missing)
		}
		for _, ref := range p.References {
			fmt.Fprintf(w, "  %s %s, which %s refers to\n", ref.What, ref.ID, ref.In)
		}
		if len(p.Known)+len(p.References) == 0 {
			fmt.Fprintln(w, "  nothing; its rows are told when it returns")
		}
	}
	leftText(w, p)
}

// leftText tells what a lost primary brought back.
func leftText(w io.Writer, p failover.Promotion) {
	back := p.Returned
	if back == nil {
		return
	}
	switch {
	case back.Aside != "":
		fmt.Fprintf(w, "%s came back as a replica at %s. Its own rows could not be read: its directory is kept as %s.\n", p.From, back.At.UTC().Format(time.RFC3339), back.Aside)
	case back.Rows == 0:
		fmt.Fprintf(w, "%s came back as a replica at %s, with no row that others lacked.\n", p.From, back.At.UTC().Format(time.RFC3339))
	default:
		var tables []string
		for _, l := range back.Left {
			tables = append(tables, fmt.Sprintf("%s (%d added, %d changed, %d removed)", l.Table, l.Added, l.Changed, l.Removed))
		}
		fmt.Fprintf(w, "%s came back as a replica at %s. %d of its rows nobody else has so: %s. They are kept in %s.\n",
			p.From, back.At.UTC().Format(time.RFC3339), back.Rows, strings.Join(tables, ", "), back.File)
	}
}

// askWorld asks something of the world that runs on this machine.
func askWorld(cmd *cobra.Command, dir, method, path string, body []byte, answer any) error {
	run, err := localworld.ReadRun(dir)
	if err != nil {
		return err
	}
	r, err := http.NewRequestWithContext(cmd.Context(), method, run.URL+path, bytes.NewReader(body))
	if err != nil {
		return world.Wrap("world", err)
	}
	r.Header.Set("Content-Type", "application/json")
	_, text, err := send(cmd.Context(), r, maxAnswer)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(text, answer); err != nil {
		return world.Because(world.CodeBadUpstream, "world", "The world's answer is not understood.", err)
	}
	return nil
}
