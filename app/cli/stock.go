package cli

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"meridian/app"
	"meridian/app/localworld"
	"meridian/role/owner/api"
	"meridian/world"
)

const stockCheckPath = "/owner/api/v1/stock-check"

// stock holds the commands about the stock of markets.
func (c *cli) stock() *cobra.Command {
	cmd := &cobra.Command{
		Use: "stock", Short: "Look after the stock of markets", Args: cobra.NoArgs,
		Example: "  meridian stock check",
		RunE:    func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(c.stockCheck())
	return cmd
}

func (c *cli) stockCheck() *cobra.Command {
	t := ownersShop("stock")
	var shops []string
	cmd := &cobra.Command{
		Use: "check", Short: "Show where levels of stock, their ledger and the orders disagree", Args: cobra.NoArgs,
		Long: `Every movement of stock is in a ledger. Of each SKU the level, which is sold from, is
the sum of its movements, and what is reserved is what orders hold that await payment.
This shows the SKUs of which that is not so.

Works on every market of the world that runs on this machine, or on another world by
--server with a token of the owners' API in ` + OwnerVariable + ` or --token-file.

Exit codes: 0 there are no faults, 1 there are, or a market was not checked.`,
		Example: `  meridian stock check
  meridian stock check --shop de.localhost --shop gb.localhost --json
  meridian stock check --server https://de.example --token-file stock.token`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			shops, err := t.shopsOr(cmd, shops)
			if err != nil {
				return err
			}
			all, err := askEach[api.StockCheck](cmd, t, shops, stockCheckPath)
			if all != nil {
				if printErr := c.print(all, func(w io.Writer) { stockText(w, all) }); err == nil {
					err = printErr
				}
			}
			if err != nil {
				return err
			}
			return stockVerdict(all)
		},
	}
	t.flags(cmd.Flags())
	shopsFlag(cmd, &shops)
	return cmd
}

func shopsFlag(cmd *cobra.Command, shops *[]string) {
	cmd.Flags().StringArrayVar(shops, "shop", nil, "host of a market's shop, such as de.localhost; may be given several times; none: all of the local world, or that of --server")
}

// shopsOr are the given, or the hosts of all markets of the local world, or that of
// --server, as "".
func (t *shopTarget) shopsOr(cmd *cobra.Command, given []string) (hosts []string, err error) {
	if len(given) > 0 {
		return given, nil
	}
	if t.server != "" {
		return []string{""}, nil
	}
	var about localworld.About
	if err := askWorld(cmd, t.dir, http.MethodGet, "/world", nil, &about); err != nil {
		return nil, err
	}
	w, err := app.ParseWorld("GET /world", about.World)
	if err != nil {
		return nil, err
	}
	for _, m := range w.Markets {
		hosts = append(hosts, m.Host)
	}
	return hosts, nil
}

// askEach asks the owners' API of each shop for the same. One that fails does not keep
// the others back; the error names it.
func askEach[T any](cmd *cobra.Command, t *shopTarget, shops []string, path string) (all []T, err error) {
	var failed []string
	var first error
	for _, shop := range shops {
		var found T
		at := *t
		at.shop = shop
		switch _, err := at.ask(cmd, http.MethodGet, path, "", nil, &found); {
		case err != nil && (len(shops) == 1 || cmd.Context().Err() != nil):
			return all, err
		case err != nil:
			failed = append(failed, shop)
			if first == nil {
				first = err
			}
		default:
			all = append(all, found)
		}
	}
	if first == nil {
		return all, nil
	}
	return all, world.Because(world.CodeOf(first), t.op, "No answer for "+strings.Join(failed, ", ")+".", first)
}

func stockText(w io.Writer, all []api.StockCheck) {
	for _, market := range all {
		if len(market.Faults) == 0 {
			fmt.Fprintf(w, "%s: no faults\n", market.Market)
			continue
		}
		fmt.Fprintf(w, "%s:\n", market.Market)
		t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
		fmt.Fprintln(t, "  SKU\tON HAND\tBY LEDGER\tRESERVED\tBY LEDGER\tBY ORDERS")
		for _, f := range market.Faults {
			fmt.Fprintf(t, "  %s\t%d\t%d\t%d\t%d\t%d\n", f.SKU, f.OnHand, f.LedgerOnHand, f.Reserved, f.LedgerReserved, f.OrdersReserved)
		}
		t.Flush()
		if market.More {
			fmt.Fprintln(w, "  and more")
		}
	}
}

// stockVerdict is an error where something is wrong.
func stockVerdict(all []api.StockCheck) error {
	var wrong []string
	for _, market := range all {
		if len(market.Faults) > 0 {
			wrong = append(wrong, market.Market)
		}
	}
	if len(wrong) == 0 {
		return nil
	}
	return world.E(world.CodeUnprocessed, "stock", "Stock is not what its ledger and the orders say: "+strings.Join(wrong, ", ")+".")
}
