//go:build !linux

package main

import (
	"errors"
	"net"
)

func segmented(*net.UDPConn, int) error { return errors.New("names are measured on Linux only") }
