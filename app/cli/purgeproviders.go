package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/spf13/cobra"

	"meridian/world"
)

// purgeProviders shows how far the outside CDNs are.
func (c *cli) purgeProviders(t *operatorTarget) *cobra.Command {
	return &cobra.Command{
		Use: "providers", Short: "Show how far each outside CDN has carried out the feeds, and why one does not get on", Args: cobra.NoArgs,
		Example: `  meridian purge providers
  meridian purge providers --server https://shop.example --token-file purge.token --json`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			r, err := t.request(cmd, http.MethodGet, world.ProvidersPath, nil)
			if err != nil {
				return err
			}
			_, body, err := send(cmd.Context(), r, maxAnswer)
			if err != nil {
				return err
			}
			var shown struct {
				Providers []world.ProviderState `json:"providers"`
				Missing   []string              `json:"missing_regions,omitempty"`
			}
			if err := json.Unmarshal(body, &shown); err != nil {
				return world.Because(world.CodeBadUpstream, "purge.providers", "The answer is not understood.", err)
			}
			return c.print(shown, func(w io.Writer) { providersText(w, shown.Providers, shown.Missing) })
		},
	}
}

func providersText(w io.Writer, list []world.ProviderState, missing []string) {
	if len(list) == 0 {
		fmt.Fprintln(w, "No outside CDN has been told anything yet. docs/cdns.md says how to put one in front.")
	}
	for _, p := range list {
		fmt.Fprintf(w, "%-24s %-14s %s\n", p.Provider, p.Region, providerText(p))
	}
	for _, region := range missing {
		fmt.Fprintf(w, "The catalog of %s could not be read.\n", region)
	}
}

func providerText(p world.ProviderState) string {
	switch {
	case p.GivenUp:
		return fmt.Sprintf("given up, failing since %s: %s It will have to forget everything.", p.Since.Format(time.RFC3339), p.Error)
	case p.Error != "":
		return fmt.Sprintf("failing since %s: %s", p.Since.Format(time.RFC3339), p.Error)
	case p.Cursor == "":
		return "is being told to forget everything, for it is new here"
	}
	return "up to date, kept at " + p.At.Format(time.RFC3339)
}
