package cli

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"meridian/app/localworld"
	"meridian/engine/health"
	"meridian/engine/pause"
	"meridian/role/monitor"
	"meridian/world"
)

const drainVariable = "MERIDIAN_DRAIN_TOKEN"

// drainTarget is where the health commands go.
func drainTarget(optional bool) *operatorTarget {
	return &operatorTarget{op: "health", variable: drainVariable, optional: optional, own: func(s localworld.Secrets) string { return s.DrainToken }}
}

func (c *cli) health() *cobra.Command {
	t := drainTarget(true) // a public page needs no token
	var watch bool
	cmd := &cobra.Command{
		Use: "health", Short: "Show what is well and what is not, as the monitors agree",
		Long: `Shows the state of every PoP and every region's shield, media and shop, with the
reason, since when, and which monitors say so. Exit code 1 when something is down
or the monitor that answers is cut off from the others.

Works on the world that runs on this machine, or on another by --server with a
token in ` + drainVariable + ` or --token-file.`,
		Example: `  meridian health
  meridian health --watch
  meridian health --json --from tokyo
  meridian health --server https://shop.example --token-file on-call.token`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			for {
				s, err := c.askHealth(cmd, t)
				if err != nil {
					return err
				}
				if err := c.print(s, func(w io.Writer) { healthTable(w, s) }); err != nil {
					return err
				}
				if !watch {
					return healthVerdict(s)
				}
				if !pause.For(cmd.Context(), watchEvery) {
					return nil
				}
			}
		},
	}
	t.flags(cmd.Flags())
	cmd.Flags().BoolVar(&watch, "watch", false, "go on showing it every two seconds")
	cmd.AddCommand(c.healthKey())
	return cmd
}

const watchEvery = 2 * time.Second

func (c *cli) askHealth(cmd *cobra.Command, t *operatorTarget) (s monitor.Status, err error) {
	r, err := t.request(cmd, http.MethodGet, world.HealthPagePath, nil)
	if err != nil {
		return s, err
	}
	r.Header.Set("Accept", "application/json")
	_, body, err := send(cmd.Context(), r, maxAnswer)
	if err != nil {
		return s, err
	}
	if err := json.Unmarshal(body, &s); err != nil {
		return s, world.Because(world.CodeBadUpstream, "health", "The answer is not understood.", err)
	}
	return s, nil
}

// healthVerdict is an error where something is wrong.
func healthVerdict(s monitor.Status) error {
	if s.Isolated {
		return world.E(world.CodeUnavailable, "health", "The monitor of "+s.Monitor+" is cut off from the others: ask by way of another region, with --from or --server.")
	}
	var down []string
	for _, t := range s.Targets {
		if t.State == world.Down {
			down = append(down, t.Target)
		}
	}
	if len(down) == 0 {
		return nil
	}
	return world.E(world.CodeUnavailable, "health", "Down: "+strings.Join(down, ", ")+".")
}

func healthTable(w io.Writer, s monitor.Status) {
	fmt.Fprintf(w, "%s, as the monitor of %s says. Version %d, given by %s.\n", s.At.Format(time.RFC3339), s.Monitor, s.Version.Number, s.Version.Monitor)
	if s.Isolated {
		fmt.Fprintln(w, "It is cut off from the others: this is what was agreed on last.")
	}
	var silent []string
	for _, m := range s.Monitors {
		if !m.Heard {
			silent = append(silent, m.Region)
		}
	}
	if len(silent) > 0 {
		fmt.Fprintf(w, "Not heard: the monitors of %s.\n", strings.Join(silent, ", "))
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "TARGET\tSTATE\tREASON\tSINCE\tBY")
	for _, h := range s.Targets {
		since := "-"
		if !h.Since.IsZero() {
			since = h.Since.Format(time.DateTime)
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\n", h.Target, h.State, h.Reason, since, strings.Join(h.By, ", "))
	}
	t.Flush()
	for _, o := range s.Drains {
		until := "until it is taken back"
		if !o.Until.IsZero() {
			until = "until " + o.Until.Format(time.DateTime)
		}
		fmt.Fprintf(w, "%s is drained by %s, %s. %s\n", o.Target, o.By, until, o.Reason)
	}
}

func (c *cli) drain() *cobra.Command {
	t := drainTarget(false)
	var length time.Duration
	var reason string
	cmd := &cobra.Command{
		Use: "drain TARGET", Short: "Send nobody new to a PoP, a shield, or a region's media or shop",
		Example: `  meridian drain pop/fra --for 30m --reason maintenance
  meridian drain shop/eu-central`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			asked := monitor.DrainRequest{Target: args[0], Reason: reason}
			if length < 0 {
				return world.E(world.CodeInvalid, "drain", "--for is a time such as 30m.")
			}
			if length > 0 {
				asked.For = length.String()
			}
			return c.sendDrain(cmd, t, asked)
		},
	}
	t.flags(cmd.Flags())
	cmd.Flags().DurationVar(&length, "for", 0, "for how long; 0: until it is taken back")
	cmd.Flags().StringVar(&reason, "reason", "", "why, for who reads the health page")
	return cmd
}

func (c *cli) undrain() *cobra.Command {
	t := drainTarget(false)
	cmd := &cobra.Command{
		Use: "undrain TARGET", Short: "Take a drain back",
		Example: "  meridian undrain pop/fra",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.sendDrain(cmd, t, monitor.DrainRequest{Target: args[0], Lift: true})
		},
	}
	t.flags(cmd.Flags())
	return cmd
}

func (c *cli) sendDrain(cmd *cobra.Command, t *operatorTarget, asked monitor.DrainRequest) error {
	body, err := json.Marshal(asked)
	if err != nil {
		return world.Wrap("drain", err)
	}
	r, err := t.request(cmd, http.MethodPost, world.DrainsPath, bytes.NewReader(body))
	if err != nil {
		return err
	}
	r.Header.Set("Content-Type", "application/json")
	_, answer, err := send(cmd.Context(), r, maxAnswer)
	if err != nil {
		return err
	}
	var o health.Order
	if err := json.Unmarshal(answer, &o); err != nil {
		return world.Because(world.CodeBadUpstream, "drain", "The answer is not understood.", err)
	}
	return c.print(o, func(w io.Writer) {
		switch {
		case !o.Drain:
			fmt.Fprintf(w, "%s is not drained any more.\n", o.Target)
		case o.Until.IsZero():
			fmt.Fprintf(w, "%s is drained until `meridian undrain %s`.\n", o.Target, o.Target)
		default:
			fmt.Fprintf(w, "%s is drained until %s.\n", o.Target, o.Until.Format(time.RFC3339))
		}
	})
}

func (c *cli) healthKey() *cobra.Command {
	return &cobra.Command{
		Use: "key", Short: "Make a monitor's key: the private one for its own config, the public one for everybody's",
		Example: "  meridian health key --json",
		Args:    cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			seed := health.NewSeed(rand.Reader)
			key, err := health.ParsePrivate(seed)
			if err != nil {
				return err
			}
			made := map[string]string{"key": seed, "public": health.PublicOf(key)}
			return c.print(made, func(w io.Writer) {
				fmt.Fprintf(w, "key: %s\npublic: %s\n", made["key"], made["public"])
			})
		},
	}
}
