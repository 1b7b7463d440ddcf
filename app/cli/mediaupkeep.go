package cli

import (
	"cmp"
	"fmt"
	"io"
	"net/http"
	"text/tabwriter"
	"time"

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
	Regions  []string       `json:"regions,omitempty"` // of a page: all that there are
	Seen     int64          `json:"seen,omitempty"`
	Cold     *world.Amount  `json:"cold,omitempty"`
	Orphans  *world.Amount  `json:"orphans,omitempty"`
	Objects  []going        `json:"objects,omitempty"`
	Outcomes map[string]int `json:"outcomes,omitempty"`
	Bytes    int64          `json:"bytes,omitempty"`
	Next     string         `json:"next,omitempty"`
}

// going is an object that would be removed.
type going struct {
	Key    string    `json:"key"`
	Bytes  int64     `json:"bytes"`
	Stored time.Time `json:"stored_at"`
}

// add takes a page in.
func (u *upkept) add(page upkept) {
	u.Region = page.Region
	u.Seen, u.Bytes = u.Seen+page.Seen, u.Bytes+page.Bytes
	u.Cold, u.Orphans = both(u.Cold, page.Cold), both(u.Orphans, page.Orphans)
	u.Objects = append(u.Objects, page.Objects...)
	for outcome, n := range page.Outcomes {
		if u.Outcomes == nil {
			u.Outcomes = map[string]int{}
		}
		u.Outcomes[outcome] += n
	}
}

func both(a, b *world.Amount) *world.Amount {
	if a == nil || b == nil {
		return cmp.Or(a, b)
	}
	return &world.Amount{Objects: a.Objects + b.Objects, Bytes: a.Bytes + b.Bytes}
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
	return askFor(cmd.Context(), r, to)
}

func (c *cli) mediaFootprint(t *mediaTarget) *cobra.Command {
	return &cobra.Command{
		Use: "footprint", Short: "What the pictures take up in each region", Args: cobra.NoArgs,
		Example: `  meridian media footprint`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			var f footprints
			if err := t.ask(cmd, http.MethodGet, "/media/{app}/footprint", &f); err != nil {
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
				for _, region := range f.Missing {
					fmt.Fprintf(w, "%s does not answer\n", region)
				}
			})
		},
	}
}
