// Package datagram reads and sends many UDP datagrams by one call of the system,
// on sockets that share a port. It is of Linux: other systems take one a call, for
// which the standard library is enough.
package datagram
