//go:build !linux

package app

import "meridian/platform/dnsserver"

// openDatagrams is nil: see package adapter/datagram.
var openDatagrams dnsserver.Open
