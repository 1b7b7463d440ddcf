package cli

import (
	"fmt"
	"io"
	"net/http"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"meridian/world"
)

func (c *cli) mediaPurge(t *mediaTarget) *cobra.Command {
	var yes, receipt bool
	cmd := &cobra.Command{
		Use: "purge MEDIA_ID", Short: "Delete a picture from every region and every cache, for good",
		Long: `Deletes the original, all versions and all variants, in every region and every
cache, and prints the receipt: how far each region has come. To delete it again
gives the same receipt; --receipt shows it without deleting anything.

To have the caches forget a picture that stays, use meridian purge --group.`,
		Example: `  meridian media purge 14h0t2c9x7q3mv8k
  meridian media purge 14h0t2c9x7q3mv8k --yes --json
  meridian media purge 14h0t2c9x7q3mv8k --receipt`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			id, err := mediaID(args[0])
			if err != nil {
				return err
			}
			method, path := http.MethodDelete, "/media/{app}/"+id
			if receipt {
				method, path = http.MethodGet, path+"/deletion"
			} else if !yes {
				if err := c.confirmWord(cmd, "media.purge", id, "The picture goes from every region and every cache, for good.", "It deletes the picture for good. Add --yes to mean it."); err != nil {
					return err
				}
			}
			var d world.Deletion
			if err := t.ask(cmd, method, path, &d); err != nil {
				return err
			}
			return c.print(d, func(w io.Writer) { receiptText(w, d) })
		},
	}
	cmd.Flags().BoolVar(&yes, "yes", false, "do not ask")
	cmd.Flags().BoolVar(&receipt, "receipt", false, "show how far the deletion has come")
	return cmd
}

func receiptText(w io.Writer, d world.Deletion) {
	fmt.Fprintf(w, "receipt %s: %s, deleted by %s\n", d.Receipt, d.MediaID, d.By)
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, r := range d.Removals {
		fmt.Fprintf(tw, "  %s\t%s\t%d objects, %d bytes\t%s\t%s\n", r.Region, r.State, r.Objects, r.Bytes, r.At.Format(time.RFC3339), oneLine(r.Error))
	}
	tw.Flush()
	if !d.Done() {
		fmt.Fprintf(w, "It is shown to nobody any more. How far its bytes have gone: meridian media purge %s --receipt\n", d.MediaID)
	}
}
