package cli

import (
	"os"
	"runtime"

	"github.com/spf13/cobra"

	"meridian/adapter/vips/probe"
	"meridian/world"
)

const probeName = "probe"

// probe is how this program decodes an upload in a process of its own; nobody
// else calls it.
func (c *cli) probe() *cobra.Command {
	return &cobra.Command{
		Use: probeName + " TASK BYTES SECONDS", Short: "Decode one picture from standard input, within bounds", Hidden: true,
		Example: "  meridian serve --config media.yaml     starts it for each upload",
		Args:    cobra.ExactArgs(3),
		RunE: func(cmd *cobra.Command, args []string) error {
			return world.Wrap(probeName, probe.Serve(cmd.Context(), args, os.Stdin, c.out))
		},
	}
}

// probeCommand is this program as a child for uploads; nil where it cannot be found.
func probeCommand() []string {
	if runtime.GOOS == "linux" { // the very file that runs: after an upgrade another lies at its path
		return []string{"/proc/self/exe", probeName}
	}
	self, err := os.Executable()
	if err != nil {
		return nil
	}
	return []string{self, probeName}
}
