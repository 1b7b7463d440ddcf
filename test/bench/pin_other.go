//go:build !linux

package main

import (
	"context"
	"errors"
)

func pin(context.Context, []string) error { return errors.New("programs are pinned on Linux only") }

func twoCores() (server, client int) { return 0, 0 }

func raiseFileLimit() {}
