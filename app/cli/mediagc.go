package cli

import (
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"meridian/world"
)

// inEachRegion does upkeep in every region, page by page, and tells each of every
// page. A region that fails does not keep the others back; the error names it, and
// all has what was done.
func (t *mediaTarget) inEachRegion(cmd *cobra.Command, what string, q url.Values, each func(upkept)) (all []upkept, err error) {
	regions, failed := []string{""}, []string{}
	var first error
	for n := 0; n < len(regions); n++ { // the first answer names the others
		var sum upkept
		err := t.inRegion(cmd, what, q, func(page upkept) {
			regions[n] = page.Region
			for _, r := range page.Regions {
				if !slices.Contains(regions, r) {
					regions = append(regions, r)
				}
			}
			if sum.add(page); each != nil {
				each(page)
			}
		}, regions[n])
		region := regions[n]
		if sum.Region != "" {
			all = append(all, sum)
		}
		switch {
		case err != nil && (region == "" || cmd.Context().Err() != nil):
			return all, err
		case err != nil:
			failed, first = append(failed, region), err
		}
	}
	if first == nil {
		return all, nil
	}
	return all, world.Because(world.CodeOf(first), "media."+what, "It was not done, or not to its end, in "+strings.Join(failed, ", ")+". Try again.", first)
}

// inRegion does upkeep in one region, or in the one that answers when it is "".
func (t *mediaTarget) inRegion(cmd *cobra.Command, what string, q url.Values, each func(upkept), region string) error {
	for after := ""; ; {
		if q.Set("after", after); region != "" {
			q.Set("region", region)
		}
		var page upkept
		if err := t.ask(cmd, http.MethodPost, "/media/{app}/"+what+"?"+q.Encode(), &page); err != nil {
			return err
		}
		each(page)
		if region, after = page.Region, page.Next; after == "" {
			return nil
		}
	}
}

func (c *cli) mediaGC(t *mediaTarget) *cobra.Command {
	var dry bool
	cmd := &cobra.Command{
		Use: "gc", Short: "Remove what is stored and not needed, in every region", Args: cobra.NoArgs,
		Long: `Removes variants that nobody has asked for in a long time (care.cold_after), which
are made again when somebody does, and originals that no picture has
(care.orphan_after), as of an upload that failed. An original that a picture has is
never removed. The media role does the same by itself from time to time.`,
		Example: `  meridian media gc --dry-run
  meridian media gc --json`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			each := func(page upkept) { goingText(c.out, page) }
			if c.json {
				each = nil
			}
			all, err := t.inEachRegion(cmd, "collect", url.Values{"dry_run": {strconv.FormatBool(dry)}}, each)
			if all != nil {
				if printErr := c.print(all, func(w io.Writer) { gcText(w, all, dry) }); err == nil {
					err = printErr
				}
			}
			return err
		},
	}
	cmd.Flags().BoolVar(&dry, "dry-run", false, "remove nothing, and name what would go")
	return cmd
}

func goingText(w io.Writer, page upkept) {
	for _, o := range page.Objects {
		fmt.Fprintf(w, "%s  %s  %d bytes, stored %s\n", page.Region, o.Key, o.Bytes, o.Stored.Format("2006-01-02"))
	}
}

func gcText(w io.Writer, all []upkept, dry bool) {
	verb := "were removed"
	if dry {
		verb = "would be removed"
	}
	for _, r := range all {
		cold, orphans := both(r.Cold, &world.Amount{}), both(r.Orphans, &world.Amount{})
		fmt.Fprintf(w, "%s  %d of %d objects %s, %d bytes: %d variants that nobody asks for, %d originals that no picture has\n",
			r.Region, cold.Objects+orphans.Objects, r.Seen, verb, cold.Bytes+orphans.Bytes, cold.Objects, orphans.Objects)
	}
}

func (c *cli) mediaVerify(t *mediaTarget) *cobra.Command {
	return &cobra.Command{
		Use: "verify", Short: "Read every original again in every region, and heal what is damaged", Args: cobra.NoArgs,
		Long: `Reads every original that a region holds, and compares it with its SHA-256. One
that is damaged or missing comes again from another region. The media role does the
same by itself, slowly.

Exit codes: 0 all are good now, 1 one is lost or a region was not read to its end.`,
		Example: `  meridian media verify
  meridian media verify --json`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			all, err := t.inEachRegion(cmd, "verify", url.Values{}, nil)
			if all != nil {
				if printErr := c.print(all, func(w io.Writer) { verifyText(w, all) }); err == nil {
					err = printErr
				}
			}
			lost := 0
			for _, r := range all {
				lost += r.Outcomes["lost"]
			}
			if err == nil && lost > 0 {
				err = world.E(world.CodeUnprocessed, "media.verify", fmt.Sprintf("%d originals are lost: no region that can be reached has a good copy. The log of the media role names them.", lost))
			}
			return err
		},
	}
}

func verifyText(w io.Writer, all []upkept) {
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(tw, "REGION\tOUTCOME\tORIGINALS")
	for _, r := range all {
		for _, outcome := range slices.Sorted(maps.Keys(r.Outcomes)) {
			fmt.Fprintf(tw, "%s\t%s\t%d\n", r.Region, outcome, r.Outcomes[outcome])
		}
		if len(r.Outcomes) == 0 {
			fmt.Fprintf(tw, "%s\tno originals\t0\n", r.Region)
		}
	}
	tw.Flush()
}
