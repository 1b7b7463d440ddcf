// Package cli is Meridian's command line: what each command takes, and how
// results and errors are shown to people and to programs.
package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"meridian/adapter/yaml"
	"meridian/world"
)

// Exit codes.
const (
	exitOK      = 0
	exitFailed  = 1
	exitInvalid = 2 // the command line or a file is wrong
)

// cli holds what the commands share.
type cli struct {
	version  string
	out, err io.Writer
	json     bool
}

// Shell is what a command of another package is handed.
type Shell struct {
	Out, Err io.Writer
	cli      *cli
}

// JSON reports whether results are for programs. It holds once the command runs.
func (s *Shell) JSON() bool { return s.cli.json }

// Print shows a result: as JSON with --json, else by text.
func (s *Shell) Print(v any, text func(io.Writer)) error { return s.cli.print(v, text) }

// Run carries out a command line and returns the exit code. more are commands of
// packages that stand above this one.
func Run(ctx context.Context, version string, args []string, out, errOut io.Writer, more ...func(*Shell) *cobra.Command) int {
	c := &cli{version: version, out: out, err: errOut}
	root := c.root()
	for _, command := range more {
		root.AddCommand(command(&Shell{Out: out, Err: errOut, cli: c}))
	}
	root.SetArgs(args)
	root.SetOut(out)
	root.SetErr(errOut)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return exitOK
	}
	// A wrong flag ends the reading of the command line before --json is met.
	c.json = c.json || slices.Contains(args, "--json")
	c.fail(err)
	if world.Is(err, world.CodeInvalid) || !isOurs(err) {
		return exitInvalid
	}
	return exitFailed
}

func isOurs(err error) bool {
	var e *world.Error
	return errors.As(err, &e)
}

// fail tells a person what to do; with --json, a program what went wrong.
func (c *cli) fail(err error) {
	var e *world.Error
	if !errors.As(err, &e) {
		e = world.E(world.CodeInvalid, "", err.Error()+". `meridian --help` shows the commands.")
	}
	message := e.Message
	if message == "" {
		message = err.Error()
	} else if e.Err != nil && !strings.Contains(message, e.Err.Error()) {
		message += fmt.Sprintf("\n  because: %v", e.Err)
	}
	if c.json {
		out := map[string]any{"code": e.Code, "message": message, "op": e.Op, "retry": e.Retry}
		if lines := problems(err); lines != nil {
			out["problems"] = lines
		}
		json.NewEncoder(c.err).Encode(out)
		return
	}
	fmt.Fprintf(c.err, "meridian: %s\n", message)
}

// problem is one thing that is wrong with a file.
type problem struct {
	File  string `json:"file"`
	Line  int    `json:"line"`
	Field string `json:"field"`
	What  string `json:"what"`
	Fix   string `json:"fix"`
}

// problems are what is wrong with a file that a person wrote; none for other errors.
func problems(err error) []problem {
	var fe *yaml.FileError
	if !errors.As(err, &fe) {
		return nil
	}
	var out []problem
	for _, p := range fe.Problems {
		out = append(out, problem{fe.File, p.Line, p.Path, p.What, p.Fix})
	}
	return out
}

func (c *cli) root() *cobra.Command {
	root := &cobra.Command{
		Use:   "meridian",
		Short: "One shop in many countries, as if it were local in each",
		Long: `Meridian runs one shop in many countries as if it were local in each: near
every customer, priced and taxed by the law of the place, with personal data
that stays in its legal zone, and pictures from an image CDN of its own.`,
		Example: `  meridian up                          bring the whole world up on this machine
  meridian media put cake.jpg          put a picture in, get its URL
  meridian purge --group de/pages      have every cache forget a group
  meridian world check world.yaml      see what is wrong with a world file
  meridian serve --role shop,media --config eu-central.yaml`,
		SilenceUsage:  true,
		SilenceErrors: true,
		Args:          cobra.NoArgs,
		RunE:          func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.PersistentFlags().BoolVar(&c.json, "json", false, "print results and errors as JSON")
	root.AddCommand(c.up(), c.serve(), c.edge(), c.testpay(), c.roles(), c.api(), c.world(), c.media(), c.purge(), c.fx(), c.catalog(), c.stock(), c.sales(), c.health(), c.drain(), c.undrain(), c.dns(), c.databases(), c.payments(), c.tax(), c.probe(), c.versionCommand())
	return root
}

func (c *cli) versionCommand() *cobra.Command {
	return &cobra.Command{
		Use: "version", Short: "Print the version", Args: cobra.NoArgs,
		Example: "  meridian version --json",
		RunE: func(*cobra.Command, []string) error {
			return c.print(map[string]string{"version": c.version}, func(w io.Writer) { fmt.Fprintln(w, "meridian", c.version) })
		},
	}
}

// print shows a result: as JSON with --json, else by text.
func (c *cli) print(v any, text func(io.Writer)) error {
	if !c.json {
		text(c.out)
		return nil
	}
	enc := json.NewEncoder(c.out)
	enc.SetIndent("", "  ")
	return world.Wrap("print", enc.Encode(v))
}
