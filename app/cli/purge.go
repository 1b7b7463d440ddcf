package cli

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"meridian/adapter/wire"
	"meridian/app/localworld"
	"meridian/platform/httpserver"
	"meridian/world"
)

// PurgeVariable is the environment variable that holds a purge token.
const PurgeVariable = "MERIDIAN_PURGE_TOKEN"

// purgeTimeout is the limit of the purge commands, beyond what is waited for.
const purgeTimeout = 30 * time.Second

// purgeOrder is the body of POST /purges.
type purgeOrder struct {
	URLs   []string `json:"urls,omitempty"`
	Groups []string `json:"groups,omitempty"`
	App    string   `json:"app,omitempty"`
	All    bool     `json:"all,omitempty"`
	Soft   bool     `json:"soft,omitempty"`
	Wait   string   `json:"wait,omitempty"`
}

func (c *cli) purge() *cobra.Command {
	t := &operatorTarget{op: "purge", variable: PurgeVariable, own: func(s localworld.Secrets) string { return s.PurgeToken }}
	var order purgeOrder
	var wait time.Duration
	var key string
	var yes bool
	cmd := &cobra.Command{
		Use: "purge", Short: "Have every cache in the world forget something",
		Long: `Purges by URL, by group, by app, or everything, and tells when each PoP and each
region's shield, and each outside CDN, has carried it out. Exit code 1 when some have not within the
wait: they are named, and will before they serve what was purged as fresh again.

Works on the world that runs on this machine, or on another by --server with a
token in ` + PurgeVariable + ` or --token-file.`,
		Example: `  meridian purge --url https://de.localhost/p/brezel
  meridian purge --group de/pages --soft
  meridian purge --group de/p/brezel --group de/p/apfelstrudel --wait 30s
  meridian purge --app sweet-crumbs
  meridian purge --all --yes
  meridian purge --group de/pages --server https://shop.example --token-file purge.token`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if order.All && !yes {
				if err := c.confirmWord(cmd, "purge", "all", "Every cache in the world will forget everything.", "--all has every cache in the world forget everything. Add --yes to mean it."); err != nil {
					return err
				}
			}
			if wait < 0 {
				return world.E(world.CodeInvalid, "purge", "--wait is a time such as 10s, or 0.")
			}
			if wait > 0 {
				order.Wait = wait.String()
			}
			return c.purgeNow(cmd, t, order, wait, key)
		},
	}
	t.flags(cmd.PersistentFlags())
	f := cmd.Flags()
	f.StringArrayVar(&order.URLs, "url", nil, "URL to purge; may be given again")
	f.StringArrayVar(&order.Groups, "group", nil, "group to purge, such as de/pages or de/p/brezel; may be given again")
	f.StringVar(&order.App, "app", "", "app to purge whole")
	f.BoolVar(&order.All, "all", false, "purge everything")
	f.BoolVar(&order.Soft, "soft", false, "make stale in place of removing: it is validated, and may be shown while that is under way")
	f.DurationVar(&wait, "wait", 10*time.Second, "how long to wait for the acknowledgements; 0: not at all")
	f.StringVar(&key, "idempotency-key", "", "key of your own: the same purge with it is carried out once")
	f.BoolVar(&yes, "yes", false, "do not ask before --all")
	cmd.AddCommand(c.purgeLog(t), c.purgeProviders(t))
	return cmd
}

// confirmWord asks a person at a terminal to type a word before what cannot be
// undone; a program has to say --yes.
func (c *cli) confirmWord(cmd *cobra.Command, op, word, what, refusal string) error {
	refuse := world.E(world.CodeInvalid, op, refusal)
	in, ok := cmd.InOrStdin().(*os.File)
	if !ok {
		return refuse
	}
	if info, err := in.Stat(); err != nil || info.Mode()&os.ModeCharDevice == 0 {
		return refuse
	}
	fmt.Fprintf(c.err, "%s Type %s to go on: ", what, word)
	line, err := bufio.NewReader(io.LimitReader(in, 100)).ReadString('\n')
	switch {
	case err != nil && line == "": // a device that nobody types into
		return refuse
	case strings.TrimSpace(line) != word:
		return world.E(world.CodeInvalid, op, "Nothing was done.")
	}
	return nil
}

// purgeResult is how a purge went, for programs.
type purgeResult struct {
	ID      string           `json:"id"`
	Regions []string         `json:"regions"`
	Tiers   []string         `json:"tiers"`
	Acks    []world.PurgeAck `json:"acks"`
	Missing []string         `json:"missing"`

	Errors map[string]string `json:"errors,omitempty"` // of providers that are missing

	MS   int64 `json:"ms"`
	Done bool  `json:"done"`
}

func (c *cli) purgeNow(cmd *cobra.Command, t *operatorTarget, order purgeOrder, wait time.Duration, key string) error {
	body, err := json.Marshal(order)
	if err != nil {
		return world.Wrap("purge", err)
	}
	r, err := t.request(cmd, http.MethodPost, world.PurgesPath, bytes.NewReader(body))
	if err != nil {
		return err
	}
	r.Header.Set("Content-Type", "application/json")
	if key != "" {
		r.Header.Set("Idempotency-Key", key)
	}
	res, err := newClient(wait + purgeTimeout).Do(r)
	if err != nil {
		return world.Because(world.CodeUnavailable, "purge", "The edge does not answer. Is the world up?", err)
	}
	defer res.Body.Close()
	if res.StatusCode >= 300 {
		problem, _ := io.ReadAll(io.LimitReader(res.Body, maxAnswer)) // a cut document still has its status
		return httpserver.ReadProblem(res.StatusCode, problem)
	}
	if !strings.HasPrefix(res.Header.Get("Content-Type"), "application/x-ndjson") {
		return c.purgeKnown(res.Body)
	}
	out := purgeResult{Acks: []world.PurgeAck{}, Missing: []string{}}
	lines := bufio.NewScanner(res.Body)
	lines.Buffer(make([]byte, 0, 4096), wire.MaxPurgeLine)
	for lines.Scan() && !out.Done {
		n, err := wire.ParsePurgeNews(lines.Bytes())
		if err != nil {
			return err
		}
		out.add(n)
		if !c.json {
			newsText(c.out, n)
		}
	}
	if !out.Done {
		return world.Because(world.CodeBadUpstream, "purge", fmt.Sprintf("The answer broke off. The purge %s goes on: `meridian purge log` shows how far it has come.", out.ID), lines.Err())
	}
	if err := c.print(out, func(w io.Writer) {
		fmt.Fprintf(w, "%d of %d tiers after %d ms\n", len(out.Acks), len(out.Tiers), out.MS)
	}); err != nil {
		return err
	}
	return out.verdict(wait)
}

// purgeKnown shows a purge that is not waited for, or was asked for before.
func (c *cli) purgeKnown(body io.Reader) error {
	var p world.PurgeAsked
	if err := json.NewDecoder(io.LimitReader(body, maxAnswer)).Decode(&p); err != nil {
		return world.Because(world.CodeBadUpstream, "purge", "The answer is not understood.", err)
	}
	return c.print(p, func(w io.Writer) {
		fmt.Fprintf(w, "purge %s: %s. `meridian purge log` shows how far it has come.\n", p.ID, howFar(p))
	})
}

func (r *purgeResult) add(n world.PurgeNews) {
	switch n.Event {
	case world.PurgeAccepted:
		r.ID, r.Regions, r.Tiers = n.ID, n.Regions, n.Tiers
	case world.PurgeTaken:
		r.Acks = append(r.Acks, world.PurgeAck{Tier: n.Tier, MS: n.MS})
	case world.PurgeDone:
		r.Done, r.MS = true, n.MS
		r.Missing = append(r.Missing, n.Missing...)
		r.Errors = n.Errors
	}
}

func newsText(w io.Writer, n world.PurgeNews) {
	switch n.Event {
	case world.PurgeAccepted:
		fmt.Fprintf(w, "purge %s, into the feed of %s\n", n.ID, strings.Join(n.Regions, ", "))
	case world.PurgePlaced:
		fmt.Fprintf(w, "  %6d ms  in the feed of %s\n", n.MS, n.Region)
	case world.PurgeTaken:
		fmt.Fprintf(w, "  %6d ms  ✓ %s\n", n.MS, n.Tier)
	case world.PurgeDone:
		for _, m := range n.Missing {
			fmt.Fprintf(w, "             ✗ %s\n", withReason(m, n.Errors))
		}
	}
}

// withReason is who is missing, and why where that is known.
func withReason(name string, errors map[string]string) string {
	if why := errors[name]; why != "" {
		return name + ": " + why
	}
	return name
}

// verdict is an error that names who has not carried the purge out.
func (r *purgeResult) verdict(wait time.Duration) error {
	if len(r.Missing) == 0 {
		return nil
	}
	return world.E(world.CodeTimeout, "purge", fmt.Sprintf("Not acknowledged within %s: %s. A tier that was cut off carries it out before it serves what was purged as fresh again; a region's feed and an outside CDN are tried again.", wait, strings.Join(r.Missing, ", ")))
}

func (c *cli) purgeLog(t *operatorTarget) *cobra.Command {
	var limit int
	cmd := &cobra.Command{
		Use: "log", Short: "List the newest purges: who, what, when, and how far they have come", Args: cobra.NoArgs,
		Example: `  meridian purge log --limit 50
  meridian purge log --json`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			r, err := t.request(cmd, http.MethodGet, fmt.Sprintf("%s?limit=%d", world.PurgesPath, limit), nil)
			if err != nil {
				return err
			}
			_, body, err := send(cmd.Context(), r, maxAnswer)
			if err != nil {
				return err
			}
			var list struct {
				Purges  []world.PurgeAsked `json:"purges"`
				Missing []string           `json:"missing_regions"`
			}
			if err := json.Unmarshal(body, &list); err != nil {
				return world.Because(world.CodeBadUpstream, "purge.log", "The answer is not understood.", err)
			}
			return c.print(list, func(w io.Writer) { purgeList(w, list.Purges, list.Missing) })
		},
	}
	cmd.Flags().IntVar(&limit, "limit", 20, "how many at most")
	return cmd
}

func purgeList(w io.Writer, list []world.PurgeAsked, missing []string) {
	if len(list) == 0 {
		fmt.Fprintln(w, "Nothing was purged by hand yet.")
	}
	for _, p := range list {
		how := "hard"
		if p.Soft {
			how = "soft"
		}
		fmt.Fprintf(w, "%s  %s  %s  %s  %s\n    %s\n", p.At.Format(time.RFC3339), p.ID, p.Token, how, whatText(p.Purge), howFar(p))
	}
	for _, region := range missing {
		fmt.Fprintf(w, "The purges of %s could not be read.\n", region)
	}
}

// whatText names what was purged, shortened.
func whatText(p world.Purge) string {
	if p.All {
		return "everything"
	}
	names := slices.Concat(p.Groups, p.URLs)
	const shown = 3
	if len(names) > shown {
		return fmt.Sprintf("%s and %d more", strings.Join(names[:shown], ", "), len(names)-shown)
	}
	return strings.Join(names, ", ")
}

func howFar(p world.PurgeAsked) string {
	r := p.Result
	switch {
	case !r.Done:
		return fmt.Sprintf("under way, %d tiers so far", len(r.Acks))
	case len(r.Missing) > 0:
		text := fmt.Sprintf("%d tiers", len(r.Acks)+len(r.Late))
		var missing []string
		for _, m := range r.Missing {
			if !slices.Contains(r.Late, m) {
				missing = append(missing, withReason(m, r.Errors))
			}
		}
		if len(missing) > 0 {
			text += ", missing " + strings.Join(missing, ", ")
		}
		if len(r.Late) > 0 {
			text += ", late " + strings.Join(r.Late, ", ")
		}
		return text
	}
	return fmt.Sprintf("%d tiers in %d ms", len(r.Acks), r.MS)
}
