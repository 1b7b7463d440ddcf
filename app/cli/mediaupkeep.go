package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"meridian/world"
)

// regionFootprint is what an app's pictures take up in a region.
type regionFootprint struct {
	Region     string       `json:"region"`
	Originals  world.Amount `json:"originals"`
	Variants   world.Amount `json:"variants"`
	Mezzanines world.Amount `json:"mezzanines"`
}

// footprints is that of every region that answers.
type footprints struct {
	Regions []regionFootprint `json:"regions"`
	Missing []string          `json:"missing_regions,omitempty"`
}

// upkept is what a page of upkeep has done in a region, or all pages together.
type upkept struct {
	Region   string         `json:"region"`
	Seen     int64          `json:"seen,omitempty"`
	Cold     world.Amount   `json:"cold"`
	Outcomes map[string]int `json:"outcomes,omitempty"`
	Bytes    int64          `json:"bytes,omitempty"`
	Next     string         `json:"next,omitempty"`
}

// ask makes a request with the upload token and reads its JSON answer.
func (t *mediaTarget) ask(cmd *cobra.Command, method, path string, to any) error {
	r, err := t.request(method, path, nil)
	if err != nil {
		return err
	}
	if err := t.authorize(r); err != nil {
		return err
	}
	_, body, err := send(cmd.Context(), r, maxAnswer)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(body, to); err != nil {
		return world.Because(world.CodeBadUpstream, "media", "The answer is not understood.", err)
	}
	return nil
}

func (t *mediaTarget) footprints(cmd *cobra.Command) (f footprints, err error) {
	err = t.ask(cmd, http.MethodGet, "/media/{app}/footprint", &f)
	return f, err
}

func (c *cli) mediaFootprint(t *mediaTarget) *cobra.Command {
	return &cobra.Command{
		Use: "footprint", Short: "What the pictures take up in each region", Args: cobra.NoArgs,
		Example: `  meridian media footprint`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			f, err := t.footprints(cmd)
			if err != nil {
				return err
			}
			return c.print(f, func(w io.Writer) {
				tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
				fmt.Fprintln(tw, "REGION\tORIGINALS\tBYTES\tVARIANTS\tBYTES\tMEZZANINES\tBYTES\t")
				for _, r := range f.Regions {
					fmt.Fprintf(tw, "%s\t%d\t%d\t%d\t%d\t%d\t%d\t\n", r.Region, r.Originals.Objects, r.Originals.Bytes,
						r.Variants.Objects, r.Variants.Bytes, r.Mezzanines.Objects, r.Mezzanines.Bytes)
				}
				tw.Flush()
				missing(w, f)
			})
		},
	}
}

func missing(w io.Writer, f footprints) {
	for _, region := range f.Missing {
		fmt.Fprintf(w, "%s does not answer\n", region)
	}
}

// inEachRegion does upkeep in every region that answers, page by page.
func (t *mediaTarget) inEachRegion(cmd *cobra.Command, what string, q url.Values) (all []upkept, f footprints, err error) {
	if f, err = t.footprints(cmd); err != nil {
		return nil, f, err
	}
	for _, region := range f.Regions {
		sum := upkept{Region: region.Region, Outcomes: map[string]int{}}
		for after := ""; ; {
			q.Set("region", region.Region)
			q.Set("after", after)
			var page upkept
			if err := t.ask(cmd, http.MethodPost, "/media/{app}/"+what+"?"+q.Encode(), &page); err != nil {
				return all, f, err
			}
			sum.Seen, sum.Bytes = sum.Seen+page.Seen, sum.Bytes+page.Bytes
			sum.Cold.Objects, sum.Cold.Bytes = sum.Cold.Objects+page.Cold.Objects, sum.Cold.Bytes+page.Cold.Bytes
			for outcome, n := range page.Outcomes {
				sum.Outcomes[outcome] += n
			}
			if after = page.Next; after == "" {
				break
			}
		}
		all = append(all, sum)
	}
	return all, f, nil
}

func (c *cli) mediaGC(t *mediaTarget) *cobra.Command {
	var dry bool
	cmd := &cobra.Command{
		Use: "gc", Short: "Remove variants that nobody has asked for in a long time", Args: cobra.NoArgs,
		Example: `  meridian media gc --dry-run`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			all, f, err := t.inEachRegion(cmd, "collect", url.Values{"dry_run": {strconv.FormatBool(dry)}})
			if err != nil {
				return err
			}
			return c.print(all, func(w io.Writer) {
				verb := "were removed"
				if dry {
					verb = "would be removed"
				}
				for _, r := range all {
					fmt.Fprintf(w, "%s  %d of %d variants %s, %d bytes\n", r.Region, r.Cold.Objects, r.Seen, verb, r.Cold.Bytes)
				}
				missing(w, f)
			})
		},
	}
	cmd.Flags().BoolVar(&dry, "dry-run", false, "count, and remove nothing")
	return cmd
}

func (c *cli) mediaVerify(t *mediaTarget) *cobra.Command {
	return &cobra.Command{
		Use: "verify", Short: "Read every original again in every region, and heal what is damaged", Args: cobra.NoArgs,
		Example: `  meridian media verify`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			all, f, err := t.inEachRegion(cmd, "verify", url.Values{})
			if err != nil {
				return err
			}
			return c.print(all, func(w io.Writer) {
				tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
				fmt.Fprintln(tw, "REGION\tOUTCOME\tORIGINALS")
				for _, r := range all {
					for _, outcome := range slices.Sorted(maps.Keys(r.Outcomes)) {
						fmt.Fprintf(tw, "%s\t%s\t%d\n", r.Region, outcome, r.Outcomes[outcome])
					}
				}
				tw.Flush()
				missing(w, f)
			})
		},
	}
}
