package cli

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"meridian/app/localworld"
	"meridian/engine/catalog"
	"meridian/role/owner/api"
	"meridian/world"
)

// OwnerVariable holds a token of the owners' API.
const OwnerVariable = "MERIDIAN_OWNER_TOKEN"

// Paths of the owners' API that the commands ask.
const (
	brandsPath        = "/owner/api/v1/brand-products"
	ownedProductsPath = "/owner/api/v1/products/"
)

// shopTarget is the shop of one market, as its owner comes to it.
type shopTarget struct {
	operatorTarget
	shop string // its host; "" for that of --server
}

// ownersShop is one whose owners' API commands ask; op is that of their errors.
func ownersShop(op string) *shopTarget {
	return &shopTarget{operatorTarget: operatorTarget{op: op, variable: OwnerVariable, own: func(s localworld.Secrets) string { return s.OwnerToken }}}
}

// catalog holds the commands about head office's products in a market.
func (c *cli) catalog() *cobra.Command {
	t := ownersShop("catalog")
	cmd := &cobra.Command{
		Use: "catalog", Short: "Adopt head office's products in a market, and keep them up to date",
		Long: `A product of head office's is adopted by a market with SKUs and prices of its own.
From then on it is the market's: an update takes what head office alone has changed,
and keeps what the market has, unless it is told to take that too.

Works on the world that runs on this machine, or on another by --server with a
token of the owners' API in ` + OwnerVariable + ` or --token-file.`,
		Example: `  meridian catalog list --shop de.localhost
  meridian catalog adopt --shop de.localhost fruit-tart --category cakes --sku fruit-tart=2490
  meridian catalog update --shop de.localhost fruit-tart --take texts.de-DE.name`,
		Args: cobra.NoArgs, RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	t.flags(cmd.PersistentFlags())
	cmd.PersistentFlags().StringVar(&t.shop, "shop", "", "host of the market's shop, such as de.localhost; none: that of --server")
	cmd.AddCommand(c.catalogList(t), c.catalogAdopt(t), c.catalogDiff(t), c.catalogUpdate(t), c.catalogWithdraw(t))
	return cmd
}

// ask asks the shop's owners' API, and returns the ETag of its answer.
func (t *shopTarget) ask(cmd *cobra.Command, method, path, ifMatch string, sent, answer any) (tag string, err error) {
	var body bytes.Buffer
	if sent != nil {
		if err := json.NewEncoder(&body).Encode(sent); err != nil {
			return "", world.Wrap(t.op, err)
		}
	}
	r, err := t.request(cmd, method, path, &body)
	if err != nil {
		return "", err
	}
	switch {
	case t.shop != "":
		if r.Host = t.shop; r.URL.Port() != "" {
			r.Host += ":" + r.URL.Port()
		}
	case t.server == "":
		return "", world.E(world.CodeInvalid, t.op, "Name the market's shop with --shop, such as de.localhost.")
	}
	if sent != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	if ifMatch != "" {
		r.Header.Set("If-Match", ifMatch)
	}
	res, text, err := send(cmd.Context(), r, maxAnswer)
	if err != nil {
		return "", err
	}
	if err := json.Unmarshal(text, answer); err != nil {
		return "", world.Because(world.CodeBadUpstream, t.op, "The answer is not understood.", err)
	}
	return res.Header.Get("ETag"), nil
}

func (c *cli) catalogList(t *shopTarget) *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "Show head office's products, and which of them the market has", Args: cobra.NoArgs,
		Example: `  meridian catalog list --shop de.localhost
  meridian catalog list --server https://de.example --json`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			all := []catalog.Brand{}
			for next := ""; ; {
				var page api.BrandList
				if _, err := t.ask(cmd, http.MethodGet, brandsPath+"?limit=100&after="+url.QueryEscape(next), "", nil, &page); err != nil {
					return err
				}
				all = append(all, page.Brands...)
				if next = page.Next; next == "" {
					break
				}
			}
			return c.print(all, func(w io.Writer) { brandsText(w, all) })
		},
	}
}

func brandsText(w io.Writer, all []catalog.Brand) {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintf(t, "BRAND PRODUCT\tNEWEST\tHERE\tAS\n")
	for _, b := range all {
		here := "-"
		if b.Slug != "" {
			here = strconv.FormatInt(b.Adopted, 10)
		}
		fmt.Fprintf(t, "%s\t%d\t%s\t%s\n", b.Brand, b.Version, here, b.Slug)
	}
	t.Flush()
}

func (c *cli) catalogAdopt(t *shopTarget) *cobra.Command {
	var a catalog.Adoption
	var skus, names []string
	cmd := &cobra.Command{
		Use: "adopt BRAND", Short: "Sell a product of head office's in the market", Args: cobra.ExactArgs(1),
		Long: `Makes a product of the market's of one of head office's. Each --sku names one of its
sizes or sorts with its first price, in minor units of the market's currency.`,
		Example: `  meridian catalog adopt --shop de.localhost fruit-tart --category cakes --sku fruit-tart=2490
  meridian catalog adopt --shop gb.localhost fruit-tart --slug tart --tax-class cake --sku tart=2190`,
		RunE: func(cmd *cobra.Command, args []string) error {
			for _, text := range skus {
				key, price, _ := strings.Cut(text, "=")
				minor, err := strconv.ParseInt(price, 10, 64)
				if err != nil || minor < 1 {
					return world.E(world.CodeInvalid, t.op, "--sku is written as fruit-tart=2490: a key, and a price in minor units.")
				}
				a.SKUs = append(a.SKUs, catalog.DraftSKU{SKU: key, Sold: true, Price: minor})
			}
			for _, text := range names {
				locale, name, ok := strings.Cut(text, "=")
				if !ok {
					return world.E(world.CodeInvalid, t.op, "--name is written as de-DE=Obsttorte: a locale, and the name in it.")
				}
				if a.Texts == nil {
					a.Texts = map[string]catalog.DraftText{}
				}
				a.Texts[locale] = catalog.DraftText{Name: name}
			}
			var d catalog.Draft
			if _, err := t.ask(cmd, http.MethodPost, brandsPath+"/"+url.PathEscape(args[0])+"/adopt", "", a, &d); err != nil {
				return err
			}
			return c.print(d, func(w io.Writer) { fmt.Fprintf(w, "%s is sold as %s.\n", args[0], d.Slug) })
		},
	}
	f := cmd.Flags()
	f.StringVar(&a.Slug, "slug", "", "what it is called in the market; none: as head office calls it")
	f.StringVar(&a.Category, "category", "", "key of the market's category")
	f.StringVar(&a.TaxClass, "tax-class", "", "of the market's tax rules; none: head office's")
	f.Int64Var(&a.Version, "version", 0, "version of head office's; 0: the newest")
	f.StringArrayVar(&names, "name", nil, "its name where head office has no words, as de-DE=Obsttorte; may be given several times")
	f.StringArrayVar(&skus, "sku", nil, "a size or sort and its price, as fruit-tart=2490; may be given several times")
	return cmd
}

func (c *cli) catalogDiff(t *shopTarget) *cobra.Command {
	return &cobra.Command{
		Use: "diff BRAND", Short: "Show where the market's product is not head office's newest", Args: cobra.ExactArgs(1),
		Example: "  meridian catalog diff --shop de.localhost black-forest-cake",
		RunE: func(cmd *cobra.Command, args []string) error {
			var d api.Differences
			if _, err := t.ask(cmd, http.MethodGet, brandsPath+"/"+url.PathEscape(args[0])+"/diff", "", nil, &d); err != nil {
				return err
			}
			return c.print(d, func(w io.Writer) { differencesText(w, d) })
		},
	}
}

func differencesText(w io.Writer, d api.Differences) {
	fmt.Fprintf(w, "%s is up to version %d; the newest is %d.\n", d.Slug, d.Base, d.Head)
	for _, f := range d.Differences {
		fmt.Fprintf(w, "%s (changed: %s)\n  head office  %s\n  here         %s\n", f.Field, f.Changed, f.Head, f.Local)
	}
}

func (c *cli) catalogUpdate(t *shopTarget) *cobra.Command {
	var u catalog.Update
	cmd := &cobra.Command{
		Use: "update BRAND", Short: "Bring the market's product up to head office's newest", Args: cobra.ExactArgs(1),
		Example: `  meridian catalog update --shop de.localhost black-forest-cake
  meridian catalog update --shop de.localhost black-forest-cake --take allergens --take texts.de-DE.name`,
		RunE: func(cmd *cobra.Command, args []string) error {
			path := brandsPath + "/" + url.PathEscape(args[0])
			var d api.Differences
			tag, err := t.ask(cmd, http.MethodGet, path+"/diff", "", nil, &d)
			if err != nil {
				return err
			}
			d = api.Differences{}
			if _, err := t.ask(cmd, http.MethodPost, path+"/update", tag, u, &d); err != nil {
				return err
			}
			return c.print(d, func(w io.Writer) { differencesText(w, d) })
		},
	}
	cmd.Flags().StringArrayVar(&u.Take, "take", nil, "a field of which head office's is taken though the market has changed it; may be given several times")
	cmd.Flags().Int64Var(&u.Version, "version", 0, "version of head office's; 0: the newest")
	return cmd
}

func (c *cli) catalogWithdraw(t *shopTarget) *cobra.Command {
	return &cobra.Command{
		Use: "withdraw BRAND", Short: "Take the market's product from sale", Args: cobra.ExactArgs(1),
		Long:    "It stays as it is and can be published again by its dates.",
		Example: "  meridian catalog withdraw --shop de.localhost black-forest-cake",
		RunE: func(cmd *cobra.Command, args []string) error {
			var b catalog.Brand
			if _, err := t.ask(cmd, http.MethodGet, brandsPath+"/"+url.PathEscape(args[0]), "", nil, &b); err != nil {
				return err
			}
			if b.Slug == "" {
				return world.E(world.CodeNotFound, t.op, "The market has not adopted "+args[0]+".")
			}
			var d catalog.Draft
			tag, err := t.ask(cmd, http.MethodGet, ownedProductsPath+url.PathEscape(b.Slug), "", nil, &d)
			if err == nil {
				_, err = t.ask(cmd, http.MethodDelete, ownedProductsPath+url.PathEscape(b.Slug), tag, nil, &d)
			}
			if err != nil {
				return err
			}
			return c.print(d, func(w io.Writer) { fmt.Fprintf(w, "%s is not for sale any more.\n", d.Slug) })
		},
	}
}
