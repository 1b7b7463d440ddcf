//go:build !linux

package loadgen

import (
	"context"
	"errors"
)

// Run says that it cannot: it needs epoll.
func Run(context.Context, Options, func(), func()) (Result, error) {
	return Result{}, errors.New("loadgen: hits are measured on Linux only")
}
