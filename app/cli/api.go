package cli

import (
	"io"

	"github.com/spf13/cobra"

	"meridian/app"
	"meridian/world"
)

func (c *cli) api() *cobra.Command {
	return &cobra.Command{
		Use: "api ROLE", Short: "Print the OpenAPI document of a role's API", Args: cobra.ExactArgs(1),
		Example: "  meridian api shop > docs/openapi.yaml",
		RunE: func(_ *cobra.Command, args []string) error {
			text, err := app.APIDocument(args[0])
			if err != nil {
				return err
			}
			_, err = io.WriteString(c.out, text)
			return world.Wrap("api", err)
		},
	}
}
