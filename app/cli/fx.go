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
	"meridian/engine/fx"
	"meridian/engine/money"
	"meridian/engine/tax"
	"meridian/role/ops"
	"meridian/world"
)

// fx holds the commands about reference rates of exchange.
func (c *cli) fx() *cobra.Command {
	t := &operatorTarget{op: "fx", variable: PurgeVariable, own: func(s localworld.Secrets) string { return s.PurgeToken }}
	cmd := &cobra.Command{
		Use: "fx", Short: "Show, import and use reference rates of exchange",
		Long: `Reference rates are for display and for head office's sums. No visitor is ever
charged by one: a price in a currency is a price that an owner has set there.

Works on the world that runs on this machine, or on another by --server with a
token in ` + PurgeVariable + ` or --token-file.`,
		Example: `  meridian fx list
  meridian fx import eurofxref-daily.xml
  meridian fx convert 24.90 EUR USD`,
		Args: cobra.NoArgs, RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	t.flags(cmd.PersistentFlags())
	cmd.AddCommand(c.fxList(t), c.fxImport(t), c.fxConvert(t))
	return cmd
}

func (c *cli) fxList(t *operatorTarget) *cobra.Command {
	var date string
	cmd := &cobra.Command{
		Use: "list", Short: "Show the rates that hold on a day", Args: cobra.NoArgs,
		Example: `  meridian fx list
  meridian fx list --date 2026-11-20 --json`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			shown, err := askRates(cmd, t, date)
			if err != nil {
				return err
			}
			return c.print(shown, func(w io.Writer) { ratesText(w, shown) })
		},
	}
	cmd.Flags().StringVar(&date, "date", "", "day, as 2026-11-20; none: today")
	return cmd
}

func ratesText(w io.Writer, shown ops.RatesTable) {
	if len(shown.Rates) == 0 {
		fmt.Fprintf(w, "There are no rates for %s or the year before. Import a list with `meridian fx import`.\n", shown.Day)
		return
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintf(t, "CURRENCY\tFOR 1 %s\tOF\tBY\n", shown.Base)
	for _, r := range shown.Rates {
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\n", r.Currency, r.PerEuro, r.Day, r.Source)
	}
	t.Flush()
}

func (c *cli) fxImport(t *operatorTarget) *cobra.Command {
	return &cobra.Command{
		Use: "import FILE", Short: "Import lists of rates from a file of the European Central Bank",
		Long: `Takes eurofxref-daily.xml, eurofxref-hist.xml, eurofxref.csv or eurofxref-hist.csv,
also as a zip. What is known already adds nothing; a list that was corrected holds
from now on, and the former rows stay. A file is taken whole or not at all.`,
		Example: `  meridian fx import eurofxref-daily.xml
  meridian fx import eurofxref-hist.zip --json`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			file, err := readLimited(args[0], fx.DefaultLimits.Bytes+1)
			if err != nil {
				return world.Because(world.CodeInvalid, "fx", "The file cannot be read: "+args[0], err)
			}
			if _, err := fx.Read(file, fx.DefaultLimits); err != nil { // before it is sent anywhere
				return err
			}
			r, err := t.request(cmd, http.MethodPost, world.RatesPath, bytes.NewReader(file))
			if err != nil {
				return err
			}
			r.Header.Set("Content-Type", "application/octet-stream")
			var added ops.RatesAdded
			if err := askFX(cmd, r, &added); err != nil {
				return err
			}
			return c.print(added, func(w io.Writer) {
				fmt.Fprintf(w, "Lists: %d, the newest of %s. New rates: %d.\n", added.Lists, added.Newest, added.Added)
			})
		},
	}
}

// fxConversion is what convert shows to programs.
type fxConversion struct {
	From   string     `json:"from"`
	To     fx.Display `json:"to"`
	Note   string     `json:"note"`
	Charm  string     `json:"charm,omitempty"`
	Price  string     `json:"proposed_price,omitempty"`
	Locale string     `json:"in_locale,omitempty"`
}

func (c *cli) fxConvert(t *operatorTarget) *cobra.Command {
	var date, charm, locale, rounding string
	cmd := &cobra.Command{
		Use: "convert AMOUNT FROM TO", Short: "Tell about what an amount is in another currency",
		Example: `  meridian fx convert 24.90 EUR USD
  meridian fx convert 24.90 USD INR --charm nines
  meridian fx convert 480 JPY EUR --date 2026-11-20 --locale de-DE --json`,
		Args: cobra.ExactArgs(3),
		RunE: func(cmd *cobra.Command, args []string) error {
			a, err := money.Parse(args[0], strings.ToUpper(args[1]))
			if err != nil {
				return err
			}
			to := strings.ToUpper(args[2])
			table, err := rateTable(cmd, t, date)
			if err != nil {
				return err
			}
			d, err := table.Convert(a, to, money.Rounding(rounding))
			if err != nil {
				return err
			}
			out := fxConversion{From: a.String(), To: d, Note: d.Note()}
			if locale != "" {
				out.Locale = d.Format(locale)
			}
			if cmd.Flags().Changed("charm") {
				rule, err := money.CharmOf(to, charm)
				if err != nil {
					return err
				}
				if out.Price, err = d.Propose(rule); err != nil {
					return err
				}
				out.Charm = rule.Name
			}
			return c.print(out, func(w io.Writer) { conversionText(w, out) })
		},
	}
	f := cmd.Flags()
	f.StringVar(&date, "date", "", "day whose rates are used, as 2026-11-20; none: today")
	f.StringVar(&locale, "locale", "", "print it as this locale does, such as de-DE")
	f.StringVar(&rounding, "rounding", string(money.HalfUp), "half_up, half_even, down or up")
	f.StringVar(&charm, "charm", "", `propose a price by a rule for its ending, such as end_99; "" takes the currency's usual one`)
	return cmd
}

func conversionText(w io.Writer, out fxConversion) {
	fmt.Fprintf(w, "%s is %s", out.From, out.To)
	if out.Locale != "" {
		fmt.Fprintf(w, ", printed %s", out.Locale)
	}
	fmt.Fprintln(w)
	if out.Note != "" {
		fmt.Fprintf(w, "at %s, %s\n", out.To.Rate, out.Note)
	}
	if out.Charm != "" {
		fmt.Fprintf(w, "as a price it could be %s (%s)\n", out.Price, out.Charm)
	}
}

// rateTable is the table of a day, as a world has it.
func rateTable(cmd *cobra.Command, t *operatorTarget, date string) (fx.Table, error) {
	shown, err := askRates(cmd, t, date)
	if err != nil {
		return fx.Table{}, err
	}
	on, err := tax.ParseDate(shown.Day)
	if err != nil {
		return fx.Table{}, err
	}
	var quotes []fx.Quote
	for _, r := range shown.Rates {
		day, err := tax.ParseDate(r.Day)
		if err != nil {
			return fx.Table{}, err
		}
		quotes = append(quotes, fx.Quote{Currency: r.Currency, Rate: r.PerEuro, Day: day, Source: r.Source})
	}
	return fx.NewTable(on, quotes), nil
}

func askRates(cmd *cobra.Command, t *operatorTarget, date string) (ops.RatesTable, error) {
	path := world.RatesPath
	if date != "" {
		if _, err := time.Parse(time.DateOnly, date); err != nil {
			return ops.RatesTable{}, world.E(world.CodeInvalid, "fx", fmt.Sprintf("%q is not a day; write it as 2026-11-20.", date))
		}
		path += "?on=" + url.QueryEscape(date)
	}
	r, err := t.request(cmd, http.MethodGet, path, nil)
	if err != nil {
		return ops.RatesTable{}, err
	}
	var shown ops.RatesTable
	err = askFX(cmd, r, &shown)
	return shown, err
}

func askFX(cmd *cobra.Command, r *http.Request, answer any) error {
	_, body, err := send(cmd.Context(), r, maxAnswer)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(body, answer); err != nil {
		return world.Because(world.CodeBadUpstream, "fx", "The answer is not understood.", err)
	}
	return nil
}
