package cli

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"meridian/app"
	"meridian/app/localworld"
	"meridian/platform/config"
	"meridian/world"
)

func (c *cli) up() *cobra.Command {
	o := localworld.Options{Out: c.out, Logs: c.err, Probe: probeCommand()}
	var level string
	cmd := &cobra.Command{
		Use:   "up",
		Short: "Bring the whole world up on this machine",
		Long: `Starts PostgreSQL clusters, the emulated links between the places with their
real round-trip times, every role, and a gate for visitors; then prints where
to go. Ctrl-C stops everything. What was stored is there the next time.`,
		Example: `  meridian up
  meridian up --port 9000 --dir /var/lib/meridian/second   a second world beside the first
  meridian up --fresh                                      begin anew
  meridian up --split                                      one process for each role
  meridian up --ha                                         synchronous standbys in each region
  meridian up --settings mine.yaml                         roles by settings of one's own`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := o.LogLevel.UnmarshalText([]byte(level)); err != nil {
				return world.E(world.CodeInvalid, "up", fmt.Sprintf("--log-level: %q is not one of debug, info, warn, error.", level))
			}
			if o.WorldFile != "" {
				abs, err := filepath.Abs(o.WorldFile)
				if err != nil {
					return world.Wrap("up", err)
				}
				o.WorldFile = abs
			}
			return localworld.Up(cmd.Context(), o)
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.WorldFile, "world", "", "world file (default: the shipped one)")
	f.StringVar(&o.Dir, "dir", localworld.DefaultDir(), "directory of the world's state")
	f.IntVar(&o.Port, "port", 8080, "port for visitors; the PoPs and the name servers take the next ones")
	f.BoolVar(&o.HA, "ha", false, "run a synchronous standby of every primary in its region")
	f.BoolVar(&o.Split, "split", false, "run each role instance in a process of its own")
	f.BoolVar(&o.Fresh, "fresh", false, "remove the world's state first")
	f.StringVar(&o.Settings, "settings", "", "file of role settings, as docs/config.md lists them, that take the place of the world's own")
	f.Uint64Var(&o.Seed, "seed", 1, "seed of the links' jitter")
	f.StringVar(&level, "log-level", "warn", "debug, info, warn or error")
	return cmd
}

func (c *cli) serve() *cobra.Command {
	var file string
	var roles []string
	cmd := &cobra.Command{
		Use:   "serve --config FILE [--role a,b]",
		Short: "Run roles on this machine, by a config file",
		Long: `Runs the roles that a config file has sections for, or those named by --role.
docs/config.md lists every setting; meridian roles prints the roles.`,
		Example: `  meridian serve --config eu-central.yaml
  meridian serve --role shield,shop --config eu-central.yaml`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := app.CheckRoles(nil, roles); err != nil {
				return err
			}
			if file == "" {
				return world.E(world.CodeInvalid, "serve", "--config FILE is needed: the roles' settings.")
			}
			f, err := app.ReadFile(file)
			if err != nil {
				return err
			}
			return app.Serve(cmd.Context(), f, roles, c.err, probeCommand())
		},
	}
	cmd.Flags().StringVar(&file, "config", "", "config file")
	cmd.Flags().StringSliceVar(&roles, "role", nil, "roles to run (default: all that the file has)")
	cmd.RegisterFlagCompletionFunc("role", cobra.FixedCompletions(app.RoleNames(), cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

func (c *cli) roles() *cobra.Command {
	var reference bool
	cmd := &cobra.Command{
		Use: "roles", Short: "Print the role table", Args: cobra.NoArgs,
		Example: `  meridian roles
  meridian roles --json
  meridian roles --reference > docs/config.md`,
		RunE: func(*cobra.Command, []string) error {
			if reference {
				_, err := io.WriteString(c.out, app.Reference())
				return world.Wrap("roles", err)
			}
			return c.print(roleRows(), func(w io.Writer) {
				t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
				fmt.Fprintln(t, "ROLE\tNEEDS\tPURPOSE\tCREDENTIALS")
				for _, r := range roleRows() {
					fmt.Fprintf(t, "%s\t%s\t%s\t%s\n", r.Name, orDash(r.Needs), r.Purpose, r.Credentials)
				}
				t.Flush()
			})
		},
	}
	cmd.Flags().BoolVar(&reference, "reference", false, "print every role's settings as Markdown")
	return cmd
}

type roleRow struct {
	Name        string         `json:"name"`
	Needs       []string       `json:"needs"`
	Purpose     string         `json:"purpose"`
	Credentials string         `json:"credentials"`
	Settings    []config.Field `json:"settings"`
}

func roleRows() []roleRow {
	var out []roleRow
	for _, r := range app.Roles() {
		out = append(out, roleRow{r.Name, append([]string{}, r.Needs...), r.Purpose, r.Cred, r.Settings()})
	}
	return out
}

func orDash(list []string) string {
	if len(list) == 0 {
		return "-"
	}
	s := list[0]
	for _, v := range list[1:] {
		s += ", " + v
	}
	return s
}

func (c *cli) world() *cobra.Command {
	cmd := &cobra.Command{
		Use: "world", Short: "Work with world files", Args: cobra.NoArgs,
		Example: "  meridian world check world.yaml",
		RunE:    func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(&cobra.Command{
		Use: "check FILE", Short: "Say what is wrong with a world file, by line",
		Example: "  meridian world check world.yaml",
		Args:    cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			if _, err := os.Stat(args[0]); err != nil {
				return world.Because(world.CodeInvalid, "world.check", "There is no such file: "+args[0], err)
			}
			w, err := app.ReadWorld(args[0])
			if err != nil {
				return err
			}
			sum := map[string]int{"zones": len(w.Zones), "regions": len(w.Regions), "pops": len(w.PoPs), "markets": len(w.Markets), "cities": len(w.Cities)}
			return c.print(sum, func(out io.Writer) {
				fmt.Fprintf(out, "%s is a good world: %d zones, %d regions, %d PoPs, %d markets, %d cities.\n", args[0], sum["zones"], sum["regions"], sum["pops"], sum["markets"], sum["cities"])
			})
		},
	})
	return cmd
}
