package cli

import (
	"fmt"
	"io"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"meridian/app"
	"meridian/app/localworld"
	"meridian/platform/dnsserver"
	"meridian/role/geodns"
	"meridian/world"
)

func (c *cli) dns() *cobra.Command {
	cmd := &cobra.Command{
		Use: "dns", Short: "Explain what the name server answers; make keys for its zone",
		Example: "  meridian dns test www.shop.example --from 203.0.113.7 --config dns.yaml\n  meridian dns key shop.example --out /etc/meridian/keys",
		RunE:    func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(c.dnsTest(), c.dnsKey())
	return cmd
}

func (c *cli) dnsTest() *cobra.Command {
	t := drainTarget(true)
	var file, from string
	var lost []string
	cmd := &cobra.Command{
		Use: "test NAME --from ADDRESS", Short: "Say which PoPs a client gets for a name, and why",
		Long: `Reads the section geodns of a config file, its prefixes and its location database,
as the name server does, and explains what a client of an address would be
answered: by the health that the monitors tell now, where a world runs on this
machine, or --server names an edge elsewhere. With --config alone nothing is asked
over the network, and everything counts as healthy. Either way --lost takes more
for lost.`,
		Example: `  meridian dns test de.localhost --from 198.18.3.7
  meridian dns test www.shop.example --from 203.0.113.7 --config dns.yaml --server https://shop.example
  meridian dns test www.shop.example --from 2001:db8::7 --config dns.yaml --lost fra,lhr --json`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			client, err := netip.ParseAddr(from)
			if err != nil || client.Zone() != "" {
				return world.E(world.CodeInvalid, "dns.test", fmt.Sprintf("--from: %.60q is no address; write the client's as 203.0.113.7 or 2001:db8::7.", from))
			}
			live := file == "" || t.server != "" || cmd.Flags().Changed("dir")
			if file == "" {
				if file, err = localworld.NamesConfig(t.dir); err != nil {
					return err
				}
			}
			f, err := app.ReadFile(file)
			if err != nil {
				return err
			}
			var e explained
			var view world.HealthView
			if live {
				if e.Health, err = c.askView(cmd, t); err != nil {
					return err
				}
				view.Health = e.Health.Health
			}
			if e.Explanation, err = app.ExplainDNS(f, args[0], client, view, lost); err != nil {
				return err
			}
			return c.print(e, func(w io.Writer) { tellDNS(w, e) })
		},
	}
	cmd.Flags().StringVar(&file, "config", "", "config file with a section geodns; none: that of the local world")
	cmd.Flags().StringVar(&from, "from", "", "the client's address")
	cmd.Flags().StringSliceVar(&lost, "lost", nil, "PoPs, and other CDNs as cdn/NAME, that are taken for lost")
	t.where(cmd.Flags())
	return cmd
}

// explained is an explanation, and the health that it goes by.
type explained struct {
	geodns.Explanation
	Health *toldHealth `json:"health"` // null: it was not looked at
}

// toldHealth is what a monitor says, and how old that is by the clock of this
// machine.
type toldHealth struct {
	world.Health
	Age float64 `json:"age_seconds"`
}

func (c *cli) askView(cmd *cobra.Command, t *operatorTarget) (*toldHealth, error) {
	s, err := c.askHealth(cmd, t)
	if err != nil {
		return nil, err
	}
	return &toldHealth{s.Health, time.Since(s.At).Seconds()}, nil
}

// tellHealth says what an explanation goes by.
func tellHealth(w io.Writer, h *toldHealth) {
	if h == nil {
		fmt.Fprint(w, "Health is not looked at: everything counts as healthy but what --lost and the config name. --server, or --dir of a world that runs, has it looked at.\n\n")
		return
	}
	fmt.Fprintf(w, "Health as the monitor of %s says, %.1f s old: version %d, given by %s.\n", h.Monitor, h.Age, h.Version.Number, h.Version.Monitor)
	if h.Isolated {
		fmt.Fprintln(w, "It is cut off from the others: this is what was agreed on last.")
	}
	fmt.Fprintln(w)
}

func tellDNS(w io.Writer, e explained) {
	tellHealth(w, e.Health)
	switch {
	case e.Known:
		fmt.Fprintf(w, "%s is near %s.", e.Client, e.Site)
	case e.Site == "":
		fmt.Fprintf(w, "Nothing tells where %s is, and no place is set for such clients: PoPs come by name.", e.Client)
	default:
		fmt.Fprintf(w, "Nothing tells where %s is: taken to be near %s.", e.Client, e.Site)
	}
	fmt.Fprintf(w, " All of %s get the same for %s, for %d s.\n\n", e.Scope, e.Name, e.TTL)
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	if len(e.Providers) > 1 || e.Target != "" {
		fmt.Fprintln(t, "\tPROVIDER\tSTATE\tCOST\tWEIGHT\tREASON\tTARGET")
		for _, p := range e.Providers {
			fmt.Fprintf(t, "%s\t%s\t%s\t%g\t%d\t%s\t%s\n", arrow(p.Name == e.Provider), p.Name, p.State, p.Cost, p.Weight, words(p.Reason), p.Target)
		}
		fmt.Fprintln(t)
	}
	fmt.Fprintln(t, "\tPOP\tSTATE\tROUND TRIP\tREASON\tADDRESSES")
	for _, p := range e.PoPs {
		trip := fmt.Sprintf("%v, %s", p.RTT.Round(time.Millisecond), p.Basis)
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\n", arrow(p.Given), p.PoP, p.State, trip, words(p.Reason), joined(p.Addresses))
	}
	t.Flush()
}

func arrow(given bool) string {
	if given {
		return "→"
	}
	return ""
}

// words is a code as people read it.
func words[C ~string](code C) string { return strings.ReplaceAll(string(code), "_", " ") }

func joined(of []netip.Addr) string {
	var out []string
	for _, a := range of {
		out = append(out, a.String())
	}
	return strings.Join(out, " ")
}

// madeKey is what making a key is answered with.
type madeKey struct {
	Files  string `json:"files"` // without their endings, as the config names them
	DS     string `json:"ds"`
	Anchor string `json:"trust_anchor"`
}

func (c *cli) dnsKey() *cobra.Command {
	var dir string
	cmd := &cobra.Command{
		Use: "key ZONE --out DIRECTORY", Short: "Make a key that a zone is signed with",
		Long: `Makes a pair of keys (ECDSA on P-256) that signs a whole zone, as two files in
BIND's form, and prints the DS record that the zone above has to publish.`,
		Example: "  meridian dns key shop.example --out /etc/meridian/keys",
		Args:    cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			made, err := makeKey(args[0], dir)
			if err != nil {
				return err
			}
			return c.print(made, func(w io.Writer) {
				fmt.Fprintf(w, "%s\n\nName it under dnssec.keys, without its ending, and have the zone above publish:\n\n%s\n", made.Files+".private", made.DS)
			})
		},
	}
	cmd.Flags().StringVar(&dir, "out", ".", "directory for the two files")
	return cmd
}

func makeKey(zone, dir string) (madeKey, error) {
	name, err := dnsserver.ParseName(zone)
	if err != nil {
		return madeKey{}, err
	}
	public, private, err := dnsserver.NewKey(name)
	if err != nil {
		return madeKey{}, err
	}
	k, err := dnsserver.ReadKey(strings.NewReader(public), strings.NewReader(private))
	if err != nil {
		return madeKey{}, err
	}
	path := filepath.Join(dir, k.FileName())
	if err := os.WriteFile(path+".private", []byte(private), 0o600); err != nil {
		return madeKey{}, world.Because(world.CodeForbidden, "dns.key", "The key cannot be written to "+path+".private.", err)
	}
	if err := os.WriteFile(path+".key", []byte(public), 0o644); err != nil {
		return madeKey{}, world.Because(world.CodeForbidden, "dns.key", "The key cannot be written to "+path+".key.", err)
	}
	return madeKey{Files: path, DS: k.DS(), Anchor: k.TrustAnchor()}, nil
}
