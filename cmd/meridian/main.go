// Command meridian is the whole of Meridian: it runs a world on this machine,
// or the roles that a machine is given.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"meridian/app/cli"
	"meridian/drill"
)

// version is set when the binary is built.
var version = "dev"

func main() {
	ctx, stop := interruptible()
	defer stop()
	os.Exit(cli.Run(ctx, version, os.Args[1:], os.Stdout, os.Stderr, drill.Command))
}

// interruptible is a context that ends with the first Ctrl-C or SIGTERM, for an
// orderly stop. The second ends the process at once; its children end with it.
func interruptible() (context.Context, context.CancelFunc) {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop)
	return ctx, stop
}
