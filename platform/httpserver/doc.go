// Package httpserver runs a role's HTTP listener: timeouts on every
// connection, request ids, panics and errors turned into problem documents,
// metrics, and a stop that lets requests finish.
package httpserver
