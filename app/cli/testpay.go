package cli

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"meridian/app"
)

func (c *cli) testpay() *cobra.Command {
	var config, dir, listen, url string
	var check bool
	cmd := &cobra.Command{
		Use:   "testpay --config FILE [--dir DIR] [--listen ADDRESS]",
		Short: "Run a payment provider to try things out with",
		Long: `Runs a payment provider that moves no money: shops take payments there as they
would of a real one, buyers pay on its page, and the number of the card says what
goes wrong. app/testpay/README.md has the cards. Accounts, with their keys, are in
the config file; flags win over it.`,
		Example: `  meridian testpay --config testpay.yaml
  meridian testpay --config testpay.yaml --dir /var/lib/testpay --listen tcp:127.0.0.1:8790
  meridian testpay --config testpay.yaml --check`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			f := app.NewTestpayFile()
			if config != "" {
				if err := app.ReadTestpayFile(config, f); err != nil {
					return err
				}
			}
			for value, setting := range map[*string]*string{&dir: &f.Dir, &listen: &f.Listen, &url: &f.URL} {
				if *value != "" {
					*setting = *value
				}
			}
			if check {
				if err := f.Validate(); err != nil {
					return err
				}
				return c.print(map[string]bool{"good": true}, func(w io.Writer) { fmt.Fprintln(w, "The settings are good.") })
			}
			return app.Testpay(cmd.Context(), f, c.err, func(s string) { fmt.Fprintln(c.out, "meridian testpay:", s) })
		},
	}
	p := cmd.Flags()
	p.StringVar(&config, "config", "", "config file; docs/config.md has every setting")
	p.StringVar(&dir, "dir", "", "folder of the ledger")
	p.StringVar(&listen, "listen", "", "address to listen on: tcp:host:port or unix:/path")
	p.StringVar(&url, "url", "", "how buyers reach it, without a path: http://pay.localhost:8790")
	p.BoolVar(&check, "check", false, "say what is wrong with the settings, and start nothing")
	_ = cmd.MarkFlagFilename("config", "yaml", "yml") // it fails for unknown flags alone
	return cmd
}
