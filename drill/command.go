package drill

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"meridian/app/cli"
	"meridian/app/localworld"
	"meridian/engine/pause"
	"meridian/world"
)

// flags are what the commands take.
type flags struct {
	dir, url, out string
	options       Options
	shell         *cli.Shell
}

// Command is `meridian drill`.
func Command(shell *cli.Shell) *cobra.Command {
	f := &flags{options: DefaultOptions(), shell: shell}
	cmd := &cobra.Command{
		Use: "drill", Short: "Rehearse failures on a running world, with verdicts",
		Long: `Breaks something in a running world on purpose, watches as its customers do,
heals it, and says whether what was promised was kept. Whatever was broken is
healed when the drill ends or is interrupted, and by itself when it is killed.

With --url the world's tokens are read from ` + cli.UploadVariable + ` and
` + cli.PurgeVariable + `; without them nothing is uploaded or purged.`,
		Example: `  meridian drill list
  meridian drill run region-lost
  meridian drill all --json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	p := cmd.PersistentFlags()
	p.StringVar(&f.dir, "dir", localworld.DefaultDir(), "directory of the local world")
	p.StringVar(&f.url, "url", "", "the API of a world, in place of the one in --dir, as http://localhost:8080/: drills whose faults it offers")
	cmd.AddCommand(f.list(), f.run(), f.all())
	return cmd
}

func (f *flags) list() *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "List the drills, and why some cannot be run here", Args: cobra.NoArgs,
		Example: "  meridian drill list --json",
		RunE: func(cmd *cobra.Command, _ []string) error {
			t, err := f.target(cmd.Context())
			if err != nil {
				return err
			}
			type row struct {
				Name       string `json:"name"`
				Hypothesis string `json:"hypothesis"`
				Blast      string `json:"blast_radius"`
				Lacks      string `json:"lacks,omitempty"`
			}
			var rows []row
			for _, d := range Drills() {
				rows = append(rows, row{d.Name, d.Hypothesis, d.Blast, t.Lacks(d)})
			}
			return f.shell.Print(rows, func(w io.Writer) {
				for _, r := range rows {
					fmt.Fprintf(w, "%s\n    %s\n", r.Name, r.Hypothesis)
					if r.Lacks != "" {
						fmt.Fprintf(w, "    Not here: %s.\n", r.Lacks)
					}
				}
			})
		},
	}
}

func (f *flags) run() *cobra.Command {
	cmd := &cobra.Command{
		Use: "run NAME...", Short: "Carry drills out", Args: cobra.MinimumNArgs(1),
		Example: `  meridian drill run region-lost
  meridian drill run pop-killed shield-killed --duration 30s --rate 60`,
		RunE: func(cmd *cobra.Command, names []string) error {
			var chosen []Drill
			for _, n := range names {
				d, err := byName(n)
				if err != nil {
					return err
				}
				chosen = append(chosen, d)
			}
			return f.carryOut(cmd.Context(), chosen, true)
		},
	}
	f.how(cmd)
	return cmd
}

func (f *flags) all() *cobra.Command {
	cmd := &cobra.Command{
		Use: "all", Short: "Carry out every drill that this world offers", Args: cobra.NoArgs,
		Example: "  meridian drill all --json",
		RunE: func(cmd *cobra.Command, _ []string) error {
			return f.carryOut(cmd.Context(), Drills(), false)
		},
	}
	f.how(cmd)
	return cmd
}

// how are the flags of the commands that carry drills out.
func (f *flags) how(cmd *cobra.Command) {
	s, o := cmd.Flags(), &f.options
	s.Float64Var(&o.Rate, "rate", o.Rate, "reads a second, of all cities together")
	s.DurationVar(&o.For, "duration", 0, "how long it stays broken (default: the drill's own, mostly 20s)")
	s.DurationVar(&o.Steady, "steady", o.Steady, "how long the world is looked at before")
	s.DurationVar(&o.After, "after", o.After, "how long it is looked at after the heal")
	s.DurationVar(&o.Slow, "slow", o.Slow, "a read that takes longer is slow")
	s.DurationVar(&o.Stale, "stale", o.Stale, "how long a price may still be seen after another was acknowledged")
	s.Uint64Var(&o.Seed, "seed", o.Seed, "seed of what is asked when")
	s.StringVar(&f.out, "out", "", "directory for verdicts and their pages (default: one in the user's cache)")
}

func byName(name string) (Drill, error) {
	var names []string
	for _, d := range Drills() {
		if d.Name == name {
			return d, nil
		}
		names = append(names, d.Name)
	}
	return Drill{}, world.E(world.CodeInvalid, "drill", fmt.Sprintf("There is no drill %.60q. There are: %s.", name, strings.Join(names, ", ")))
}

func (f *flags) target(ctx context.Context) (*Target, error) {
	var t *Target
	var err error
	if f.url != "" {
		t, err = Remote(ctx, f.url, localworld.Secrets{UploadToken: os.Getenv(cli.UploadVariable), PurgeToken: os.Getenv(cli.PurgeVariable)})
	} else {
		t, err = Local(ctx, f.dir)
	}
	if err != nil {
		return nil, err
	}
	return t, t.Look(ctx)
}

// settle is how long the world is left alone between two drills.
const settle = 3 * time.Second

// carryOut runs drills one after another. must says that one which the world does
// not offer is an error.
func (f *flags) carryOut(ctx context.Context, drills []Drill, must bool) error {
	t, err := f.target(ctx)
	if err != nil {
		return err
	}
	dir, err := f.outDir()
	if err != nil {
		return err
	}
	shown := newShown(f.shell.Err)
	f.options.Progress = shown.progress
	defer context.AfterFunc(ctx, shown.interrupted)()
	results, fatal := f.each(ctx, t, drills, must, dir, shown)
	if len(results) == 0 {
		return fatal
	}
	if err := writeIndex(dir, results); err != nil {
		return err
	}
	return f.tell(dir, results, fatal)
}

// each runs drills one after another, until one that must be cannot be, or ctx
// ends. What was seen up to then is among the results.
func (f *flags) each(ctx context.Context, t *Target, drills []Drill, must bool, dir string, shown *shown) ([]Result, error) {
	var results []Result
	for i, d := range drills {
		if lacks := t.Lacks(d); lacks != "" && !must {
			results = append(results, Result{Drill: d.Name, Refused: lacks})
			continue
		}
		if i > 0 {
			pause.For(ctx, settle) // an interrupt ends it, and the next drill says so
		}
		shown.begin(d)
		v, failed := Run(ctx, t, d, f.options)
		shown.end()
		r := Result{Drill: d.Name, Verdict: v}
		if failed != nil {
			r.Failed = failed.Error()
		}
		if v != nil {
			var err error
			if r.Page, err = write(dir, v); err != nil {
				return results, err
			}
			f.show(r)
		}
		if v != nil || !must {
			results = append(results, r)
		}
		if failed != nil && (must || ctx.Err() != nil) {
			return results, failed
		}
	}
	return results, nil
}

// show says a verdict as soon as there is one.
func (f *flags) show(r Result) {
	if f.shell.JSON() {
		return
	}
	r.Verdict.text(f.shell.Out)
	fmt.Fprintf(f.shell.Out, "  page: %s\n\n", r.Page)
}

// tell shows all results, and fails unless all pass; with what ended them, if
// something did.
func (f *flags) tell(dir string, results []Result, fatal error) error {
	if err := f.shell.Print(results, func(w io.Writer) {
		if len(results) > 1 {
			table(w, results)
			fmt.Fprintf(w, "\nAll pages: %s\n", filepath.Join(dir, "index.html"))
		}
	}); err != nil {
		return err
	}
	if fatal != nil {
		return fatal
	}
	var bad []string
	for _, r := range results {
		if r.Failed != "" || r.Verdict != nil && !r.Verdict.Pass {
			bad = append(bad, r.Drill)
		}
	}
	if len(bad) > 0 {
		return world.E(world.CodeUnprocessed, "drill", "Not passed: "+strings.Join(bad, ", ")+".")
	}
	return nil
}

func (f *flags) outDir() (string, error) {
	dir := f.out
	if dir == "" {
		base, err := os.UserCacheDir()
		if err != nil {
			base = os.TempDir()
		}
		dir = filepath.Join(base, "meridian", "drills", time.Now().UTC().Format("20060102-150405"))
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", world.Because(world.CodeInvalid, "drill.out", "The directory for verdicts cannot be made: name another with --out.", err)
	}
	return dir, nil
}

// Result is one drill of several.
type Result struct {
	Drill   string   `json:"drill"`
	Verdict *Verdict `json:"verdict,omitempty"`
	Refused string   `json:"refused,omitempty"` // why this world does not offer it
	Failed  string   `json:"failed,omitempty"`  // why it could not be carried out
	Page    string   `json:"page,omitempty"`
}

// text says a verdict to a person.
func (v *Verdict) text(w io.Writer) {
	fmt.Fprintf(w, "%s: %s\n  %s\n  broken: %s\n", v.Drill, passed(v.Pass), v.Hypothesis, strings.Join(v.Broken, "; "))
	if v.Aborted != "" {
		fmt.Fprintf(w, "  broken off: %s\n", v.Aborted)
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, c := range v.Checks {
		fmt.Fprintf(t, "  %s\t%s\t%s\t(wanted: %s)\n", passed(c.Pass), c.What, c.Got, c.Want)
	}
	t.Flush()
	g := v.Figures
	fmt.Fprintf(w, "  while broken: %d reads, P50 %.0f ms, P95 %.0f ms, P99 %.0f ms; orders %d of %d, uploads %d of %d, prices %d of %d; %.4f %% of a month's error budget\n",
		g.Broken.Requests, g.Broken.P50MS, g.Broken.P95MS, g.Broken.P99MS, g.Orders.Answered, g.Orders.Asked, g.Uploads.Answered, g.Uploads.Asked, g.Prices.Answered, g.Prices.Asked, g.BudgetBurnt*100)
	if g.LateMS > 100 {
		fmt.Fprintf(w, "  the judge's own machine was short of time: requests began up to %.0f ms late (P99)\n", g.LateMS)
	}
	if len(g.Reasons) > 0 {
		fmt.Fprintf(w, "  reads failed: %s\n", reasonsText(g.Reasons))
	}
	if len(g.WriteReasons) > 0 {
		fmt.Fprintf(w, "  changes failed: %s\n", reasonsText(g.WriteReasons))
	}
	if g.Pinned.Failed > 0 {
		fmt.Fprintf(w, "  clients that never ask DNS again: %d of %d reads failed\n", g.Pinned.Failed, g.Pinned.Requests)
	}
}

func passed(ok bool) string {
	if ok {
		return "pass"
	}
	return "FAIL"
}

// table lists results in short.
func table(w io.Writer, results []Result) {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "DRILL\tVERDICT\tREADS\tFAILED\tSTALE\tDETECTED\tREROUTED\tRECOVERED\tLOST")
	for _, r := range results {
		switch {
		case r.Refused != "":
			fmt.Fprintf(t, "%s\tnot here\t%s\n", r.Drill, r.Refused)
		case r.Verdict == nil:
			fmt.Fprintf(t, "%s\tFAIL\t%s\n", r.Drill, r.Failed)
		default:
			g, detected := r.Verdict.Figures, "-"
			if g.DetectionSeconds >= 0 {
				detected = fmt.Sprintf("%.1f s", g.DetectionSeconds)
			}
			fmt.Fprintf(t, "%s\t%s\t%d\t%d\t%d\t%s\t%d s\t%d s\t%d\n", r.Drill, passed(r.Verdict.Pass), g.Broken.Requests, g.Broken.Failed, g.Broken.Stale, detected, g.RerouteSeconds, g.RecoverySeconds, len(g.Kept.Lost))
		}
	}
	t.Flush()
}

// shown is a drill's progress at a terminal.
type shown struct {
	w     io.Writer
	tty   bool
	phase string
}

func newShown(w io.Writer) *shown {
	s := &shown{w: w}
	if file, ok := w.(*os.File); ok {
		info, err := file.Stat()
		s.tty = err == nil && info.Mode()&os.ModeCharDevice != 0
	}
	return s
}

func (s *shown) begin(d Drill) {
	s.phase = ""
	fmt.Fprintf(s.w, "%s …\n", d.Name)
}

// progress draws a terminal's line anew each second; elsewhere there is a line a
// phase.
func (s *shown) progress(p Progress) {
	line := fmt.Sprintf("  %-7s second %d: %d answered, %d slow, %d stale, %d failed", p.Phase, p.Last.T, p.Last.OK, p.Last.Slow, p.Last.Stale, p.Last.Failed)
	switch {
	case s.tty:
		fmt.Fprint(s.w, "\r\x1b[K"+line)
	case p.Phase != s.phase:
		fmt.Fprintln(s.w, line)
	}
	s.phase = p.Phase
}

// interrupted says what goes on now.
func (s *shown) interrupted() {
	fmt.Fprintf(s.w, "\nInterrupted: what is broken is being healed. A second Ctrl-C ends the drill at once; then it heals by itself within %v.\n", faultTTL)
}

func (s *shown) end() {
	if s.tty {
		fmt.Fprint(s.w, "\r\x1b[K")
	}
}
