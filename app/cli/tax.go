package cli

import (
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"meridian/app"
	"meridian/engine/tax"
	"meridian/world"
)

func (c *cli) tax() *cobra.Command {
	cmd := &cobra.Command{
		Use: "tax", Short: "Explain, list and check tax rules",
		Example: "  meridian tax explain --market de --class cake --mode eat_in --date 2025-12-31 --amount 4.20\n  meridian tax check rules.csv",
		Args:    cobra.NoArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(c.taxExplain(), c.taxList(), c.taxCheck())
	return cmd
}

// taxRules reads a file of rules; "" those that ship.
func taxRules(path string) (*tax.Table, error) {
	if path == "" {
		return app.TaxTable()
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, world.Because(world.CodeInvalid, "tax.rules", "The tax rules cannot be read: "+path, err)
	}
	defer f.Close()
	return tax.Load(f)
}

func (c *cli) taxList() *cobra.Command {
	var file, place, class, date string
	cmd := &cobra.Command{
		Use: "list", Short: "List tax rules, with their sources",
		Example: "  meridian tax list --jurisdiction DE --class cake\n  meridian tax list --date 2026-01-01 --json",
		Args:    cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			table, err := taxRules(file)
			if err != nil {
				return err
			}
			var on tax.Date
			if date != "" {
				if on, err = tax.ParseDate(date); err != nil {
					return err
				}
			}
			rules := slices.DeleteFunc(table.Rules(), func(r tax.Rule) bool {
				elsewhere := place != "" && r.Jurisdiction != place && !strings.HasPrefix(r.Jurisdiction, place+"-")
				past := date != "" && (r.From.Compare(on) > 0 || (!r.To.IsZero() && on.Compare(r.To) > 0))
				return elsewhere || past || (class != "" && r.Class != class)
			})
			shown := make([]taxRule, len(rules))
			for i, r := range rules {
				shown[i] = showRule(r)
			}
			return c.print(shown, func(w io.Writer) { tellRules(w, shown) })
		},
	}
	cmd.Flags().StringVar(&place, "jurisdiction", "", "this place and those in it, such as US-NY")
	cmd.Flags().StringVar(&class, "class", "", "this class of goods")
	cmd.Flags().StringVar(&date, "date", "", "in force on this day")
	cmd.Flags().StringVar(&file, "rules", "", "CSV file of rules; none: those that ship")
	return cmd
}

// taxRule is a rule as programs get it.
type taxRule struct {
	Row          int            `json:"row"`
	Jurisdiction string         `json:"jurisdiction"`
	Levy         string         `json:"levy"`
	Part         string         `json:"part,omitempty"`
	Class        string         `json:"class"`
	When         string         `json:"when"`
	Rate         string         `json:"rate"`
	Adds         bool           `json:"adds,omitempty"`
	From         string         `json:"from"`
	To           string         `json:"to,omitempty"`
	Label        string         `json:"label"`
	Confidence   tax.Confidence `json:"confidence"`
	Status       tax.Status     `json:"status"`
	Source       string         `json:"source"`
}

func showRule(r tax.Rule) taxRule {
	return taxRule{
		Row: r.Row, Jurisdiction: r.Jurisdiction, Levy: r.Levy, Part: r.Part, Class: r.Class, When: r.When.String(),
		Rate: r.Rate.Percent(), Adds: r.Below, From: r.From.String(), To: r.To.String(),
		Label: r.Label, Confidence: r.Confidence, Status: r.Status, Source: r.Source,
	}
}

// levy is the levy's name with the part that is meant.
func (r taxRule) levy() string {
	if r.Part == "" {
		return r.Levy
	}
	return r.Levy + "/" + r.Part
}

// days are the first and the last day.
func (r taxRule) days() string {
	if r.To == "" {
		return "from " + r.From
	}
	return r.From + " to " + r.To
}

func tellRules(out io.Writer, rules []taxRule) {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "ROW\tPLACE\tLEVY\tCLASS\tRATE\tWHEN\tDAYS\tSTATUS\tCONFIDENCE\tSOURCE")
	for _, r := range rules {
		rate := r.Rate + " %"
		if r.Adds {
			rate += " +"
		}
		fmt.Fprintf(w, "%d\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", r.Row, r.Jurisdiction, r.levy(), r.Class, rate, r.When, r.days(), r.Status, r.Confidence, r.Source)
	}
	w.Flush()
	fmt.Fprintf(out, "%d rules; + means that smaller places add to the rate\n", len(rules))
}

// taxSum is what a table of rules holds.
type taxSum struct {
	Rules      int      `json:"rules"`
	Law        int      `json:"law"`
	Drafts     int      `json:"drafts"`
	Doubtful   int      `json:"doubtful"` // law that rests on less than high confidence
	Places     []string `json:"places"`
	LastChange string   `json:"last_change"` // the latest first day of a law
}

func (c *cli) taxCheck() *cobra.Command {
	return &cobra.Command{
		Use: "check FILE", Short: "Say what is wrong with a file of tax rules, by line",
		Long: `Reads a CSV file of tax rules and refuses what no accountant would sign: rows
without dates or sources, rules that overlap, and rules that speak of the same
sale, differ, and of which neither is the more specific.`,
		Example: "  meridian tax check rules.csv",
		Args:    cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			table, err := taxRules(args[0])
			if err != nil {
				return err
			}
			var sum taxSum
			for _, r := range table.Rules() {
				sum.add(r)
			}
			return c.print(sum, func(w io.Writer) {
				fmt.Fprintf(w, "%s is good: %d rules of %d places; %d are drafts and never apply, %d rest on less than high confidence. The latest change is of %s.\n",
					args[0], sum.Rules, len(sum.Places), sum.Drafts, sum.Doubtful, sum.LastChange)
			})
		},
	}
}

func (s *taxSum) add(r tax.Rule) {
	s.Rules++
	if !slices.Contains(s.Places, r.Jurisdiction) {
		s.Places = append(s.Places, r.Jurisdiction)
	}
	if r.Status == tax.Draft {
		s.Drafts++
		return
	}
	s.Law++
	if r.Confidence != tax.High {
		s.Doubtful++
	}
	s.LastChange = max(s.LastChange, r.From.String())
}

// taxDay is the day of a flag; "" is today on the market's clock.
func taxDay(text string, m world.Market) (tax.Date, error) {
	if text != "" {
		return tax.ParseDate(text)
	}
	zone, err := time.LoadLocation(m.TimeZone)
	if err != nil {
		return tax.Date{}, world.Because(world.CodeInvalid, "tax.day", "The time zone of market "+m.ID+" is not known; give --date.", err)
	}
	return tax.DateOf(time.Now(), zone), nil
}
