package cli

import (
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"meridian/adapter/certificates"
	"meridian/app"
	"meridian/world"
)

// edgeFlags are what has no place of its own in the file.
type edgeFlags struct {
	config, listen, admin, cert, key, redirect, state string
	check, print                                      bool
}

func (c *cli) edge() *cobra.Command {
	f, o := app.NewAcceleratorFile(), &edgeFlags{}
	cmd := &cobra.Command{
		Use:   "edge --origin URL [--listen ADDRESS]",
		Short: "Put the cache in front of any HTTP origin, on its own",
		Long: `Runs the cache as a reverse proxy of its own: no world, no database. It obeys
the origin's Cache-Control and gives no lifetimes of its own unless told by
--lifetime or --heuristic. docs/accelerator.md is the whole story.

Flags win over --config. A purge token is read from ` + PurgeVariable + `.
SIGHUP takes certificate files anew; other settings need a restart.`,
		Example: `  meridian edge --origin https://example.org --listen :8080
  meridian edge --origin http://10.0.0.1:3000 --origin http://10.0.0.2:3000 --host visitor --lifetime 200=10m
  meridian edge --origin http://127.0.0.1:3000 --listen :443 --tls-cert site.crt --tls-key site.key --redirect-http :80
  meridian edge --origin http://127.0.0.1:3000 --listen :443 --acme-host www.example.org --acme-agree-terms
  meridian edge --config edge.yaml --check`,
		Args: cobra.NoArgs,
	}
	o.register(cmd, f)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if err := o.fill(cmd, f); err != nil {
			return err
		}
		switch {
		case o.print:
			text, err := f.Text()
			if err != nil {
				return err
			}
			_, err = io.WriteString(c.out, text)
			return world.Wrap("edge", err)
		case o.check:
			if err := f.Validate(); err != nil {
				return err
			}
			return c.print(map[string]bool{"good": true}, func(w io.Writer) { fmt.Fprintln(w, "The settings are good.") })
		}
		reload := make(chan os.Signal, 1)
		signal.Notify(reload, syscall.SIGHUP)
		defer func() { signal.Stop(reload); close(reload) }()
		return app.Accelerate(cmd.Context(), f, reload, c.err, func(s string) { fmt.Fprintln(c.out, "meridian edge:", s) })
	}
	return cmd
}

func (o *edgeFlags) register(cmd *cobra.Command, f *app.AcceleratorFile) {
	p := cmd.Flags()
	p.StringVar(&o.config, "config", "", "config file; docs/config.md has every setting")
	p.StringArrayVar(&f.Origins, "origin", f.Origins, "origin's URL without a path; more than one: the next is asked when one fails")
	p.StringVar(&o.listen, "listen", ":8080", "address for visitors, [host]:port or unix:/path")
	p.StringVar(&o.admin, "admin", "", "address for /metrics, /healthz and purges, [host]:port; none: not served")
	p.StringVar(&f.Host, "host", f.Host, "Host that the origin is asked for: origin, visitor, or a name")
	p.StringSliceVar(&f.Hosts, "allow-host", f.Hosts, "host that visitors may ask for; default all")
	p.StringSliceVar(&f.Proxies, "trusted-proxy", f.Proxies, "network of proxies in front, whose X-Forwarded-For is believed")
	p.Var(size{&f.CacheBytes}, "cache-size", "RAM for cached responses")
	p.Var(size{&f.ObjectBytes}, "object-size", "largest response that is kept in RAM")
	p.StringVar(&f.DiskDir, "disk", f.DiskDir, "directory of a cache on disk, kept over restarts")
	p.Var(size{&f.DiskBytes}, "disk-size", "room on that disk")
	p.Var(size{&f.DiskObject}, "disk-object-size", "largest response that is kept on that disk; larger than --object-size: on it alone")
	p.Var(lifetimes{&f.Lifetimes}, "lifetime", "lifetime of responses that give none, as 200=10m; more than one may be given")
	p.IntVar(&f.HeuristicPercent, "heuristic", f.HeuristicPercent, "else: percent of the time since Last-Modified; 10 is usual")
	p.DurationVar(&f.StaleIfError, "stale-if-error", f.StaleIfError, "use what is stale for so long when the origin fails")
	p.DurationVar(&f.StaleWhileRevalidate, "stale-while-revalidate", f.StaleWhileRevalidate, "use what is stale for so long while it is validated")
	p.BoolVar(&f.HonourRequest, "honour-request", f.HonourRequest, "let visitors' Cache-Control command the cache")
	p.StringVar(&o.cert, "tls-cert", "", "certificate with its chain, PEM; taken anew when it changes")
	p.StringVar(&o.key, "tls-key", "", "its key, PEM")
	p.StringSliceVar(&f.TLS.ACME.Hosts, "acme-host", f.TLS.ACME.Hosts, "host to fetch a certificate for by ACME (Let's Encrypt)")
	p.BoolVar(&f.TLS.ACME.AgreeTerms, "acme-agree-terms", f.TLS.ACME.AgreeTerms, "you agree to the certificate authority's terms")
	p.StringVar(&f.TLS.ACME.Email, "acme-email", f.TLS.ACME.Email, "where the authority can reach you")
	p.StringVar(&f.TLS.ACME.Directory, "acme-directory", f.TLS.ACME.Directory, "another authority's directory URL")
	p.StringVar(&o.state, "state", defaultState(), "directory for ACME's keys and certificates and for the self-made authority")
	p.StringSliceVar(&f.TLS.Self.Hosts, "tls-self", f.TLS.Self.Hosts, "host to make a certificate for oneself, for trying out")
	p.BoolVar(&f.TLS.HTTP3, "http3", f.TLS.HTTP3, "HTTP/3 too, where there is TLS")
	p.BoolVar(&f.TLS.Clear, "tls-and-http", f.TLS.Clear, "take http on the same port too")
	p.DurationVar(&f.TLS.HSTS, "hsts", f.TLS.HSTS, "tell browsers for so long to come by https alone")
	p.StringVar(&o.redirect, "redirect-http", "", "address for http that sends visitors to https, [host]:port")
	p.IntVar(&f.AccessEvery, "access-log", f.AccessEvery, "log one request in so many; 1: each; 0: none")
	p.StringVar(&f.Log.Level, "log-level", f.Log.Level, "debug, info, warn or error")
	p.BoolVar(&o.check, "check", false, "say what is wrong with the settings, and start nothing")
	p.BoolVar(&o.print, "print-config", false, "print the settings as a config file, and start nothing")
	_ = cmd.MarkFlagFilename("config", "yaml", "yml") // it fails for unknown flags alone
	cmd.MarkFlagsRequiredTogether("tls-cert", "tls-key")
}

// fill puts the command line over the config file.
func (o *edgeFlags) fill(cmd *cobra.Command, f *app.AcceleratorFile) error {
	if o.config != "" {
		given := flagsGiven(cmd)
		*f = *app.NewAcceleratorFile()
		if err := app.ReadAcceleratorFile(o.config, f); err != nil {
			return err
		}
		// The flags' variables are the file's fields: what was given is set once more.
		over := &cobra.Command{}
		(&edgeFlags{}).register(over, f)
		for name, values := range given {
			if err := setFlag(over.Flags().Lookup(name).Value, values); err != nil {
				return world.Because(world.CodeInvalid, "edge", "--"+name+" cannot be read.", err)
			}
		}
	}
	set := func(to *string, name, value string) {
		if value != "" && (*to == "" || cmd.Flags().Changed(name)) {
			*to = address(value)
		}
	}
	set(&f.Listen, "listen", o.listen)
	set(&f.Admin, "admin", o.admin)
	set(&f.TLS.Redirect, "redirect-http", o.redirect)
	if o.cert != "" {
		f.TLS.Files = []certificates.Pair{{Cert: o.cert, Key: o.key}}
	}
	if f.TLS.ACME.Cache == "" && len(f.TLS.ACME.Hosts) > 0 {
		f.TLS.ACME.Cache = filepath.Join(o.state, "acme")
	}
	if f.TLS.Self.Dir == "" && len(f.TLS.Self.Hosts) > 0 {
		f.TLS.Self.Dir = filepath.Join(o.state, "ca")
	}
	if token := os.Getenv(PurgeVariable); token != "" {
		f.PurgeToken = token
	}
	if len(f.Origins) == 0 {
		return world.E(world.CodeInvalid, "edge", "--origin URL is needed: what the cache is to stand in front of, as https://example.org.")
	}
	return nil
}

// flagsGiven are the values of the flags that were given, by name.
func flagsGiven(cmd *cobra.Command) map[string][]string {
	out := map[string][]string{}
	cmd.Flags().Visit(func(g *pflag.Flag) {
		if list, ok := g.Value.(pflag.SliceValue); ok {
			out[g.Name] = slices.Clone(list.GetSlice())
			return
		}
		out[g.Name] = []string{g.Value.String()}
	})
	return out
}

func setFlag(v pflag.Value, values []string) error {
	if list, ok := v.(pflag.SliceValue); ok {
		return list.Replace(values)
	}
	return v.Set(values[0])
}

// address writes an address of the command line, [host]:port, as the config does.
func address(s string) string {
	if strings.HasPrefix(s, "unix:") || strings.HasPrefix(s, "tcp:") {
		return s
	}
	if strings.HasPrefix(s, ":") {
		s = "[::]" + s
	}
	return "tcp:" + s
}

// defaultState is where keys are kept unless told otherwise.
func defaultState() string {
	if os.Geteuid() == 0 {
		return "/var/lib/meridian/edge"
	}
	if d := os.Getenv("XDG_STATE_HOME"); filepath.IsAbs(d) {
		return filepath.Join(d, "meridian", "edge")
	}
	home, err := os.UserHomeDir()
	if err != nil {
		home = "/var/tmp"
	}
	return filepath.Join(home, ".local", "state", "meridian", "edge")
}
