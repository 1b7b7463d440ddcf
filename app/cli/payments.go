package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"meridian/app/localworld"
	"meridian/engine/money"
	"meridian/platform/netaddr"
	"meridian/role/shop"
	"meridian/world"
)

// WireKeyVariable holds the key that roles show one another, for commands that ask
// a shop itself.
const WireKeyVariable = "MERIDIAN_WIRE_KEY"

// tillTarget is which shop is asked: payments are resident data, so each region's
// own tells of them, on its own address, and nobody else.
type tillTarget struct{ dir, region, at string }

func (c *cli) payments() *cobra.Command {
	t := &tillTarget{}
	cmd := &cobra.Command{
		Use: "payments", Short: "List payments, show one, and have one looked after now",
		Long: `Payments are kept in their market's home region alone. In the local world --region
names it; elsewhere --at is the shop's own address, and the key that roles show one
another is read from ` + WireKeyVariable + `.`,
		Example: `  meridian payments list --region eu-central --troubled
  meridian payments show --region eu-central 7k3m9q...-1
  meridian payments reconcile --at tcp:10.0.0.7:9000 7k3m9q...-1`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	f := cmd.PersistentFlags()
	f.StringVar(&t.dir, "dir", localworld.DefaultDir(), "directory of the local world")
	f.StringVar(&t.region, "region", "", "region of the local world")
	f.StringVar(&t.at, "at", "", "a shop's own address elsewhere: tcp:host:port or unix:/path")
	cmd.MarkFlagsMutuallyExclusive("region", "at")
	cmd.MarkFlagsOneRequired("region", "at")
	cmd.AddCommand(c.listPayments(t), c.onePayment(t, "show", "Show a payment, its order and what is to be done", http.MethodGet, ""),
		c.onePayment(t, "reconcile", "Have a payment looked after now", http.MethodPost, "/reconcile"))
	return cmd
}

func (c *cli) listPayments(t *tillTarget) *cobra.Command {
	var market, state string
	var troubled bool
	limit := 50
	cmd := &cobra.Command{
		Use: "list", Short: "List payments, the newest first", Args: cobra.NoArgs,
		Example: "  meridian payments list --region eu-central --state authorised",
		RunE: func(cmd *cobra.Command, _ []string) error {
			q := url.Values{"market": {market}, "state": {state}, "limit": {strconv.Itoa(limit)}}
			if troubled {
				q.Set("troubled", "1")
			}
			var answer struct {
				Payments []shop.PaymentShown `json:"payments"`
			}
			if err := t.ask(cmd, http.MethodGet, "?"+q.Encode(), &answer); err != nil {
				return err
			}
			return c.print(answer, func(w io.Writer) { paymentsTable(w, answer.Payments) })
		},
	}
	f := cmd.Flags()
	f.StringVar(&market, "market", "", "only those of this market")
	f.StringVar(&state, "state", "", "only opened, action_required, authorised, captured, failed or voided ones")
	f.BoolVar(&troubled, "troubled", false, "only those that need an operator")
	f.IntVar(&limit, "limit", limit, "how many at most")
	return cmd
}

func (c *cli) onePayment(t *tillTarget, use, short, method, what string) *cobra.Command {
	return &cobra.Command{
		Use: use + " KEY", Short: short, Args: cobra.ExactArgs(1),
		Example: "  meridian payments " + use + " --region eu-central 7k3m9q...-1",
		RunE: func(cmd *cobra.Command, args []string) error {
			var p shop.PaymentShown
			if err := t.ask(cmd, method, "/"+url.PathEscape(args[0])+what, &p); err != nil {
				return err
			}
			return c.print(p, func(w io.Writer) { paymentText(w, p) })
		},
	}
}

func paymentsTable(w io.Writer, list []shop.PaymentShown) {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "PAYMENT\tMARKET\tSTATE\tAMOUNT\tCAPTURED\tREFUNDED\tOPENED\tTROUBLE")
	for _, p := range list {
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", p.Key, p.Market, p.State, sum(p, p.Amount), sum(p, p.Captured), sum(p, p.Refunded), p.OpenedAt.Format(time.RFC3339), p.Trouble)
	}
	t.Flush()
}

func sum(p shop.PaymentShown, minor int64) string {
	return money.Amount{Minor: minor, Currency: p.Currency}.String()
}

func paymentText(w io.Writer, p shop.PaymentShown) {
	fmt.Fprintf(w, "%s: %s at %s (%s)\n", p.Key, p.State, p.Provider, p.Ref)
	fmt.Fprintf(w, "  %s asked, %s captured, %s given back\n", sum(p, p.Amount), sum(p, p.Captured), sum(p, p.Refunded))
	if o := p.Order; o != nil {
		fmt.Fprintf(w, "  its order %s is %s: %s due, %s refunds; next: %s %s\n", p.OrderID, o.State, sum(p, o.Due), sum(p, o.Refunds), o.Next, o.Why)
		if !o.Matches {
			fmt.Fprintln(w, "  its money is not (yet) what the order says")
		}
	}
	if p.Failure != "" {
		fmt.Fprintf(w, "  the last try failed: %s\n", p.Failure)
	}
	if p.Trouble != "" {
		fmt.Fprintf(w, "  trouble, after %d tries: %s\n", p.Tries, p.Trouble)
	}
}

// paymentsWait is the longest wait for a shop, which may ask a provider first.
const paymentsWait = time.Minute

// ask asks the shop.
func (t *tillTarget) ask(cmd *cobra.Command, method, path string, answer any) error {
	at, key := t.at, os.Getenv(WireKeyVariable)
	if at == "" {
		run, err := localworld.ReadRun(t.dir)
		if err != nil {
			return err
		}
		secrets, err := localworld.ReadSecrets(t.dir)
		if err != nil {
			return err
		}
		at, key = run.Shop(t.region), secrets.FeedKey
	}
	if _, err := netaddr.Parse(at); err != nil {
		return err
	}
	r, err := http.NewRequestWithContext(cmd.Context(), method, "http://shop"+shop.PaymentsPath+path, strings.NewReader(""))
	if err != nil {
		return world.Wrap("payments", err)
	}
	r.Header.Set("Authorization", "Bearer "+key)
	_, text, err := sendBy(&http.Client{Transport: netaddr.Transport(at, netaddr.DefaultTransportOptions()), Timeout: paymentsWait}, r, maxAnswer)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(text, answer); err != nil {
		return world.Because(world.CodeBadUpstream, "payments", "The shop's answer is not understood.", err)
	}
	return nil
}
