package app

import (
	"context"

	"meridian/adapter/datagram"
	"meridian/platform/dnsserver"
)

// openDatagrams opens a socket of a name server for UDP.
var openDatagrams dnsserver.Open = func(ctx context.Context, at string) (dnsserver.Datagrams, error) {
	s, err := datagram.Listen(ctx, at)
	if err != nil {
		return nil, err
	}
	return s, nil
}
