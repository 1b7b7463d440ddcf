package cli

import (
	"fmt"
	"io"
	"net/url"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"meridian/app/localworld"
	"meridian/engine/fx"
	"meridian/engine/money"
	"meridian/role/owner/api"
	"meridian/world"
)

const takingsPath = "/owner/api/v1/takings"

// salesAsked are the days and the currency that sales are asked for.
type salesAsked struct{ day, from, to, in string }

// sales is what sales shows to programs.
type sales struct {
	Markets []api.Takings `json:"markets"`
	Sum     *salesSum     `json:"sum,omitempty"`
}

// salesSum is about what all markets took, in one currency. Each figure is converted
// and rounded by itself.
type salesSum struct {
	Orders   int        `json:"orders"`
	Gross    fx.Display `json:"gross"`
	Refunded fx.Display `json:"refunded"`
	Net      fx.Display `json:"net"`
	Tax      fx.Display `json:"tax"`
	Note     string     `json:"note"`
}

func (c *cli) sales() *cobra.Command {
	t := ownersShop("sales")
	var shops []string
	var asked salesAsked
	cmd := &cobra.Command{
		Use: "sales", Short: "Show what the markets took, and about what that is in one currency", Args: cobra.NoArgs,
		Long: `Shows of each market the orders of some days, on its own clocks and in its own
currency: what they came to, what was given back since, and what is left without tax
and in tax. The sum of all is by the reference rates that hold on the last of the days,
so it is "about", and says of which day they are. Where a rate is missing, or a market
does not answer, no sum is told.

Works on every market of the world that runs on this machine, or on another world by
--server with a token of the owners' API in ` + OwnerVariable + ` or --token-file,
and for a sum of several currencies one of an operator in ` + PurgeVariable + `.

Exit codes: 0 all is told, 1 the sum or a market is not.`,
		Example: `  meridian sales
  meridian sales --day 2026-11-23 --in USD
  meridian sales --from 2026-11-01 --to 2026-11-30 --json
  meridian sales --server https://de.example --token-file till.token`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			path, last, err := asked.days()
			if err != nil {
				return err
			}
			asked.in = strings.ToUpper(asked.in)
			if _, err := money.Digits(asked.in); err != nil {
				return err
			}
			if shops, err = t.shopsOr(cmd, shops); err != nil {
				return err
			}
			var out sales
			if out.Markets, err = askEach[api.Takings](cmd, t, shops, path); len(out.Markets) == 0 {
				return err
			}
			if err == nil {
				out.Sum, err = sumSales(cmd, t, asked.in, last, out.Markets)
			}
			if printErr := c.print(out, func(w io.Writer) { salesText(w, out) }); err == nil {
				err = printErr
			}
			return err
		},
	}
	t.where(cmd.Flags())
	shopsFlag(cmd, &shops)
	f := cmd.Flags()
	f.StringVar(&asked.day, "day", "", "one day, as 2026-11-23; none: today")
	f.StringVar(&asked.from, "from", "", "first of several days")
	f.StringVar(&asked.to, "to", "", "last of them; none: today")
	f.StringVar(&asked.in, "in", fx.Base, "currency of the sum")
	cmd.MarkFlagsMutuallyExclusive("day", "from")
	cmd.MarkFlagsMutuallyExclusive("day", "to")
	return cmd
}

// days is what markets are asked, and the last day that is meant; "" for today,
// which each market's clocks tell.
func (a salesAsked) days() (path, last string, err error) {
	from, last := a.from, a.to
	if a.day != "" {
		from, last = a.day, a.day
	}
	q := url.Values{}
	for _, day := range []string{from, last} {
		if _, err := time.Parse(time.DateOnly, day); err != nil && day != "" {
			return "", "", world.E(world.CodeInvalid, "sales", fmt.Sprintf("%.20q is not a day; write it as 2026-11-23.", day))
		}
	}
	if from == "" && last != "" {
		return "", "", world.E(world.CodeInvalid, "sales", "Give --from, too: the first of the days.")
	}
	if from != "" {
		q.Set("from", from)
	}
	if last != "" {
		day, _ := time.Parse(time.DateOnly, last) // it was read before
		q.Set("until", day.AddDate(0, 0, 1).Format(time.DateOnly))
	}
	if len(q) == 0 {
		return takingsPath, "", nil
	}
	return takingsPath + "?" + q.Encode(), last, nil
}

// sumSales is about what markets took together. It fails where a rate is missing.
func sumSales(cmd *cobra.Command, t *shopTarget, in, on string, markets []api.Takings) (*salesSum, error) {
	table, err := salesRates(cmd, t, in, on, markets)
	if err != nil {
		return nil, noSum(in, err)
	}
	out := &salesSum{}
	for _, m := range markets {
		out.Orders += m.Orders
	}
	for _, figure := range []struct {
		to *fx.Display
		of func(api.Takings) api.Amount
	}{
		{&out.Gross, func(m api.Takings) api.Amount { return m.Gross }},
		{&out.Refunded, func(m api.Takings) api.Amount { return m.Refunded }},
		{&out.Net, func(m api.Takings) api.Amount { return m.Net }},
		{&out.Tax, func(m api.Takings) api.Amount { return m.Tax }},
	} {
		var amounts []money.Amount
		for _, m := range markets {
			amounts = append(amounts, money.Amount(figure.of(m)))
		}
		if *figure.to, err = table.Sum(in, money.HalfUp, amounts...); err != nil {
			return nil, noSum(in, err)
		}
	}
	out.Note = out.Gross.Note()
	return out, nil
}

func noSum(in string, err error) error {
	return world.Because(world.CodeOf(err), "sales", "There is no sum in "+in+".", err)
}

// salesRates are the rates of a day; none where every market is in the sum's currency
// already.
func salesRates(cmd *cobra.Command, t *shopTarget, in, on string, markets []api.Takings) (fx.Table, error) {
	for _, m := range markets {
		if m.Gross.Currency != in {
			rates := operatorTarget{op: "sales", variable: PurgeVariable, own: func(s localworld.Secrets) string { return s.PurgeToken }, dir: t.dir, server: t.server}
			return rateTable(cmd, &rates, on)
		}
	}
	return fx.Table{}, nil
}

func salesText(w io.Writer, s sales) {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "MARKET\tDAYS\tORDERS\tGROSS\tREFUNDED\tNET\tTAX\t")
	for _, m := range s.Markets {
		fmt.Fprintf(t, "%s\t%s\t%d\t%s\t%s\t%s\t%s\t\n", m.Market, daysText(m), m.Orders, money.Amount(m.Gross), money.Amount(m.Refunded), money.Amount(m.Net), money.Amount(m.Tax))
	}
	if s.Sum != nil {
		fmt.Fprintf(t, "all\t\t%d\t%s\t%s\t%s\t%s\t\n", s.Sum.Orders, s.Sum.Gross, s.Sum.Refunded, s.Sum.Net, s.Sum.Tax)
	}
	t.Flush()
	if s.Sum != nil && s.Sum.Note != "" {
		fmt.Fprintf(w, "The sum is %s.\n", s.Sum.Note)
	}
}

// daysText are the first and the last day.
func daysText(m api.Takings) string {
	until, err := time.Parse(time.DateOnly, m.Until)
	if err != nil {
		return m.From
	}
	if last := until.AddDate(0, 0, -1).Format(time.DateOnly); last != m.From {
		return m.From + " to " + last
	}
	return m.From
}
